"""Undo and redo for each frame on its own. Slicer's own history is emptied whenever the frame changes."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from .packing import PackedMasks

STEPS = 20


@dataclass(frozen=True)
class Step:
    """What a frame was like before something was done to it.

    Parameters
    ----------
    masks, state
        Masks and state of the frame.
    action
        What was then done, e.g. ``edit``, ``accept``; names the step where Undo offers it.
    proposal, proposal_by
        The mask that was proposed at that time, and by whom; None where there was none.
    """

    masks: PackedMasks
    state: str
    action: str
    proposal: PackedMasks | None = None
    proposal_by: str | None = None

    def named(self, action: str) -> Step:
        """Return the same state of the frame under another action."""
        return Step(self.masks, self.state, action, self.proposal, self.proposal_by)


class History:
    """Steps by frame; of each frame the last `limit` are kept."""

    def __init__(self, limit: int = STEPS) -> None:
        self._undo: dict[int, deque[Step]] = defaultdict(lambda: deque(maxlen=limit))
        self._redo: dict[int, deque[Step]] = defaultdict(lambda: deque(maxlen=limit))

    def push(self, frame: int, before: Step) -> None:
        """Remember how a frame was before an action; what was undone before can no longer be redone."""
        self._undo[frame].append(before)
        self._redo[frame].clear()

    def drop(self, frame: int) -> None:
        """Forget the last step of a frame: it turned out that nothing was done."""
        self._undo[frame].pop()

    def undo(self, frame: int, present: Step) -> Step | None:
        """Return the state to go back to, None where there is none; `present` can then be redone."""
        return _move(self._undo[frame], self._redo[frame], present)

    def redo(self, frame: int, present: Step) -> Step | None:
        """Return the state that was undone last, None where there is none."""
        return _move(self._redo[frame], self._undo[frame], present)

    def next_undo(self, frame: int) -> str | None:
        """Return the action that `undo` would take back, None where there is none."""
        return self._undo[frame][-1].action if self._undo[frame] else None

    def next_redo(self, frame: int) -> str | None:
        """Return the action that `redo` would do again, None where there is none."""
        return self._redo[frame][-1].action if self._redo[frame] else None


def _move(source: deque[Step], target: deque[Step], present: Step) -> Step | None:
    if not source:
        return None
    step = source.pop()
    target.append(present.named(step.action))
    return step
