"""Two readers, one case: where they disagree, and what a third makes of it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ..errors import OutputError
from ..evaluation.metrics import dice
from .provenance import Corrections, FrameRecord

ADJUDICATED = ", adjudicated"
"""How the origin of a mask ends that a third took or joined from two readers."""

Take = Literal["first", "second", "both", "either"]


def disagreements(first: Corrections, second: Corrections) -> list[tuple[int, float | None]]:
    """Return (source frame, Dice of the tumour) of the frames on which two readers differ, the worst first.

    Dice is None where only one of them has masks on the frame that count (edited or accepted).
    """
    found: list[tuple[int, float | None]] = []
    for frame in sorted({record.frame for record in (*first.frames, *second.frames)}):
        one, other = _judged(first, frame), _judged(second, frame)
        if one is None and other is None:
            continue
        if one is None or other is None:
            found.append((frame, None))
        elif one.masks != other.masks:
            found.append((frame, dice(one.masks.unpack()[1], other.masks.unpack()[1])))
    return sorted(found, key=lambda item: (-1.0 if item[1] is None else item[1], item[0]))


def combine(first: Corrections, second: Corrections, frame: int, take: Take) -> tuple[np.ndarray, np.ndarray, str]:
    """Return (liver, tumour, by) to propose to the adjudicator, uint8 (rows, columns), 0 or 1.

    Parameters
    ----------
    first, second
        The two readers.
    frame
        Source frame, 0-based.
    take
        ``first`` or ``second`` reader; pixels that ``both`` or that ``either`` marked.

    Raises
    ------
    OutputError
        Where a reader that is needed has no masks on the frame.
    """
    if take not in get_args(Take):
        raise OutputError(f"{take!r} cannot be taken", f"Use one of {', '.join(get_args(Take))}")
    needed = {"first": (first,), "second": (second,)}.get(take, (first, second))
    masks = []
    for corrections in needed:
        record = _judged(corrections, frame)
        if record is None:
            raise OutputError(f"{corrections.reader} has no mask on frame {frame + 1}", "Take the other reader's")
        masks.append(record.masks.unpack())
    if len(masks) == 1:
        return (*masks[0], f"{needed[0].reader}{ADJUDICATED}")
    join = np.logical_and if take == "both" else np.logical_or
    liver, tumour = (join(one, other).astype(np.uint8) for one, other in zip(*masks, strict=True))
    return liver, tumour, f"{take} of {first.reader} and {second.reader}{ADJUDICATED}"


def _judged(corrections: Corrections, frame: int) -> FrameRecord | None:
    record = corrections.of(frame)
    return record if record is not None and record.state in ("edited", "accepted") else None
