"""Notices who changed what: edits by hand, frame by frame, with a step of undo and the seconds spent.

Slicer says that *something* about the shown segmentation was modified, also while browsing. What counts as an edit is
therefore the pixels: a frame was edited where its masks differ from those that are known of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from ..correction.effort import Effort
from ..correction.history import History, Step
from .attributes import STATE, Fact
from .frame_records import EDITED_AT, EDITED_BY, SECONDS, model_of, network_facts, now_text, read_step
from .mending import mend, mend_frame
from .segmentation import FrameState, MaskNodes, frame_fact, set_frame_facts, set_masks, states
from .sequence import shown_frame
from .watching import Watch

# One stroke may change tumour and liver one after the other: changes this close are one step.
_ONE_STROKE_S = 0.1

# Within so much a stroke that came to nothing is none: saving takes longer than a stroke.
_REPACKED_S = 3.0


class Edits:
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
        self._before: tuple[Step, dict[str, Fact]] | None = None
        self._busy = False
        for frame in states(self.nodes):
            self._adopt(frame)
        self.mark_saved()
        self._shown = self.frame
        self._effort.touch(self._shown, self._clock())
        self._watch = self._observe()

    @property
    def frame(self) -> int:
        """The source frame that is shown, 0-based."""
        return shown_frame(self.nodes.run)

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
        if not self.nodes.run.browser.GetSaveChanges(self.nodes.sequence):
            self._switch_saving_on()
            return False
        self._restore_segments(frame)
        now = read_step(self.nodes, frame)
        if not _differ(now, known, state=False):
            return False
        moment = self._clock()
        new = self._stroke is None or self._stroke[0] != frame or moment - self._stroke[1] > _ONE_STROKE_S
        if self._take_back(frame, now, moment):
            return False
        self._effort.touch(frame, moment)
        if new:
            self._history.push(frame, known.named("edit"))
            self._before = (
                known,
                {name: frame_fact(self.nodes, frame, name) for name in (STATE, EDITED_BY, EDITED_AT)},
            )
        self._stroke = (frame, moment)
        self._set_facts(frame, {STATE: "edited", **self._signature(frame)})
        return True

    def _take_back(self, frame: int, now: Step, moment: float) -> bool:
        """Return whether a stroke has come to nothing; if so, forget it.

        Slicer packs both segments into one labelmap while it saves, one after the other: what is seen in between is no
        mask, and saving is no edit.
        """
        if self._before is None or self._stroke is None or self._stroke[0] != frame:
            return False
        if moment - self._stroke[1] > _REPACKED_S or _differ(now, self._before[0], state=False):
            return False
        self._history.drop(frame)
        facts, self._before, self._stroke = self._before[1], None, None
        self._set_facts(frame, facts)
        return True

    def close(self) -> None:
        """Stop watching; called by itself when the masks leave the scene."""
        self._watch.stop()
        self.changed.clear()

    def _adopt(self, frame: int) -> None:
        """Learn how a frame stands; what a network wrote before counts as the proposal to go back to."""
        step = self._known[frame] = read_step(self.nodes, frame)
        self._effort.start_from(frame, float(frame_fact(self.nodes, frame, SECONDS) or 0.0))
        if step.state == "predicted" and step.proposal is None:
            self._set_facts(frame, network_facts(step, model_of(self.nodes)))

    def _write(self, frame: int, liver: Any, tumour: Any, state: FrameState, action: str) -> None:
        self.capture(frame)
        before = self._known.get(frame)
        with self._alone():
            set_masks(self.nodes, frame, liver, tumour, state)
        if before is not None:
            self._history.push(frame, before.named(action))
        self._stroke = None
        self._known[frame] = read_step(self.nodes, frame)  # told with the facts, which every caller sets next

    def _signature(self, frame: int) -> dict[str, Fact]:
        """Return who did it and when, to be kept with the frame."""
        seconds = round(self._effort.seconds(frame), 1)
        return {EDITED_BY: self.reader or None, EDITED_AT: now_text(), SECONDS: seconds}

    def _set_facts(self, frame: int, facts: dict[str, Fact]) -> None:
        with self._alone():
            set_frame_facts(self.nodes, frame, facts)
        self._tell(frame)

    def _tell(self, frame: int) -> None:
        self._known[frame] = read_step(self.nodes, frame)
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

    def _observe(self) -> Watch:
        return Watch(self.nodes, self._on_masks, self._on_browser, self.close)

    def _on_masks(self) -> None:
        if not self._watch.gone():
            self.capture(self.frame)

    def _on_browser(self) -> None:
        if self._busy or self._watch.gone():
            return
        if not self.nodes.run.browser.GetSaveChanges(self.nodes.sequence):
            self._switch_saving_on()
        if self.nodes.run.browser.GetProxyNode(self.nodes.sequence) is not self.nodes.segmentation:
            self._take_new_proxy()
        if self.frame != self._shown:
            self.capture(self._shown)
            self._shown = self.frame
            self._effort.touch(self._shown, self._clock())

    def _take_new_proxy(self) -> None:
        """The user removed or exchanged what shows the masks: show them again, and watch that."""
        with self._alone():
            self.nodes, notes = mend(self.nodes)
        self.notes += notes
        self._watch.stop()
        self._watch = self._observe()

    def _switch_saving_on(self) -> None:
        """The user unticked "save changes", upon which Slicer empties the shown frame: bring back what it held."""
        with self._alone():
            self.nodes, notes = mend(self.nodes)
            step = self._known[self.frame]
            set_masks(self.nodes, self.frame, *step.masks.unpack(), state=cast("FrameState", step.state))
        self.notes += notes

    def _restore_segments(self, frame: int) -> None:
        """Make a deleted segment anew, empty: its pixels are in the step before, for Undo."""
        with self._alone():
            self.notes += mend_frame(self.nodes, frame)


def _differ(one: Step, other: Step, *, state: bool = True) -> bool:
    return one.masks != other.masks or (state and one.state != other.state)
