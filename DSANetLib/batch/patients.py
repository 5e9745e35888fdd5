"""Which run belongs to which patient. DICOM does not say, as no patient data is read; so the user does, or nobody."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import ClinicalError
from ..readers import RunSource, find_runs

MANIFEST = "manifest.csv"


def gather_runs(inputs: Iterable[str | Path]) -> tuple[list[RunSource], dict[str, str]]:
    """Find the runs of all inputs, and the patients that a cohort's manifest names.

    A folder with a ``manifest.csv`` of the columns case, patient and path (relative to it), as
    ``dsanet phantom`` makes it, gives the runs listed there and no others; what else lies in it is truth.

    Returns
    -------
    sources
        From `readers.find_runs`.
    patients
        Case → patient, for the runs of manifests.
    """
    paths: list[Path] = []
    patient_of: dict[Path, str] = {}
    for given in map(Path, inputs):
        rows = _manifest(given / MANIFEST)
        # A cohort's manifest has a row an annotated frame: several a run.
        paths += dict.fromkeys(given / row["path"] for row in rows) if rows else [given]
        patient_of.update({(given / row["path"]).resolve(): row["patient"] for row in rows})
    sources = find_runs(paths)
    named = {source.case_id: patient_of.get(Path(source.path).resolve()) for source in sources}
    return sources, {case: patient for case, patient in named.items() if patient is not None}


def _manifest(path: Path) -> list[dict[str, str]]:
    """Return the rows of a cohort's manifest; none where the file is not there or not of that kind."""
    if not path.is_file():
        return []
    rows = csv.DictReader(_text(path).splitlines())
    if not {"case", "patient", "path"} <= set(rows.fieldnames or ()):
        return []
    return [row for row in rows if row["path"] and row["patient"]]


def read_patients(path: str | Path) -> dict[str, str]:
    """Read a CSV with the columns ``case`` and ``patient`` (others are ignored): case → patient.

    Raises
    ------
    ClinicalError
        Where the file cannot be read, lacks a column, or names a case twice with different patients.
    """
    path = Path(path)
    rows = csv.DictReader(_text(path).splitlines())
    names = {name.strip().lower(): name for name in rows.fieldnames or [] if name}
    missing = [name for name in ("case", "patient") if name not in names]
    if missing:
        raise ClinicalError(f"column {' and '.join(missing)} is missing", "Give the columns case and patient", path)
    patients: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        case, patient = ((row[names[name]] or "").strip() for name in ("case", "patient"))
        if not case or not patient:
            raise ClinicalError(f"line {number} has no case or no patient", "Fill both, or delete the line", path)
        if patients.setdefault(case, patient) != patient:
            raise ClinicalError(f"line {number}: case {case} has two patients", "Keep one of them", path)
    return patients


def assign_patients(
    sources: Iterable[RunSource], table: Mapping[str, str] | None, by_folder: bool = False
) -> dict[str | None, list[RunSource]]:
    """Return patient → runs in the order of first appearance; under None the runs that nobody was named for.

    The rule: what the table says; else, with ``by_folder``, the name of the folder that the run lies in;
    else every run is a patient of its own.

    Parameters
    ----------
    sources
        From `readers.find_runs`.
    table
        From `read_patients`, or None.
    by_folder
        Runs in one folder belong to one patient, named for the folder.
    """
    groups: dict[str | None, list[RunSource]] = {}
    for source in sources:
        patient = (table or {}).get(source.case_id)
        if patient is None and by_folder:
            patient = Path(source.path).resolve().parent.name or None
        groups.setdefault(patient, []).append(source)
    return groups


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "unreadable") if isinstance(error, OSError) else "not UTF-8 text"
        problem = f"the table of patients cannot be read ({reason})"
        raise ClinicalError(problem, "Give a CSV file in UTF-8", path) from error
