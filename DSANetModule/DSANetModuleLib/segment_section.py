"""Section *Segment*: choose a model, apply it, and try other thresholds without running it again."""

from __future__ import annotations

import time
from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.errors import DSANetError
from DSANetLib.mrml.attributes import fact, number
from DSANetLib.mrml.choices import key_frame
from DSANetLib.mrml.segmentation import read_masks, states
from DSANetLib.mrml.terminology import LIVER

from .foot import WorkRow
from .models_text import cardOf, importModel, packagesOf, summaryOf
from .panel import BaseSection, fill
from .preview import Preview
from .waiting import keepSeconds, timeText


class SegmentSection(BaseSection):
    """Model, Apply, threshold."""

    uiName = "Segment"

    def setup(self) -> None:
        """Connect signals."""
        ui = self.ui
        for combo, values in (
            (ui.deviceComboBox, ("auto", "cpu", "cuda")),
            (ui.runtimeComboBox, ("auto", "onnx", "torch")),
        ):
            if not combo.count:
                combo.addItems(values)
        self._listed: tuple[str, ...] = ()
        self._clicked = 0.0
        self._preview = Preview(self.context)
        self._row = WorkRow(self.context, ui.segmentProgressBar, ui.cancelButton)
        ui.modelComboBox.connect("currentIndexChanged(int)", self.onModel)
        ui.modelFolderButton.connect("clicked(bool)", self.onModelFolder)
        ui.modelFileButton.connect("clicked(bool)", self.onModelFile)
        ui.installButton.connect("clicked(bool)", self.onInstall)
        ui.archiveButton.connect("clicked(bool)", self.onInstallFromArchive)
        ui.applyButton.connect("clicked(bool)", self.onApply)
        ui.thresholdSlider.connect("valueChanged(double)", self.onThreshold)
        ui.previewCheckBox.connect("toggled(bool)", self.onThreshold)
        ui.liverCheckBox.connect("toggled(bool)", self.onThreshold)
        ui.thresholdButton.connect("clicked(bool)", self.onUseThreshold)

    # --- model ---------------------------------------------------------------------------------------------------

    def onModel(self, _index: int) -> None:
        """Choose a model; its own threshold comes with it."""
        if self.context.parameters is not None:
            self.context.parameters.model = self.ui.modelComboBox.currentData
            self.context.changed("models")

    def onModelFolder(self, _checked: bool = False) -> None:
        """Import a model package from a folder."""
        self._import(qt.QFileDialog.getExistingDirectory(self.widget, _("Folder of a model package")))

    def onModelFile(self, _checked: bool = False) -> None:
        """Import a model package from a ZIP file."""
        chosen = qt.QFileDialog.getOpenFileName(self.widget, _("Model package"), "", _("Model packages (*.zip)"))
        self._import(chosen)

    def _import(self, source: str) -> None:
        if not source:
            return
        with self.context.attempt():
            self.context.parameters.model = importModel(source)
            self.context.tell(_("The model was imported."))
        self.context.changed("models")

    def onInstall(self, _checked: bool = False) -> None:
        """Install the packages that are missing, once the user agrees."""
        self._install()

    def onInstallFromArchive(self, _checked: bool = False) -> None:
        """Install them without network."""
        chosen = qt.QFileDialog.getOpenFileName(self.widget, _("Archive of packages"), "", _("Archives (*.zip)"))
        if chosen:
            self._install(archive=chosen)

    def _install(self, **source: Any) -> None:
        from .packages import LIGHT, ensure

        with self.context.attempt():
            ensure(LIGHT, again=True, **source)
            self.context.tell(_("All packages are there."))

    # --- work ----------------------------------------------------------------------------------------------------

    def onApply(self, _checked: bool = False) -> None:
        """Segment the chosen run in the background."""
        context, parameters, case = self.context, self.context.parameters, self.context.case
        if case is None or parameters is None or not context.packagesReady():
            return
        parameters.preview = False
        model, self._clicked = parameters.model, time.monotonic()
        with context.attempt():
            context.jobs.segment(
                case,
                model=model,
                tumourThreshold=parameters.tumourThreshold,
                runtime=parameters.runtime,
                device=parameters.device,
                threads=parameters.threads or None,
                done=lambda case: self.onSegmented(case, model),
                failed=self.onFailed,
            )
            context.tell(_("Segmenting {name} …").format(name=case.case_id))

    def onSegmented(self, case: Any, model: str) -> None:
        """Show the key frame with its masks, and keep how long the user waited for it."""
        context = self.context
        key = key_frame(case.run)
        if context.case is not None and context.case.run.sequence is case.run.sequence and key is not None:
            context.setFrame(key)
        context.tell(_("Segmented {name}. Correct the masks, or press Predict.").format(name=case.case_id))
        context.changed("case")
        # The next turn of the event loop: then all sections have been told, and the masks are to be seen.
        qt.QTimer.singleShot(0, lambda: self._shown(model))

    def _shown(self, model: str) -> None:
        if not self._clicked:
            return  # the panel was closed meanwhile
        keepSeconds(model, time.monotonic() - self._clicked)
        if self.context.parameters is not None:
            self._showModels(self.context.parameters)

    def onFailed(self, error: Exception) -> None:
        """Say why; the masks are what they were."""
        self.context.failed(error)
        self.context.changed("busy")

    def onThreshold(self, _value: Any = None) -> None:
        """Follow slider and check boxes; this slot may come before those that bind them."""
        parameters, ui = self.context.parameters, self.ui
        if parameters is None:
            return
        # As it is shown: a slider may stand between the steps of its spin box.
        parameters.tumourThreshold = round(ui.thresholdSlider.value, ui.thresholdSlider.decimals)
        parameters.preview = ui.previewCheckBox.checked
        parameters.liver = ui.liverCheckBox.checked
        self._show(self.context.case)

    def onUseThreshold(self, _checked: bool = False) -> None:
        """Write the masks at the threshold, from the kept maps."""
        context = self.context
        with context.attempt():
            context.parameters.preview = False
            context.logic.applyThreshold(context.case, context.parameters.tumourThreshold)
            context.tell(
                _("The masks were written anew at {value:.2f}.").format(value=context.parameters.tumourThreshold)
            )
        context.changed("masks")

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Follow case, model and work."""
        case, ui, context = self.context.case, self.ui, self.context
        if context.parameters is not None:
            self._showModels(context.parameters)
        self._row.update()
        ui.applyButton.setEnabled(case is not None and not context.jobs.busy and bool(ui.modelComboBox.count))
        ui.segmentedLabel.text = segmentedText(case) if case else _("Not segmented yet.")
        self._show(case)

    def _showModels(self, parameters: Any) -> None:
        packages = packagesOf("segmentation")
        fill(self.ui.modelComboBox, packages, parameters.model)
        if not packages:
            self.ui.modelLabel.text = _("No model is there. Choose the folder of a package.")
            return
        card = cardOf(parameters.model)
        if card is None:
            self.ui.modelLabel.text = _("This model cannot be read. Choose another one.")
            return
        if parameters.modelOfThreshold != parameters.model:
            parameters.modelOfThreshold = parameters.model
            parameters.tumourThreshold = card.tumour_threshold
        self.ui.modelLabel.text = f"{summaryOf(card)}. {timeText(parameters.model)} {card.warning}"

    def _show(self, case: Any) -> None:
        """Show preview and liver as the check boxes say; masks are not touched."""
        parameters, logic = self.context.parameters, self.context.logic
        frame = self.context.frame
        kept = case is not None and frame in logic.keptFrames(case)
        busy = self.context.jobs.busy
        self.ui.thresholdButton.setEnabled(kept and not busy)
        self.ui.previewCheckBox.setEnabled(kept)
        mask = self._previewed(case, frame) if kept and parameters.preview and not busy else None
        if mask is not None:
            self._preview.show(case, mask)
        else:
            self._preview.hide()
        display = case.masks.segmentation.GetDisplayNode() if case and case.masks and case.masks.segmentation else None
        if display is not None and parameters is not None:
            display.SetSegmentVisibility(LIVER, parameters.liver)

    def _previewed(self, case: Any, frame: int) -> Any:
        """Return the tumour at the threshold, (rows, columns); None where the maps cannot be read, and say so."""
        try:
            found = self.context.logic.thresholdMasks(case, frame, self.context.parameters.tumourThreshold)
        except DSANetError as error:
            self.context.failed(error)
            return None
        return None if found is None else found[0]

    def exit(self) -> None:
        """Leave no preview in the views."""
        self._preview.hide()

    def cleanup(self) -> None:
        """Leave no preview in the views."""
        self._clicked = 0.0
        self._preview.hide()


def segmentedText(case: Any) -> str:
    """Return what the masks of a case were made with, and on which frames."""
    masks = case.masks
    model = fact(masks.sequence, "Model") if masks else None
    if not model:
        return _("Not segmented yet.")
    key = number(masks.sequence, "KeyFrame")
    known = states(masks)
    labelled = [frame + 1 for frame, state in known.items() if state != "empty"]
    text = _("{model}, threshold {threshold:.2f}; computed by {runtime}; frames {frames}.").format(
        model=model,
        threshold=number(masks.sequence, "TumourThreshold") or 0.0,
        runtime=fact(masks.sequence, "Runtime") or "?",
        frames=", ".join(str(frame) for frame in labelled) or "–",
    )
    if key is not None and int(key) + 1 in labelled and not read_masks(masks, int(key)).tumour.any():
        if known[int(key)] == "predicted":
            text += " " + _("No tumour on the key frame: try a lower threshold, or another key frame.")
        else:  # a person's mask: no threshold changes it
            text += " " + _("The key frame has no tumour, as corrected by hand.")
    return text
