"""Figures of a hard label, with the positive class named and the interval over patients, not frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from .crossed import Draws, draw, percentiles
from .metrics import Counts
from .pooling import InputScores
from .statistics import RESAMPLES, Estimate

POSITIVE = "non-responder"
"""The class that the paper counts as positive: only that reproduces its PPV and NPV."""

FIGURES = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "balanced_accuracy")


@dataclass(frozen=True)
class LabelFigures:
    """Figures of one two-by-two table.

    Parameters
    ----------
    positive
        Name of the positive class.
    accuracy, sensitivity, specificity, ppv, npv
        Per cent; None where undefined (no patient of a class, nothing predicted).
    balanced_accuracy
        (Sensitivity + specificity) / 2, 0-1: what the paper prints as "AUC".
    """

    positive: str
    accuracy: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    npv: Estimate | None
    balanced_accuracy: Estimate | None


def figures_of_counts(
    counts: Counts, positive: str = POSITIVE, *, patients: int | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> LabelFigures:
    """Return the figures of a table of counts.

    Parameters
    ----------
    counts
        Patients, or frames, by truth and label.
    positive
        Name of the positive class.
    patients
        How many patients are behind the counts, where frames were counted: so many are resampled, as if the frames of
        a patient told one and the same. All that was counted by default.
    seed, resamples
        Of the bootstrap.

    Raises
    ------
    TrainingError
        Where nothing was counted, or ``patients`` is no number of 1 to all.
    """
    n = counts.total if patients is None else patients
    if not 1 <= n <= counts.total:
        raise TrainingError(f"{n} patients behind {counts.total} labels", "Give 1 to as many as were counted")
    cells = np.array([counts.tp, counts.fn, counts.tn, counts.fp], dtype=np.float64)
    drawn = np.random.default_rng(seed).multinomial(n, cells / cells.sum(), resamples)
    values, samples = _figures(cells[None]), _figures(drawn)
    return _assemble(positive, lambda name: _estimate(float(values[name][0]), samples[name], n, counts.total))


def figures_of_scores(scores: InputScores, *, seed: int = 0, resamples: int = RESAMPLES) -> LabelFigures:
    """Return the figures at the models' own thresholds: the mean over seeds, seeds and patients resampled.

    The NON-RESPONDER is positive.
    """
    n = len(scores.patients)
    positive, called = ~scores.responder, ~scores.called
    cells = np.stack([called & positive, ~called & positive, ~called & ~positive, called & ~positive], axis=-1)
    cells = cells.astype(np.float64)
    values = _figures(cells.sum(axis=1))
    draws = draw(n, scores.seeds, seed=seed, resamples=resamples)
    samples = _figures(np.einsum("bp,spc->bsc", draws.weights, cells))
    return _assemble(
        POSITIVE, lambda name: _estimate(float(np.mean(values[name])), draws.over_seeds(samples[name]), n, n)
    )


def area_samples(scores: InputScores, draws: Draws) -> np.ndarray:
    """Return the (B,) score AUC of resamples, the mean over the seeds drawn; nan where one class is not drawn."""
    ups, downs = draws.weights[:, scores.responder], draws.weights[:, ~scores.responder]
    areas = []
    for row in scores.scores:
        gap = np.subtract.outer(row[scores.responder], row[~scores.responder])
        above = (gap > 0) + 0.5 * (gap == 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            areas.append(((ups @ above) * downs).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1)))
    return draws.over_seeds(np.stack(areas, axis=1))


def _assemble(positive: str, figure: Callable[[str], Estimate | None]) -> LabelFigures:
    return LabelFigures(positive, **{name: figure(name) for name in FIGURES})


def _figures(cells: np.ndarray) -> dict[str, np.ndarray]:
    """Return each figure of (..., 4) counts in the order TP, FN, TN, FP; nan where undefined."""
    tp, fn, tn, fp = np.moveaxis(np.asarray(cells, dtype=np.float64), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = 100.0 * tp / (tp + fn), 100.0 * tn / (tn + fp)
        return {
            "accuracy": 100.0 * (tp + tn) / (tp + fn + tn + fp),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "ppv": 100.0 * tp / (tp + fp),
            "npv": 100.0 * tn / (tn + fn),
            "balanced_accuracy": (sensitivity + specificity) / 200.0,
        }


def _estimate(value: float, samples: np.ndarray, patients: int, count: int) -> Estimate | None:
    if not np.isfinite(value):
        return None
    low, high = percentiles(samples) if patients > 1 else (None, None)
    return Estimate(value, low, high, patients, count)
