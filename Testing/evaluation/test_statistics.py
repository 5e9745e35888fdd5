"""Promises of evaluation.statistics: patients are resampled, DeLong is DeLong."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.statistics import (
    auc,
    bootstrap_mean,
    bootstrap_statistic,
    delong_auc,
    delong_covariance,
    delong_test,
    paired_bootstrap,
)


def two_scores(seed: int = 3, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.random(n) < 0.4
    shared = generator.normal(size=n) + labels
    first = np.round(shared + 0.4 * generator.normal(size=n), 1)  # rounded, so that ties occur
    second = np.round(shared + 1.2 * generator.normal(size=n), 1)
    return first, second, labels


def kernel(x: float, y: float) -> float:
    return 1.0 if x > y else 0.5 if x == y else 0.0


def brute_delong(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's formulas written out pair by pair."""
    x, y = scores[:, labels], scores[:, ~labels]
    v10 = np.array([[np.mean([kernel(a, b) for b in y[r]]) for a in x[r]] for r in range(len(scores))])
    v01 = np.array([[np.mean([kernel(a, b) for a in x[r]]) for b in y[r]] for r in range(len(scores))])
    areas = v10.mean(axis=1)
    s10 = (v10 - areas[:, None]) @ (v10 - areas[:, None]).T / (v10.shape[1] - 1)
    s01 = (v01 - areas[:, None]) @ (v01 - areas[:, None]).T / (v01.shape[1] - 1)
    return areas, s10 / v10.shape[1] + s01 / v01.shape[1]


def test_delong_equals_proc_on_the_published_wfns_table():
    # WFNS grade 1-5 against outcome of 113 patients: Turck et al., Intensive Care Med 2010;36:107-115.
    # AUC 0.8237 and variance 0.00146991470882363 are what R's pROC 1.19 gives (its own test suite).
    good, poor = (37, 20, 3, 8, 4), (2, 12, 1, 8, 18)
    grades = np.repeat(np.tile(np.arange(1, 6), 2), good + poor)
    labels = np.repeat([False, True], [sum(good), sum(poor)])
    areas, covariance = delong_covariance(grades, labels)
    assert areas[0] == pytest.approx(0.8236788617886179, abs=1e-12)
    assert covariance[0, 0] == pytest.approx(0.00146991470882363, abs=1e-14)
    estimate = delong_auc(grades, labels)
    half = 1.959963984540054 * math.sqrt(0.00146991470882363)
    assert (estimate.low, estimate.high) == pytest.approx((0.8236788617886179 - half, 0.8236788617886179 + half))
    assert (estimate.patients, estimate.count) == (113, 113)


@pytest.mark.parametrize("seed", range(4))
def test_delong_equals_its_formulas_written_out(seed):
    first, second, labels = two_scores(seed)
    areas, covariance = brute_delong(np.stack([first, second]), labels)
    ours, our_covariance = delong_covariance(np.stack([first, second]), labels)
    assert ours == pytest.approx(areas, abs=1e-12)
    assert our_covariance == pytest.approx(covariance, abs=1e-12)
    assert auc(first, labels) == pytest.approx(areas[0], abs=1e-12)
    test = delong_test(first, second, labels)
    error = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = (areas[0] - areas[1]) / error
    assert (test.first, test.second) == pytest.approx(tuple(areas))
    assert test.value == pytest.approx(areas[0] - areas[1])
    assert test.p == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))), abs=1e-9)
    assert (test.low, test.high) == pytest.approx(
        (test.value - 1.959963984540054 * error, test.value + 1.959963984540054 * error)
    )
    assert (test.patients, test.count) == (60, 60)


def test_delong_level_sets_the_width():
    first, second, labels = two_scores()
    narrow, wide = delong_auc(first, labels, level=0.5), delong_auc(first, labels, level=0.9)
    ratio = NormalDist().inv_cdf(0.95) / NormalDist().inv_cdf(0.75)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(ratio)
    narrow, wide = delong_test(first, second, labels, level=0.5), delong_test(first, second, labels, level=0.9)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(ratio)


def test_delong_test_is_antisymmetric_and_knows_equal_scores():
    first, second, labels = two_scores()
    one, other = delong_test(first, second, labels), delong_test(second, first, labels)
    assert one.value == -other.value
    assert one.p == pytest.approx(other.p)
    same = delong_test(first, 2 * first + 1, labels)
    assert (same.value, same.p, same.low, same.high) == (0.0, 1.0, None, None)


def test_delong_without_variance_has_no_p_value():
    labels = np.array([True, True, False, False])
    result = delong_test([3, 3, 1, 1], [0, 0, 0, 0], labels)
    assert (result.first, result.second, result.p) == (1.0, 0.5, None)


def test_delong_interval_stays_between_0_and_1():
    labels = np.array([True] * 3 + [False] * 3)
    high = delong_auc([5, 4, 2, 3, 1, 0], labels)
    assert high.value == pytest.approx(8 / 9)
    assert high.high == 1.0
    assert delong_auc([0, 1, 3, 2, 4, 5], labels).low == 0.0


def test_auc_counts_pairs_and_half_of_ties():
    assert auc([0.9, 0.8, 0.3], [True, False, False]) == 1.0
    assert auc([0.5, 0.5, 0.3, 0.7], [1, 0, 0, 0]) == pytest.approx(0.5)
    assert auc([0.1, 0.8, 0.8, 0.9], [1, 1, 0, 0]) == pytest.approx(0.5 / 4)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0]])
def test_one_outcome_has_no_roc_curve(labels):
    with pytest.raises(TrainingError, match="one outcome"):
        auc([1.0, 2.0, 3.0], labels)


def test_impossible_scores_are_refused():
    with pytest.raises(TrainingError, match="2 scores for 3 labels"):
        auc([1.0, 2.0], [1, 0, 1])
    with pytest.raises(TrainingError, match="not finite"):
        auc([1.0, float("nan")], [1, 0])
    with pytest.raises(TrainingError, match="1 positive and 2 negative"):
        delong_covariance(np.array([1.0, 2.0, 3.0]), [1, 0, 0])
    with pytest.raises(TrainingError, match="2 positive and 1 negative"):
        delong_covariance(np.array([1.0, 2.0, 3.0]), [1, 1, 0])
    delong_covariance(np.array([1.0, 2.0, 3.0, 4.0]), [1, 1, 0, 0])
    with pytest.raises(TrainingError, match="2 scores against 3"):
        delong_test([1, 2], [1, 2, 3], [0, 1, 1])


VALUES = [0.2, 0.4, 0.9, 0.5, 0.7]
PATIENTS = ["b", "b", "b", "a", "c"]


def brute_bootstrap(values, patients, unit, seed, resamples):
    names = sorted(set(patients))
    groups = [[v for v, p in zip(values, patients, strict=True) if p == name] for name in names]
    generator = np.random.default_rng(seed)
    averages = []
    for row in generator.integers(0, len(names), (resamples, len(names))):
        drawn = [groups[i] for i in row]
        pool = [np.mean(g) for g in drawn] if unit == "patient" else [v for g in drawn for v in g]
        averages.append(np.mean(pool))
    return np.array(averages)


@pytest.mark.parametrize(("unit", "value"), [("patient", (0.5 + 0.5 + 0.7) / 3), ("run", 0.54)])
def test_bootstrap_draws_whole_patients(unit, value):
    estimate = bootstrap_mean(VALUES, PATIENTS, seed=5, resamples=200, unit=unit)
    samples = brute_bootstrap(VALUES, PATIENTS, unit, 5, 200)
    assert estimate.value == pytest.approx(value)
    assert estimate.low == pytest.approx(np.quantile(samples, 0.025))
    assert estimate.high == pytest.approx(np.quantile(samples, 0.975))
    assert (estimate.patients, estimate.count) == (3, 5)
    half = bootstrap_mean(VALUES, PATIENTS, seed=5, resamples=200, level=0.5, unit=unit)
    assert (half.low, half.high) == pytest.approx(tuple(np.quantile(samples, [0.25, 0.75])))


def test_bootstrap_averages_over_patients_unless_told_otherwise():
    assert bootstrap_mean(VALUES, PATIENTS, resamples=10).value == pytest.approx(1.7 / 3)
    assert paired_bootstrap(VALUES, [0.0] * 5, PATIENTS, resamples=10).value == pytest.approx(1.7 / 3)


def test_bootstrap_depends_on_the_seed_alone():
    order = [4, 2, 0, 3, 1]
    again = bootstrap_mean([VALUES[i] for i in order], [PATIENTS[i] for i in order], seed=1)
    first = bootstrap_mean(VALUES, PATIENTS, seed=1)
    assert again.low == pytest.approx(first.low, abs=1e-12)
    assert again.high == pytest.approx(first.high, abs=1e-12)
    generator = np.random.default_rng(0)
    many, names = generator.normal(size=40), [f"p{i}" for i in range(40)]
    assert bootstrap_mean(many, names, seed=1) != bootstrap_mean(many, names, seed=2)
    assert bootstrap_mean(many, names) == bootstrap_mean(many, names, seed=0, resamples=2000, level=0.95)


def test_bootstrap_interval_is_that_of_the_normal_theory_for_many_patients():
    values = np.random.default_rng(0).normal(size=400)
    estimate = bootstrap_mean(values, [f"p{i}" for i in range(400)], seed=2)
    half = 1.96 * values.std() / 20
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.01)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.01)


def test_repeating_a_patients_frames_does_not_narrow_the_interval():
    generator = np.random.default_rng(1)
    values, names = generator.normal(size=30), [f"p{i}" for i in range(30)]
    once, thrice = bootstrap_mean(values, names), bootstrap_mean(np.repeat(values, 3), np.repeat(names, 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert (thrice.patients, thrice.count) == (30, 90)


def test_one_patient_has_no_interval():
    estimate = bootstrap_mean([0.3, 0.5], ["a", "a"])
    assert (estimate.value, estimate.low, estimate.high) == (0.4, None, None)
    difference = paired_bootstrap([0.3, 0.5], [0.1, 0.1], ["a", "a"])
    assert (difference.value, difference.low, difference.p) == (pytest.approx(0.3), None, None)
    assert (difference.first, difference.second) == pytest.approx((0.4, 0.1))


def test_values_that_cannot_be_averaged_are_refused():
    with pytest.raises(TrainingError, match="no value"):
        bootstrap_mean([], [])
    with pytest.raises(TrainingError, match="not finite"):
        bootstrap_mean([0.1, float("nan")], ["a", "b"])
    with pytest.raises(TrainingError, match="2 values for 1 patients"):
        bootstrap_mean([0.1, 0.2], ["a"])
    with pytest.raises(TrainingError, match="1 values against 2"):
        paired_bootstrap([0.1], [0.2, 0.3], ["a"])


@pytest.mark.parametrize(("unit", "value"), [("patient", (0.5 / 3 + 0.2) / 3), ("run", 0.14)])
def test_paired_bootstrap_resamples_the_differences(unit, value):
    result = paired_bootstrap(VALUES, [0.2, 0.2, 0.6, 0.4, 0.6], PATIENTS, seed=5, resamples=300, unit=unit)
    delta = [0.0, 0.2, 0.3, 0.1, 0.1]
    samples = brute_bootstrap(delta, PATIENTS, unit, 5, 300)
    assert result.value == pytest.approx(value)
    assert (result.low, result.high) == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])))
    assert result.first - result.second == pytest.approx(result.value)
    assert result.p == pytest.approx(2 / 301)
    assert (result.patients, result.count) == (3, 5)


def test_paired_bootstrap_p_is_the_smaller_tail_doubled():
    generator = np.random.default_rng(4)
    delta, names = generator.normal(0.25, 1.0, 50), [f"{i:03d}" for i in range(50)]
    samples = brute_bootstrap(delta, names, "patient", 7, 1000)
    expected = 2 * (1 + np.count_nonzero(samples <= 0)) / 1001
    assert 0.01 < expected < 0.5
    assert paired_bootstrap(delta, np.zeros(50), names, seed=7, resamples=1000).p == pytest.approx(expected)
    assert paired_bootstrap(np.zeros(50), delta, names, seed=7, resamples=1000).p == pytest.approx(expected)
    assert paired_bootstrap(delta, delta, names).p == 1.0


def test_paired_bootstrap_rejects_true_nulls_at_its_level():
    generator = np.random.default_rng(11)
    names = [f"{i:03d}" for i in range(40)]
    rejected = sum(
        paired_bootstrap(generator.normal(size=40), np.zeros(40), names, seed=i, resamples=300).p < 0.1
        for i in range(200)
    )
    assert 8 <= rejected <= 38  # about 20 of 200


def test_bootstrap_of_any_statistic():
    values = np.random.default_rng(0).normal(size=50)
    estimate = bootstrap_statistic(lambda rows: float(values[rows].mean()), 50, seed=3, resamples=400)
    generator = np.random.default_rng(3)
    samples = [values[generator.integers(0, 50, 50)].mean() for _ in range(400)]
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])))
    assert (estimate.patients, estimate.count) == (50, 50)
    assert bootstrap_statistic(lambda rows: float(len(rows)), 1).low is None
    gaps = bootstrap_statistic(lambda rows: float("nan") if 0 in rows else 2.0, 3, resamples=200)
    assert (gaps.low, gaps.high) == (2.0, 2.0)
