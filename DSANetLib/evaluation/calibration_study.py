"""Calibration of every input of a study, as tables and curves."""

from __future__ import annotations

from dataclasses import dataclass

from .study import Study
from .table import Table


@dataclass(frozen=True)
class CalibrationCurve:
    """Predicted against observed share of RESPONDERS, by quantile of the score.

    Parameters
    ----------
    group, input
        Cohort and input.
    points
        Rows of (mean probability, observed share, patients).
    """

    group: str
    input: str
    points: tuple[tuple[float, float, int], ...]


def calibration_tables(study: Study) -> list[Table]:
    """Return a table a cohort: Brier, slope, intercept, calibration in the large."""
    raise NotImplementedError


def calibration_curves(study: Study) -> tuple[CalibrationCurve, ...]:
    """Return the curve of every input and cohort."""
    raise NotImplementedError
