"""Calibration of every input of a study, as tables and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calibration import Calibration, calibrate
from .pooling import InputScores, pool
from .study import Study
from .table import Cell, Column, Table


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
        "A dash where the outcomes are of one class or fully separated, so that the fit does not exist."
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
        return None if None in values else float(np.mean(values))

    names = ("brier", "brier_of_prevalence", "slope", "intercept", "in_the_large", "mean_probability", "prevalence")
    return (scores.group, scores.input, scores.masks, len(scores.patients), *(mean(name) for name in names))


def calibration_curves(study: Study) -> tuple[CalibrationCurve, ...]:
    """Return the curve of every input and cohort."""
    return tuple(CalibrationCurve(s.group, s.label, _all_seeds(s).curve) for s in pool(study).inputs)


def _all_seeds(scores: InputScores) -> Calibration:
    return calibrate(scores.scores.ravel(), np.tile(scores.responder, scores.seeds))
