"""What can be done to the masks of a run: written by a network, proposed, accepted, rejected, reverted, undone."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..correction.history import Step
from ..correction.packing import from_text
from ..correction.provenance import FrameRecord
from ..errors import SceneError
from .edits import Edits
from .frame_records import (
    NETWORK,
    NETWORK_BY,
    PROPOSAL,
    PROPOSAL_BY,
    UNSIGNED,
    network_facts,
    read_record,
    record_facts,
)
from .segmentation import FrameState, MaskNodes, frame_fact, set_masks, set_state, states

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


class Editing(Edits):
    """What a reader and a network can do to the masks of a run, each step of it to be undone."""

    def close(self) -> None:
        """Stop watching; called by itself when the masks leave the scene."""
        super().close()
        _open.pop(self._key, None)

    def write_from_network(self, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None, *, by: str) -> None:
        """Write what a network found; see the function of the same name."""
        self._write(frame, liver, tumour, "predicted", "network")
        self._set_facts(frame, network_facts(self._known[frame], by))

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
        self._set_facts(frame, {PROPOSAL: self._known[frame].masks.to_text(), PROPOSAL_BY: by, **UNSIGNED})

    def draw(self, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None) -> None:
        """Write masks as the reader's own edit."""
        self._write(frame, liver, tumour, "edited", "edit")
        self._effort.touch(self.frame, self._clock())
        self._set_facts(frame, self._signature(frame))

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
        self._set_facts(frame, {PROPOSAL: text, PROPOSAL_BY: author, **UNSIGNED})

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

    def corrected(self, frame: int) -> bool:
        """Return whether the masks differ from what was proposed, whatever the state says."""
        now = self.present(frame)
        return now.masks != now.proposal if now.proposal is not None else now.state == "edited"

    def record(self, frame: int) -> FrameRecord:
        """Return everything that is known of a frame."""
        self.capture(frame)
        return read_record(self.nodes, frame)

    def restore(self, record: FrameRecord) -> None:
        """Bring a frame to a record that was read from a file; can be undone."""
        self._write(record.frame, *record.masks.unpack(), cast("FrameState", record.state), "open")
        self._effort.start_from(record.frame, record.seconds)
        self._set_facts(record.frame, record_facts(record))

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
        signature = self._signature(frame) if touched else UNSIGNED
        self._set_facts(frame, {PROPOSAL: text, PROPOSAL_BY: step.proposal_by, **signature})
        return step.action
