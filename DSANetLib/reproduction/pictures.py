"""Overlays for the report: the best, the median and the worst case of a network, and failures by cause."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..evaluation.study import SegmentationResult, Study
from ..models import SegmentationModel, load_model
from ..preparation import normalise
from .actions import PACKAGE, Context
from .measure import segment_at_key_frame, true_masks

NETWORKS = ("ffs", "tempo", "unet")
PER_CAUSE = 3
TRUE, SAID = (90, 200, 90), (60, 120, 240)  # BGR: annotated green, predicted orange


def draw_pictures(context: Context, study: Study, folder: Path) -> int:
    """Draw what the report shows; return the number of pictures.

    Parameters
    ----------
    context, study
        What was done.
    folder
        Gets ``<network>-<best|median|worst>-<case>.png`` and ``failure-<cause>-<case>.png``.
    """
    wanted: list[tuple[str, SegmentationResult]] = []
    seed = context.plan.seeds[0]
    for network in NETWORKS:
        shown = [r for r in study.segmentation if (r.network, r.seed, r.group) == (network, seed, "test")]
        wanted += _extremes(network, [r for r in shown if not r.record.tumour_free and not r.record.error])
        if network == "ffs":
            wanted += _failures([r for r in shown if not r.record.tumour_free])
    count = 0
    for name, result in wanted:
        count += _draw(context, result, folder / f"{name}-{result.record.run}.png")
    return count


def _extremes(network: str, results: Sequence[SegmentationResult]) -> list[tuple[str, SegmentationResult]]:
    ordered = sorted(results, key=lambda r: (r.record.dice, r.record.run))
    if not ordered:
        return []
    places = {"worst": 0, "median": len(ordered) // 2, "best": len(ordered) - 1}
    return [(f"{network}-{place}", ordered[i]) for place, i in places.items()]


def _failures(results: Sequence[SegmentationResult]) -> list[tuple[str, SegmentationResult]]:
    found: list[tuple[str, SegmentationResult]] = []
    for cause in sorted({r.failure for r in results if r.failure and not r.record.error}):
        of_cause = [r for r in results if r.failure == cause]
        found += [(f"failure-{cause.replace(' ', '-')}", r) for r in of_cause[:PER_CAUSE]]
    return found


def _draw(context: Context, result: SegmentationResult, path: Path) -> bool:
    import cv2

    context = context.of_patient(result.record.patient)
    patients = {p.patient: p for p in context.cohort.patients}
    case = next(c for c in patients[result.record.patient].runs if c.case_id == result.record.run)
    prepared = context.prepared([case.patient], 10)[0]
    run = next((r for r in prepared.runs if r.case_id == case.case_id), None)
    model = load_model(context.desk.folder(f"train/{result.network}-s{result.seed}") / PACKAGE, threads=1)
    if run is None or not isinstance(model, SegmentationModel):
        return False
    said = segment_at_key_frame(run, model).masks[run.key].tumour
    truth = true_masks(case, run.key, *said.shape).tumour
    grey = normalise(run.grey(run.stack[run.key]), model.card.preparation, visible=run.visible)
    image = run.geometry.to_source(grey)
    picture = cv2.cvtColor(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for mask, colour in ((truth, TRUE), (said, SAID)):
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, colour, max(1, picture.shape[0] // 256))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return True
