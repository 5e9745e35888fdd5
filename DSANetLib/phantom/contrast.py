"""Contrast medium: a bolus dispersed on its way (lagged normal) and tissue by indicator dilution.

Masses are conserved by construction: what a vessel or tissue does not hold any more has left it. The
lagged normal follows Bassingthwaighte (1966), the residue form Meier and Zierler (1954).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_S = 0.05
# Mass attenuation of iodine at about 60 keV after filtration, cm²/mg.
IODINE_CM2_PER_MG = 0.0076


@dataclass(frozen=True)
class Injection:
    """A bolus at the catheter's tip: start and duration in s, concentration in mg iodine/mL, flow in mL/s."""

    start_s: float
    duration_s: float
    concentration: float
    flow: float
    sigma_s: float = 0.25
    dispersion: float = 0.18

    @property
    def mass_mg(self) -> float:
        """Iodine injected, mg."""
        return self.duration_s * self.concentration * self.flow

    def concentration_at(self, times: np.ndarray, delay_s: float) -> np.ndarray:
        """Return the concentration (mg/mL) where contrast comes ``delay_s`` later; same shape as times (s).

        The bolus widens with its way; its integral over time stays concentration × duration.
        """
        from scipy.special import ndtr

        sigma = np.hypot(self.sigma_s, self.dispersion * max(delay_s, 0.0))
        since = np.asarray(times, float) - self.start_s - delay_s
        return self.concentration * (ndtr(since / sigma) - ndtr((since - self.duration_s) / sigma))


@dataclass(frozen=True, eq=False)
class TissueCourse:
    """Iodine over a fine time grid: ``content`` per mL/s of inflow (mg per mL/s), ``outflow`` in mg/mL."""

    times: np.ndarray
    content: np.ndarray
    outflow: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the content at other times (s), by linear interpolation."""
        return np.interp(times, self.times, self.content)


def perfuse(times: np.ndarray, inflow: np.ndarray, transit_s: float) -> TissueCourse:
    """Pass an inflow concentration through a well-mixed compartment.

    Parameters
    ----------
    times
        (T,) s, steps of STEP_S.
    inflow
        (T,) mg/mL.
    transit_s
        Mean transit time.

    Returns
    -------
    TissueCourse
        content + accumulated outflow = accumulated inflow at every step, exactly.
    """
    kernel = np.exp(-np.arange(len(times)) * STEP_S / transit_s)
    out = kernel - np.append(kernel[1:], np.exp(-len(times) * STEP_S / transit_s))
    content = np.convolve(inflow, kernel)[: len(times)] * STEP_S
    outflow = np.convolve(inflow, out)[: len(times)]
    # The contrast that came in during this step has not left yet.
    outflow = np.concatenate([[0.0], outflow[:-1]])
    return TissueCourse(times, content, outflow)


def fine_times(end_s: float) -> np.ndarray:
    """Return the grid on which tissue is solved: 0 to a second past the end, steps of STEP_S."""
    return np.arange(0, end_s + 1, STEP_S)
