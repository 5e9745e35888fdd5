"""Section *Run*: load a run or choose one, see what it is, say what the file does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from DSANetLib.errors import SceneError
from DSANetLib.mrml.attributes import ROLE, fact
from DSANetLib.mrml.choices import choose_mask, choose_subtracted, mask_choice, subtracted_choice
from DSANetLib.mrml.owned import own, owned
from DSANetLib.mrml.ruler import calibrate_run, uncalibrate_run
from DSANetLib.mrml.scene import remove_case

from .facts_text import framesText, polarityText, spacingText, subtractionText, warningsText
from .panel import BaseSection, fill

_RULER = "ruler"
_SUBTRACTED = {"yes": True, "no": False}


class RunSection(BaseSection):
    """Load, choose, and describe a run."""

    uiName = "Run"

    def setup(self) -> None:
        """Connect signals."""
        ui = self.ui
        self._waiting: list[Path] = []
        self._updating = False
        ui.loadFileButton.connect("clicked(bool)", self.onLoadFile)
        ui.loadFolderButton.connect("clicked(bool)", self.onLoadFolder)
        ui.runSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onRunChosen)
        ui.subtractedComboBox.connect("currentIndexChanged(int)", self.onSubtracted)
        ui.maskByHandCheckBox.connect("toggled(bool)", self.onMaskChanged)
        ui.maskFrameSpinBox.connect("valueChanged(int)", self.onMaskChanged)
        ui.shiftRowsSpinBox.connect("valueChanged(double)", self.onMaskChanged)
        ui.shiftColumnsSpinBox.connect("valueChanged(double)", self.onMaskChanged)
        ui.drawLineButton.connect("clicked(bool)", self.onDrawLine)
        ui.calibrateButton.connect("clicked(bool)", self.onCalibrate)
        ui.uncalibrateButton.connect("clicked(bool)", self.onUncalibrate)
        ui.removeRunButton.connect("clicked(bool)", self.onRemove)
        self._drops = DropFilter()
        self._drops.dropped = self.load
        self.widget.setAcceptDrops(True)
        self.widget.installEventFilter(self._drops)

    # --- loading -------------------------------------------------------------------------------------------------

    def onLoadFile(self, _checked: bool = False) -> None:
        """Ask for files and load them, one run after the other."""
        chosen = qt.QFileDialog.getOpenFileNames(self.widget, _("Load runs"))
        self.load([Path(path) for path in chosen or ()])

    def onLoadFolder(self, _checked: bool = False) -> None:
        """Ask for the folder of a run."""
        chosen = qt.QFileDialog.getExistingDirectory(self.widget, _("Load a run from a folder"))
        self.load([Path(chosen)] if chosen else [])

    def load(self, paths: list[Path]) -> None:
        """Load runs in the background, one after the other; the last one is chosen."""
        if not self.context.jobs.busy:
            self._waiting.clear()  # what waited behind a load that was cancelled
        self._waiting += paths
        self._loadNext()

    def _loadNext(self) -> None:
        context = self.context
        if not self._waiting or context.jobs.busy or context.parameters is None:
            return
        if not context.packagesReady():
            self._waiting.clear()
            return
        path = self._waiting.pop(0)
        context.tell(_("Loading {name} …").format(name=path.name))
        parameters = context.parameters
        context.jobs.load(
            path,
            frameRate=parameters.frameRate or None,
            spacing_mm=parameters.spacingMm or None,
            done=self.onLoaded,
            failed=self.onLoadFailed,
        )

    def onLoaded(self, case: Any) -> None:
        """Choose what was loaded; what was said of this file shall not be said of the next."""
        if self.context.parameters is not None:
            self.context.parameters.frameRate = 0.0
            self.context.parameters.spacingMm = 0.0
        self.context.setCase(case)
        self.context.tell(_("Loaded {name}. Press Apply to segment it.").format(name=case.case_id))
        self._loadNext()

    def onLoadFailed(self, error: Exception) -> None:
        """Say why; go on with the next file."""
        self.context.failed(error)
        self._loadNext()

    def onRunChosen(self, node: Any) -> None:
        """Take a sequence of the scene as the run: ours, or one that another module loaded."""
        context = self.context
        if context.parameters is None:
            return
        if node is not None and fact(node, ROLE) != "run":
            with context.attempt():
                context.setCase(context.logic.adoptRun(node))
                return
            node = None
        context.parameters.run = node  # this slot may come before the one that binds the selector
        context.changed("case")

    def onRemove(self, _checked: bool = False) -> None:
        """Remove the chosen run and all that belongs to it."""
        case = self.context.case
        if case is None:
            return
        name = case.case_id
        self.context.setCase(None)
        remove_case(case)
        others = self.context.cases
        self.context.setCase(others[-1] if others else None)
        self.context.tell(_("Removed {name} from the scene.").format(name=name))

    # --- what the file does not say ------------------------------------------------------------------------------

    def onSubtracted(self, _index: int) -> None:
        """Keep with the run whether it came subtracted; it is used at the next Apply."""
        case = self.context.case
        if case is not None:
            choose_subtracted(case.run, _SUBTRACTED.get(self.ui.subtractedComboBox.currentData))
            self.context.changed("case")

    def onMaskChanged(self, _value: Any = None) -> None:
        """Keep mask frame and shift with the run; they are used at the next Apply."""
        case = self.context.case
        if self._updating or case is None:
            return
        ui = self.ui
        if ui.maskByHandCheckBox.checked:
            shift = (ui.shiftRowsSpinBox.value, ui.shiftColumnsSpinBox.value)
            choose_mask(case.run, ui.maskFrameSpinBox.value - 1, shift)
        else:
            choose_mask(case.run, None)
        self.context.changed("case")

    def onDrawLine(self, _checked: bool = False) -> None:
        """Let the user place a line across a catheter."""
        case = self.context.case
        if case is None:
            return
        for line in owned(case.run, _RULER):
            slicer.mrmlScene.RemoveNode(line)
        name = slicer.mrmlScene.GenerateUniqueName(_("catheter"))
        line = own(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name), case.run, _RULER)
        line.CreateDefaultDisplayNodes()
        application = slicer.app.applicationLogic()
        selection, interaction = application.GetSelectionNode(), application.GetInteractionNode()
        if selection is not None and interaction is not None:
            selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsLineNode")
            selection.SetActivePlaceNodeID(line.GetID())
            interaction.SetPlaceModePersistence(0)
            interaction.SetCurrentInteractionMode(interaction.Place)
        self.context.tell(_("Click on both edges of the catheter, at right angles to it; then press Calibrate."))
        self.context.changed("case")

    def onCalibrate(self, _checked: bool = False) -> None:
        """Take the pixel size from the line."""
        case = self.context.case
        with self.context.attempt():
            lines = owned(case.run, _RULER)
            if not lines:
                raise SceneError("there is no line across a catheter", "Press 'Draw across' first")
            found = calibrate_run(case.run, lines[-1], self.ui.frenchSpinBox.value)
            self.context.logic.updateTables(case)
            self.context.tell(
                _("Calibrated: {size:.3f} mm a pixel.").format(size=found.spacing.column_mm),
            )
        self.context.changed("case")

    def onUncalibrate(self, _checked: bool = False) -> None:
        """Give the run its pixel size back."""
        case = self.context.case
        with self.context.attempt():
            if uncalibrate_run(case.run):
                self.context.logic.updateTables(case)
                self.context.tell(_("The run has the pixel size again that it came with."))
        self.context.changed("case")

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Show the facts of the chosen run."""
        case, ui = self.context.case, self.ui
        busy = self.context.jobs.busy
        for button in (ui.loadFileButton, ui.loadFolderButton):
            button.setEnabled(not busy)
        for label, text in (
            (ui.framesValue, framesText),
            (ui.spacingValue, spacingText),
            (ui.subtractionValue, subtractionText),
            (ui.polarityValue, polarityText),
        ):
            label.text = text(case) if case else "–"
        ui.warningsLabel.text = warningsText(case) if case else ""
        ui.warningsLabel.setVisible(bool(ui.warningsLabel.text))
        for widget in (ui.subtractedComboBox, ui.maskByHandCheckBox, ui.drawLineButton, ui.removeRunButton):
            widget.setEnabled(case is not None and not busy)
        ui.calibrateButton.setEnabled(case is not None and bool(owned(case.run, _RULER)))
        ui.uncalibrateButton.setEnabled(case is not None and fact(case.run.sequence, "CatheterFrench") is not None)
        said = subtracted_choice(case.run) if case else None
        entries = [("", _("as the file says, or guessed")), ("yes", _("subtracted")), ("no", _("not subtracted"))]
        fill(ui.subtractedComboBox, entries, {True: "yes", False: "no"}.get(said, ""))
        self._showMask(case)

    def _showMask(self, case: Any) -> None:
        ui, choice = self.ui, mask_choice(case.run) if case else None
        self._updating = True
        try:
            ui.maskByHandCheckBox.checked = choice is not None
            ui.maskFrameSpinBox.maximum = case.run.sequence.GetNumberOfDataNodes() if case else 1
            frame, shift = choice or (0, (0.0, 0.0))
            ui.maskFrameSpinBox.value = frame + 1
            ui.shiftRowsSpinBox.value, ui.shiftColumnsSpinBox.value = shift
        finally:
            self._updating = False
        for widget in (ui.maskFrameSpinBox, ui.shiftRowsSpinBox, ui.shiftColumnsSpinBox):
            widget.setEnabled(choice is not None)

    def cleanup(self) -> None:
        """Take no more drops."""
        self._waiting.clear()
        self.widget.removeEventFilter(self._drops)


class DropFilter(qt.QObject):
    """Takes files and folders that are dropped on a widget: ``dropped`` is called with their paths."""

    dropped: Any = None

    def eventFilter(self, _object: Any, event: Any) -> bool:
        """Accept files; nothing else."""
        if event.type() not in (qt.QEvent.DragEnter, qt.QEvent.DragMove, qt.QEvent.Drop):
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if not paths:
            return False
        event.acceptProposedAction()
        if event.type() == qt.QEvent.Drop:
            self.dropped(paths)
        return True
