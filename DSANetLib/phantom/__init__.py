"""A synthetic patient from a seed: anatomy, contrast, detector, truth, clinical values and response.

No hepatic angiogram is public, so everything this project trains and tests on is made here. The
physics is documented in ``docs/phantom.md``; nothing measured on it may be presented as clinical.
"""

from __future__ import annotations

from .cohort import write_cohort, write_preset
from .config import OTHER_SCANNER, PhantomConfig, Scanner
from .presets import COHORTS
from .simulate import PhantomPatient, PhantomRun, RunTruth, simulate_patient

__all__ = [
    "COHORTS",
    "OTHER_SCANNER",
    "PhantomConfig",
    "PhantomPatient",
    "PhantomRun",
    "RunTruth",
    "Scanner",
    "simulate_patient",
    "write_cohort",
    "write_preset",
]
