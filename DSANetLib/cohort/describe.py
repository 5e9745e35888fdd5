"""What a cohort holds, in tables: patients, lesions, runs, missing values, a column a set."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ..clinical import VARIABLES
from ..errors import RunError
from ..evaluation.table import Cell, Column, Table
from ..readers import read_run
from ..run import DSARun
from .data import RESPONSES, Cohort, CohortPatient, CohortRun
from .split import SETS, Split, size_band

_Groups = Mapping[str, Sequence[CohortPatient]]
_Count = Callable[[Sequence[CohortPatient]], Cell]


def describe_cohort(cohort: Cohort, split: Split | None = None, *, runs: bool = True) -> list[Table]:
    """Return what a cohort holds, as tables.

    Parameters
    ----------
    cohort
        From ``read_cohort``.
    split
        Gives a column for training, test and external patients; without one they are internal or external.
    runs
        Open the runs too, for their sizes, frames and rates.
    """
    groups: dict[str, list[CohortPatient]] = {}
    names = SETS if split else ("internal", "external")
    for patient in cohort.patients:
        own = split.set_of[patient.patient] if split else "external" if patient.external else "internal"
        groups.setdefault(own, []).append(patient)
    groups = {name: groups[name] for name in names if name in groups}
    tables = [_patients(cohort, groups), _lesions(groups), _missing(groups)]
    return [*tables, *([_runs(groups)] if runs else [])]


def _table(title: str, groups: _Groups, rows: Mapping[str, _Count], note: str = "") -> Table:
    columns = (Column(""), *(Column(name, "count") for name in (*groups, "all")))
    everyone = [patient for members in groups.values() for patient in members]
    cells = tuple((name, *(count(members) for members in (*groups.values(), everyone))) for name, count in rows.items())
    return Table(title, columns, cells, note)


def _all_runs(patients: Sequence[CohortPatient]) -> list[CohortRun]:
    return [run for patient in patients for run in patient.runs]


def _patients(cohort: Cohort, groups: _Groups) -> Table:
    def with_class(kind: bool | None) -> _Count:
        return lambda members: sum(patient.responder is kind for patient in members)

    def with_response(code: str) -> _Count:
        return lambda members: sum(p.outcome is not None and p.outcome.response == code for p in members)

    rows: dict[str, _Count] = {
        "patients": len,
        "responders": with_class(True),
        "non-responders": with_class(False),
        "outcome unknown": with_class(None),
        **{f"mRECIST {code}": with_response(code) for code in RESPONSES},
        "progression-free survival known": lambda members: sum(
            p.outcome is not None and p.outcome.pfs_months is not None for p in members
        ),
        "runs": lambda members: len(_all_runs(members)),
        "runs with masks": lambda members: sum(bool(run.frames) for run in _all_runs(members)),
        "tumour-free runs": lambda members: sum(run.tumour_free for run in _all_runs(members)),
        "annotated frames": lambda members: sum(len(run.frames) for run in _all_runs(members)),
    }
    note = "Synthetic: made by the phantom, no patients." if cohort.synthetic else ""
    return _table(f"Cohort {cohort.name}", groups, rows, note)


def _lesions(groups: _Groups) -> Table:
    def of_band(band: str) -> _Count:
        return lambda members: sum(size_band(size) == band for p in members for size in p.lesions_cm)

    def of_count(low: int, high: int) -> _Count:
        return lambda members: sum(low <= len(patient.lesions_cm) <= high for patient in members)

    rows = {
        "lesions measured": lambda members: sum(len(patient.lesions_cm) for patient in members),
        **{f"lesions {band}": of_band(band) for band in ("< 3 cm", "3-5 cm", ">= 5 cm")},
        "patients with one lesion": of_count(1, 1),
        "patients with several": of_count(2, 10**6),
        "patients without measured lesions": of_count(0, 0),
    }
    note = "As measured in the column lesions_cm of the manifest, of each patient's run with the most."
    return _table("Lesions", groups, rows, note)


def _missing(groups: _Groups) -> Table:
    def of(name: str) -> _Count:
        return lambda members: sum(p.clinical is None or p.clinical.values[name] is None for p in members)

    rows = {f"{v.label} ({v.name})": of(v.name) for v in VARIABLES}
    return _table("Missing clinical values", groups, rows, "Patients without a value.")


def _runs(groups: _Groups) -> Table:
    opened = {name: [_opened(run) for run in _all_runs(members)] for name, members in groups.items()}
    columns = {**opened, "all": [run for runs in opened.values() for run in runs]}
    facts: dict[str, Callable[[DSARun], float | None]] = {
        "frames": lambda run: run.count,
        "rows": lambda run: run.rows,
        "columns": lambda run: run.columns,
        "bits": lambda run: run.bit_depth,
        "frames per second": _rate,
        "pixel spacing, mm": lambda run: run.spacing.row_mm if run.spacing is not None else None,
    }
    rows: list[tuple[Cell, ...]] = []
    for name, fact in facts.items():
        values = [[fact(run) for run in runs if run is not None] for runs in columns.values()]
        rows.append((name, *(_spread([value for value in found if value is not None]) for found in values)))
    rows.append(("kinds of files", *(_kinds(runs) for runs in columns.values())))
    rows.append(("unreadable", *(str(sum(run is None for run in runs)) for runs in columns.values())))
    note = "Median (smallest to largest); a run without a value is not counted."
    return Table("Runs", (Column(""), *(Column(name) for name in columns)), tuple(rows), note)


def _opened(run: CohortRun) -> DSARun | None:
    try:
        return read_run(run.path, case_id=run.case_id, frame_rate=run.frame_rate, spacing_mm=run.spacing_mm)
    except RunError:
        return None


def _rate(run: DSARun) -> float | None:
    if run.times_s is None or run.count < 2:
        return None
    return (run.count - 1) / float(run.times_s[-1] - run.times_s[0])


def _spread(values: Sequence[float]) -> str | None:
    if not values:
        return None
    low, high = min(values), max(values)
    middle = f"{statistics.median(values):.4g}"
    return middle if low == high else f"{middle} ({low:.4g} to {high:.4g})"


def _kinds(runs: Sequence[DSARun | None]) -> str:
    counts = Counter(run.kind for run in runs if run is not None)
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
