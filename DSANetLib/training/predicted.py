"""What the response network is trained on: key frames with the masks that a trained segmenter gives them in use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..clinical import ClinicalRecord
from ..errors import TrainingError
from ..models import SegmentationModel, load_model
from ..pipeline import response_images, segment_prepared
from ..preparation import normalise
from .cases import TrainingPatient, TrainingRun, read_facts, read_patient, write_arrays
from .config import CohortConfig, TrainingConfig
from .data import Progress, cohort_folder, make_cohort, patient_file, run_jobs


@dataclass(frozen=True, eq=False)
class ResponseCase:
    """One patient as the response network sees it.

    Parameters
    ----------
    record
        Clinical values.
    responder, probability
        Outcome, and its true probability.
    keys
        (N, S, S) float16 key frames and neighbours of all runs, in [0, 1]; N = 0 without film.
    masks
        (N, S, S) bool tumour masks.
    runs
        (N,) number of the run of each.
    """

    record: ClinicalRecord
    responder: bool
    probability: float
    keys: np.ndarray
    masks: np.ndarray
    runs: np.ndarray


def load_cases(seeds: Sequence[int], config: TrainingConfig, progress: Progress | None = None) -> list[ResponseCase]:
    """Simulate, prepare and segment what the cache lacks, and return the patients of the seeds.

    Patients without any run that could be prepared are left out where the film is used.
    """
    make_cohort(seeds, config.cohort, progress)
    folder = cohort_folder(config.cohort)
    if not config.uses_film:
        return [_case(read_facts(patient_file(folder, seed))) for seed in seeds]
    masks = make_masks(seeds, config, progress)
    cases = []
    for seed in seeds:
        with np.load(patient_file(masks, seed)) as stored:
            images = {name: stored[name] for name in ("keys", "masks", "runs")}
        if len(images["keys"]):
            images["masks"] = np.unpackbits(images["masks"], axis=-1).astype(bool)
            cases.append(_case(read_facts(patient_file(folder, seed)), images))
    if not cases:
        raise TrainingError("no run of the cohort could be prepared", "Check the phantom's settings")
    return cases


def make_masks(seeds: Sequence[int], config: TrainingConfig, progress: Progress | None = None) -> Path:
    """Segment the patients that have not been yet; return the folder of their masks, one for each segmenter."""
    segmenter = None if config.masks == "true" else str(config.segmenter)
    folder = cohort_folder(config.cohort) / f"masks-{_mask_key(segmenter, config)}"
    folder.mkdir(exist_ok=True)
    missing = [seed for seed in seeds if not patient_file(folder, seed).exists()]
    jobs = [(seed, config.cohort, segmenter, str(folder)) for seed in missing]
    run_jobs(_segment_patient, jobs, config.cohort.workers, "patients segmented", progress)
    return folder


def segmenter_facts(config: TrainingConfig) -> dict[str, str] | None:
    """Return name and checksums of the segmenter, for the card; None where none is used."""
    if not config.needs_segmenter:
        return None
    card = _segmenter(str(config.segmenter)).card
    return {"name": card.name, **card.checksums}


def _mask_key(segmenter: str | None, config: TrainingConfig) -> str:
    if segmenter is None:
        return "true"
    card = _segmenter(segmenter).card
    if card.preparation != config.cohort.preparation:
        raise TrainingError(
            f"{card.name} was made for another preparation than the response model", "Train both with the same one"
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


def _segment_patient(seed: int, cohort: CohortConfig, segmenter: str | None, folder: str) -> None:
    patient = read_patient(patient_file(cohort_folder(cohort), seed))
    write_arrays(patient_file(Path(folder), seed), _images(patient, cohort, segmenter))


def _images(patient: TrainingPatient, cohort: CohortConfig, segmenter: str | None) -> dict[str, np.ndarray]:
    size = cohort.preparation.size
    keys = [np.empty((0, size, size), np.float32)]
    masks, runs = keys.copy(), []
    for i, run in enumerate(patient.runs):
        images = _true_images(run, cohort) if segmenter is None else _predicted_images(run, cohort, segmenter)
        keys.append(images[:, 0])
        masks.append(images[:, 2])
        runs += [i] * len(images)
    return {
        "keys": np.concatenate(keys).astype(np.float16),
        "masks": np.packbits(np.concatenate(masks) > 0, axis=-1),
        "runs": np.array(runs, np.int16),
    }


def _predicted_images(run: TrainingRun, cohort: CohortConfig, segmenter: str) -> np.ndarray:
    """Return (N, 3, S, S) as the pipeline makes them of a segmented run."""
    return response_images(segment_prepared(run.as_prepared(cohort.preparation), _segmenter(segmenter)))


def _true_images(run: TrainingRun, cohort: CohortConfig) -> np.ndarray:
    from ..pipeline import response_image

    images = []
    for frame in range(max(run.key - 1, 0), min(run.key + 2, len(run.times))):
        key = normalise(run.grey(run.stack[frame]), cohort.preparation, visible=run.visible)
        images.append(response_image(key, run.tumour[run.masked.index(frame)] >= 128))
    return np.stack(images)
