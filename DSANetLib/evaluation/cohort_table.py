"""Table 1: the patients of the training, internal and external cohort, each row with the test that fits it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..clinical.variables import VARIABLES
from .study import Study, StudyPatient
from .table import Cell, Column, Table

GROUPS = ("train", "test", "external")
LEVEL = 0.05

_SHAPIRO_LIMIT = 5000
_TABLES = 100_000
_SIMULATED = 20_000
_CUTS: dict[str, float] = {"ast": 40.0, "alt": 40.0, "crp": 1.0, "afp": 200.0}
"""Limits at which the paper's Table 1 splits four variables."""


@dataclass(frozen=True)
class GroupTest:
    """A test between two groups.

    Parameters
    ----------
    name
        ``Welch's t``, ``Mann–Whitney U``, ``chi²`` or ``Fisher's exact``.
    p
        Two-sided; None where it is undefined: an empty group, or no variation.
    """

    name: str
    p: float | None


def looks_normal(groups: Sequence[np.ndarray]) -> bool:
    """Whether no group departs from a normal distribution (Shapiro and Wilk, p ≥ 0.05 in each).

    A group of fewer than three values, without variation, or of over 5,000 (where the test sees everything) is no
    argument for it.
    """
    from scipy import stats

    for values in groups:
        if not 3 <= len(values) <= _SHAPIRO_LIMIT or np.ptp(values) == 0 or stats.shapiro(values).pvalue < LEVEL:
            return False
    return True


def numeric_test(first: np.ndarray, second: np.ndarray, *, normal: bool) -> GroupTest:
    """Compare two groups of numbers: Welch's t test where normal, else Mann and Whitney's U.

    Equal variances are not assumed; the U test is corrected for ties.
    """
    from scipy import stats

    name = "Welch's t" if normal else "Mann–Whitney U"
    if min(len(first), len(second)) < 2:
        return GroupTest(name, None)
    if np.ptp(np.concatenate([first, second])) == 0:
        return GroupTest(name, None)
    found = stats.ttest_ind(first, second, equal_var=False) if normal else stats.mannwhitneyu(first, second)
    p = float(found.pvalue)
    return GroupTest(name, p if math.isfinite(p) else None)


def categorical_test(counts: np.ndarray) -> GroupTest:
    """Compare (levels, 2) counts: chi² without continuity correction, Fisher's exact where cells are too few.

    Fisher's test is taken where any expected count is below 5 (two levels), or a fifth of them are or any is below 1
    (more levels; Cochran, Biometrics 1954;10:417-451). Levels that nobody has are left out.
    """
    from scipy import stats

    table = np.asarray(counts)
    table = table[table.sum(axis=1) > 0]
    if len(table) < 2 or not (table.sum(axis=0) > 0).all():
        return GroupTest("chi²", None)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    few = (expected < 5).any() if len(table) == 2 else (expected < 5).mean() > 0.2 or (expected < 1).any()
    if not few:
        return GroupTest("chi²", float(stats.chi2_contingency(table, correction=False).pvalue))
    return GroupTest("Fisher's exact", _fisher(table))


def _fisher(table: np.ndarray) -> float:
    """Return Fisher's exact p of (levels, 2) counts: the sum over all tables that are no likelier (Freeman-Halton).

    Where there are too many tables to go through, p is simulated, never 0.
    """
    from scipy import stats

    if len(table) == 2:
        return float(stats.fisher_exact(table).pvalue)
    totals, size = table.sum(axis=1), int(table[:, 0].sum())
    law = stats.multivariate_hypergeom(totals, size)
    observed = law.logpmf(table[:, 0])
    # The first levels' counts bound the number of tables; the last one's follows from them.
    exact = math.prod(min(int(n), size) + 1 for n in sorted(totals)[:-1]) <= _TABLES
    if exact:
        ordered = sorted(map(int, totals))
        chances = stats.multivariate_hypergeom(ordered, size).logpmf(np.array(_splits(ordered, size)))
        return float(min(1.0, np.exp(chances[chances <= observed + 1e-7]).sum()))
    drawn = law.logpmf(law.rvs(_SIMULATED, random_state=np.random.default_rng(0)))
    return float((1 + np.count_nonzero(drawn <= observed + 1e-7)) / (_SIMULATED + 1))


def _splits(totals: list[int], size: int) -> list[list[int]]:
    """Return every way to take ``size`` out of levels of ``totals``."""
    if len(totals) == 1:
        return [[size]] if size <= totals[0] else []
    rest = sum(totals[1:])
    least, most = max(0, size - rest), min(totals[0], size)
    return [[first, *more] for first in range(least, most + 1) for more in _splits(totals[1:], size - first)]


Value = Callable[[StudyPatient], float | str | None]


@dataclass(frozen=True)
class _Row:
    """A characteristic: how it is read, and whether its levels or its numbers are told."""

    name: str
    kind: Literal["number", "levels"]
    value: Value
    unit: str = ""
    levels: tuple[tuple[str, str], ...] = ()
    """(value, what the row says); empty: every value that occurs."""


def table1(study: Study) -> Table:
    """Return the characteristics of the cohorts, a row a variable or level.

    Returns
    -------
    Table
        Columns ``variable`` (name of :mod:`clinical.variables`, or ``patients``, ``responder``, …), ``level``,
        ``unit``, one a cohort, ``test used`` and its p of train against test and against external. No rows without
        patients.
    """
    columns = (
        Column("variable"),
        Column("level"),
        Column("unit"),
        *(Column(group) for group in GROUPS),
        Column("test used"),
        Column("p train–test", "p"),
        Column("p train–external", "p"),
    )
    patients = {group: [p for p in study.patients if p.group == group] for group in GROUPS}
    if not any(patients.values()):
        return Table("Table 1. Patients", columns, (), "The study holds no patients.")
    rows: list[tuple[Cell, ...]] = [("patients", "n", "", *(str(len(patients[g])) for g in GROUPS), "", None, None)]
    for row in _characteristics(study):
        values = {group: [v for v in map(row.value, patients[group]) if v is not None] for group in GROUPS}
        if any(values.values()):
            rows += _numbers(row, values) if row.kind == "number" else _levels(row, values)
            missing = [len(patients[group]) - len(values[group]) for group in GROUPS]
            if any(missing):
                rows.append((row.name, "missing", "", *(str(n) for n in missing), "", None, None))
    note = (
        "Numbers: mean ± SD, and median (quartiles) where they do not look normal (Shapiro–Wilk in each cohort, "
        "p < 0.05). Numbers that look normal by Welch's t test, others by Mann–Whitney U; levels by chi², by Fisher's "
        "exact test where expected counts are small. Follow-up: months until progression or censoring. "
        "Two-sided, not corrected for the number of rows. A dash where a "
        "cohort is empty or all have one value."
    )
    return Table("Table 1. Patients", columns, tuple(rows), note)


def _characteristics(study: Study) -> list[_Row]:
    rows = []
    for variable in VARIABLES:
        value = _clinical(variable.name)
        if variable.kind == "number":
            rows.append(_Row(variable.name, "number", value, variable.unit))
        elif variable.kind == "score":
            rows.append(_Row(variable.name, "levels", value))
        else:
            told = ("male", "male") if variable.kind == "sex" else ("yes", "yes")
            rows.append(_Row(variable.name, "levels", value, levels=(told,)))
        if variable.name in _CUTS:
            limit = _CUTS[variable.name]
            above = _at_least(value, limit)
            rows.append(_Row(variable.name, "levels", above, variable.unit, (("yes", f"≥ {limit:g}"),)))
    rows.append(_Row("responder", "levels", _responder, levels=(("yes", "yes"),)))
    if any(patient.response for patient in study.patients):
        order = tuple((name, name) for name in ("CR", "PR", "SD", "PD"))
        rows.append(_Row("response", "levels", lambda p: p.response or None, levels=order))
    if any(patient.lesions_cm for patient in study.patients):
        # Where no lesion was measured, that is no finding of patients without lesions.
        rows.append(_Row("lesions", "number", lambda p: float(len(p.lesions_cm))))
    rows += [
        _Row("largest_lesion", "number", lambda p: max(p.lesions_cm, default=None), "cm"),
        _Row("runs", "number", lambda p: float(p.runs)),
        _Row("follow_up", "number", lambda p: p.pfs_months, "months"),
    ]
    return rows


def _clinical(name: str) -> Value:
    return lambda patient: patient.clinical.get(name)


def _at_least(value: Value, limit: float) -> Value:
    def above(patient: StudyPatient) -> str | None:
        number = value(patient)
        return None if number is None else "yes" if float(number) >= limit else "no"

    return above


def _responder(patient: StudyPatient) -> str | None:
    return None if patient.responder is None else "yes" if patient.responder else "no"


def _numbers(row: _Row, values: dict[str, list[float | str]]) -> list[tuple[Cell, ...]]:
    groups = [np.array(values[group], dtype=np.float64) for group in GROUPS]
    normal = looks_normal([group for group in groups if len(group)])
    tests = [numeric_test(groups[0], other, normal=normal) for other in groups[1:]]
    told = tests[0].name if any(test.p is not None for test in tests) else ""
    judged: tuple[Cell, ...] = (told, tests[0].p, tests[1].p)
    means = tuple(_mean_text(group) for group in groups)
    mean_row = (row.name, "mean ± SD", row.unit, *means, *(judged if normal else ("", None, None)))
    if normal:
        return [mean_row]
    return [mean_row, (row.name, "median (quartiles)", row.unit, *(_median_text(group) for group in groups), *judged)]


def _mean_text(values: np.ndarray) -> str | None:
    if not len(values):
        return None
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


def _median_text(values: np.ndarray) -> str | None:
    if not len(values):
        return None
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.1f} ({low:.1f}–{high:.1f})"


def _levels(row: _Row, values: dict[str, list[float | str]]) -> list[tuple[Cell, ...]]:
    present = sorted({value for group in GROUPS for value in values[group]}, key=lambda v: (isinstance(v, str), v))
    counts = np.array([[values[group].count(level) for group in GROUPS] for level in present])
    tests = [categorical_test(counts[:, [0, i]]) for i in (1, 2)]
    names = list(dict.fromkeys(test.name for test in tests if test.p is not None))
    told = row.levels or tuple(
        (str(value), f"{value:g}" if isinstance(value, float) else str(value)) for value in present
    )
    rows: list[tuple[Cell, ...]] = []
    for i, (level, text) in enumerate(told):
        cells = [_share_text([str(v) for v in values[group]], level) for group in GROUPS]
        judged: tuple[Cell, ...] = (", ".join(names), tests[0].p, tests[1].p) if i == 0 else ("", None, None)
        rows.append((row.name, text, row.unit, *cells, *judged))
    return rows


def _share_text(values: list[str], level: str) -> str | None:
    if not values:
        return None
    number = values.count(level)
    return f"{number} ({100.0 * number / len(values):.1f})"
