"""Who changed what: writes by a network, edits by hand, states, undo, and the seconds spent, frame by frame.

Slicer says that *something* about the shown segmentation was modified, also while browsing. What counts as an edit is
therefore the pixels: a frame was edited where its masks differ from those that are known of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, cast

import numpy as np

from ..correction.effort import Effort
from ..correction.history import History, Step
from ..correction.packing import PackedMasks, from_text, pack
from ..errors import SceneError
from .attributes import STATE, Fact, fact
from .headless import scene, start
from .mending import mend, mend_frame
from .segmentation import FrameState, MaskNodes, frame_fact, read_masks, set_frame_facts, set_masks, set_state, states
from .sequence import shown_frame

# Facts of a frame, kept with its item, so that they are saved and loaded with the scene.
NETWORK, NETWORK_BY = "NetworkMasks", "NetworkBy"
PROPOSAL, PROPOSAL_BY = "Proposal", "ProposalBy"
EDITED_BY, EDITED_AT, SECONDS = "EditedBy", "EditedAt", "Seconds"

# One stroke may change tumour and liver one after the other: changes this close are one step.
_ONE_STROKE_S = 0.1

_open: dict[str, Editing] = {}


def editing(masks: MaskNodes) -> Editing:
    """Return the one `Editing` of a mask sequence; made, and the masks mended, on first use."""
    key = masks.sequence.GetID()
    known = _open.get(key)
    if known is None or known.nodes.sequence is not masks.sequence:
        known = _open[key] = Editing(masks)
    return known


def write_from_network(
    masks: MaskNodes, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None, *, by: str
) -> None:
    """Write what a network found on one frame: can be undone, and is what "revert" goes back to.

    Parameters
    ----------
    masks
        Masks of the run.
    frame
        Source frame, 0-based; no other is touched.
    liver, tumour
        (rows, columns), non-zero = inside; None is empty.
    by
        Name of the model, kept with the frame.

    Raises
    ------
    SceneError
        Where the frame is not in the scene, or a mask does not fit it.
    """
    editing(masks).write_from_network(frame, liver, tumour, by=by)


class Editing:
    """Edits of the masks of one run, from now on; ends by itself when the masks leave the scene.

    Parameters
    ----------
    masks
        Masks of the run; mended first (`notes` says what had to be).
    clock
        Seconds that only go up; for the time spent.

    Attributes
    ----------
    nodes
        The nodes to work with.
    reader
        Who edits: a name that the reader gave, empty where none was given.
    notes
        What was mended, sentences.
    changed
        Functions called with the source frame after its masks or state changed.
    """

    def __init__(self, masks: MaskNodes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.nodes, self.notes = mend(masks)
        self._key = masks.sequence.GetID()
        self.reader = ""
        self.changed: list[Callable[[int], None]] = []
        self._clock = clock
        self._history = History()
        self._effort = Effort()
        self._known: dict[int, Step] = {}
        self._saved: dict[int, Step] = {}
        self._stroke: tuple[int, float] | None = None
        self._busy = False
        self._observed: list[tuple[Any, int]] = []
        for frame in states(self.nodes):
            self._adopt(frame)
        self.mark_saved()
        self._shown = self.frame
        self._effort.touch(self._shown, self._clock())
        self._observe()

    @property
    def frame(self) -> int:
        """The source frame that is shown, 0-based."""
        return shown_frame(self.nodes.run)

    def write_from_network(self, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None, *, by: str) -> None:
        """Write what a network found; see the function of the same name."""
        self._write(frame, liver, tumour, "predicted", "network")
        text = self._known[frame].masks.to_text()
        self._set_facts(frame, {NETWORK: text, NETWORK_BY: by, PROPOSAL: text, PROPOSAL_BY: by})

    def propose(self, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None, *, by: str) -> None:
        """Write a proposal that is not a network's (`by` says whose); it counts once it is accepted or edited.

        Raises
        ------
        SceneError
            Where a person has edited or accepted the frame: that is never overwritten.
        """
        state = states(self.nodes)[frame]
        if state in ("edited", "accepted"):
            raise SceneError(f"frame {frame + 1} is {state} already", "Revert or reject it first, then propose again")
        self._write(frame, liver, tumour, "predicted", "proposal")
        self._set_facts(frame, {PROPOSAL: self._known[frame].masks.to_text(), PROPOSAL_BY: by})

    def accept(self, frame: int) -> None:
        """Take the masks of a frame as they stand, by the present reader."""
        self._judge(frame, "accepted", "accept")

    def reject(self, frame: int) -> None:
        """Mark the masks of a frame as unusable; they stay where they are."""
        self._judge(frame, "rejected", "reject")

    def revert(self, frame: int) -> None:
        """Go back to the network's masks, or to the proposal where no network wrote this frame.

        Raises
        ------
        SceneError
            Where there is neither.
        """
        self.capture(frame)
        network = frame_fact(self.nodes, frame, NETWORK)
        text, by = (network, NETWORK_BY) if network else (frame_fact(self.nodes, frame, PROPOSAL), PROPOSAL_BY)
        if text is None:
            raise SceneError(f"nothing was proposed for frame {frame + 1}", "Use Undo, or clear the segments")
        author = frame_fact(self.nodes, frame, by)
        liver, tumour = from_text(text).unpack()
        self._write(frame, liver, tumour, "predicted", "revert")
        self._set_facts(frame, {PROPOSAL: text, PROPOSAL_BY: author, EDITED_BY: None, EDITED_AT: None})

    def undo(self, frame: int) -> str | None:
        """Take back the last step of a frame; return its name, None where there is none."""
        self.capture(frame)
        return self._go(frame, self._history.undo(frame, self._known[frame]))

    def redo(self, frame: int) -> str | None:
        """Do again what was undone last; return its name, None where there is none."""
        self.capture(frame)
        return self._go(frame, self._history.redo(frame, self._known[frame]))

    def next_undo(self, frame: int) -> str | None:
        """Return the name of the step that `undo` would take back."""
        return self._history.next_undo(frame)

    def next_redo(self, frame: int) -> str | None:
        """Return the name of the step that `redo` would do again."""
        return self._history.next_redo(frame)

    def proposal(self, frame: int) -> tuple[PackedMasks, str] | None:
        """Return the last proposal of a frame and whose it is, None where there was none."""
        text = frame_fact(self.nodes, frame, PROPOSAL)
        return None if text is None else (from_text(text), frame_fact(self.nodes, frame, PROPOSAL_BY) or "")

    def present(self, frame: int) -> Step:
        """Return masks and state of a frame as they stand."""
        self.capture(frame)
        return self._known[frame]

    def seconds(self, frame: int) -> float:
        """Return the seconds spent on a frame; pauses count up to a minute."""
        self._effort.touch(self.frame, self._clock())
        return self._effort.seconds(frame)

    def pause(self) -> None:
        """Stop the clock, e.g. when the panel is left; it goes on with the next sign of life."""
        self._effort.touch(None, self._clock())

    def resume(self) -> None:
        """Let the clock go on for the frame that is shown."""
        self._effort.touch(self.frame, self._clock())

    def unsaved(self) -> list[int]:
        """Return the frames whose masks or state differ from what was saved last."""
        self.capture(self.frame)
        return sorted(frame for frame, step in self._known.items() if _differ(step, self._saved[frame]))

    def mark_saved(self) -> None:
        """Take everything as saved."""
        self._saved = dict(self._known)

    def capture(self, frame: int) -> bool:
        """Look whether a frame was edited by hand; if so, note it. Called by itself on every change."""
        if self._busy or frame not in self._known:
            return False
        known = self._known[frame]
        self._restore_segments(frame)
        now = self._read(frame)
        if not _differ(now, known, state=False):
            return False
        moment = self._clock()
        self._effort.touch(frame, moment)
        if self._stroke is None or self._stroke[0] != frame or moment - self._stroke[1] > _ONE_STROKE_S:
            self._history.push(frame, known.named("edit"))
        self._stroke = (frame, moment)
        self._set_facts(frame, {STATE: "edited", **self._signature(frame)})
        return True

    def close(self) -> None:
        """Stop watching; called by itself when the masks leave the scene."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self.changed.clear()
        _open.pop(self._key, None)

    def _adopt(self, frame: int) -> None:
        """Learn how a frame stands; what a network wrote before counts as the proposal to go back to."""
        step = self._known[frame] = self._read(frame)
        self._effort.start_from(frame, float(frame_fact(self.nodes, frame, SECONDS) or 0.0))
        if step.state == "predicted" and step.proposal is None:
            by = fact(self.nodes.sequence, "Model") or "unknown"
            text = step.masks.to_text()
            self._set_facts(frame, {NETWORK: text, NETWORK_BY: by, PROPOSAL: text, PROPOSAL_BY: by})

    def _read(self, frame: int) -> Step:
        found = read_masks(self.nodes, frame)
        text = frame_fact(self.nodes, frame, PROPOSAL)
        return Step(
            masks=pack(found.liver, found.tumour, found.tumour.shape),
            state=found.state,
            action="",
            proposal=None if text is None else from_text(text),
            proposal_by=frame_fact(self.nodes, frame, PROPOSAL_BY),
        )

    def _write(self, frame: int, liver: Any, tumour: Any, state: FrameState, action: str) -> None:
        self.capture(frame)
        before = self._known.get(frame)
        with self._alone():
            set_masks(self.nodes, frame, liver, tumour, state)
        if before is not None:
            self._history.push(frame, before.named(action))
        self._stroke = None
        self._tell(frame)

    def _judge(self, frame: int, state: FrameState, action: str) -> None:
        before = self.present(frame)
        if before.state == state:
            return
        self._effort.touch(self.frame, self._clock())
        self._history.push(frame, before.named(action))
        with self._alone():
            set_state(self.nodes, frame, state)
        self._set_facts(frame, self._signature(frame))

    def _go(self, frame: int, step: Step | None) -> str | None:
        if step is None:
            return None
        with self._alone():
            set_masks(self.nodes, frame, *step.masks.unpack(), state=cast("FrameState", step.state))
        self._stroke = None
        touched = step.state in ("edited", "accepted", "rejected")
        text = None if step.proposal is None else step.proposal.to_text()
        signature = self._signature(frame) if touched else {EDITED_BY: None, EDITED_AT: None}
        self._set_facts(frame, {PROPOSAL: text, PROPOSAL_BY: step.proposal_by, **signature})
        return step.action

    def _signature(self, frame: int) -> dict[str, Fact]:
        """Return who did it and when, to be kept with the frame."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return {EDITED_BY: self.reader or None, EDITED_AT: now, SECONDS: round(self._effort.seconds(frame), 1)}

    def _set_facts(self, frame: int, facts: dict[str, Fact]) -> None:
        with self._alone():
            set_frame_facts(self.nodes, frame, facts)
        self._tell(frame)

    def _tell(self, frame: int) -> None:
        self._known[frame] = self._read(frame)
        for function in list(self.changed):
            function(frame)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Take what happens inside for our own doing."""
        outer, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = outer

    def _observe(self) -> None:
        """Watch the shown segmentation, the browser and the scene."""
        slicer = start()
        kind = slicer.vtkSegmentation
        for event in (kind.SourceRepresentationModified, kind.SegmentAdded, kind.SegmentRemoved):
            self._watch(self.nodes.segmentation, event, self._on_segmentation)
        self._watch(self.nodes.run.browser, "ModifiedEvent", self._on_browser)
        self._watch(scene(), slicer.vtkMRMLScene.NodeRemovedEvent, self._on_removed)

    def _watch(self, node: Any, event: Any, function: Callable[..., None]) -> None:
        self._observed.append((node, node.AddObserver(event, function)))

    def _on_segmentation(self, *_: Any) -> None:
        self.capture(self.frame)

    def _on_browser(self, *_: Any) -> None:
        if self._busy or self._gone():
            return
        if self.nodes.run.browser.GetProxyNode(self.nodes.sequence) is not self.nodes.segmentation:
            self._take_new_proxy()
        if self.frame != self._shown:
            self.capture(self._shown)
            self._shown = self.frame
            self._effort.touch(self._shown, self._clock())

    def _on_removed(self, *_: Any) -> None:
        if self._gone():
            self.close()

    def _gone(self) -> bool:
        browser, sequence = self.nodes.run.browser, self.nodes.sequence
        removed = None in (browser.GetScene(), sequence.GetScene())
        return removed or scene().IsClosing() or not browser.IsSynchronizedSequenceNode(sequence, True)

    def _take_new_proxy(self) -> None:
        """The user removed or exchanged what shows the masks: show them again, and watch that."""
        with self._alone():
            self.nodes, notes = mend(self.nodes)
        self.notes += notes
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._observe()

    def _restore_segments(self, frame: int) -> None:
        """Make a deleted segment anew, empty: its pixels are in the step before, for Undo."""
        with self._alone():
            self.notes += mend_frame(self.nodes, frame)


def _differ(one: Step, other: Step, *, state: bool = True) -> bool:
    return one.masks != other.masks or (state and one.state != other.state)
