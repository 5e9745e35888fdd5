"""Many runs: read, segment, predict by patient, write; one bad case never ends a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ChoiceError
from ..readers import RunSource
from ..whole import check_writable, remove_leftovers
from .case import SCENE_LEFT_OUT
from .models import BatchOptions, Models
from .one_patient import Patient
from .outcome import CaseOutcome
from .patients import assign_patients, gather_runs, read_patients
from .store import Store

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord

__all__ = ["BatchOptions", "CaseOutcome", "run_inputs", "run_many"]


def run_inputs(
    inputs: Sequence[str | Path],
    out: str | Path,
    options: BatchOptions,
    *,
    clinical: str | Path | None = None,
    patients: str | Path | None = None,
) -> tuple[int, Iterator[CaseOutcome]]:
    """Find the runs of all inputs and take them through `run_many`.

    Parameters
    ----------
    inputs, out
        Files and folders; the folder of results.
    options
        The user's choices.
    clinical, patients
        CSV files, None where there are none; `patients` may be ``folders``.

    Returns
    -------
    total, outcomes
        How many runs there are, and how each ended, as it comes.

    Raises
    ------
    ChoiceError
        Where a frame is chosen for several runs.
    DSANetError
        Where nothing can be done at all.
    """
    sources, names = gather_runs(inputs)
    if len(sources) > 1 and (options.key_frame is not None or options.mask_frame is not None):
        raise ChoiceError(f"key frame and mask frame are for one run, {len(sources)} were found", "Leave them out")
    records = None
    if clinical is not None:
        from ..clinical import read_clinical

        records = read_clinical(clinical)
    by_folder = patients == "folders"
    if patients is not None and not by_folder:
        names = names | read_patients(patients)
    outcomes = run_many(
        sources, Path(out), options, clinical=records, clinical_from=clinical or "", patients=names, by_folder=by_folder
    )
    return len(sources), outcomes


def run_many(
    sources: Sequence[RunSource],
    out: Path,
    options: BatchOptions,
    *,
    clinical: Mapping[str, ClinicalRecord] | None = None,
    clinical_from: str | Path = "the clinical table",
    patients: Mapping[str, str] | None = None,
    by_folder: bool = False,
) -> Iterator[CaseOutcome]:
    """Take every run through the pipeline, patient by patient, and yield how each ended.

    All runs of a patient are segmented, then the patient's response is predicted once from those that
    succeeded, then their folders are written; each folder and table appears whole or not at all. A patient
    whose results are there, made from the same files with the same models and settings, is not computed again.

    Parameters
    ----------
    sources
        From `readers.find_runs`.
    out
        Output folder.
    options
        The user's choices.
    clinical
        Patient or case → values; None where none were given.
    clinical_from
        Where they come from, for messages.
    patients, by_folder
        See `batch.patients.assign_patients`.

    Raises
    ------
    DSANetError
        Where nothing can be done at all: a model is missing, a table in `out` is not ours, `out` is read-only.
    """
    check_writable(out)
    remove_leftovers(out)
    models, store, taken = Models(options), Store(out), set[str]()
    models.cards(with_clinical=clinical is not None)
    scene = options.scene
    for patient_id, group in assign_patients(sources, patients, by_folder).items():
        for runs in [group] if patient_id is not None else [[source] for source in group]:
            patient = Patient(patient_id, runs, out, options, models, taken, store, scene)
            for outcome in patient.outcomes(clinical, clinical_from):
                # Said once: what the machine lacks for one scene it lacks for all.
                scene = scene and not any(note.startswith(SCENE_LEFT_OUT) for note in outcome.notes)
                yield outcome
