"""Where the masks of a frame come from, as facts of its item: saved and loaded with the scene."""

from __future__ import annotations

from datetime import datetime, timezone

from ..correction.history import Step
from ..correction.packing import from_text, pack
from ..correction.provenance import FrameRecord
from .attributes import Fact, fact
from .segmentation import MaskNodes, frame_fact, read_masks

# What is stored of a frame beside its masks and its state.
NETWORK, NETWORK_BY = "NetworkMasks", "NetworkBy"
PROPOSAL, PROPOSAL_BY = "Proposal", "ProposalBy"
EDITED_BY, EDITED_AT, SECONDS = "EditedBy", "EditedAt", "Seconds"

UNSIGNED: dict[str, Fact] = {EDITED_BY: None, EDITED_AT: None}


def read_step(nodes: MaskNodes, frame: int) -> Step:
    """Return masks, state and proposal of a source frame."""
    found = read_masks(nodes, frame)
    text = frame_fact(nodes, frame, PROPOSAL)
    return Step(
        masks=pack(found.liver, found.tumour, found.tumour.shape),
        state=found.state,
        action="",
        proposal=None if text is None else from_text(text),
        proposal_by=frame_fact(nodes, frame, PROPOSAL_BY),
    )


def read_record(nodes: MaskNodes, frame: int) -> FrameRecord:
    """Return everything that is known of a source frame."""
    step = read_step(nodes, frame)
    return FrameRecord(
        frame=frame,
        state=step.state,
        masks=step.masks,
        proposal=step.proposal,
        proposed_by=step.proposal_by,
        reader=frame_fact(nodes, frame, EDITED_BY),
        changed_at=frame_fact(nodes, frame, EDITED_AT),
        seconds=float(frame_fact(nodes, frame, SECONDS) or 0.0),
    )


def record_facts(record: FrameRecord) -> dict[str, Fact]:
    """Return the facts that keep a record with its frame; the network's masks stay what they are."""
    return {
        PROPOSAL: None if record.proposal is None else record.proposal.to_text(),
        PROPOSAL_BY: record.proposed_by,
        EDITED_BY: record.reader,
        EDITED_AT: record.changed_at,
        SECONDS: record.seconds or None,
    }


def network_facts(step: Step, by: str) -> dict[str, Fact]:
    """Return the facts of masks that a network wrote: they are its proposal, and what "revert" goes back to."""
    text = step.masks.to_text()
    return {NETWORK: text, NETWORK_BY: by, PROPOSAL: text, PROPOSAL_BY: by, **UNSIGNED}


def model_of(nodes: MaskNodes) -> str:
    """Return the model package behind the masks of a run."""
    return fact(nodes.sequence, "Model") or "unknown"


def now_text() -> str:
    """Return the time of day as it is stored: ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
