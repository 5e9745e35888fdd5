"""A cohort's folder → Cohort: the tables read and fitted together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..clinical import ClinicalRecord, read_clinical
from ..errors import ClinicalError
from .data import CLINICAL, COHORT, MANIFEST, Cohort, CohortPatient
from .findings import Findings
from .manifest import ManifestRow, make_runs, read_manifest
from .outcome import OutcomeRow, read_outcomes

FORMAT = 1


@dataclass(frozen=True)
class Tables:
    """What the tables of a cohort say, with the lines where they say it."""

    facts: dict[str, Any]
    manifest: list[ManifestRow]
    clinical: dict[str, ClinicalRecord]
    outcomes: dict[str, OutcomeRow]


def read_cohort(folder: str | Path) -> Cohort:
    """Read a cohort's folder: its tables, not its pixels.

    Parameters
    ----------
    folder
        With ``manifest.csv`` and, where known, ``clinical.csv``, ``outcome.csv`` and ``cohort.json``; the format is
        told in docs/cohort.md. What the Slicer module exports for training reads in as it is.

    Returns
    -------
    Cohort
        Patients in the order of the manifest.

    Raises
    ------
    CohortError
        The first thing that is wrong, with file and line; ``check_cohort`` names all of them.

    Examples
    --------
    >>> cohort = read_cohort("my-cohort")                  # doctest: +SKIP
    >>> cohort.patients[0].runs[0].key_frame               # doctest: +SKIP
    13
    """
    findings = Findings(Path(folder).absolute())
    cohort = make_cohort(read_tables(findings), findings)
    findings.raise_first()
    return cohort


def read_tables(findings: Findings) -> Tables:
    """Read all tables of a cohort; what is wrong with them are findings."""
    folder = findings.folder
    return Tables(
        _facts(folder / COHORT, findings),
        read_manifest(folder, findings),
        _clinical(folder / CLINICAL, findings),
        read_outcomes(folder, findings),
    )


def make_cohort(tables: Tables, findings: Findings) -> Cohort:
    """Fit the tables together; contradictions within the manifest are findings."""
    runs = make_runs(tables.manifest, findings.folder / MANIFEST, findings)
    external = {row.patient: row.external for row in tables.manifest}
    patients = []
    for patient, made in runs.items():
        row = tables.outcomes.get(patient)
        record = tables.clinical.get(patient)
        patients.append(
            CohortPatient(patient, external[patient], tuple(made), record, row.outcome if row is not None else None)
        )
    facts = tables.facts
    return Cohort(
        folder=findings.folder,
        name=str(facts.get("name") or findings.folder.name),
        synthetic=bool(facts.get("synthetic", False)),
        patients=tuple(patients),
        description=str(facts.get("description") or ""),
    )


def _facts(path: Path, findings: Findings) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        facts = None
    if not isinstance(facts, dict):
        findings.add(path, None, "is no JSON object", 'Write {"format": 1, "name": "…", "synthetic": false}')
        return {}
    if facts.get("format", FORMAT) != FORMAT:
        findings.add(path, None, f"has the unknown format {facts['format']!r}", f"This version reads {FORMAT}")
    if not isinstance(facts.get("synthetic", False), bool):
        findings.add(path, None, "'synthetic' is neither true nor false", "Write true for phantoms, else false")
    return facts


def _clinical(path: Path, findings: Findings) -> dict[str, ClinicalRecord]:
    if not path.is_file():
        return {}

    def report(error: ClinicalError) -> None:
        line = (error.source or "").rpartition(", line ")[2]
        findings.add(path, int(line) if line.isdigit() else None, error.problem, error.remedy)

    try:
        return read_clinical(path, report)
    except ClinicalError as error:
        report(error)
        return {}
