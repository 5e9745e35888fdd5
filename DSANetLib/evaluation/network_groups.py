"""Networks by what makes a run hard (size, number, field, artefacts, frame rate), and the runs without tumour."""

from __future__ import annotations

from collections.abc import Sequence

from .study import Study
from .table import Table


def group_tables(study: Study, networks: Sequence[str] | None = None) -> list[Table]:
    """Return a table a subject; a row a cohort, group and network."""
    raise NotImplementedError


def tumour_free_networks(study: Study) -> Table:
    """Return what each network predicts on runs without tumour."""
    raise NotImplementedError
