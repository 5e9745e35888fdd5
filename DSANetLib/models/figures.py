"""Small facts in a model's card: figures with intervals, and how logits become probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Metric:
    """One figure with its interval.

    Parameters
    ----------
    value
        The estimate.
    low, high
        Bounds of the 95 % interval; None where there is none.
    n
        Number of patients behind it; None where not counted.
    what
        What was measured on whom, one short sentence.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    what: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"a metric of {self.value} says nothing")

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as JSON-able values."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "what": self.what}


@dataclass(frozen=True)
class Calibration:
    """How a response network's logit becomes a probability: sigmoid(slope·logit + intercept) (Platt).

    Parameters
    ----------
    slope
        Above 0; below 1 where the network was too sure of itself.
    intercept
        Added after scaling.
    prevalence
        Share of responders in the cohort of the fit, 0-1; a clinic with another share needs another intercept.
    cohort
        On whom it was fitted, such as "200 validation patients of the phantom".
    """

    slope: float = 1.0
    intercept: float = 0.0
    prevalence: float | None = None
    cohort: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"calibration of slope {self.slope} and intercept {self.intercept} is impossible")
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ValueError(f"prevalence is {self.prevalence}, expected a share between 0 and 1")

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Map (N, 2) logits of [non-responder, responder] to (N,) float64 probabilities of a responder."""
        logits = np.asarray(logits, dtype=np.float64)
        z = self.slope * (logits[:, 1] - logits[:, 0]) + self.intercept
        return 1.0 / (1.0 + np.exp(-np.clip(z, -700.0, 700.0)))

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as JSON-able values."""
        return {
            "slope": self.slope, "intercept": self.intercept, "prevalence": self.prevalence, "cohort": self.cohort
        }  # fmt: skip
