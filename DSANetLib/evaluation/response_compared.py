"""Inputs of model 2 against one: DeLong on the scores, McNemar on the hard labels, Holm-corrected."""

from __future__ import annotations

from .study import Study
from .table import Table


def response_comparisons(study: Study, reference: str = "film+mask+clinical") -> Table:
    """Return every input against the reference on the patients that have both."""
    raise NotImplementedError
