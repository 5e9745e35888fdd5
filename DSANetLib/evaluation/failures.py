"""Where networks fail: the cause of one run's failure, and causes and missed lesions as shares."""

from __future__ import annotations

from .records import RunRecord
from .study import Study
from .table import Table

FAILED_BELOW = 0.5
"""Dice below which a run with tumour counts as a failure (the paper's limit)."""

CAUSES = ("failed", "missed", "elsewhere", "too much", "too little")


def failure_cause(record: RunRecord) -> str:
    """Return why one run is wrong, one of `CAUSES`; empty where its Dice reaches `FAILED_BELOW`."""
    raise NotImplementedError


def failure_table(study: Study) -> Table:
    """Return failures of each network by cause, as shares of its failures."""
    raise NotImplementedError


def failure_circumstances(study: Study) -> Table:
    """Return how many of each network's failures are small or disturbed, beside the share among all its runs."""
    raise NotImplementedError


def missed_lesion_table(study: Study) -> Table:
    """Return each network's missed lesions by size."""
    raise NotImplementedError
