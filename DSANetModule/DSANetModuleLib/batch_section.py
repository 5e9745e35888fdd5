"""The section *Batch*: a folder of runs in, a folder of results out, a row a case; the scene is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.errors import OutputError, RunError

from .foot import showProgress
from .panel import BaseSection
from .tables import fitTable, flagWords

LANE = "batch"
RESULTS = "results.csv"
_REMARKS = 4


class BatchSection(BaseSection):
    """Starts, stops and takes up a batch in the worker process, and shows each case as it ends."""

    uiName = "Batch"

    def setup(self) -> None:
        """Connect buttons and paths; the models are listed when the section is first opened."""
        self._failures = 0
        self.ui.batchTable.setHorizontalHeaderLabels(
            [_("case"), _("result"), _("lesions"), _("probability"), _("remarks")]
        )
        fitTable(self.ui.batchTable, {3: _("responder)")})
        self.ui.batchStartButton.connect("clicked(bool)", self.onStart)
        self.ui.batchStopButton.connect("clicked(bool)", self.onStop)
        for edit in (self.ui.batchInputEdit, self.ui.batchOutputEdit):
            edit.connect("currentPathChanged(QString)", self.onPath)
        self.ui.batchTable.connect("currentCellChanged(int,int,int,int)", self.onRow)
        self.widget.connect("contentsCollapsed(bool)", self.onCollapsed)

    def update(self) -> None:
        """Follow paths and progress."""
        busy = self.context.jobs.isBusy(LANE)
        self.ui.batchStartButton.setEnabled(self._ready() and not busy)
        self.ui.batchStopButton.setEnabled(busy)
        self.ui.batchProgressBar.setVisible(busy)
        if busy:
            showProgress(self.ui.batchProgressBar, *self.context.jobs.progressOf(LANE))

    def onCollapsed(self, collapsed: bool) -> None:
        """List the models once somebody looks."""
        if not collapsed:
            self._listModels()

    def onPath(self, _path: str) -> None:
        """Another folder was chosen: say whether there is something to take up."""
        output = self.ui.batchOutputEdit.currentPath
        resume = bool(output) and (Path(output) / RESULTS).is_file()
        self.ui.batchStartButton.text = _("Resume") if resume else _("Start")
        self.update()

    def onRow(self, row: int, _column: int, _row: int, _before: int) -> None:
        """Say below the table, in full, what the last column says of the chosen case."""
        cell = self.ui.batchTable.item(row, _REMARKS) if row >= 0 else None
        self.ui.batchRemarkLabel.text = cell.text() if cell is not None else ""

    def onStart(self, _checked: bool = False) -> None:
        """Start, or go on where an earlier batch was."""
        with self.context.attempt():
            inputs, output = self._folders()
            clinical = self.ui.batchClinicalEdit.currentPath
            self._listModels()
            self.ui.batchTable.setRowCount(0)
            self.ui.batchRemarkLabel.text = ""
            self._failures = 0
            parameters = self.context.parameters
            self.context.jobs.batch(
                [inputs],
                output,
                clinical=clinical or None,
                model=self.ui.batchModelComboBox.currentText,
                scene=parameters.batchScene,
                picture=parameters.batchPicture,
                outcome=self.addRow,
                done=self._done,
                failed=self._failed,
            )
            for edit in (self.ui.batchInputEdit, self.ui.batchOutputEdit):
                edit.addCurrentPathToHistory()
        self.context.changed("busy")

    def onStop(self, _checked: bool = False) -> None:
        """Stop at once; finished cases stay."""
        self.context.jobs.cancel(LANE)
        self.context.tell(_("The batch was stopped. Resume goes on with the cases that are not done."))
        self.onPath("")
        self.context.changed("busy")

    def addRow(self, outcome: Any) -> None:
        """Show how a case ended."""
        table = self.ui.batchTable
        row = table.rowCount
        self._failures += outcome.error is not None
        table.setRowCount(row + 1)
        for column, text in enumerate(rowTexts(outcome)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(row, column, item)
        table.scrollToBottom()
        if outcome.error is not None and self._failures == 1:
            table.setCurrentCell(row, 0)  # the first failure is explained without a click

    def _done(self, path: Any) -> None:
        self.onPath("")
        table = _("The table is {path}.").format(path=path) if Path(path).is_file() else _("No table was written.")
        if self._failures:
            done = self.ui.batchTable.rowCount - self._failures
            text = _("{failed} failed, {done} done; the remarks say why, and Start tries what failed again.")
            self.context.tell(f"{text.format(failed=self._failures, done=done)} {table}", error=True)
        else:
            self.context.tell(f"{_('The batch is done.')} {table}")

    def _failed(self, error: Exception) -> None:
        self.onPath("")
        self.context.failed(error)

    def _ready(self) -> bool:
        return bool(self.ui.batchInputEdit.currentPath and self.ui.batchOutputEdit.currentPath)

    def _folders(self) -> tuple[Path, Path]:
        inputs, output = (Path(edit.currentPath) for edit in (self.ui.batchInputEdit, self.ui.batchOutputEdit))
        if not inputs.exists():
            raise RunError("is not there", "Choose the folder of the runs", inputs)
        if output.exists() and not output.is_dir():
            raise OutputError("is no folder", "Choose a folder for the results", output)
        return inputs, output

    def _listModels(self) -> None:
        """Fill the list of models; what was chosen stays, at first it is the one of *Segment*."""
        from DSANetLib.models import list_packages

        box, parameters = self.ui.batchModelComboBox, self.context.parameters
        chosen = box.currentText or (parameters.model if parameters else "")
        box.clear()
        box.addItems([package.name for package in list_packages() if package.task == "segmentation"])
        box.setCurrentIndex(max(0, box.findText(chosen)))


def rowTexts(outcome: Any) -> tuple[str, str, str, str, str]:
    """Return a batch's outcome as the cells of its row: case, result, lesions, probability, remarks."""
    if outcome.error is not None:
        said = outcome.error.replace(outcome.source, Path(outcome.source).name, 1)  # the folder stands above
        return outcome.case_id, _("failed"), "", "", said
    row = outcome.row
    ended = _("done before") if getattr(outcome, "done_before", False) else _("done")
    remarks = "; ".join(part for part in (flagWords(str(row.get("flags") or "")), outcome.complaint) if part)
    probability = row.get("probability")
    text = "" if probability in (None, "") else f"{float(probability):.2f} ({row['class']})"
    return outcome.case_id, ended, str(row.get("lesions", "")), text, remarks
