"""Table 3: the inputs of model 2 by cohort, score AUC beside the hard label, and their ROC curves."""

from __future__ import annotations

from dataclasses import dataclass

from .study import Study
from .table import Table


@dataclass(frozen=True)
class RocCurve:
    """ROC curve of one input in one cohort; the NON-RESPONDER is positive.

    Parameters
    ----------
    group, input
        Cohort (``test``, ``external``), and the input with its masks, as a reader reads it.
    false_positive, true_positive
        Shares, 0-1, from (0, 0) to (1, 1), of equal length.
    area
        Score AUC, 0-1.
    """

    group: str
    input: str
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    area: float


def table3(study: Study) -> Table:
    """Return a row a cohort and input of model 2."""
    raise NotImplementedError


def roc_curves(study: Study) -> tuple[RocCurve, ...]:
    """Return the ROC curve of every input and cohort with both outcomes."""
    raise NotImplementedError
