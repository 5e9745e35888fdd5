"""What a reader did to the masks of a case, in one file: masks, states, who, when, how long, how much was changed.

One file a reader, written whole or not at all, so that a second reader never sees, and never overwrites, the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..evaluation.metrics import dice
from ..whole import write_whole
from .packing import PackedMasks, from_text

FORMAT, VERSION = "dsanet-corrections", 1
UNNAMED = "unnamed"
STATES = ("empty", "predicted", "edited", "accepted", "rejected")


@dataclass(frozen=True)
class FrameRecord:
    """Masks of one frame and where they come from.

    Parameters
    ----------
    frame
        Source frame, 0-based.
    state
        ``empty``, ``predicted``, ``edited``, ``accepted`` or ``rejected``.
    masks
        As they stand.
    proposal, proposed_by
        What was proposed before anybody edited it, and whose it is: a model, or "copy of frame 5".
    reader, changed_at
        Who changed or judged it last, and when (ISO 8601, UTC); None where nobody did.
    seconds
        Time spent on the frame.
    """

    frame: int
    state: str
    masks: PackedMasks
    proposal: PackedMasks | None = None
    proposed_by: str | None = None
    reader: str | None = None
    changed_at: str | None = None
    seconds: float = 0.0

    @property
    def dice_liver(self) -> float | None:
        """Dice between proposal and result, 0-1; None where nothing was proposed."""
        return self._dice(0)

    @property
    def dice_tumour(self) -> float | None:
        """Dice between proposal and result, 0-1; None where nothing was proposed."""
        return self._dice(1)

    def _dice(self, which: int) -> float | None:
        return None if self.proposal is None else dice(self.masks.unpack()[which], self.proposal.unpack()[which])


@dataclass(frozen=True)
class Corrections:
    """All that one reader did on one case.

    Parameters
    ----------
    case_id, reader
        Name of the case; name the reader gave, `UNNAMED` where none was given.
    saved_at
        ISO 8601, UTC.
    model
        Model package behind the first masks.
    frames
        Frames that are not ``empty``, ascending.
    skipped
        Why the case was skipped, None where it was not.
    """

    case_id: str
    reader: str
    saved_at: str
    model: str
    frames: tuple[FrameRecord, ...]
    skipped: str | None = None

    def of(self, frame: int) -> FrameRecord | None:
        """Return the record of a source frame, None where there is none."""
        return next((record for record in self.frames if record.frame == frame), None)


def file_name(reader: str) -> str:
    """Return the name of a reader's file: ``corrections-<reader>.json``."""
    name = re.sub(r"[^\w.\- ]", "_", reader).strip(" .")
    return f"corrections-{name or UNNAMED}.json"


def write_corrections(corrections: Corrections, folder: Path) -> Path:
    """Write the file of a reader into the folder of a case; an earlier one of the same reader is replaced.

    Raises
    ------
    OutputError
        Where it cannot be written, or the file there is another reader's or case's; then what is there stays.
    """
    path = folder / file_name(corrections.reader)
    if path.exists():
        before = read_corrections(path)
        if (before.case_id, before.reader) != (corrections.case_id, corrections.reader):
            raise OutputError("holds the work of another reader or case", "Give the reader another name", path)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "case": corrections.case_id,
        "reader": corrections.reader,
        "saved_at": corrections.saved_at,
        "model": corrections.model,
        "skipped": corrections.skipped,
        "frames": [_to_json(record) for record in corrections.frames],
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def read_corrections(path: Path) -> Corrections:
    """Read the file of a reader.

    Raises
    ------
    OutputError
        Where it is missing, damaged, or of a later version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"is no readable file of corrections ({error})", "Use a copy of it", path) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise OutputError("is no file of corrections", f"Choose a {file_name('NAME')}", path)
    if content.get("version") != VERSION:
        raise OutputError(f"is of version {content.get('version')}, this is {VERSION}", "Update DSANet", path)
    try:
        return Corrections(
            case_id=str(content["case"]),
            reader=str(content["reader"]),
            saved_at=str(content["saved_at"]),
            model=str(content["model"]),
            frames=tuple(_from_json(record) for record in content["frames"]),
            skipped=content.get("skipped"),
        )
    except (KeyError, TypeError, ValueError, OutputError) as error:
        raise OutputError(f"is damaged ({error})", "Use a copy of it", path) from error


def all_corrections(folder: Path) -> list[Corrections]:
    """Return what all readers did on the case of a folder, the latest last."""
    found = [read_corrections(path) for path in sorted(folder.glob("corrections-*.json"))]
    return sorted(found, key=lambda corrections: corrections.saved_at)


def _to_json(record: FrameRecord) -> dict[str, Any]:
    return {
        "frame": record.frame + 1,
        "state": record.state,
        "reader": record.reader,
        "changed_at": record.changed_at,
        "seconds": record.seconds,
        "proposed_by": record.proposed_by,
        "dice_liver": record.dice_liver,
        "dice_tumour": record.dice_tumour,
        "masks": record.masks.to_text(),
        "proposal": None if record.proposal is None else record.proposal.to_text(),
    }


def _from_json(record: Mapping[str, Any]) -> FrameRecord:
    if record["state"] not in STATES:
        raise ValueError(f"{record['state']!r} is no state")
    return FrameRecord(
        frame=int(record["frame"]) - 1,
        state=str(record["state"]),
        masks=from_text(record["masks"]),
        proposal=None if record["proposal"] is None else from_text(record["proposal"]),
        proposed_by=record["proposed_by"],
        reader=record["reader"],
        changed_at=record["changed_at"],
        seconds=float(record["seconds"]),
    )
