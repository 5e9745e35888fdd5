"""A folder of runs and one of annotations → the tables of a cohort, to be looked through and filled in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..clinical import VARIABLES
from ..errors import CohortError, OutputError
from ..readers import RunSource, find_runs
from ..readers.find import folder_is_empty
from ..whole import write_whole
from .data import CLINICAL, COHORT, MANIFEST, OUTCOME
from .findings import Findings
from .manifest import NEEDED, OPTIONAL
from .matching import Annotation, is_mask_file, match_annotations
from .reading import FORMAT
from .table import read_rows

OUTCOME_COLUMNS = ("patient", "response", "pfs_months", "progressed", "treatment_date", "clinical_date", "outcome_date")
_RUNS, _MASKS = ("runs",), ("masks", "annotations", "labels")
# p1_run2, p1-series3: what follows the patient's own name.
_RUN_NUMBER = re.compile(r"[ _.-]*(run|series|acq|film|dsa)[ _.-]*\d*$", re.IGNORECASE)


@dataclass(frozen=True)
class Started:
    """What ``init_cohort`` found and wrote.

    Parameters
    ----------
    written, kept
        Tables made, and those that were there already and were left alone.
    patients, runs, frames
        Counted in the manifest.
    left_over
        File → why it found no place.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    patients: int
    runs: int
    frames: int
    left_over: dict[Path, str]


def init_cohort(
    folder: str | Path,
    *,
    runs: str | Path | None = None,
    masks: str | Path | None = None,
    patients: str | Path | None = None,
) -> Started:
    """Make the tables of a cohort from a folder of runs and one of annotations, matched by name.

    Parameters
    ----------
    folder
        Of the cohort; gets ``manifest.csv``, ``clinical.csv``, ``outcome.csv`` and ``cohort.json``. No file that is
        there is overwritten.
    runs
        Where the runs lie; by default ``runs`` in the folder.
    masks
        Where the annotations lie; by default ``masks``, ``annotations`` or ``labels`` in the folder, if there.
    patients
        CSV with the columns case and patient. Without one, a run's patient is the folder that it lies in below
        ``runs``; if it lies in none, its name without an ending such as ``_run2``.

    Returns
    -------
    Started
        What was found; look at ``left_over``.

    Raises
    ------
    OutputError
        Where there is a manifest already.
    CohortError
        Where no runs are found, or the table of patients cannot be used.
    """
    folder = Path(folder).absolute()
    if (folder / MANIFEST).exists():
        raise OutputError("is there already", "Complete it by hand, or move it away first", folder / MANIFEST)
    runs_folder = Path(runs).absolute() if runs else _default(folder, _RUNS)
    masks_folder = Path(masks).absolute() if masks else _default(folder, _MASKS)
    if runs_folder is None or not runs_folder.is_dir():
        raise CohortError("has no folder of runs", "Put them into 'runs', or name their folder with --runs", folder)
    if masks and masks_folder is not None and not masks_folder.is_dir():
        raise CohortError("is no folder", "Name the folder of the annotations", masks_folder)
    left_over: dict[Path, str] = {}
    sources = _sources(runs_folder, masks_folder, left_over)
    if not sources:
        raise CohortError("holds no run", "Name the folder of the runs with --runs", runs_folder)
    patient_of = _patients(sources, runs_folder, Path(patients) if patients else None)
    annotated: dict[str, list[Annotation]] = {}
    if masks_folder is not None:
        matches = match_annotations(masks_folder, sources, runs_folder)
        annotated, left_over = matches.frames, left_over | matches.left_over
    written, kept = _write(folder, sources, patient_of, annotated)
    return Started(
        tuple(written), tuple(kept), len(set(patient_of.values())), len(sources),
        sum(map(len, annotated.values())), left_over,
    )  # fmt: skip


def _default(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _sources(runs: Path, masks: Path | None, left_over: dict[Path, str]) -> list[RunSource]:
    """Return the runs of a folder without what is an annotation, or a picture that one was drawn on."""
    found = []
    for source in find_runs(runs):
        inside_masks = masks is not None and masks != runs and source.path.is_relative_to(masks)
        drawn_on = any(file.with_suffix(".json").is_file() for file in source.files)
        if not (folder_is_empty(source) or inside_masks or drawn_on or is_mask_file(source.path)):
            found.append(source)
    several = {path for path, count in Counter(source.path for source in found).items() if count > 1}
    left_over.update(dict.fromkeys(several, "holds several series: give each a folder of its own"))
    return [source for source in found if source.path not in several]


def _patients(sources: Sequence[RunSource], runs: Path, table: Path | None) -> dict[str, str]:
    patient_of = {}
    for source in sources:
        folders = source.path.relative_to(runs).parts[:-1]
        patient_of[source.case_id] = folders[0] if folders else _RUN_NUMBER.sub("", source.case_id) or source.case_id
    if table is None:
        return patient_of
    findings = Findings(table.absolute().parent)
    told = {
        row.text("case"): row.text("patient")
        for row in read_rows(table.absolute(), ("case", "patient"), findings, needed=("case", "patient"))
    }
    findings.raise_first()
    missing = [case for case in patient_of if not told.get(case)]
    if missing:
        raise CohortError(f"names no patient for {', '.join(missing)}", "Add a row for each case", table)
    return {case: told[case] for case in patient_of}


def _write(
    folder: Path, sources: Sequence[RunSource], patient_of: dict[str, str], annotated: dict[str, list[Annotation]]
) -> tuple[list[str], list[str]]:
    patients = list(dict.fromkeys(patient_of.values()))
    clinical = ["patient", *(f"{v.name} [{v.unit}]" if v.unit else v.name for v in VARIABLES)]
    facts = {"format": FORMAT, "name": folder.name, "synthetic": False, "description": ""}
    rows: list[list[object]] = []
    for source in sources:
        start = [patient_of[source.case_id], source.case_id, _relative(source.path, folder)]
        frames = annotated.get(source.case_id) or [Annotation(None)]
        for one in sorted(frames, key=lambda one: -1 if one.frame is None else one.frame):
            number = "" if one.frame is None else one.frame + 1
            rows.append([*start, number, _relative(one.tumour, folder), _relative(one.liver, folder)])
    texts = {
        COHORT: json.dumps(facts, indent=1, ensure_ascii=False) + "\n",
        CLINICAL: _csv(clinical, [[patient] for patient in patients]),
        OUTCOME: _csv(OUTCOME_COLUMNS, [[patient] for patient in patients]),
        # Last: with it the folder is a cohort.
        MANIFEST: _csv((*NEEDED, *OPTIONAL), rows),
    }
    kept = [name for name in texts if (folder / name).exists()]
    for name, text in texts.items():
        if name not in kept:
            write_whole(folder / name, text)
    return [name for name in texts if name not in kept], kept


def _relative(path: Path | None, folder: Path) -> str:
    if path is None:
        return ""
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([*row, *[""] * (len(header) - len(row))] for row in rows)
    return out.getvalue()
