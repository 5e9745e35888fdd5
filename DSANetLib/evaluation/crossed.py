"""Bootstrap over trainings and patients at once, for figures of networks that were trained with several seeds.

A figure of one training says nothing of the next one, and a figure over frames nothing of the next patient. Both are
drawn here, crossed: every seed was measured on every patient. Of S seeds S - 1 are drawn with replacement, so that
the variance of a mean over so few is not underrated by (S - 1) / S (Rao and Wu, J Am Stat Assoc 1988;83:231-241);
one seed alone cannot be resampled, and then only patients are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import TrainingError
from .packages import study_package
from .statistics import RESAMPLES, Difference, Estimate

FEW = 10
"""Patients below which an interval of resampled patients is too narrow to be held to: see docs/statistics.md."""

Observation = tuple[int, str, float, float]
"""Seed, patient, numerator, denominator."""


@dataclass(frozen=True, eq=False)
class Ratios:
    """A figure that is a ratio of sums over patients, measured by S trainings.

    Parameters
    ----------
    numerators, denominators
        (S, P) finite; a denominator of 0 leaves the patient out.
    patients
        P identifiers, sorted.
    count
        Runs, lesions or patients behind one training's figure.
    """

    numerators: np.ndarray
    denominators: np.ndarray
    patients: tuple[str, ...]
    count: int

    @property
    def seeds(self) -> int:
        """Number of trainings."""
        return len(self.numerators)

    @property
    def value(self) -> float:
        """The ratio over all trainings; nan where there is nothing to divide by.

        Where all have the same denominators, as in a mean over patients, it is the mean of the trainings' own figures.
        """
        whole = float(self.denominators.sum())
        return float(self.numerators.sum()) / whole if whole else float("nan")

    def samples(self, draws: Draws) -> np.ndarray:
        """Return the (B,) values of the resamples; nan where those drawn have nothing to divide by."""
        parts = (draws.over_seeds(draws.weights @ sums.T) for sums in (self.numerators, self.denominators))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.divide(*parts))


@dataclass(frozen=True, eq=False)
class Draws:
    """Resamples of P patients and S trainings.

    Parameters
    ----------
    weights
        (B, P): how often each patient was drawn.
    seeds
        (B, S - 1) indices of trainings, (B, 1) zeros where there is one.
    """

    weights: np.ndarray
    seeds: np.ndarray

    def over_seeds(self, values: np.ndarray) -> np.ndarray:
        """Return the (B,) mean of (B, S) values over the trainings drawn."""
        return np.take_along_axis(values, self.seeds, axis=1).mean(axis=1)


def draw(patients: int, seeds: int, *, seed: int = 0, resamples: int = RESAMPLES, stream: int = 0) -> Draws:
    """Draw patients and trainings.

    Equal numbers and seeds draw the same patients, so that two networks are compared on the same; ``stream`` tells
    trainings of different networks apart, which have nothing in common but a number.
    """
    generator = np.random.default_rng((seed, 1, stream))
    drawn = generator.integers(0, seeds, (resamples, max(1, seeds - 1)))
    return Draws(_patient_weights(patients, seed, resamples), drawn)


@lru_cache(maxsize=32)
def _patient_weights(patients: int, seed: int, resamples: int) -> np.ndarray:
    generator = np.random.default_rng((seed, 0))
    weights = generator.multinomial(patients, np.full(patients, 1.0 / patients), resamples).astype(np.float64)
    weights.setflags(write=False)
    return weights


def gather(observations: Iterable[Observation], *, average: bool = True) -> Ratios | None:
    """Arrange observations by seed and patient.

    Parameters
    ----------
    observations
        (seed, patient, numerator, denominator), any number a patient and seed, finite.
    average
        True: a patient counts once however many runs it has (the mean over its runs); False: sums, so that a patient
        with more lesions weighs more.

    Returns
    -------
    Ratios or None
        None without observations.
    """
    rows = list(observations)
    if not rows:
        return None
    seeds = {seed: i for i, seed in enumerate(sorted({row[0] for row in rows}))}
    patients = {name: i for i, name in enumerate(sorted({row[1] for row in rows}))}
    sums = np.zeros((2, len(seeds), len(patients)))
    for seed, patient, numerator, denominator in rows:
        sums[:, seeds[seed], patients[patient]] += numerator, denominator
    if not np.isfinite(sums).all():
        raise TrainingError("a value is not finite", "Leave undefined metrics out")
    if average:
        there = sums[1] > 0
        sums[0] = np.divide(sums[0], sums[1], out=np.zeros_like(sums[0]), where=there)
        sums[1] = there
    return Ratios(sums[0], sums[1], tuple(patients), round(len(rows) / len(seeds)))


def percentiles(samples: np.ndarray, level: float = 0.95) -> tuple[float | None, float | None]:
    """Return the interval of (B,) samples; None twice where none is finite."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimate(figure: Ratios | None, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate | None:
    """Return a figure with its interval over seeds and patients; None where it is undefined."""
    if figure is None or not np.isfinite(figure.value):
        return None
    patients = len(figure.patients)
    low, high = None, None
    if patients > 1:
        low, high = percentiles(figure.samples(draw(patients, figure.seeds, seed=seed, resamples=resamples)))
    return Estimate(figure.value, low, high, patients, figure.count)


def difference(first: Ratios, second: Ratios, *, seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """Return ``first`` minus ``second``, paired over the same patients; trainings are drawn for each of its own.

    Raises
    ------
    TrainingError
        Where the patients differ.
    """
    if first.patients != second.patients:
        raise TrainingError("the two models were measured on different patients", "Compare them on common ones")
    n = len(first.patients)
    samples = np.array([])
    if n > 1:
        one = draw(n, first.seeds, seed=seed, resamples=resamples)
        other = draw(n, second.seeds, seed=seed, resamples=resamples, stream=1)
        samples = first.samples(one) - second.samples(other)
    return from_samples(first.value, second.value, samples, n, first.count)


def losses_compared(
    first: tuple[Ratios, Ratios], second: tuple[Ratios, Ratios], *, seed: int = 0, resamples: int = RESAMPLES
) -> Difference:
    """Return what ``first`` loses from one cohort to another, minus what ``second`` loses; positive: it loses more.

    Parameters
    ----------
    first, second
        A network at home and elsewhere; at home, and elsewhere, both on the same patients.

    Raises
    ------
    TrainingError
        Where the patients of a cohort differ.
    """
    sums = [np.zeros(resamples), np.zeros(resamples)]
    for place, (sign, one, other) in enumerate(((1, first[0], second[0]), (-1, first[1], second[1]))):
        if one.patients != other.patients:
            raise TrainingError("the two models were measured on different patients", "Compare them on common ones")
        for stream, figure in enumerate((one, other)):
            trainings = draw(1, figure.seeds, seed=seed, resamples=resamples, stream=stream).seeds
            # The trainings drawn are the same in both cohorts, the patients have nothing to do with each other.
            patients = draw(len(figure.patients), 1, seed=seed + place, resamples=resamples).weights
            sums[stream] += sign * figure.samples(Draws(patients, trainings))
    ours, theirs = (at_home.value - elsewhere.value for at_home, elsewhere in (first, second))
    count = len(first[1].patients)
    few = min(len(figure.patients) for figure in first) < 2
    return from_samples(ours, theirs, np.array([]) if few else sums[0] - sums[1], count, first[1].count)


def from_samples(first: float, second: float, samples: np.ndarray, patients: int, count: int) -> Difference:
    """Return a difference from its resamples; p is two-sided as in :func:`statistics.paired_bootstrap`."""
    finite = samples[np.isfinite(samples)]
    p = None
    if len(finite):
        tail = min(np.count_nonzero(finite <= 0), np.count_nonzero(finite >= 0))
        p = min(1.0, 2.0 * (1 + int(tail)) / (len(finite) + 1))
    return Difference(first, second, first - second, *percentiles(samples), p, patients, count)


def few_note(patients: Iterable[int]) -> str:
    """Return the sentence that belongs below comparisons on so many patients each; empty where all have enough."""
    if not any(0 < count < FEW for count in patients):
        return ""
    return (
        f" On fewer than {FEW} patients intervals are too narrow and p too small: of 400 simulated pairs of equally "
        "good networks p < 0.01 came in 10 % with 5 patients. No such row says that one is better."
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p values for several comparisons (Holm, Scand J Stat 1979;6:65-70); undefined ones stay None.

    Raises
    ------
    DependencyError
        Without statsmodels.
    """
    known = [p for p in p_values if p is not None]
    if not known:
        return [None] * len(p_values)
    tests = study_package("statsmodels.stats.multitest")
    corrected = iter(tests.multipletests(known, method="holm")[1])
    return [None if p is None else float(next(corrected)) for p in p_values]
