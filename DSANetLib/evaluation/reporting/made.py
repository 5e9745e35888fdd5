"""The tables of a study that several parts of a report need, each made once: their bootstraps take the time."""

from __future__ import annotations

from functools import cached_property

from ..study import Study
from ..study_tables import losses, network_comparisons, response_comparisons, table2
from ..table import Table


class Made:
    """A study and its costly tables.

    Parameters
    ----------
    study
        Whose.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._networks: dict[str, Table] = {}
        self._inputs: dict[str, Table] = {}

    @cached_property
    def table2(self) -> Table:
        """Table 2 with all networks and cohorts."""
        return table2(self.study)

    def networks(self, reference: str) -> Table:
        """Return every network's Dice against a reference."""
        if reference not in self._networks:
            self._networks[reference] = network_comparisons(self.study, reference=reference)
        return self._networks[reference]

    @cached_property
    def losses(self) -> Table:
        """Return what networks lose away from the internal cohort, against FFS."""
        return losses(self.study)

    def inputs(self, reference: str) -> Table:
        """Return every input of model 2 against a reference."""
        if reference not in self._inputs:
            self._inputs[reference] = response_comparisons(self.study, reference=reference)
        return self._inputs[reference]
