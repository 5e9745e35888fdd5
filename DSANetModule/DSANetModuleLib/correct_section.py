"""Section *Correct*: Slicer's segment editor on the shown frame; accept, reject, revert, undo, copy; keys for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from DSANetLib.mrml.choices import key_frame
from DSANetLib.mrml.editing import Editing, editing
from DSANetLib.mrml.segmentation import states
from DSANetLib.mrml.sequence import stored_frames
from DSANetLib.mrml.terminology import LIVER
from DSANetLib.mrml.work import copy_to_neighbour

from .panel import BaseSection
from .readers_name import readerName
from .segment_editor import EFFECTS, SegmentEditor
from .shortcuts import Shortcuts


class CorrectSection(BaseSection):
    """What a reader does to the masks of the shown frame."""

    uiName = "Correct"

    def setup(self) -> None:
        """Connect buttons; make nothing that takes long."""
        ui = self.ui
        self._edits: Editing | None = None
        self._entered = False
        self.editor = SegmentEditor(ui.editorFrame)
        for button, action in (
            (ui.acceptButton, self.onAccept),
            (ui.rejectButton, self.onReject),
            (ui.revertButton, self.onRevert),
            (ui.undoButton, self.onUndo),
            (ui.redoButton, self.onRedo),
            (ui.clearButton, self.onClear),
            (ui.copyNextButton, self.onCopyNext),
            (ui.copyPreviousButton, self.onCopyPrevious),
        ):
            button.connect("clicked(bool)", action)
        self.shortcuts = Shortcuts(self.widget, self._actions())

    # --- what the buttons and keys do ----------------------------------------------------------------------------

    def onAccept(self, _checked: bool = False) -> None:
        """Accept the mask of the shown frame as it stands."""
        self._do(lambda edits, frame: edits.accept(frame))

    def onReject(self, _checked: bool = False) -> None:
        """Mark the frame as unusable; its mask stays."""
        self._do(lambda edits, frame: edits.reject(frame))

    def onRevert(self, _checked: bool = False) -> None:
        """Go back to the network's mask."""
        self._do(lambda edits, frame: edits.revert(frame))

    def onUndo(self, _checked: bool = False) -> None:
        """Take back the last step of the shown frame."""
        self._do(lambda edits, frame: self._said(edits.undo(frame), _("Undone: {step}"), _("Nothing to undo here.")))

    def onRedo(self, _checked: bool = False) -> None:
        """Do again what was undone."""
        self._do(
            lambda edits, frame: self._said(edits.redo(frame), _("Done again: {step}"), _("Nothing to redo here."))
        )

    def onClear(self, _checked: bool = False) -> None:
        """Empty the chosen segment on the shown frame."""
        self._do(self._clear)

    def onCopyNext(self, _checked: bool = False) -> None:
        """Propose this frame's masks for the next frame, and go there."""
        self._copy(1)

    def onCopyPrevious(self, _checked: bool = False) -> None:
        """Propose this frame's masks for the previous frame, and go there."""
        self._copy(-1)

    def _do(self, action: Any) -> None:
        frame = self.context.frame
        if self._edits is None or frame is None:
            return
        with self.context.attempt():
            action(self._edits, frame)

    def _clear(self, edits: Editing, frame: int) -> None:
        liver, tumour = edits.present(frame).masks.unpack()
        if self.editor.segment() == LIVER:
            liver = np.zeros_like(liver)
        else:
            tumour = np.zeros_like(tumour)
        edits.draw(frame, liver, tumour)

    def _copy(self, by: int) -> None:
        case, frame = self.context.case, self.context.frame
        if case is None or frame is None or self._edits is None:
            return
        frames = stored_frames(case.run.sequence)
        place = frames.index(frame) + by
        if not 0 <= place < len(frames):
            self.context.tell(_("There is no frame on that side."))
            return
        with self.context.attempt():
            moved = copy_to_neighbour(self._edits.nodes, frame, frames[place])
            self.context.setFrame(frames[place])
            how = _("moved with the image") if moved else _("at the same place: the image did not move")
            self.context.tell(
                _("Proposed for frame {frame}, {how}. Accept it or correct it.").format(
                    frame=frames[place] + 1, how=how
                )
            )

    def _said(self, step: str | None, text: str, nothing: str) -> None:
        self.context.tell(text.format(step=stepText(step)) if step else nothing)

    def step(self, by: int) -> None:
        """Show the frame `by` places on, as far as there are frames."""
        case = self.context.case
        if case is not None:
            last = case.run.sequence.GetNumberOfDataNodes() - 1
            case.run.browser.SetSelectedItemNumber(min(max(case.run.browser.GetSelectedItemNumber() + by, 0), last))

    def stepKey(self, by: int) -> None:
        """Show the next (1) or previous (-1) key frame or frame with masks."""
        case, frame = self.context.case, self.context.frame
        if case is None or case.masks is None or frame is None:
            return
        wanted = {number for number, state in states(case.masks).items() if state != "empty"}
        key = key_frame(case.run)
        wanted |= {key} if key is not None else set()
        ahead = sorted(
            (number for number in wanted if (number - frame) * by > 0), key=lambda number: abs(number - frame)
        )
        if ahead:
            with self.context.attempt():
                self.context.setFrame(ahead[0])

    def play(self) -> None:
        """Play, or stop."""
        case = self.context.case
        if case is not None:
            case.run.browser.SetPlaybackActive(not case.run.browser.GetPlaybackActive())

    def _actions(self) -> dict[str, Any]:
        keys = {
            "Left": lambda: self.step(-1),
            "Right": lambda: self.step(1),
            "N": lambda: self.stepKey(1),
            "P": lambda: self.stepKey(-1),
            "A": self.onAccept,
            "R": self.onRevert,
            "C": self.onCopyNext,
            "Shift+C": self.onCopyPrevious,
            "Space": self.play,
            "Ctrl+Z": self.onUndo,
            "Z": self.onUndo,
            "Ctrl+Y": self.onRedo,
            "Y": self.onRedo,
            "Esc": lambda: self.editor.choose(-1),
        }
        for place in range(min(9, len(EFFECTS))):
            keys[str(place + 1)] = lambda place=place: self.editor.choose(place)
        return keys

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Follow case, frame and masks."""
        case = self.context.case
        self._follow(case)
        self.editor.show(case if self._entered else None)
        if self._entered:
            self.editor.enter()
        frame = self.context.frame
        edits = self._edits if frame is not None else None
        self._showButtons(edits, frame)
        self.ui.frameStateLabel.text = _("No run is chosen.") if edits is None else frameText(edits, frame)

    def _follow(self, case: Any) -> None:
        edits = editing(case.masks) if case is not None and case.masks is not None else None
        if edits is self._edits:
            return
        if self._edits is not None:
            self._edits.pause()
        self._edits = edits
        if edits is not None:
            edits.reader = readerName()
            for note in edits.notes:
                self.context.tell(note)

    def _showButtons(self, edits: Editing | None, frame: int | None) -> None:
        ui = self.ui
        undo = edits.next_undo(frame) if edits is not None and frame is not None else None
        redo = edits.next_redo(frame) if edits is not None and frame is not None else None
        for button in (ui.acceptButton, ui.rejectButton, ui.clearButton, ui.revertButton):
            button.setEnabled(edits is not None)
        frames = stored_frames(edits.nodes.run.sequence) if edits is not None else ()
        ui.copyPreviousButton.setEnabled(bool(frames) and frame != frames[0])
        ui.copyNextButton.setEnabled(bool(frames) and frame != frames[-1])
        ui.undoButton.setEnabled(undo is not None)
        ui.redoButton.setEnabled(redo is not None)
        ui.undoButton.text = _("Undo: {step}").format(step=stepText(undo)) if undo else _("Undo")
        ui.redoButton.text = _("Redo: {step}").format(step=stepText(redo)) if redo else _("Redo")

    def enter(self) -> None:
        """Take the keys and the views."""
        self._entered = True
        self.shortcuts.install()
        if self._edits is not None:
            self._edits.resume()
        self.update()

    def exit(self) -> None:
        """Give keys and views back, and stop the clock."""
        self._entered = False
        self.shortcuts.remove()
        self.editor.exit()
        if self._edits is not None:
            self._edits.pause()

    def cleanup(self) -> None:
        """Let go of the scene."""
        self.shortcuts.remove()
        self.editor.cleanup()
        self._edits = None


def stepText(action: str | None) -> str:
    """Return a step of the history for people."""
    names = {
        "edit": _("edit"),
        "accept": _("accept"),
        "reject": _("reject"),
        "revert": _("revert"),
        "network": _("network's mask"),
        "proposal": _("proposal"),
        "open": _("opened work"),
    }
    return names.get(action or "", action or "")


def frameText(edits: Editing, frame: int) -> str:
    """Return one line on the shown frame: its state, whose mask it is, and what was changed."""
    record = edits.record(frame)
    names = {
        "empty": _("nothing labelled"),
        "predicted": _("proposed"),
        "edited": _("edited"),
        "accepted": _("accepted"),
        "rejected": _("rejected"),
    }
    parts = [_("Frame {frame}: {state}").format(frame=frame + 1, state=names[record.state])]
    if record.proposed_by:
        parts.append(_("mask from {author}").format(author=record.proposed_by))
    if record.reader:
        parts.append(_("by {reader}").format(reader=record.reader))
    if record.dice_tumour is not None and record.state in ("edited", "accepted"):
        parts.append(_("tumour Dice to the proposal {dice:.2f}").format(dice=record.dice_tumour))
    return ", ".join(parts)
