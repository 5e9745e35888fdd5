"""A predicted mask against the annotated one, on the source pixels of the annotated key frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..cohort import CohortPatient, CohortRun, FrameMasks, frame_masks
from ..errors import TrainingError
from ..evaluation.failures import failure_cause
from ..evaluation.metrics import dice, match_lesions, pixel_metrics
from ..evaluation.records import RunRecord
from ..evaluation.study import SegmentationResult
from ..evaluation.surfaces import surface_distance
from ..models import SegmentationModel
from ..pipeline import segment_prepared
from ..preparation import KeyFrame, PreparationConfig, PreparedRun
from ..results import Segmentation
from ..training.cases import TrainingPatient, TrainingRun

Masks = Callable[[TrainingRun], tuple[np.ndarray, np.ndarray | None]]
"""Gives tumour and liver (None for a network that finds none) at a run's key frame, bool (rows, columns)."""


@dataclass(frozen=True)
class Trial:
    """Whose results they are: fields of :class:`SegmentationResult`."""

    network: str
    seed: int
    fold: int
    group: str


def at_key_frame(run: TrainingRun, config: PreparationConfig) -> PreparedRun:
    """Return a prepared run whose key frame is the annotated one, which no network may change."""
    prepared = run.as_prepared(config)
    key = KeyFrame(run.key, "user", np.zeros(len(run.times)), float(run.times[run.key]))
    return replace(prepared, key_frame=key)


def segment_at_key_frame(run: TrainingRun, model: SegmentationModel) -> Segmentation:
    """Segment a prepared run at its annotated key frame."""
    return segment_prepared(at_key_frame(run, model.card.preparation), model)


def masks_by(model: SegmentationModel) -> Masks:
    """Return what gives a package's masks at the annotated key frame."""

    def masks(run: TrainingRun) -> tuple[np.ndarray, np.ndarray | None]:
        found = segment_at_key_frame(run, model).masks[run.key]
        return found.tumour, found.liver

    return masks


def has_truth(case: CohortRun) -> bool:
    """Return whether a run can be measured: somebody drew on it, or its liver is known to hold no tumour."""
    return bool(case.frames) or case.tumour_free


def measure_patients(
    trial: Trial,
    groups: Mapping[str, str],
    cases: Sequence[CohortPatient],
    patients: Iterable[TrainingPatient],
    masks: Masks,
) -> Iterable[SegmentationResult]:
    """Yield a result for each run whose truth is known; a run that could not be prepared has failed.

    Parameters
    ----------
    trial
        Whose results; its group is taken from `groups` (patient → group).
    cases, patients
        The patients in the cohort, and prepared.
    masks
        Of the network.
    """
    of_cohort = {case.patient: case for case in cases}
    for patient in patients:
        prepared = {run.case_id: run for run in patient.runs}
        own = replace(trial, group=groups[patient.patient_id])
        for case in filter(has_truth, of_cohort[patient.patient_id].runs):
            if case.case_id in prepared:
                run = prepared[case.case_id]
                yield measure(own, case, run, *masks(run))
            else:
                yield failed(own, case, "the run could not be prepared")


def true_masks(case: CohortRun, key: int, rows: int, columns: int) -> FrameMasks:
    """Return the annotated masks of a frame (0-based); empty ones for a run without tumour that nobody drew on.

    Raises
    ------
    TrainingError
        Where the frame is not annotated.
    """
    for frame in case.frames:
        if frame.frame == key:
            return frame_masks(frame, rows, columns)
    if case.tumour_free:
        nothing = np.zeros((rows, columns), bool)
        return FrameMasks(nothing, None, nothing.astype(np.uint8))
    raise TrainingError(f"frame {key + 1} has no mask", "Annotate the key frame, or correct the manifest", case.case_id)


def measure(
    trial: Trial, case: CohortRun, run: TrainingRun, tumour: np.ndarray, liver: np.ndarray | None
) -> SegmentationResult:
    """Measure one prediction.

    Parameters
    ----------
    trial
        Whose.
    case, run
        The run in the cohort, and prepared.
    tumour, liver
        (rows, columns) bool, predicted at ``run.key``; liver None for a network that finds none.
    """
    truth = true_masks(case, run.key, *tumour.shape)
    match = match_lesions(tumour, truth.labels)
    spacing = case.spacing_mm or run.facts.get("spacing_mm")
    sizes = _sizes(case, truth.labels, spacing)
    visible = run.geometry.mask_to_source(run.visible)
    record = RunRecord(
        **_facts(case, run.key, None if spacing is None else spacing * tumour.shape[1], run.facts.get("frame_rate")),
        **asdict(pixel_metrics(tumour, truth.labels)),
        tumour_free=not truth.tumour.any(),
        liver_dice=None if liver is None or truth.liver is None else dice(liver, truth.liver),
        lesions_found=match.found,
        lesions_cm=sizes,
        components=match.components,
        false_positives=match.false_positives,
        predicted_share=100.0 * int(np.count_nonzero(tumour & visible)) / max(1, int(np.count_nonzero(visible))),
        key_frame=run.key,
        key_error_s=0.0,
        largest_cm=max(sizes, default=0.0),
    )
    distance = None
    if spacing is not None:
        distance = surface_distance(tumour, truth.tumour, (spacing, spacing))
    return SegmentationResult(
        **asdict(trial),
        record=record,
        surface_mm=distance.mean_mm if distance else None,
        hausdorff95_mm=distance.hausdorff95_mm if distance else None,
        failure=failure_cause(record),
    )


def failed(trial: Trial, case: CohortRun, reason: str) -> SegmentationResult:
    """Return the result of a run that gave no mask: Dice 0, every lesion missed."""
    record = RunRecord(
        **_facts(case, case.key_frame or 0, None, None),
        tumour_free=case.tumour_free,
        dice=0.0,
        lesions_found=(False,) * len(case.lesions_cm),
        lesions_cm=case.lesions_cm,
        largest_cm=max(case.lesions_cm, default=0.0),
        error=reason,
    )
    return SegmentationResult(**asdict(trial), record=record, failure=failure_cause(record))


def _facts(case: CohortRun, key: int, field_mm: float | None, frame_rate: float | None) -> dict[str, Any]:
    return {
        "patient": case.patient,
        "run": case.case_id,
        "true_key_frame": key,
        "artefacts": case.artefacts,
        "frame_rate": case.frame_rate or frame_rate,
        "field_mm": field_mm,
    }


def _sizes(case: CohortRun, labels: np.ndarray, spacing_mm: float | None) -> tuple[float, ...]:
    """Return the diameters in cm of the lesions with pixels: the cohort's, else by area; 0 without a spacing."""
    present = [int(label) for label in np.unique(labels) if label]
    if present and present[-1] <= len(case.lesions_cm):
        return tuple(case.lesions_cm[label - 1] for label in present)
    step = (spacing_mm or 0.0) / 10
    return tuple(float(np.sqrt(4 * np.count_nonzero(labels == label) / np.pi)) * step for label in present)
