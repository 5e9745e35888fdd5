"""The split of a cohort as files: written beside its tables, and refused where it does not fit them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..whole import write_whole
from .data import Cohort
from .findings import Findings
from .reading import read_cohort
from .split import SETS, Split
from .table import read_rows

SPLIT, FACTS = "split.csv", "split.json"
FORMAT = 1


def write_split(split: Split, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write ``split.csv`` and ``split.json`` into a cohort's folder; return the path of the table.

    Raises
    ------
    OutputError
        Where a split is there already and is not to be replaced, or the files cannot be written.
    """
    path = Path(folder) / SPLIT
    if path.exists() and not overwrite:
        raise OutputError("is there already", "Keep it, or give --overwrite to split anew", path)
    facts: dict[str, Any] = {
        "format": FORMAT, "seed": split.seed, "folds": split.folds, "test_share": split.test_share,
        "strata": split.strata, "digest": split.digest,
    }  # fmt: skip
    # The facts first: a table without them would pass for somebody's own.
    write_whole(path.with_name(FACTS), json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    write_whole(path, "\n".join(["patient,set,fold", *split.lines()]) + "\n")
    return path


def read_split(folder: str | Path, cohort: Cohort | None = None) -> Split:
    """Read the split of a cohort, whether ``dsanet cohort split`` made it or somebody else.

    Parameters
    ----------
    folder
        Of the cohort.
    cohort
        What was read from it; read here where None.

    Raises
    ------
    CohortError
        A patient twice or in two sets, other patients than the cohort's, an external one among the others, or a
        table that is not the one its ``split.json`` tells of.
    """
    findings = Findings(Path(folder).absolute())
    split = parse_split(cohort or read_cohort(folder), findings)
    findings.raise_first()
    return split


def parse_split(cohort: Cohort, findings: Findings) -> Split:
    """Read a split; what is wrong with it, or does not fit the cohort, are findings."""
    path = findings.folder / SPLIT
    if not path.is_file():
        findings.add(path, None, "is not there", "Split the cohort with 'dsanet cohort split'")
        return Split({}, {})
    set_of: dict[str, str] = {}
    fold_of: dict[str, int] = {}
    lines: dict[str, int] = {}
    for row in read_rows(path, ("patient", "set", "fold"), findings, needed=("patient", "set")):
        patient, name, fold = row.text("patient"), row.text("set").lower(), row.whole("fold")
        if name not in SETS:
            row.wrong("set", f"{name!r} is unknown", f"Write {', '.join(SETS)}")
        elif patient in set_of:
            problem = f"patient {patient} is in {name} and, by line {lines[patient]}, in {set_of[patient]}"
            findings.add(path, row.line, problem, "Keep a patient in one set: pixels of test patients must not train")
        else:
            set_of[patient], lines[patient] = name, row.line
            if fold is not None:
                fold_of[patient] = fold
            if (fold is None) != (name != "train") and (fold is not None or "fold" in row.cells):
                row.wrong("fold", f"{row.text('fold') or 'empty'} in the set {name}", "Give folds to train alone")
    facts = _facts(path.with_name(FACTS), findings)
    digest = facts.pop("digest", None)
    split = Split(set_of, fold_of, **facts)
    if digest not in (None, split.digest):
        remedy = "Split again, or delete split.json if the changes are meant"
        findings.add(path, None, "was changed after split.json was written", remedy)
    _fits(split, cohort, lines, path, findings)
    return split


def _facts(path: Path, findings: Findings) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = dict(json.loads(path.read_text(encoding="utf-8")))
        return {name: facts[name] for name in ("seed", "test_share", "strata", "digest")}
    except (OSError, ValueError, KeyError, TypeError):
        findings.add(path, None, "is damaged", "Split again, or delete it if split.csv is your own")
        return {}


def _fits(split: Split, cohort: Cohort, lines: Mapping[str, int], path: Path, findings: Findings) -> None:
    again = "Split again with 'dsanet cohort split --overwrite', and train again"
    external = {patient.patient: patient.external for patient in cohort.patients}
    for patient in external.keys() - split.set_of.keys():
        findings.add(path, None, f"does not name patient {patient} of the cohort", again)
    for patient, name in split.set_of.items():
        if patient not in external:
            findings.add(path, lines[patient], f"patient {patient} is not in the cohort", again)
        elif external[patient] != (name == "external"):
            kind = "external" if external[patient] else "internal"
            findings.add(path, lines[patient], f"patient {patient} is {kind} in the manifest, here in {name}", again)
    known = {patient.patient: patient.responder for patient in cohort.patients}
    parts = {f"fold {fold}": split.fold(fold)[1] for fold in range(split.folds)}
    for name, members in ({**parts, "the test set": split.test} if split.test else parts).items():
        if not members:
            findings.add(path, None, f"{name} is empty", "Number the folds from 0 without a gap")
        elif True in known.values() and not any(known.get(patient) for patient in members):
            findings.add(path, None, f"{name} holds no responder", "Split again, with fewer folds or more patients")
