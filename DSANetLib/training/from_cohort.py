"""Patients of a cohort folder → prepared runs with their annotated masks, kept in files named by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cohort import CohortPatient, CohortRun, frame_masks, read_cohort
from ..errors import DSANetError, TrainingError
from ..preparation import PreparationConfig, PreparedRun, prepare
from ..readers import read_run
from ..whole import remove_leftovers
from .case_files import write_patient
from .cases import TrainingPatient, TrainingRun, picked_in, training_run
from .data import Progress, StoredPatient, cohort_folder, load_patients, note_sources, run_jobs
from .sources import CACHE_FORMAT, CohortConfig

_CHUNK = 1 << 20


def cohort_patients(
    folder: str | Path, ids: Sequence[str], config: CohortConfig, progress: Progress | None = None
) -> list[TrainingPatient]:
    """Return patients of a cohort, prepared; what was prepared before comes from the cache.

    Parameters
    ----------
    folder
        The cohort (``docs/cohort.md``).
    ids
        Whom, in this order.
    config
        Cache, preparation, workers; the phantom in it plays no part.
    progress
        Called with a line now and then.

    Raises
    ------
    DSANetError
        Where the cohort cannot be read, lacks a patient, or no run of any patient can be prepared.
    """
    return load_patients(store_patients(folder, ids, config, progress))


def store_patients(
    folder: str | Path, ids: Sequence[str], config: CohortConfig, progress: Progress | None = None
) -> list[StoredPatient]:
    """Prepare the patients that the cache lacks, and return where each lies; arguments as for `cohort_patients`.

    A file's name is a digest of the runs' and masks' content and of all that the manifest says of them.
    """
    everyone = {patient.patient: patient for patient in read_cohort(folder).patients}
    unknown = [one for one in ids if one not in everyone]
    if unknown:
        raise TrainingError(f"{len(unknown)} of {len(ids)} patients are not in the cohort", "Split it anew", folder)
    cache = cohort_folder(config, f"cohort-{_key(config.preparation)}")
    remove_leftovers(cache)
    note_sources(cache, {"preparation": config.preparation.to_dict()})
    paths = {one: cache / f"patient-{_digest(everyone[one])}.npz" for one in ids}
    jobs = [(everyone[one], str(paths[one]), config.preparation) for one in ids if not paths[one].exists()]
    run_jobs(_store_patient, jobs, config.workers, "patients prepared", progress)
    return [StoredPatient(paths[one], _known(everyone[one])) for one in ids]


def _known(patient: CohortPatient) -> dict[str, Any]:
    return {
        "patient_id": patient.patient,
        "clinical": dict(patient.clinical.values) if patient.clinical else {},
        "responder": patient.responder,
        "probability": patient.outcome.probability if patient.outcome else None,
    }


def _key(preparation: PreparationConfig) -> str:
    facts = {"format": CACHE_FORMAT, "prep": preparation.to_dict()}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _digest(patient: CohortPatient) -> str:
    digest = hashlib.sha256()
    for run in patient.runs:
        said = (
            run.case_id, run.key_frame, run.spacing_mm, run.frame_rate, run.tumour_free, run.artefacts,
            run.lesions_cm, run.site, [(f.frame, f.tumour is None, f.liver is None) for f in run.frames],
        )  # fmt: skip
        digest.update(repr(said).encode())
        for path in (run.path, *(mask for frame in run.frames for mask in (frame.tumour, frame.liver) if mask)):
            digest.update(_content(path))
    return digest.hexdigest()[:20]


def _content(path: Path) -> bytes:
    """Return the digest of a file, or of the files of a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        digest.update(b"" if file == path else str(file.relative_to(path)).encode())
        with open(file, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.digest()


def _store_patient(patient: CohortPatient, path: str, preparation: PreparationConfig) -> None:
    runs: list[TrainingRun] = []
    refused = []
    for run in patient.runs:
        try:
            runs.append(_training_run(run, preparation))
        except DSANetError as error:
            refused.append(str(error))
    # What the tables say stays in the tables: a change of them leaves the file as it is.
    write_patient(TrainingPatient(-1, "", {}, None, None, {}, tuple(runs), tuple(refused)), Path(path))


def _training_run(case: CohortRun, preparation: PreparationConfig) -> TrainingRun:
    run = read_run(case.path, case_id=case.case_id, frame_rate=case.frame_rate, spacing_mm=case.spacing_mm)
    run = run.with_changes(frames=np.asarray(run.frames[:]))  # decoded once
    prepared = prepare(run, preparation)
    annotated = {frame.frame: frame for frame in case.frames if frame.frame < run.count}
    if len(annotated) < len(case.frames):
        raise TrainingError(f"masks of frames after the last, {run.count}", "Correct the manifest", case.case_id)
    facts: dict[str, Any] = {
        "artefacts": list(case.artefacts),
        "frame_rate": case.frame_rate or _rate(prepared),
        "spacing_mm": run.spacing.row_mm if run.spacing and run.spacing.in_patient else None,
        "tumour_free": case.tumour_free,
        "lesions_cm": list(case.lesions_cm),
        "site": case.site,
    }
    drawn = {frame: frame_masks(one, run.rows, run.columns) for frame, one in annotated.items()}
    picked = prepared.key_frame.index
    key = case.key_frame if case.key_frame is not None else picked
    livers = {frame: masks.liver for frame, masks in drawn.items() if masks.liver is not None}
    in_liver = picked_in(prepared, livers[min(livers, key=lambda f: abs(f - key))]) if livers else picked
    masked = sorted(drawn)
    if case.tumour_free and not masked:
        # The truth of any frame is known: nothing.
        masked = sorted({min(max(k + d, 0), run.count - 1) for k in (key, picked) for d in (-1, 0, 1)})
    elif masked and key not in drawn:
        key = min(masked, key=lambda frame: abs(frame - key))
    facts["no_liver"] = [frame for frame in masked if frame not in livers]
    nothing = np.zeros((run.rows, run.columns), bool)

    def masks_of(frame: int) -> tuple[np.ndarray, np.ndarray]:
        return livers.get(frame, nothing), drawn[frame].tumour if frame in drawn else nothing

    return training_run(replace(prepared, run=run), key, in_liver, masked, masks_of, facts)


def _rate(prepared: PreparedRun) -> float:
    """Return frames per second from the times of the frames; 0 for a single one."""
    steps = np.diff(prepared.frame_times)
    return round(float(1 / np.median(steps)), 3) if len(steps) and np.median(steps) > 0 else 0.0
