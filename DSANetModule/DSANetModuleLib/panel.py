"""What the sections of the panel share: the chosen case, the shown frame, who tells whom that something changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import qt
import slicer
from slicer.i18n import tr as _
from vtkmodules.vtkCommonCore import vtkCommand

from DSANetLib.errors import DSANetError
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.scene import CaseNodes, find_case, find_cases
from DSANetLib.mrml.sequence import show_frame, shown_frame

logger = logging.getLogger(__name__)

RESEARCH_NOTE = _("Research use only; phantom-trained.")

# Shown for so long in Slicer's own status bar, which is in view wherever the panel is scrolled to.
_STATUS_MS = 10000
# Sections that answer a change with a change settle in two rounds; more would be a circle.
_ROUNDS = 3


class Section(Protocol):
    """One collapsible part of the panel.

    ``widget`` is loaded from ``Resources/UI/<Name>.ui``; its root is a ctkCollapsibleButton. ``ui`` holds the named
    children. `setup` connects signals and is fast; `update` follows the context, is cheap, and may come at any time.
    """

    widget: Any
    ui: Any

    def setup(self) -> None:
        """Connect signals; called once."""

    def update(self) -> None:
        """Show the context's present state."""

    def enter(self) -> None:
        """The module was opened."""

    def exit(self) -> None:
        """Another module was opened."""

    def cleanup(self) -> None:
        """The panel goes away: let go of observers and timers."""


class BaseSection:
    """A section that loads its widget and otherwise does nothing: the common start of all sections.

    Parameters
    ----------
    context
        What the sections share.
    """

    uiName = ""

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        self.widget = slicer.util.loadUI(context.resourcePath(f"UI/{self.uiName}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        for child in slicer.util.findChildren(self.widget, className="qMRML*"):
            child.setMRMLScene(slicer.mrmlScene)  # a selector without a scene stays empty

    def setup(self) -> None:
        """Connect signals."""

    def update(self) -> None:
        """Show the context's present state."""

    def enter(self) -> None:
        """The module was opened."""

    def exit(self) -> None:
        """Another module was opened."""

    def cleanup(self) -> None:
        """Let go of observers and timers."""


class PanelContext(slicer.util.VTKObservationMixin):
    """State that the sections share.

    Parameters
    ----------
    logic
        The module's logic.
    resourcePath
        Name of a file in ``Resources`` → its path.

    Attributes
    ----------
    sections
        All sections of the panel, in the order of work; filled by the module's widget.
    others
        What else has an ``update`` and follows the context: the foot and the layout.
    parameters
        The wrapped parameter node; None between the closing of a scene and the next one.
    jobs
        Work in the background.
    """

    def __init__(self, logic: Any, resourcePath: Callable[[str], str]) -> None:
        super().__init__()
        self.logic = logic
        self.resourcePath = resourcePath
        self.sections: list[Section] = []
        self.others: list[Any] = []
        self.parameters: Any = None
        self.jobs: Any = None
        self.showText: Callable[[str, bool], None] = lambda _text, _error: None
        self._browser: Any = None
        self._shown: tuple[int | None, bool] = (None, False)
        self._masks: Any = None
        self._telling = self._again = False
        self._held: set[str] | None = None

    @property
    def case(self) -> CaseNodes | None:
        """The chosen case; None where none is chosen, or where a part of it was removed."""
        sequence = self.parameters.run if self.parameters else None
        if sequence is None:
            return None
        case = find_case(sequence)
        return case if case is not None and case.run.volume is not None else None

    @property
    def cases(self) -> list[CaseNodes]:
        """All cases of the scene."""
        return find_cases()

    def setCase(self, case: CaseNodes | None) -> None:
        """Choose a case."""
        if self.parameters:
            self.parameters.run = case.run.sequence if case else None
        self.changed("case")

    @property
    def frame(self) -> int | None:
        """The source frame that is shown, 0-based; None without a case."""
        case = self.case
        return None if case is None or case.run.browser.GetSelectedItemNumber() < 0 else shown_frame(case.run)

    def setFrame(self, frame: int) -> None:
        """Show a source frame (0-based) of the chosen case."""
        case = self.case
        if case is not None:
            show_frame(case.run, frame)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Tell all sections once, at the end, what changes inside: a network's answer changes much."""
        if self._held is not None:
            yield
            return
        self._held = set()
        try:
            yield
        finally:
            held, self._held = self._held, None
            if held:
                self.changed("case" if "case" in held else held.pop())

    def changed(self, what: str) -> None:
        """Tell all sections that something changed: case, frame, masks, response, models or busy."""
        if self._held is not None:
            self._held.add(what)
            return
        if what == "case":
            self._follow()
        self._again = True
        if self._telling:
            return  # a section that answers a change with a change: all are told once more, after this
        self._telling = True
        try:
            for _round in range(_ROUNDS):
                if not self._again:
                    break
                self._again = False
                for part in (*self.sections, *self.others):
                    part.update()
        finally:
            self._telling = False

    def tell(self, text: str, error: bool = False) -> None:
        """Show one line at the foot of the panel, and in Slicer's status bar."""
        if error:
            logger.warning("%s", text)
        self.showText(text, error)
        slicer.util.showStatusMessage(text, _STATUS_MS)

    def failed(self, error: Exception) -> None:
        """Say at the foot of the panel what went wrong and what to do; for errors that end a job."""
        self.tell(str(error), error=True)

    def packagesReady(self) -> bool:
        """Return whether the packages are there that Slicer does not bring; the user is asked once, on first use."""
        from .packages import ensure

        try:
            ensure()
        except DSANetError as error:
            self.failed(error)
            return False
        return True

    def attempt(self) -> AbstractContextManager[None]:
        """Show what goes wrong inside the block, with Slicer's own dialog, and leave the panel usable."""
        return _Attempt(self)

    def cleanup(self) -> None:
        """Let go of the scene."""
        self.removeObservers()
        self._browser = None
        self._followMasks(None)

    @property
    def playing(self) -> bool:
        """Whether the chosen run is being played."""
        case = self.case
        return case is not None and bool(case.run.browser.GetPlaybackActive())

    def _follow(self) -> None:
        """Observe the browser and the masks of the chosen case, and no other."""
        case = self.case
        self._followMasks(case)
        browser = case.run.browser if case else None
        if browser is self._browser:
            return
        if self._browser is not None:
            self.removeObserver(self._browser, vtkCommand.ModifiedEvent, self._browsed)
        self._browser = browser
        self._shown = (self.frame, self.playing)
        if browser is not None:
            self.addObserver(browser, vtkCommand.ModifiedEvent, self._browsed)

    def _followMasks(self, case: CaseNodes | None) -> None:
        edited = editing(case.masks) if case is not None and case.masks is not None else None
        if edited is self._masks:
            return
        if self._masks is not None and self._masksChanged in self._masks.changed:
            self._masks.changed.remove(self._masksChanged)
        self._masks = edited
        if edited is not None:
            edited.changed.append(self._masksChanged)

    def _masksChanged(self, _frame: int) -> None:
        self.changed("masks")

    def _browsed(self, _caller: Any, _event: str) -> None:
        shown = (self.frame, self.playing)
        if shown != self._shown:
            self._shown = shown
            self.changed("frame")


class _Attempt:
    """Errors of our own go to the foot of the panel as one sentence; any other is shown as Slicer shows it."""

    def __init__(self, context: PanelContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        qt.QApplication.setOverrideCursor(qt.Qt.WaitCursor)

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> bool:
        qt.QApplication.restoreOverrideCursor()
        if isinstance(error, DSANetError):
            self._context.failed(error)
            return True
        if isinstance(error, Exception):
            logger.exception("unexpected")
            slicer.util.errorDisplay(_("Something unexpected happened: {error}").format(error=error))
            return True
        return False


def fill(combo: Any, entries: Sequence[tuple[str, str]], chosen: str) -> str:
    """Fill a combo box with (value, text) and choose a value without a signal; return what is chosen in the end."""
    combo.blockSignals(True)
    combo.clear()
    for value, text in entries:
        combo.addItem(text, value)
    place = max(0, combo.findData(chosen))
    combo.setCurrentIndex(place if entries else -1)
    combo.blockSignals(False)
    return entries[place][0] if entries else ""
