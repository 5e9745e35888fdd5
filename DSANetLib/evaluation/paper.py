"""Table 3 of the paper, re-computed from its counts: what holds, what is misprinted, what is too narrow."""

from __future__ import annotations

from .table import Table


def paper_table3() -> Table:
    """Return the paper's twelve rows from their counts, with intervals over patients, and what is wrong with each."""
    raise NotImplementedError
