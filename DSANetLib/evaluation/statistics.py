"""Statistics that hold: bootstrap over patients, the area under the ROC curve and DeLong's test.

Runs and frames of one patient are not independent, so that patients are resampled, never frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from ..errors import TrainingError

RESAMPLES = 2000
BATCH = 250

Unit = Literal["patient", "run"]


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Parameters
    ----------
    value
        Point estimate.
    low, high
        Ends of the interval; None where one patient alone leaves nothing to resample.
    patients, count
        Patients and values (runs) behind the figure.
    """

    value: float
    low: float | None
    high: float | None
    patients: int
    count: int


@dataclass(frozen=True)
class Difference:
    """A difference between two models on the same cases, ``first`` minus ``second``.

    Parameters
    ----------
    first, second, value
        Both figures and their difference.
    low, high
        Interval of the difference; None where it cannot be had.
    p
        Two-sided p value; None where the test is undefined.
    patients, count
        Patients and values behind it.
    """

    first: float
    second: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    patients: int
    count: int


def _clusters(values: Sequence[float] | np.ndarray, patients: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each patient's values and how many there are, patients in sorted order."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) != len(patients):
        raise TrainingError(f"{numbers.size} values for {len(patients)} patients", "Give one patient for each value")
    if not len(numbers):
        raise TrainingError("there is no value to average", "Evaluate at least one case")
    if not np.isfinite(numbers).all():
        raise TrainingError("a value is not finite", "Leave undefined metrics out")
    names, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    return np.bincount(index, numbers, len(names)), np.bincount(index, minlength=len(names)).astype(np.float64)


def _weigh(sums: np.ndarray, counts: np.ndarray, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Return numerator and denominator of the average for each patient."""
    if unit == "patient":
        return sums / counts, np.ones_like(counts)
    return sums, counts


def _resampled(numerator: np.ndarray, denominator: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return (resamples,) averages over patients drawn with replacement."""
    generator = np.random.default_rng(seed)
    n = len(denominator)
    averages = []
    for start in range(0, resamples, BATCH):
        drawn = generator.integers(0, n, size=(min(BATCH, resamples - start), n))
        averages.append(numerator[drawn].sum(axis=1) / denominator[drawn].sum(axis=1))
    return np.concatenate(averages)


def _percentiles(samples: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_mean(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    unit: Unit = "patient",
) -> Estimate:
    """Average of per-run values with a percentile interval, patients resampled.

    Parameters
    ----------
    values
        (N,) finite numbers, one a run (or lesion, or frame).
    patients
        (N,) patient of each value.
    seed, resamples, level
        Of the bootstrap.
    unit
        ``patient``: the mean over patients of each patient's mean; ``run``: the mean over all values.
        Either way whole patients are drawn.

    Returns
    -------
    Estimate
        The result does not depend on the order of the values.

    Raises
    ------
    TrainingError
        Without values, or where one is not finite.
    """
    numerator, denominator = _weigh(*_clusters(values, patients), unit)
    n = len(denominator)
    value = float(numerator.sum() / denominator.sum())
    low, high = _percentiles(_resampled(numerator, denominator, resamples, seed), level) if n > 1 else (None, None)
    return Estimate(value, low, high, n, len(values))


def paired_bootstrap(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    patients: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    unit: Unit = "patient",
) -> Difference:
    """Difference of two models' averages on the same runs, patients resampled.

    p is two-sided: twice the smaller share of resamples on either side of 0, each counted with the
    observed one, so that it is never 0 (Davison and Hinkley 1997, section 4.2).

    Parameters
    ----------
    first, second
        (N,) value of each model on the same N runs; the rest is as in :func:`bootstrap_mean`.

    Returns
    -------
    Difference
        Interval and p are None where there is but one patient.
    """
    if len(first) != len(second):
        raise TrainingError(f"{len(first)} values against {len(second)}", "Compare both models on the same runs")
    delta = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    numerator, denominator = _weigh(*_clusters(delta, patients), unit)
    n = len(denominator)
    means = [bootstrap_mean(each, patients, resamples=1, unit=unit).value for each in (first, second)]
    value = float(numerator.sum() / denominator.sum())
    if n == 1:
        return Difference(means[0], means[1], value, None, None, None, n, len(delta))
    samples = _resampled(numerator, denominator, resamples, seed)
    tail = min(np.count_nonzero(samples <= 0), np.count_nonzero(samples >= 0))
    p = min(1.0, 2.0 * (1 + tail) / (resamples + 1))
    low, high = _percentiles(samples, level)
    return Difference(means[0], means[1], value, low, high, p, n, len(delta))


def bootstrap_statistic(
    statistic: Callable[[np.ndarray], float],
    count: int,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Estimate:
    """Any figure of ``count`` patients, one row each, with a percentile interval.

    ``statistic`` makes a number of (n,) row indices; resamples where it gives nan are left out.
    """
    generator = np.random.default_rng(seed)
    value = float(statistic(np.arange(count)))
    samples = np.array([statistic(generator.integers(0, count, count)) for _ in range(resamples)])
    samples = samples[np.isfinite(samples)]
    low, high = _percentiles(samples, level) if count > 1 and len(samples) else (None, None)
    return Estimate(value, low, high, count, count)


def _split(scores: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray) -> np.ndarray:
    numbers, labels = np.asarray(scores, dtype=np.float64), np.asarray(positive).astype(bool)
    if numbers.shape != labels.shape or numbers.ndim != 1:
        raise TrainingError(f"{numbers.size} scores for {labels.size} labels", "Give one score for each patient")
    if not np.isfinite(numbers).all():
        raise TrainingError("a score is not finite", "Leave patients without a score out")
    if labels.all() or not labels.any():
        raise TrainingError("all patients have one outcome", "An ROC curve needs both outcomes")
    return labels


def _placements(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of negatives below each positive, and of positives above each negative; ties count half."""
    positives, negatives = scores[labels], scores[~labels]
    down, up = np.sort(negatives), np.sort(positives)
    below = np.searchsorted(down, positives, "left") + np.searchsorted(down, positives, "right")
    above = 2 * len(up) - np.searchsorted(up, negatives, "left") - np.searchsorted(up, negatives, "right")
    return below / (2.0 * len(down)), above / (2.0 * len(up))


def auc(scores: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray) -> float:
    """Area under the ROC curve of a score (Mann-Whitney; ties count half), 0-1.

    ``scores`` (N,) are finite and higher for the positive class; of ``positive`` (N,) both classes must occur.
    """
    labels = _split(scores, positive)
    return float(_placements(np.asarray(scores, dtype=np.float64), labels)[0].mean())


def delong_covariance(scores: np.ndarray, positive: Sequence[bool] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of several scores on the same patients, and their covariance.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837-845; equal to R's pROC.

    Parameters
    ----------
    scores
        (M, N): M scores of N patients.
    positive
        (N,) labels, at least two patients of each class.

    Returns
    -------
    areas, covariance
        (M,) and (M, M).
    """
    rows = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    for row in rows:
        labels = _split(row, positive)
    m, n = int(labels.sum()), int((~labels).sum())
    if min(m, n) < 2:
        raise TrainingError(f"there are {m} positive and {n} negative patients", "DeLong needs two of each")
    placements = [_placements(row, labels) for row in rows]
    of_positives = np.stack([pair[0] for pair in placements])
    of_negatives = np.stack([pair[1] for pair in placements])
    covariance = np.atleast_2d(np.cov(of_positives)) / m + np.atleast_2d(np.cov(of_negatives)) / n
    return of_positives.mean(axis=1), covariance


def delong_auc(
    scores: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray, *, level: float = 0.95
) -> Estimate:
    """AUC of a score with DeLong's interval, cut at 0 and 1; a row is a patient."""
    areas, covariance = delong_covariance(np.asarray(scores, dtype=np.float64), positive)
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(covariance[0, 0])
    value = float(areas[0])
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), len(scores), len(scores))


def delong_test(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    positive: Sequence[bool] | np.ndarray,
    *,
    level: float = 0.95,
) -> Difference:
    """DeLong's test of two scores on the same patients; p two-sided, None without variance; the interval ends at ±1."""
    if len(first) != len(second):
        raise TrainingError(f"{len(first)} scores against {len(second)}", "Compare both on the same patients")
    areas, covariance = delong_covariance(np.stack([first, second]), positive)
    value = float(areas[0] - areas[1])
    # Rounding may leave a variance of about -1e-19 where both scores rank alike.
    variance = max(0.0, float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    if variance < 1e-15:
        p = 1.0 if abs(value) < 1e-12 else None
        return Difference(float(areas[0]), float(areas[1]), value, None, None, p, len(first), len(first))
    error = math.sqrt(variance)
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    p = math.erfc(abs(value) / error / math.sqrt(2.0))
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Difference(float(areas[0]), float(areas[1]), value, low, high, p, len(first), len(first))
