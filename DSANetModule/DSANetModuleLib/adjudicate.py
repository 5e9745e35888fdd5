"""Two readers of the work list: tables of what was corrected, how far they agree, and a third who decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from DSANetLib.correction.adjudication import combine, disagreements
from DSANetLib.correction.agreement import (
    AGREEMENT_COLUMNS,
    CORRECTION_COLUMNS,
    SUMMARY_COLUMNS,
    agreement_rows,
    correction_rows,
    summary_rows,
)
from DSANetLib.correction.provenance import UNNAMED, Corrections
from DSANetLib.correction.work import WorkItem, own_corrections
from DSANetLib.errors import DSANetError, OutputError
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.table import write_table
from DSANetLib.tables import to_csv
from DSANetLib.whole import write_whole

from .panel import fill
from .readers_name import readerName


class Adjudication:
    """The lower part of the section.

    Parameters
    ----------
    context
        What the sections share.
    ui
        Widgets of the section.
    work
        → (all cases of the list, the open one or None).
    """

    def __init__(self, context: Any, ui: Any, work: Callable[[], tuple[list[WorkItem], WorkItem | None]]) -> None:
        self.context, self.ui, self._work = context, ui, work
        self._readers: list[str] = []
        takes = [
            ("first", _("mask of the first reader")),
            ("second", _("mask of the second reader")),
            ("both", _("what both marked")),
            ("either", _("what either marked")),
        ]
        fill(ui.takeComboBox, takes, "first")
        ui.tablesButton.connect("clicked(bool)", self.onTables)
        ui.takeButton.connect("clicked(bool)", self.onTake)
        ui.firstReaderComboBox.connect("currentIndexChanged(int)", self.onReaders)
        ui.secondReaderComboBox.connect("currentIndexChanged(int)", self.onReaders)

    def update(self, readers: list[str]) -> None:
        """Offer these readers."""
        ui = self.ui
        if readers != self._readers:
            self._readers = readers
            entries = [(name, name) for name in readers]
            fill(ui.firstReaderComboBox, entries, readers[0] if readers else "")
            fill(ui.secondReaderComboBox, entries, readers[-1] if readers else "")
        for widget in (ui.firstReaderComboBox, ui.secondReaderComboBox, ui.takeComboBox):
            widget.setEnabled(len(readers) > 1)
        ui.takeButton.setEnabled(len(readers) > 1 and self._work()[1] is not None)
        self._showDisagreements()

    def onReaders(self, _index: int) -> None:
        """Other readers were chosen."""
        self._showDisagreements()

    def onTake(self, _checked: bool = False) -> None:
        """Propose one reader's mask, or both readers' joined, for the shown frame."""
        case, frame = self.context.case, self.context.frame
        if case is None or case.masks is None or frame is None:
            return
        with self.context.attempt():
            first, second = self._two()
            liver, tumour, by = combine(first, second, frame, self.ui.takeComboBox.currentData)
            editing(case.masks).propose(frame, liver, tumour, by=by)
            self.context.tell(_("Proposed: {by}. Accept it or correct it.").format(by=by))

    def onTables(self, _checked: bool = False) -> None:
        """Write the tables into the scene and as CSV into the folder of the list."""
        with self.context.attempt():
            items = self._work()[0]
            readers = self._readers or [readerName() or UNNAMED]
            work = {name: self._all(items, name) for name in readers}
            rows = correction_rows([done for name in readers for done in work[name]])
            self._write(CORRECTION_COLUMNS, rows, "corrections")
            chosen = self._chosen()
            if chosen[0] and chosen[0] != chosen[1]:
                agreed = agreement_rows(work[chosen[0]], work[chosen[1]])
                self._write(SUMMARY_COLUMNS, summary_rows(agreed), "agreement-summary")
                self._write(AGREEMENT_COLUMNS, agreed, "agreement")
            self.context.tell(_("{count} frames in the table.").format(count=len(rows)))

    def _write(self, columns: Any, rows: Any, name: str) -> None:
        write_whole(Path(self.ui.workFolderEdit.currentPath) / f"dsanet-{name}.csv", to_csv(columns, rows))
        write_table(columns, rows, f"DSANet {name.replace('-', ' ')}", role=name)

    def _all(self, items: list[WorkItem], reader: str) -> list[Corrections]:
        found = [own_corrections(item, reader) for item in items]
        return [work for work in found if work is not None and work.skipped is None]

    def _chosen(self) -> tuple[str, str]:
        return str(self.ui.firstReaderComboBox.currentData or ""), str(self.ui.secondReaderComboBox.currentData or "")

    def _two(self) -> tuple[Corrections, Corrections]:
        item, chosen = self._work()[1], self._chosen()
        if item is None or not chosen[0] or chosen[0] == chosen[1]:
            raise OutputError("two readers of an open case are needed", "Open a case and choose two different readers")
        first, second = (own_corrections(item, name) for name in chosen)
        for name, work in zip(chosen, (first, second), strict=True):
            if work is None:
                raise OutputError(f"{name} has not worked on this case", "Choose another reader", item.case_id)
        assert first is not None
        assert second is not None
        return first, second

    def _showDisagreements(self) -> None:
        text = ""
        if len(self._readers) > 1 and self._work()[1] is not None:
            try:
                found = disagreements(*self._two())
                text = (
                    _("The two readers agree.")
                    if not found
                    else _("They differ on frame ")
                    + ", ".join(f"{frame + 1} ({'–' if dice is None else f'{dice:.2f}'})" for frame, dice in found)
                )
            except DSANetError as error:
                text = str(error)
        self.ui.disagreementLabel.text = text
