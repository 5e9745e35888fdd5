"""Promises of evaluation.crossed: trainings and patients are drawn, each with its own share of the variance."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import DependencyError, TrainingError
from DSANetLib.evaluation import packages
from DSANetLib.evaluation.crossed import Ratios, difference, draw, estimate, gather, holm, losses_compared
from DSANetLib.evaluation.statistics import bootstrap_mean


def table(values: np.ndarray) -> Ratios:
    names = tuple(f"p{i:03d}" for i in range(values.shape[1]))
    return Ratios(values, np.ones_like(values), names, values.shape[1])


def test_the_variance_is_that_of_patients_plus_that_of_few_seeds():
    """Seeds: s² / S, unbiased though S is 3 (all of S drawn would give two thirds of it); patients: s² / P."""
    generator = np.random.default_rng(0)
    seeds, patients = np.array([[-0.3], [0.1], [0.2]]), generator.normal(0, 1, (1, 80))
    patients -= patients.mean()
    figure = table(seeds + patients)
    samples = figure.samples(draw(80, 3, resamples=40_000))
    expected = seeds.var(ddof=1) / 3 + patients.var() / 80
    assert samples.mean() == pytest.approx(0.0, abs=0.005)
    assert samples.var() == pytest.approx(expected, rel=0.03)


def test_one_training_resamples_patients_alone_as_the_simple_bootstrap_does():
    values = np.random.default_rng(1).normal(0.7, 0.1, 50)
    found = estimate(table(values[None]), resamples=20_000)
    simple = bootstrap_mean(values, [str(i) for i in range(50)], resamples=20_000)
    assert found.value == pytest.approx(simple.value, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((simple.low, simple.high), abs=0.002)
    assert (found.patients, found.count) == (50, 50)


def test_a_shift_of_every_patient_is_certain_but_for_the_trainings():
    values = np.random.default_rng(2).normal(0.6, 0.2, (1, 40))
    paired = difference(table(values + 0.01), table(values))
    assert (paired.value, paired.low, paired.high) == pytest.approx((0.01, 0.01, 0.01), abs=1e-12)
    assert paired.p == pytest.approx(2 / 2001)
    two = np.concatenate([values + 0.03, values - 0.01])
    loose = difference(table(two), table(values))
    assert loose.value == pytest.approx(0.01)
    assert loose.low < 0 < loose.high
    assert loose.p > 0.5


def test_equal_networks_have_a_p_of_one_and_order_turns_the_sign():
    values = np.random.default_rng(3).normal(0.6, 0.2, (1, 30))
    assert difference(table(values), table(values)).p == 1.0
    other = values + np.random.default_rng(4).normal(0.02, 0.05, (1, 30))
    one, back = difference(table(values), table(other)), difference(table(other), table(values))
    assert one.value == -back.value
    assert one.p == pytest.approx(back.p)
    assert (one.low, one.high) == pytest.approx((-back.high, -back.low), abs=1e-9)


def test_runs_are_averaged_within_the_patient_and_lesions_are_not():
    rows = [(0, "a", 1.0, 1), (0, "a", 0.0, 1), (0, "b", 1.0, 1), (1, "a", 1.0, 1), (1, "b", 0.0, 1)]
    mean = gather(rows)
    assert mean.patients == ("a", "b")
    assert mean.numerators.tolist() == [[0.5, 1.0], [1.0, 0.0]]
    assert mean.value == pytest.approx((0.75 + 0.5) / 2)
    share = gather(rows, average=False)
    assert share.value == pytest.approx(3 / 5)
    assert gather([]) is None
    with pytest.raises(TrainingError, match="not finite"):
        gather([(0, "a", float("nan"), 1)])


def test_one_patient_has_no_interval_and_nothing_no_figure():
    alone = estimate(table(np.array([[0.4], [0.6]])))
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)
    assert estimate(None) is None
    assert estimate(Ratios(np.zeros((1, 2)), np.zeros((1, 2)), ("a", "b"), 0)) is None
    lonely = difference(table(np.array([[0.4]])), table(np.array([[0.5]])))
    assert (lonely.value, lonely.p, lonely.low) == (pytest.approx(-0.1), None, None)
    with pytest.raises(TrainingError, match="different patients"):
        difference(table(np.ones((1, 2))), table(np.ones((1, 3))))


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(5).normal(0.6, 0.2, (3, 30))
    assert estimate(table(values), seed=7) == estimate(table(values), seed=7)
    assert estimate(table(values), seed=7) != estimate(table(values), seed=8)


def test_holm_multiplies_by_what_is_left_and_never_falls():
    pytest.importorskip("statsmodels")
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([None, None]) == [None, None]
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_a_missing_package_is_named_with_its_remedy():
    with pytest.raises(DependencyError, match=r"need no_such_package\. pip install 'dsanet\[study\]'"):
        packages.study_package("no_such_package.part")


def test_the_variance_of_losses_compared_is_that_of_both_cohorts_patients_and_of_the_trainings():
    """What a training is better by in both cohorts falls out; patients of both cohorts and networks add up."""
    generator = np.random.default_rng(3)
    seeds = np.array([[-0.3], [0.1], [0.2]])
    homes = [generator.normal(0.6, 0.2, (1, 80)), generator.normal(0.7, 0.2, (1, 80))]
    away = [generator.normal(0.5, 0.3, (1, 50)), generator.normal(0.5, 0.3, (1, 50))]
    one, other = ((table(seeds + home), table(seeds + there)) for home, there in zip(homes, away, strict=True))
    found = losses_compared(one, other, resamples=20_000)
    lost = [float(home.mean() - there.mean()) for home, there in zip(homes, away, strict=True)]
    assert (found.first, found.second) == (pytest.approx(lost[0]), pytest.approx(lost[1]))
    assert (found.value, found.patients) == (pytest.approx(lost[0] - lost[1]), 50)
    deviation = np.sqrt((homes[0] - homes[1]).var() / 80 + (away[0] - away[1]).var() / 50)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.05)
    # A training that is better at home alone loses more there: its variance stays.
    uneven = losses_compared((table(seeds + homes[0]), table(away[0])), other, resamples=20_000)
    assert uneven.high - uneven.low > 1.5 * (found.high - found.low)


def test_losses_are_compared_on_common_patients_only():
    few, many = table(np.full((1, 4), 0.5)), table(np.full((1, 5), 0.5))
    with pytest.raises(TrainingError, match="different patients"):
        losses_compared((many, few), (many, many))
    alone = losses_compared((many, table(np.full((1, 1), 0.4))), (many, table(np.full((1, 1), 0.3))))
    assert (alone.value, alone.low, alone.p) == (pytest.approx(-0.1), None, None)
