"""Promises of evaluation.calibration: the figures of an independent fit, and of known truths."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.calibration import brier_score, calibrate


def cohort(slope: float, intercept: float, n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    logits = generator.normal(0.3, 1.5, n)
    truth = 1 / (1 + np.exp(-(intercept + slope * logits)))
    return 1 / (1 + np.exp(-logits)), generator.random(n) < truth


def test_calibration_equals_an_independent_maximum_likelihood_fit():
    from scipy.optimize import minimize

    p, y = cohort(0.7, -0.4, n=300)
    z = np.log(p / (1 - p))

    def loss(w, free=True):
        t = w[0] + (w[1] if free else 1.0) * z
        return np.sum(np.logaddexp(0, t) - y * t)

    both = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    large = minimize(loss, [0.0], args=(False,), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    result = calibrate(p, y)
    assert result.intercept == pytest.approx(both[0], abs=1e-6)
    assert result.slope == pytest.approx(both[1], abs=1e-6)
    assert result.in_the_large == pytest.approx(large[0], abs=1e-6)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.8), (1.6, -0.5)])
def test_calibration_finds_how_the_probabilities_were_bent(slope, intercept):
    result = calibrate(*cohort(slope, intercept))
    assert result.slope == pytest.approx(slope, abs=0.12)
    assert result.intercept == pytest.approx(intercept, abs=0.12)


def test_brier_score_is_the_mean_squared_error():
    assert brier_score([0.9, 0.2, 0.5], [1, 0, 1]) == pytest.approx((0.01 + 0.04 + 0.25) / 3)
    result = calibrate([0.9, 0.2, 0.5, 0.6], [1, 0, 1, 0])
    assert result.brier == pytest.approx((0.01 + 0.04 + 0.25 + 0.36) / 4)
    assert (result.brier_of_prevalence, result.prevalence) == (0.25, 0.5)
    assert result.mean_probability == pytest.approx(0.55)
    assert calibrate([0.1, 0.2, 0.3, 0.6], [1, 0, 0, 0]).brier_of_prevalence == pytest.approx(3 / 16)


def test_curve_groups_patients_by_predicted_probability():
    curve = calibrate([0.8, 0.1, 0.3, 0.6, 0.2], [1, 0, 1, 0, 0], bins=2).curve
    assert curve == ((pytest.approx(0.2), pytest.approx(1 / 3), 3), (pytest.approx(0.7), pytest.approx(0.5), 2))
    assert len(calibrate(*cohort(1, 0, n=100)).curve) == 10
    assert len(calibrate([0.8, 0.1, 0.3], [1, 0, 1]).curve) == 3


def test_separated_outcomes_have_no_slope():
    result = calibrate([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert (result.slope, result.intercept) == (None, None)
    assert result.in_the_large == pytest.approx(0.0, abs=1e-9)
    alone = calibrate([0.4, 0.6], [1, 1])
    assert (alone.slope, alone.in_the_large, alone.prevalence) == (None, None, 1.0)
    assert calibrate([0.4, 0.6], [0, 0]).in_the_large is None
    constant = calibrate([0.5, 0.5, 0.5], [1, 0, 1])
    assert constant.slope is None
    assert constant.in_the_large == pytest.approx(np.log(2))


def test_certain_probabilities_do_not_break_the_fit():
    result = calibrate([0.0, 1.0, 1.0, 0.0, 0.5], [0, 1, 0, 1, 1])
    assert result.slope is not None
    assert np.isfinite([result.slope, result.intercept, result.in_the_large]).all()
    assert result.brier == pytest.approx((1 + 1 + 0.25) / 5)


def test_far_off_probabilities_are_still_fitted():
    # Newton's first step from 0 overshoots here and must be halved.
    p = np.array([1e-5, 2e-5, 0.99999, 0.99998, 0.99999, 1e-5, 1e-4])
    y = np.array([1, 1, 1, 1, 0, 0, 1], bool)
    result = calibrate(p, y)
    logits = np.log(p / (1 - p))
    for slope in (result.slope - 1e-3, result.slope + 1e-3):
        worse = np.logaddexp(0, result.intercept + slope * logits) - y * (result.intercept + slope * logits)
        best = np.logaddexp(0, result.intercept + result.slope * logits) - y * (
            result.intercept + result.slope * logits
        )
        assert best.sum() < worse.sum()
    assert np.mean(1 / (1 + np.exp(-(result.in_the_large + logits)))) == pytest.approx(y.mean())


def test_what_is_no_probability_is_refused():
    for bad in ([1.2, 0.1], [-0.1, 0.3], [float("nan"), 0.3]):
        with pytest.raises(TrainingError, match="outside 0-1"):
            brier_score(bad, [1, 0])
    with pytest.raises(TrainingError, match="1 probabilities for 2"):
        calibrate([0.1], [0, 1])
    with pytest.raises(TrainingError, match="0 probabilities"):
        calibrate([], [])
