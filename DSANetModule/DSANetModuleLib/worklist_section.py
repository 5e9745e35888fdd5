"""Section *Work list*: many cases one after another, worst first; each saved with who, when and how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.correction.provenance import UNNAMED
from DSANetLib.correction.work import WorkItem, read_work_list, readers_of
from DSANetLib.errors import DSANetError, OutputError
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.scene import CaseNodes, find_case
from DSANetLib.mrml.work import check_item, close_item, open_item, save_item, take_up

from .adjudicate import Adjudication
from .fine_tuning import FineTuning
from .panel import BaseSection, fill
from .readers_name import givenName, hideOthers, othersHidden, readerName, setReaderName, userName
from .tables import fitTable, flagWords

_COLUMNS = 5


class WorklistSection(BaseSection):
    """A list of cases, and what is done with the one that is open."""

    uiName = "Worklist"

    def setup(self) -> None:
        """Connect signals."""
        ui = self.ui
        self._items: list[WorkItem] = []
        self._open: WorkItem | None = None
        self._sequence: Any = None
        self._adjudication = Adjudication(self.context, ui, lambda: (self._items, self._open))
        self._fineTuning = FineTuning(self.context, ui, lambda: self._items if self._mayLeave() else None)
        fill(ui.orderComboBox, [("uncertainty", _("uncertainty")), ("flags", _("flags"))], "uncertainty")
        ui.workTable.setColumnCount(_COLUMNS)
        ui.workTable.setHorizontalHeaderLabels([_("Case"), _("State"), _("Uncertainty"), _("Flags"), _("Note")])
        fitTable(ui.workTable, {3: _("subtracted,")})
        ui.readerEdit.text, ui.readerEdit.placeholderText = givenName(), userName()
        ui.hideReadersCheckBox.checked = othersHidden()
        for button, action in (
            (ui.listButton, self.onList),
            (ui.openButton, self.onOpen),
            (ui.saveButton, self.onSave),
            (ui.nextButton, self.onNext),
            (ui.skipButton, self.onSkip),
            (ui.exportTrainingButton, self.onExport),
        ):
            button.connect("clicked(bool)", action)
        ui.workTable.connect("cellDoubleClicked(int,int)", self.onDoubleClick)
        ui.readerEdit.connect("editingFinished()", self.onReader)
        ui.orderComboBox.connect("currentIndexChanged(int)", self.onOrder)
        ui.hideReadersCheckBox.connect("toggled(bool)", self.onHide)

    # --- the list ------------------------------------------------------------------------------------------------

    def onList(self, _checked: bool = False) -> None:
        """Read the folder anew."""
        with self.context.attempt():
            self._readList()
            self.context.tell(_("{count} cases.").format(count=len(self._items)))
        self.update()

    def onOrder(self, _index: int) -> None:
        """Sort otherwise."""
        if self._items:
            self.onList()

    def onHide(self, on: bool) -> None:
        """Second-reader mode: others are out of sight at once."""
        hideOthers(on)
        self.update()

    def onReader(self) -> None:
        """Another reader: their own states, and their name on what is changed from now on."""
        setReaderName(self.ui.readerEdit.text)
        case = self._case()
        if case is not None and case.masks is not None:
            editing(case.masks).reader = readerName()
        if self._items:
            self.onList()

    def _readList(self) -> None:
        text = self.ui.workFolderEdit.currentPath
        if not text:
            raise OutputError("no folder is chosen", "Choose the folder of the results, or of the runs")
        order = self.ui.orderComboBox.currentData
        self._items = read_work_list(text, readerName() or UNNAMED, order=order)
        self.ui.workFolderEdit.addCurrentPathToHistory()
        self._showList()

    # --- one case ------------------------------------------------------------------------------------------------

    def onDoubleClick(self, row: int, _column: int) -> None:
        """Open the case of a row."""
        if 0 <= row < len(self._items):
            self._goTo(self._items[row])

    def onOpen(self, _checked: bool = False) -> None:
        """Open the chosen case."""
        self.onDoubleClick(self.ui.workTable.currentRow(), 0)

    def onNext(self, _checked: bool = False) -> None:
        """Open the next case that is not done; what is not saved is asked about first."""
        waiting = self._waiting()
        if waiting:
            self._goTo(waiting[0])
        else:
            self.context.tell(_("No other case is waiting."))

    def onSave(self, _checked: bool = False) -> None:
        """Save, and stay."""
        with self.context.attempt():
            self._save()

    def onSkip(self, _checked: bool = False) -> None:
        """Leave the case out, with a reason, and go on."""
        with self.context.attempt():
            reason = self.ui.skipReasonEdit.text.strip()
            if not reason:
                raise OutputError("a reason is needed to skip a case", "Write it beside Skip")
            self._save(skipped=reason)
            self.ui.skipReasonEdit.text = ""
            self.onNext()

    def _waiting(self) -> list[WorkItem]:
        """Return the cases that are not done, those behind the open one first."""
        places = [number for number, item in enumerate(self._items) if self._isOpen(item)]
        place = places[0] + 1 if places else 0
        ahead = [*self._items[place:], *self._items[:place]]
        return [item for item in ahead if item.state in ("new", "begun") and not self._isOpen(item)]

    def _isOpen(self, item: WorkItem) -> bool:
        return self._open is not None and item.folder == self._open.folder

    def _case(self) -> CaseNodes | None:
        """Return the open case; None where none is, or where the user removed it."""
        return find_case(self._sequence)

    def _goTo(self, item: WorkItem) -> None:
        with self.context.attempt():
            if not self._mayLeave():
                return
            hide = othersHidden()
            check_item(item, readerName(), hide_others=hide)  # one that cannot be read takes nothing away
            if item.run is not None:
                # Reading and preparing a run takes seconds: in the background, like everything that does.
                job = self.context.logic.loadRunJob(item.run)
                self.context.jobs.start(job, done=lambda case: self._takeUp(item, case), failed=self.context.failed)
            before = self._case()
            if before is not None:
                close_item(before)
            self._open, self._sequence = None, None
            if item.run is None:
                self._opened(item, open_item(item, readerName(), hide_others=hide))
        self.update()

    def _takeUp(self, item: WorkItem, case: CaseNodes) -> None:
        with self.context.attempt():
            hide = othersHidden()
            self._opened(item, take_up(case, item, readerName(), hide_others=hide))
        self.update()

    def _opened(self, item: WorkItem, case: CaseNodes) -> None:
        self._open, self._sequence = item, case.run.sequence
        self.context.setCase(case)
        self.context.tell(_("{case} is open.").format(case=item.case_id))
        self._showList()

    def _mayLeave(self) -> bool:
        """Ask about changes that are not saved; return False where the user would rather stay."""
        case = self._case()
        if case is None or case.masks is None or not editing(case.masks).unsaved():
            return True
        box = qt.QMessageBox
        answer = box.question(
            self.widget,
            _("Unsaved masks"),
            _("Masks of {case} were changed and not saved. Save them?").format(case=case.case_id),
            box.Save | box.Discard | box.Cancel,
        )
        if answer == box.Save:
            self._save()
        return answer in (box.Save, box.Discard)

    def _save(self, skipped: str | None = None) -> None:
        case = self._case()
        if case is None or self._open is None:
            raise OutputError("no case of the list is open", "Open one first")
        scene = bool(self.ui.saveSceneCheckBox.checked) and skipped is None
        paths = save_item(case, self._open.folder, readerName(), with_scene=scene, skipped=skipped)
        self._readList()
        self.context.tell(_("Saved in {path}.").format(path=paths[0]))
        self.update()

    # --- export --------------------------------------------------------------------------------------------------

    def onExport(self, _checked: bool = False) -> None:
        """Write what was edited or accepted as a folder to train from."""
        from DSANetLib.correction.export import export_training

        with self.context.attempt():
            folder = self.ui.trainingFolderEdit.currentPath
            if not folder:
                raise OutputError("no training folder is chosen", "Choose a new folder")
            reader = (readerName() or UNNAMED) if othersHidden() else None
            written = export_training(self._items, Path(folder), reader=reader)
            text = _("{count} frames written to {folder}.").format(count=written.frames, folder=folder)
            said = " ".join([text, *written.left_out, *written.passed_over])
            self.context.tell(said, error=bool(written.left_out))

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Offer what can be done now."""
        ui = self.ui
        isOpen = self._case() is not None
        for widget in (ui.saveButton, ui.skipButton):
            widget.setEnabled(isOpen)
        for widget in (ui.openButton, ui.nextButton, ui.exportTrainingButton, ui.tablesButton):
            widget.setEnabled(bool(self._items))
        self._adjudication.update(self._others())
        self._fineTuning.update(bool(self._items))

    def _others(self) -> list[str]:
        """Return the readers that may be compared: none in second-reader mode."""
        if othersHidden():
            return []
        try:
            return readers_of(self._items)
        except DSANetError:
            return []  # a damaged file is named in the list already

    def _showList(self) -> None:
        table = self.ui.workTable
        states = {"new": _("new"), "begun": _("begun"), "done": _("done"), "skipped": _("skipped")}
        table.setRowCount(len(self._items))
        for row, item in enumerate(self._items):
            sure = "" if item.uncertainty is None else f"{item.uncertainty:.2f}"
            cells = (item.case_id, states[item.state], sure, flagWords(" ".join(item.flags)), item.note)
            for column, text in enumerate(cells):
                cell = qt.QTableWidgetItem(text)
                cell.setToolTip(text)  # a column may be too narrow for it
                table.setItem(row, column, cell)
            if self._isOpen(item):
                table.selectRow(row)
