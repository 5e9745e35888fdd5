"""How far a predicted probability may be believed: Brier score, calibration slope, intercept and curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError

CLIP = 1e-6
STEPS = 100
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Calibration:
    """Agreement of probabilities with outcomes.

    Parameters
    ----------
    brier
        Mean squared error of the probability, 0 best; ``brier_of_prevalence`` is that of a constant.
    slope, intercept
        Of logit(outcome) on logit(probability): 1 and 0 are perfect; a slope below 1 is overconfident.
        None where the outcomes are separated, so that the fit does not exist.
    in_the_large
        Intercept with the slope held at 1: above 0, outcomes are commoner than predicted.
    prevalence, mean_probability
        Observed and predicted share of the positive class, 0-1.
    curve
        Rows of (mean probability, observed share, patients), by quantile.
    """

    brier: float
    brier_of_prevalence: float
    slope: float | None
    intercept: float | None
    in_the_large: float | None
    prevalence: float
    mean_probability: float
    curve: tuple[tuple[float, float, int], ...]


def brier_score(probabilities: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray) -> float:
    """Mean squared difference of probability and outcome, 0-1 (Brier 1950)."""
    p, y = _checked(probabilities, positive)
    return float(np.mean((p - y) ** 2))


def calibrate(
    probabilities: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray, bins: int = 10
) -> Calibration:
    """Measure the calibration of (N,) probabilities of the positive class against (N,) outcomes.

    Source of slope and intercept: Cox 1958, logistic recalibration by maximum likelihood.

    Raises
    ------
    TrainingError
        Without patients, or where a probability lies outside 0-1.
    """
    p, y = _checked(probabilities, positive)
    clipped = np.clip(p, CLIP, 1 - CLIP)
    logits = np.log(clipped / (1 - clipped))
    both = _fit_logistic(np.column_stack([np.ones_like(logits), logits]), y, np.zeros_like(logits))
    large = _fit_logistic(np.ones((len(y), 1)), y, logits)
    share = float(y.mean())
    return Calibration(
        brier=float(np.mean((p - y) ** 2)),
        brier_of_prevalence=share * (1 - share),
        slope=None if both is None else float(both[1]),
        intercept=None if both is None else float(both[0]),
        in_the_large=None if large is None else float(large[0]),
        prevalence=share,
        mean_probability=float(p.mean()),
        curve=_curve(p, y, bins),
    )


def _checked(
    probabilities: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(positive).astype(bool).astype(np.float64)
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise TrainingError(f"{p.size} probabilities for {y.size} outcomes", "Give one probability for each patient")
    if not ((p >= 0) & (p <= 1)).all():
        raise TrainingError("a probability lies outside 0-1", "Give probabilities, not scores")
    return p, y


def _fit_logistic(design: np.ndarray, y: np.ndarray, offset: np.ndarray) -> np.ndarray | None:
    """Fit a logistic regression by damped Newton steps; None where it has no finite solution."""
    if y.all() or not y.any():
        return None
    weights = np.zeros(design.shape[1])
    loss = _loss(design @ weights + offset, y)
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-(design @ weights + offset)))
        hessian = (design * (p * (1 - p))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e12:
            return None
        step = np.linalg.solve(hessian, design.T @ (y - p))
        new = _loss(design @ (weights + step) + offset, y)
        while new > loss + TOLERANCE and np.abs(step).max() > TOLERANCE:
            step = step / 2
            new = _loss(design @ (weights + step) + offset, y)
        weights, loss = weights + step, new
        if np.abs(step).max() < 1e-9:
            return weights
    return None


def _loss(z: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0.0, z) - y * z))


def _curve(p: np.ndarray, y: np.ndarray, bins: int) -> tuple[tuple[float, float, int], ...]:
    # Stable, so that equal probabilities keep the patients' order and the curve is the same on every machine.
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    return tuple((float(p[part].mean()), float(y[part].mean()), len(part)) for part in parts)
