"""Which reader's mask of a frame is taken where several readers worked on one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .adjudication import ADJUDICATED
from .provenance import Corrections, FrameRecord

_RANK = {"edited": 1, "accepted": 2}
_JUDGED = ("edited", "accepted", "rejected")


@dataclass(frozen=True)
class PassedOver:
    """A reader's judgement of a frame that another one's took the place of.

    Parameters
    ----------
    reader, record
        Whose it is, and what.
    taken
        Who judged the frame as it is taken.
    reason
        ``adjudicated``, ``accepted`` (and this one only edited or rejected), or ``later``.
    """

    reader: str
    record: FrameRecord
    taken: str
    reason: str


def choose_frames(works: Sequence[Corrections]) -> tuple[list[FrameRecord], list[PassedOver]]:
    """Return the mask to take for each frame that a person stands behind, and what was passed over for it.

    Frame by frame: what was adjudicated comes first, then accepted before edited, then the later one. A frame that
    the adjudication rejected is not taken at all; one that a single reader rejected is, where another one kept it.

    Parameters
    ----------
    works
        All readers' work on one case, the latest last.

    Returns
    -------
    list of FrameRecord
        Edited or accepted, ascending by frame.
    list of PassedOver
        Judgements of other readers, unless they are the same.
    """
    taken: list[FrameRecord] = []
    passed: list[PassedOver] = []
    for frame in sorted({record.frame for work in works for record in work.frames}):
        judged = [(work, record) for work in works if (record := work.of(frame)) and record.state in _JUDGED]
        if not judged:
            continue
        place = max(range(len(judged)), key=lambda i: (*_worth(judged[i][1]), judged[i][1].changed_at or "", i))
        work, best = judged[place]
        if best.state != "rejected":
            taken.append(replace(best, reader=best.reader or work.reader))
        for other, record in judged:
            # A reader who goes on from another's work holds a copy of it.
            if record is not best and (record.state, record.masks) != (best.state, best.masks):
                who, by = record.reader or other.reader, best.reader or work.reader
                passed.append(PassedOver(who, record, by, _reason(best, record)))
    return taken, passed


def _worth(record: FrameRecord) -> tuple[bool, int]:
    return (record.proposed_by or "").endswith(ADJUDICATED), _RANK.get(record.state, 0)


def _reason(best: FrameRecord, other: FrameRecord) -> str:
    first, second = _worth(best), _worth(other)
    if first[0] > second[0]:
        return "adjudicated"
    return best.state if first[1] > second[1] else "later"
