"""What the response network is trained on: key frames with the masks that a trained segmenter gives them in use."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..clinical import ClinicalRecord
from ..errors import TrainingError
from ..models import SegmentationModel, load_model
from ..pipeline import response_image, response_images, segment_prepared
from ..preparation import normalise
from ..whole import remove_leftovers
from .case_files import read_patient, write_arrays
from .cases import TrainingPatient, TrainingRun
from .config import Masks, TrainingConfig
from .data import Part, Progress, StoredPatient, cohort_folder, run_jobs, stored_patients
from .sources import CohortConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ResponseCase:
    """One patient as the response network sees it.

    Parameters
    ----------
    record
        Clinical values.
    responder, probability
        Outcome, and its true probability (None but for the phantom).
    keys
        (N, S, S) float16 key frames and neighbours of all runs, in [0, 1]; N = 0 without film.
    masks
        (N, S, S) bool tumour masks.
    runs
        (N,) number of the run of each.
    """

    record: ClinicalRecord
    responder: bool
    probability: float | None
    keys: np.ndarray
    masks: np.ndarray
    runs: np.ndarray


def load_cases(config: TrainingConfig, part: Part, progress: Progress | None = None) -> list[ResponseCase]:
    """Make, prepare and segment what the cache lacks, and return the patients of a part.

    Patients without any run that could be prepared are left out where the film is used, those of a cohort whose
    outcome is unknown always; both are counted in a warning.
    """
    stored = stored_patients(config, part, progress)
    cases = cases_of(stored, config, progress)
    if len(cases) < len(stored):
        log.warning("%d of %d patients are left out: no outcome, or no run", len(stored) - len(cases), len(stored))
    if not cases:
        raise TrainingError(f"no patient for {part} has an outcome and a run", "Check the cohort")
    return cases


def cases_of(
    stored: Sequence[StoredPatient], config: TrainingConfig, progress: Progress | None = None
) -> list[ResponseCase]:
    """Return stored patients as the response network sees them, segmented where that is still to be done."""
    facts = [(one, one.facts()) for one in stored]
    known = [(one, said) for one, said in facts if said["responder"] is not None]
    if not config.uses_film:
        return [_case(said) for _, said in known]
    masks = make_masks([one for one, _ in known], config, progress)
    cases = []
    for one, said in known:
        with np.load(masks / one.path.name) as arrays:
            images = {name: arrays[name] for name in ("keys", "masks", "runs")}
        if len(images["keys"]):
            images["masks"] = np.unpackbits(images["masks"], axis=-1).astype(bool)
            cases.append(_case(said, images))
    return cases


def make_masks(stored: Sequence[StoredPatient], config: TrainingConfig, progress: Progress | None = None) -> Path:
    """Segment the patients that have not been yet; return the folder of their masks, one for each segmenter."""
    segmenter = str(config.segmenter) if config.masks == "predicted" else None
    name = f"masks-{_mask_key(segmenter, config) if segmenter else config.masks}"
    folder = (stored[0].path.parent if stored else cohort_folder(config.cohort)) / name
    folder.mkdir(exist_ok=True)
    remove_leftovers(folder)
    missing = [one.path for one in stored if not (folder / one.path.name).exists()]
    jobs = [(str(path), config.cohort, segmenter, config.masks, str(folder)) for path in missing]
    run_jobs(_segment_patient, jobs, config.cohort.workers, "patients segmented", progress)
    return folder


def segmenter_facts(config: TrainingConfig) -> dict[str, str] | None:
    """Return name and checksums of the segmenter, for the card; None where none is used."""
    if not config.needs_segmenter:
        return None
    card = _segmenter(str(config.segmenter)).card
    return {"name": card.name, **card.checksums}


def _mask_key(segmenter: str, config: TrainingConfig) -> str:
    card = _segmenter(segmenter).card
    if card.preparation != config.cohort.preparation:
        raise TrainingError(
            f"{card.name} was made for another preparation than the response model (images of "
            f"{card.preparation.size} pixels, here {config.cohort.preparation.size})",
            f"Train both with the same one (--size {card.preparation.size})",
        )
    return hashlib.sha256(json.dumps(dict(card.checksums), sort_keys=True).encode()).hexdigest()[:12]


def _case(facts: dict[str, Any], images: dict[str, np.ndarray] | None = None) -> ResponseCase:
    record = ClinicalRecord(facts["patient_id"], facts["clinical"])
    if images is None:
        images = {"keys": np.empty((0, 0, 0)), "masks": np.empty((0, 0, 0)), "runs": np.empty(0)}
    return ResponseCase(record, facts["responder"], facts["probability"], **images)


@cache
def _segmenter(name: str) -> SegmentationModel:
    model = load_model(name, threads=1)
    if not isinstance(model, SegmentationModel):
        raise TrainingError("is no segmenter", "Name the package of one", name)
    return model


def _segment_patient(path: str, cohort: CohortConfig, segmenter: str | None, masks: Masks, folder: str) -> None:
    patient = read_patient(Path(path))
    write_arrays(Path(folder) / Path(path).name, _images(patient, cohort, segmenter, masks))


def _images(
    patient: TrainingPatient, cohort: CohortConfig, segmenter: str | None, masks: Masks
) -> dict[str, np.ndarray]:
    size = cohort.preparation.size
    keys = [np.empty((0, size, size), np.float32)]
    drawn, runs = keys.copy(), []
    for i, run in enumerate(patient.runs):
        images = _plain_images(run, cohort, masks) if segmenter is None else _predicted_images(run, cohort, segmenter)
        keys.append(images[:, 0])
        drawn.append(images[:, 2])
        runs += [i] * len(images)
    return {
        "keys": np.concatenate(keys).astype(np.float16),
        "masks": np.packbits(np.concatenate(drawn) > 0, axis=-1),
        "runs": np.array(runs, np.int16),
    }


def _predicted_images(run: TrainingRun, cohort: CohortConfig, segmenter: str) -> np.ndarray:
    """Return (N, 3, S, S) as the pipeline makes them of a segmented run."""
    return response_images(segment_prepared(run.as_prepared(cohort.preparation), _segmenter(segmenter)))


def _plain_images(run: TrainingRun, cohort: CohortConfig, masks: Masks) -> np.ndarray:
    """Return (N, 3, S, S) of the key frame and its neighbours with true masks, or of the picked one with none."""
    middle = run.key if masks == "true" else run.picked
    frames = list(range(max(middle - 1, 0), min(middle + 2, len(run.times))))
    if masks == "true":
        frames = [frame for frame in frames if frame in run.masked]
    nothing = np.zeros((cohort.preparation.size,) * 2, bool)
    images = [np.empty((0, 3, *nothing.shape), np.float32)]
    for frame in frames:
        key = normalise(run.grey(run.stack[frame]), cohort.preparation, visible=run.visible)
        mask = run.tumour[run.masked.index(frame)] >= 128 if masks == "true" else nothing
        images.append(response_image(key, mask)[None])
    return np.concatenate(images)
