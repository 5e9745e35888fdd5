"""Calibration of every input of a study, as tables and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .calibration import Calibration, calibrate
from .crossed import FEW
from .pooling import InputScores, pool
from .study import Study
from .table import Cell, Column, Table

SANE = 10.0
"""Slopes and intercepts beyond belong to outcomes that are all but separated: the fit runs away, and says nothing."""


@dataclass(frozen=True)
class CalibrationCurve:
    """Predicted against observed share of RESPONDERS, by quantile of the score.

    Parameters
    ----------
    group, input
        Cohort, and the input with its masks.
    points
        Rows of (mean probability, observed share, scores); several seeds are laid together, so that a patient counts
        once a seed.
    """

    group: str
    input: str
    points: tuple[tuple[float, float, int], ...]


def calibration_tables(study: Study) -> list[Table]:
    """Return a table a cohort: Brier, slope, intercept, calibration in the large, each the mean over seeds."""
    columns = (
        Column("group"),
        Column("input"),
        Column("masks"),
        Column("patients", "count"),
        Column("Brier", "fraction"),
        Column("Brier of the prevalence", "fraction"),
        Column("slope", "number"),
        Column("intercept", "number"),
        Column("calibration in the large", "number"),
        Column("mean probability", "fraction"),
        Column("responders", "fraction"),
    )
    pooled = pool(study)
    note = (
        "Probability of responder; means over seeds. Perfect: slope 1, intercepts 0; a slope below 1 is overconfident. "
        f"A dash, and no curve: too few patients (below {FEW}), one class alone, or outcomes that are fully or all but "
        "separated, so that there is no fit."
    )
    tables = []
    for group in dict.fromkeys(scores.group for scores in pooled.inputs):
        own = [scores for scores in pooled.inputs if scores.group == group]
        rows = tuple(_row(scores) for scores in own)
        sentences = " ".join(filter(None, (note, *pooled.sentences, *dict.fromkeys(scores.problem for scores in own))))
        tables.append(Table(f"Calibration, {group}", columns, rows, sentences))
    return tables


def _row(scores: InputScores) -> tuple[Cell, ...]:
    fits = [calibrate(row, scores.responder) for row in scores.scores]

    def mean(name: str) -> float | None:
        values = [getattr(fit, name) for fit in fits]
        fitted = name in ("slope", "intercept", "in_the_large")
        return None if None in values or (fitted and not _can_be_fitted(scores, fits)) else float(np.mean(values))

    names = ("brier", "brier_of_prevalence", "slope", "intercept", "in_the_large", "mean_probability", "prevalence")
    return (scores.group, scores.input, scores.masks, len(scores.patients), *(mean(name) for name in names))


def calibration_curves(study: Study) -> tuple[CalibrationCurve, ...]:
    """Return the curve of every input and cohort that has ten patients and a fit."""
    fitted = [(scores, _all_seeds(scores)) for scores in pool(study).inputs]
    return tuple(CalibrationCurve(s.group, s.label, fit.curve) for s, fit in fitted if _can_be_fitted(s, [fit]))


def _can_be_fitted(scores: InputScores, fits: Sequence[Calibration]) -> bool:
    """Return whether slope and intercepts mean anything: enough patients, and no fit that ran away."""
    found = [value for fit in fits for value in (fit.slope, fit.intercept, fit.in_the_large)]
    return len(scores.patients) >= FEW and all(value is not None and abs(value) <= SANE for value in found)


def _all_seeds(scores: InputScores) -> Calibration:
    return calibrate(scores.scores.ravel(), np.tile(scores.responder, scores.seeds))
