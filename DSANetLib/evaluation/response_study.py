"""Table 3: the inputs of model 2 by cohort, score AUC beside the hard label, and their ROC curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .crossed import draw, percentiles
from .labels import area_samples, figures_of_scores
from .packages import study_package
from .pooling import InputScores, pool
from .statistics import Estimate, auc, delong_auc
from .study import Study
from .table import Cell, Column, Table

NOTHING = "No patient has a predicted response."
GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class RocCurve:
    """ROC curve of one input in one cohort; the NON-RESPONDER is positive.

    Parameters
    ----------
    group, input
        Cohort (``test``, ``external``), and the input with its masks, such as ``film+mask [predicted]``.
    false_positive, true_positive
        Shares, 0-1, from (0, 0) to (1, 1), of equal length. With several seeds the mean of their curves at equal
        false-positive shares (vertical averaging, Fawcett 2006).
    area
        Score AUC, 0-1: the mean over seeds.
    """

    group: str
    input: str
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    area: float


def score_auc(scores: InputScores, *, seed: int = 0) -> Estimate | None:
    """Score AUC of one input, the mean over seeds.

    Returns
    -------
    Estimate or None
        With DeLong's interval for one seed, else from 2,000 resamples of seeds and patients. None with one class
        only; without an interval where there are not two patients of either class.
    """
    if scores.problem:
        return None
    n = len(scores.patients)
    responders = int(scores.responder.sum())
    value = float(np.mean([auc(row, scores.responder) for row in scores.scores]))
    if min(responders, n - responders) < 2:
        return Estimate(value, None, None, n, n)
    if scores.seeds == 1:
        return delong_auc(scores.scores[0], scores.responder)
    samples = area_samples(scores, draw(n, scores.seeds, seed=seed))
    return Estimate(value, *percentiles(samples), n, n)


def table3(study: Study) -> Table:
    """Return a row a cohort and input of model 2, the NON-RESPONDER positive as in the paper."""
    columns = (
        Column("group"),
        Column("input"),
        Column("masks"),
        Column("seeds", "count"),
        Column("patients", "count"),
        Column("responders", "count"),
        Column("score AUC", "fraction"),
        Column("AUC (balanced accuracy)", "fraction"),
        Column("accuracy %", "percent"),
        Column("sensitivity %", "percent"),
        Column("specificity %", "percent"),
        Column("PPV %", "percent"),
        Column("NPV %", "percent"),
    )
    pooled = pool(study)
    rows: list[tuple[Cell, ...]] = []
    for scores in pooled.inputs:
        f = figures_of_scores(scores)
        who = (scores.group, scores.input, scores.masks, scores.seeds, len(scores.patients))
        hard = (f.balanced_accuracy, f.accuracy, f.sensitivity, f.specificity, f.ppv, f.npv)
        rows.append((*who, int(scores.responder.sum()), score_auc(scores), *hard))
    note = (
        "One probability a patient. Positive: non-responder, as in the paper. The score AUC is the area under the ROC "
        "curve of the probability; the balanced accuracy of the hard label is what the paper prints as 'AUC', and is "
        "not to be set beside it. Means over seeds; 95 % intervals from 2,000 resamples of seeds and patients, of the "
        "score AUC after DeLong where there is one seed."
    )
    return Table("Table 3. Response by input", columns, tuple(rows), pooled.note(note if rows else NOTHING))


def roc_curves(study: Study) -> tuple[RocCurve, ...]:
    """Return the ROC curve of every input and cohort with both outcomes."""
    return tuple(_roc_curve(scores) for scores in pool(study).inputs if not scores.problem)


def _roc_curve(scores: InputScores) -> RocCurve:
    metrics = study_package("sklearn.metrics")
    area = float(np.mean([auc(row, scores.responder) for row in scores.scores]))
    curves = [metrics.roc_curve(~scores.responder, 1.0 - row)[:2] for row in scores.scores]
    if len(curves) == 1:
        false_positive, true_positive = curves[0]
    else:
        false_positive = np.concatenate([[0.0], GRID])
        upper = [[_height(GRID, *curve)] for curve in curves]
        true_positive = np.concatenate([[0.0], np.concatenate(upper).mean(axis=0)])
    points = [tuple(float(v) for v in each) for each in (false_positive, true_positive)]
    return RocCurve(scores.group, scores.label, points[0], points[1], area)


def _height(grid: np.ndarray, false_positive: np.ndarray, true_positive: np.ndarray) -> np.ndarray:
    """Return the upper end of the curve at each false-positive share."""
    last = np.searchsorted(false_positive, grid + 1e-12, side="right") - 1
    return np.maximum(true_positive[last], np.interp(grid, false_positive, true_positive))
