"""Decision curves: the net benefit of treating by a predicted probability (Vickers and Elkin 2006)."""

from __future__ import annotations

from dataclasses import dataclass

from .study import Study
from .table import Table


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of treating those whose probability of RESPONDER reaches a threshold.

    Parameters
    ----------
    group, input
        Cohort and input.
    thresholds
        Probabilities in (0, 1).
    net_benefit, treat_all
        True positives less weighted false positives, per patient, of the model and of treating everyone; treating
        no one has 0.
    """

    group: str
    input: str
    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    treat_all: tuple[float, ...]


def decision_curves(study: Study) -> tuple[DecisionCurve, ...]:
    """Return the curve of every input and cohort."""
    raise NotImplementedError


def decision_table(study: Study) -> Table:
    """Return the net benefit of every input at a few thresholds."""
    raise NotImplementedError
