"""The foot of the panel: one line of status, and what works in the background with progress and Cancel."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

_STEPS = 1000


class WorkRow:
    """A progress bar and a Cancel button that follow the background work.

    Parameters
    ----------
    context
        What the sections share.
    bar, button
        QProgressBar and QPushButton.
    """

    def __init__(self, context: Any, bar: Any, button: Any) -> None:
        self.context, self.bar, self.button = context, bar, button
        button.connect("clicked(bool)", self.onCancel)
        self.update()

    def onCancel(self, _checked: bool = False) -> None:
        """Stop the work; what was there before stays."""
        self.context.jobs.cancel()

    def update(self) -> None:
        """Show how far the work is."""
        jobs = self.context.jobs
        busy = bool(jobs and jobs.busy)
        self.button.setEnabled(busy)
        self.bar.setVisible(busy)
        if not busy:
            return
        showProgress(self.bar, jobs.stage, jobs.fraction, jobs.secondsLeft)


def showProgress(bar: Any, stage: str, fraction: float | None, secondsLeft: float | None) -> None:
    """Show in a progress bar what is done, how much of it, and the time left."""
    bar.setRange(0, _STEPS if fraction is not None else 0)
    bar.setValue(int(_STEPS * (fraction or 0.0)))
    bar.setFormat(progressText(stage, secondsLeft))


def progressText(stage: str, secondsLeft: float | None) -> str:
    """Return the stage, and the time left where it is known."""
    if secondsLeft is None:
        return stage
    return _("{stage}, {seconds:.0f} s left").format(stage=stage, seconds=max(1.0, secondsLeft))


class Foot:
    """Status line and work row at the foot of the panel.

    Parameters
    ----------
    context
        What the sections share; its ``tell`` shows texts here from now on.
    ui
        Named widgets of the panel's own ``.ui`` file.
    """

    def __init__(self, context: Any, ui: Any) -> None:
        self.context, self.ui = context, ui
        self._about: Any = None
        self.row = WorkRow(context, ui.workProgressBar, ui.workCancelButton)
        context.showText = self.show

    def show(self, text: str, error: bool = False) -> None:
        """Show a line; an error begins with a word that says so."""
        case = self.context.case
        self._about = case.run.sequence if case else None
        self.ui.statusLabel.text = _("Problem: {text}").format(text=text) if error else text

    def update(self) -> None:
        """Follow the background work; what was said of a run that has left the scene holds no longer."""
        self.row.update()
        if self._about is not None and self._about.GetScene() is None:
            self._about = None
            self.ui.statusLabel.text = ""
        busy = bool(self.context.jobs and self.context.jobs.busy)
        self.ui.workCancelButton.setVisible(busy)

    def cleanup(self) -> None:
        """Show nothing more."""
        self.context.showText = lambda _text, _error: None
