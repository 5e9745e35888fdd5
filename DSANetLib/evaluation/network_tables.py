"""Table 2: networks against metrics, internal and external, and each network against one, over seeds and patients."""

from __future__ import annotations

from .study import Study
from .table import Table


def table2(study: Study) -> Table:
    """Return a row a cohort and network, over the runs with tumour."""
    raise NotImplementedError


def network_comparisons(study: Study, reference: str = "ffs") -> Table:
    """Return every network's Dice against the reference, paired over patients, Holm-corrected within a cohort."""
    raise NotImplementedError
