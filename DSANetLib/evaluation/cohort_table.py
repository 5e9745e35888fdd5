"""Table 1: the patients of the training, internal and external cohort, each row with the test that fits it."""

from __future__ import annotations

from .study import Study
from .table import Table


def table1(study: Study) -> Table:
    """Return the characteristics of the cohorts, a row a variable or level."""
    raise NotImplementedError
