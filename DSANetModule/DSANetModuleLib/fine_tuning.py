"""The button *Fine-tune…* of the work list: a network learns from what was corrected, while work goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from DSANetLib.correction.provenance import UNNAMED
from DSANetLib.correction.work import WorkItem

from .foot import showProgress
from .models_text import cardOf, forgetModels, packagesOf
from .panel import fill
from .readers_name import othersHidden, readerName
from .work import TRAINING


class FineTuning:
    """The lowest part of the section.

    Parameters
    ----------
    context
        What the sections share.
    ui
        Widgets of the section.
    cases
        → all cases of the list, after the user was asked about what is not saved; None where he would rather not.
    """

    def __init__(self, context: Any, ui: Any, cases: Callable[[], list[WorkItem] | None]) -> None:
        self.context, self.ui, self._cases = context, ui, cases
        self._listed = False
        ui.fineTuneButton.connect("clicked(bool)", self.onStart)
        ui.fineTuneCancelButton.connect("clicked(bool)", self.onCancel)
        ui.fineTuneFolderEdit.connect("currentPathChanged(QString)", self.onFolder)
        ui.fineTuneModelComboBox.connect("currentIndexChanged(int)", self.onModel)

    def onFolder(self, _path: str) -> None:
        """A folder was chosen, or taken away."""
        self.update(self._listed)

    def onModel(self, _index: int) -> None:
        """Start from another model."""
        if self.context.parameters is not None:
            self.context.parameters.fineTuneModel = self.ui.fineTuneModelComboBox.currentData

    def onStart(self, _checked: bool = False) -> None:
        """Fine-tune in the background; packages that are missing are asked for first."""
        from .packages import TRAINING as PACKAGES
        from .packages import ensure

        with self.context.attempt():
            ensure(PACKAGES, again=True)
            cases = self.ui.fineTuneFolderEdit.currentPath or self._cases()
            if cases is None:
                return
            self.context.jobs.fineTune(
                cases, **self._settings(), done=self.onDone, failed=self.context.failed, cancelled=self.onCancelled
            )
            if self.context.jobs.isBusy(TRAINING):
                self.ui.fineTuneLabel.text = ""
                self.context.tell(_("Fine-tuning in the background. You can go on working."))
        self.context.changed("busy")

    def onCancel(self, _checked: bool = False) -> None:
        """Stop within a second."""
        self.context.jobs.cancel(TRAINING)

    def onCancelled(self) -> None:
        """Say that nothing came of it."""
        self.context.tell(_("The fine-tuning was cancelled; no model was made."))

    def onDone(self, tuned: Any) -> None:
        """Offer the new model in the lists, choose nothing, and say what it is worth."""
        forgetModels()
        self.ui.fineTuneLabel.text = tunedText(tuned)
        self.context.tell(self.ui.fineTuneLabel.text, error=bool(tuned.left_out))
        self.context.changed("models")

    def _settings(self) -> dict[str, Any]:
        ui, parameters = self.ui, self.context.parameters
        return {
            "model": parameters.fineTuneModel or parameters.model,
            "name": ui.fineTuneNameEdit.text.strip() or None,
            "samples": parameters.fineTuneSamples or None,
            "minutes": parameters.fineTuneMinutes or None,
            "heldOut": parameters.fineTuneHeldOut / 100,
            "seed": parameters.fineTuneSeed,
            "reader": (readerName() or UNNAMED) if othersHidden() else None,
        }

    def update(self, listed: bool) -> None:
        """Follow list, folder, models and the work; `listed` says whether there are cases in the list."""
        self._listed = listed
        ui, jobs, parameters = self.ui, self.context.jobs, self.context.parameters
        busy = bool(jobs and jobs.isBusy(TRAINING))
        ui.fineTuneButton.setEnabled((listed or bool(ui.fineTuneFolderEdit.currentPath)) and not busy)
        ui.fineTuneCancelButton.setEnabled(busy)
        ui.fineTuneProgressBar.setVisible(busy)
        if busy:
            showProgress(ui.fineTuneProgressBar, *jobs.progressOf(TRAINING))
        if parameters is not None:
            chosen = (("", _("the model of Segment")), *packagesOf("segmentation"))
            fill(ui.fineTuneModelComboBox, chosen, parameters.fineTuneModel)


def tunedText(tuned: Any) -> str:
    """Return what came of a fine-tuning, as sentences."""
    card = cardOf(tuned.package.name)
    origin = card.training["from_package"]["name"] if card else "?"
    text = _(
        "The model {name} is in the list of models: fine-tuned from {origin} on {runs} corrected runs of {patients} "
        "patients, not for diagnosis."
    ).format(name=tuned.package.name, origin=origin, runs=tuned.runs, patients=tuned.training)
    return " ".join([text, diceText(tuned), *tuned.left_out])


def diceText(tuned: Any) -> str:
    """Return the Dice before and after, and how far to trust it."""
    dice = tuned.dice
    if dice is None:
        return _("No held-out patient shows a tumour: how good it is was not measured. The old model stays chosen.")
    text = _("Dice of the tumour on held-out patients ({count}): {before:.3f} before, {after:.3f} after.").format(
        count=dice.patients, before=dice.second, after=dice.first
    )
    if not tuned.better:
        return text + " " + _("It is not better: the old model stays chosen.")
    if dice.low is None or dice.low <= 0:
        return text + " " + _("So few patients do not prove it better: the old model stays chosen until you choose.")
    return text + " " + _("It is better: choose it in Segment.")
