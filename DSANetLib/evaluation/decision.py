"""Decision curves: the net benefit of treating by a predicted probability (Vickers and Elkin 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from .pooling import InputScores, pool
from .study import Study
from .table import Cell, Column, Table

THRESHOLDS = tuple(round(0.01 * i, 2) for i in range(1, 100))
SHOWN = (0.3, 0.5, 0.7)


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of treating those whose probability of RESPONDER reaches a threshold.

    Parameters
    ----------
    group, input
        Cohort, and the input with its masks.
    thresholds
        Probabilities in (0, 1).
    net_benefit, treat_all
        True positives less weighted false positives, per patient, of the model (the mean over seeds) and of treating
        everyone; treating no one has 0.
    """

    group: str
    input: str
    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    treat_all: tuple[float, ...]


def net_benefit(
    probabilities: Sequence[float] | np.ndarray, positive: Sequence[bool] | np.ndarray, thresholds: Sequence[float]
) -> np.ndarray:
    """Net benefit of treating where the probability reaches a threshold.

    TP / n − FP / n · t / (1 − t), after Vickers and Elkin, Med Decis Making 2006;26:565-574.

    Parameters
    ----------
    probabilities
        (N,) 0-1, of the class that gains by treatment.
    positive
        (N,) which patients are of that class.
    thresholds
        (T,) above 0 and below 1.

    Returns
    -------
    (T,) float64
        Per patient, at most the prevalence.

    Raises
    ------
    TrainingError
        Where lengths differ, there is no patient, or a threshold or a probability is out of range.
    """
    p, y, t = (np.asarray(values, dtype=np.float64) for values in (probabilities, positive, thresholds))
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise TrainingError(f"{p.size} probabilities for {y.size} outcomes", "Give one probability for each patient")
    if not ((p >= 0) & (p <= 1)).all() or not ((t > 0) & (t < 1)).all():
        raise TrainingError("a probability or threshold is out of range", "Give probabilities 0-1, thresholds between")
    treated = p[None, :] >= t[:, None]
    return np.asarray((treated @ y - (treated @ (1 - y)) * t / (1 - t)) / len(p))


def decision_curves(study: Study) -> tuple[DecisionCurve, ...]:
    """Return the curve of every input and cohort; those with one outcome too, where treating all or none is best."""
    curves = []
    for scores in pool(study).inputs:
        benefit = tuple(float(v) for v in _mean_benefit(scores, THRESHOLDS))
        everyone = net_benefit(np.ones(len(scores.patients)), scores.responder, THRESHOLDS)
        curves.append(DecisionCurve(scores.group, scores.label, THRESHOLDS, benefit, tuple(map(float, everyone))))
    return tuple(curves)


def _mean_benefit(scores: InputScores, thresholds: Sequence[float]) -> np.ndarray:
    return np.mean([net_benefit(row, scores.responder, thresholds) for row in scores.scores], axis=0)


def decision_table(study: Study) -> Table:
    """Return the net benefit of every input at a few thresholds, beside that of treating everyone."""
    columns = (
        Column("group"),
        Column("input"),
        Column("masks"),
        Column("patients", "count"),
        *(Column(f"{name} at {t:.0%}", "fraction") for t in SHOWN for name in ("net benefit", "treat all")),
    )
    pooled = pool(study)
    rows: list[tuple[Cell, ...]] = []
    for scores in pooled.inputs:
        benefit = _mean_benefit(scores, SHOWN)
        everyone = net_benefit(np.ones(len(scores.patients)), scores.responder, SHOWN)
        cells = [float(value) for pair in zip(benefit, everyone, strict=True) for value in pair]
        rows.append((scores.group, scores.input, scores.masks, len(scores.patients), *cells))
    note = (
        "Treat where the probability of responder reaches the threshold: true positives per patient less false "
        "positives weighted by t / (1 − t) (Vickers and Elkin 2006). Means over seeds; treating no one has 0."
    )
    return Table("Net benefit", columns, tuple(rows), pooled.note(note if rows else "No patient has a probability."))
