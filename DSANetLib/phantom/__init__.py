"""A synthetic patient from a seed: anatomy, contrast, detector, truth, clinical values and response.

No hepatic angiogram is public, so everything this project trains and tests on is made here. The
physics is documented in ``docs/phantom.md``; nothing measured on it may be presented as clinical.
"""

from __future__ import annotations

from .cohort import write_cohort
from .config import PhantomConfig
from .simulate import PhantomPatient, PhantomRun, RunTruth, simulate_patient

__all__ = ["PhantomConfig", "PhantomPatient", "PhantomRun", "RunTruth", "simulate_patient", "write_cohort"]
