"""How far readers agree: intraclass correlation for numbers, weighted kappa for grades, McNemar for yes and no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import TrainingError
from .packages import study_package
from .statistics import Estimate, bootstrap_statistic

RESPONSES = ("CR", "PR", "SD", "PD")
"""mRECIST categories, best first: the order that weights a disagreement."""

Form = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]


@dataclass(frozen=True)
class Icc:
    """Intraclass correlation with its 95 % interval; ``value`` is at most 1."""

    value: float
    low: float
    high: float


def icc(ratings: np.ndarray, form: Form = "2,1") -> Icc:
    """Intraclass correlation of readers who each rate all targets.

    Source: Shrout and Fleiss, Psychol Bull 1979;86:420-428; the interval of form 2 after McGraw and Wong, Psychol
    Methods 1996;1:30-46.

    Parameters
    ----------
    ratings
        (targets, readers), at least 2 × 2, finite.
    form
        Model and unit: 1 one-way; 2 two-way, readers a random sample, absolute agreement; 3 two-way, these readers,
        consistency. ``1`` for one reader's rating, ``k`` for the readers' mean.

    Raises
    ------
    TrainingError
        Where there are too few, or all are the same.
    """
    rows, columns, error, n, k = _mean_squares(ratings)
    within = (columns + (n - 1) * error) / n
    if (within if form[0] == "1" else error + (columns if form[0] == "2" else 0)) <= 0:
        return Icc(1.0, 1.0, 1.0)
    if form[0] == "1":
        single = _from_ratio(rows / within, (n - 1, n * (k - 1)), k)
    elif form[0] == "3":
        single = _from_ratio(rows / error, (n - 1, (n - 1) * (k - 1)), k)
    else:
        single = _absolute(rows, columns, error, n, k)
    if form[-1] == "1":
        return single
    return Icc(*(k * value / (1 + (k - 1) * value) for value in (single.value, single.low, single.high)))


def icc_agreement(ratings: np.ndarray) -> Icc:
    """Return ICC(2,1): absolute agreement of single ratings, readers a random sample. As :func:`icc`."""
    return icc(ratings, "2,1")


def weighted_kappa(
    first: Sequence[str],
    second: Sequence[str],
    *,
    categories: Sequence[str] = RESPONSES,
    weights: Literal["linear", "quadratic"] = "quadratic",
    seed: int = 0,
) -> Estimate | None:
    """Weighted kappa of two readers' grades (Cohen, Psychol Bull 1968;70:213-220), patients resampled.

    Parameters
    ----------
    first, second
        (N,) grade of each patient.
    categories
        All grades in order.
    weights
        How a disagreement grows with the distance of the grades.

    Returns
    -------
    Estimate or None
        None where it is undefined: no patient, or both readers gave one and the same grade throughout.

    Raises
    ------
    TrainingError
        Where lengths differ or a grade is unknown.
    """
    if len(first) != len(second):
        raise TrainingError(f"{len(first)} grades against {len(second)}", "Compare readings of the same patients")
    place = {name: i for i, name in enumerate(categories)}
    unknown = sorted({*first, *second} - place.keys())
    if unknown:
        raise TrainingError(f"unknown grade {', '.join(map(repr, unknown))}", f"Use {', '.join(categories)}")
    one, other = (np.array([place[grade] for grade in grades], dtype=int) for grades in (first, second))
    if not len(one) or (np.ptp(one) == 0 and np.array_equal(one, other)):
        return None
    metrics = study_package("sklearn.metrics")
    value = float(metrics.cohen_kappa_score(one, other, labels=list(range(len(place))), weights=weights))
    # scikit-learn's own check of its input takes a millisecond: the resamples go by the formula.
    cost = np.abs(np.subtract.outer(np.arange(len(place)), np.arange(len(place)))) ** (1 if weights == "linear" else 2)

    def kappa(chosen: np.ndarray) -> float:
        a, b = one[chosen], other[chosen]
        by_chance = np.outer(np.bincount(a, minlength=len(place)), np.bincount(b, minlength=len(place)))
        expected = float((cost * by_chance).sum()) / len(a)
        return 1.0 - float(cost[a, b].sum()) / expected if expected else float("nan")

    drawn = bootstrap_statistic(kappa, len(one), seed=seed)
    return Estimate(value, drawn.low, drawn.high, len(one), len(one))


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two methods on the same patients.

    Parameters
    ----------
    only_first, only_second
        Patients that only the first, only the second method got right.
    p
        Two-sided, exact (binomial); 1 where both always agree; None without patients.
    """

    only_first: int
    only_second: int
    p: float | None


def mcnemar(first_right: Sequence[bool] | np.ndarray, second_right: Sequence[bool] | np.ndarray) -> McNemar:
    """Compare which of (N,) patients two methods got right (McNemar 1947, exact).

    Raises
    ------
    TrainingError
        Where lengths differ.
    """
    one, other = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if one.shape != other.shape:
        raise TrainingError(f"{one.size} patients against {other.size}", "Compare both on the same patients")
    cells = [[np.count_nonzero(a & b) for b in (other, ~other)] for a in (one, ~one)]
    only_first, only_second = int(cells[0][1]), int(cells[1][0])
    if only_first + only_second == 0:
        return McNemar(0, 0, 1.0 if one.size else None)
    tables = study_package("statsmodels.stats.contingency_tables")
    return McNemar(only_first, only_second, float(tables.mcnemar(np.array(cells), exact=True).pvalue))


def _from_ratio(ratio: float, freedom: tuple[int, int], k: int) -> Icc:
    """Return the ICC of forms 1 and 3 from their F ratio."""
    from scipy.stats import f

    low = ratio / f.ppf(0.975, *freedom)
    high = ratio * f.ppf(0.975, *freedom[::-1])
    return Icc(*(float((each - 1) / (each + k - 1)) for each in (ratio, low, high)))


def _absolute(rows: float, columns: float, error: float, n: int, k: int) -> Icc:
    from scipy.stats import f

    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    free = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    over, under = f.ppf(0.975, n - 1, free), f.ppf(0.975, free, n - 1)
    rest = k * columns + (k * n - k - n) * error
    low = n * (rows - over * error) / (over * rest + n * rows)
    high = n * (under * rows - error) / (rest + n * under * rows)
    return Icc(float(value), float(low), float(high))


def _mean_squares(ratings: np.ndarray) -> tuple[float, float, float, int, int]:
    """Return the mean squares between targets, between readers and of the rest, and the two counts."""
    x = np.asarray(ratings, np.float64)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all() or np.ptp(x) == 0:
        raise TrainingError("an intraclass correlation needs two targets that differ", "Rate more cases")
    n, k = x.shape
    mean = x.mean()
    between = k * float(((x.mean(1) - mean) ** 2).sum())
    readers = n * float(((x.mean(0) - mean) ** 2).sum())
    rest = max(float(((x - mean) ** 2).sum()) - between - readers, 0.0)
    return between / (n - 1), readers / (k - 1), rest / ((n - 1) * (k - 1)), n, k
