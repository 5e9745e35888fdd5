"""Progression-free survival of predicted responders and non-responders: Kaplan-Meier, log-rank, hazard ratio."""

from __future__ import annotations

from dataclasses import dataclass

from .study import Study
from .table import Table


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier curve of one predicted class.

    Parameters
    ----------
    group, input
        Cohort, and input of model 2.
    predicted
        ``responder`` or ``non-responder``.
    months, survival, low, high
        Steps of the curve from month 0 and survival 1, with the 95 % band; of equal length.
    at_risk
        (month, patients at risk) at every sixth month from 0.
    censored
        Months at which patients were censored.
    patients, events
        How many.
    """

    group: str
    input: str
    predicted: str
    months: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[tuple[int, int], ...]
    censored: tuple[float, ...]
    patients: int
    events: int


@dataclass(frozen=True)
class Survival:
    """The curves of figure 4, and their figures."""

    curves: tuple[SurvivalCurve, ...]
    table: Table
    at_risk: Table


def survival(study: Study) -> Survival:
    """Return curves and tables of the three inputs of the paper's figure 4, in every cohort with follow-up."""
    raise NotImplementedError
