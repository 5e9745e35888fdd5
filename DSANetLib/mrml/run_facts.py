"""What is known of a run, as attributes of its sequence, and back."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SceneError
from ..run import DSARun, MaskSubtraction, PixelSpacing
from .attributes import CASE, PREFIX, ROLE, Fact, fact, number, numbers

if TYPE_CHECKING:
    from ..preparation import PreparedRun

_BETWEEN = " | "

USER_SUBTRACTED = "UserSubtracted"
"""Whether the run came subtracted, in the user's word, which goes before the source's."""


def run_facts(run: DSARun) -> dict[str, Fact]:
    """Return the facts of a run to keep with its sequence; not its source, which may name a person."""
    facts: dict[str, Fact] = {
        ROLE: "run",
        CASE: run.case_id,
        "Polarity": run.polarity,
        "Subtracted": run.subtracted,
        "BitDepth": run.bit_depth,
        "Intensity": run.intensity,
        "TimesFrom": "assumed" if run.times_s is None else "source",
        "SourceFrames": run.count,
        "Visible": None if run.visible is None else visible_text(run.visible),
        "RunWarnings": warnings_text(run.warnings) or None,
    }
    if run.spacing is not None:
        facts |= spacing_facts(run.spacing)
    if run.mask is not None:
        facts |= {
            "MaskOperation": run.mask.operation,
            "MaskFrames": run.mask.frames,
            "MaskShiftPx": run.mask.shift_px,
            "MaskTidOffset": run.mask.tid_offset,
        }
    return facts


def visible_text(visible: np.ndarray) -> str:
    """Return a shutter, (rows, columns) bool, as text: rows, columns, and its packed bits."""
    packed = base64.b64encode(zlib.compress(np.packbits(visible).tobytes(), 9)).decode("ascii")
    return f"{visible.shape[0]} {visible.shape[1]} {packed}"


def visible_of(sequence: Any) -> np.ndarray | None:
    """Return the shutter of a run, (rows, columns) bool, True inside; None where the source did not say."""
    text = fact(sequence, "Visible")
    if text is None:
        return None
    try:
        rows, columns, packed = text.split()
        shape = int(rows), int(columns)
        bits = np.frombuffer(zlib.decompress(base64.b64decode(packed, validate=True)), np.uint8)
        return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)
    except (ValueError, zlib.error) as error:
        raise SceneError(
            f"has a damaged attribute {PREFIX}Visible", "Load the run again", sequence.GetName()
        ) from error


def warnings_text(warnings: Sequence[str]) -> str:
    """Return sentences as one text."""
    return _BETWEEN.join(warning.replace("|", "/") for warning in warnings)


def warnings_of(sequence: Any) -> tuple[str, ...]:
    """Return what the reader of a run had to say."""
    return tuple((fact(sequence, "RunWarnings") or "").split(_BETWEEN)) if fact(sequence, "RunWarnings") else ()


def subtracted_of(sequence: Any) -> bool | None:
    """Return whether the frames of a sequence came subtracted: the user's word, else the source's, else None."""
    said = fact(sequence, USER_SUBTRACTED) or fact(sequence, "Subtracted")
    return {"1": True, "0": False}.get(said or "")


def found_facts(prepared: PreparedRun) -> dict[str, Fact]:
    """Return what the preparation found out of a run; frames are 0-based."""
    done = prepared.subtraction
    return {
        "KeyFrame": int(prepared.key_frame.index),
        "KeyTime": float(prepared.key_frame.time_s),
        "ArrivalFrame": int(prepared.arrival),
        "FoundPolarity": prepared.polarity,
        "SubtractedHere": done.performed,
        "FoundMaskFrames": tuple(int(i) for i in done.frames) if done.performed else None,
        "Warnings": warnings_text(prepared.warnings) or None,
    }


def spacing_facts(spacing: PixelSpacing) -> dict[str, Fact]:
    """Return a pixel spacing as facts."""
    return {
        "SpacingRowMm": spacing.row_mm,
        "SpacingColumnMm": spacing.column_mm,
        "SpacingCalibration": spacing.calibration,
    }


def spacing_of(sequence: Any) -> PixelSpacing | None:
    """Return the pixel spacing of a sequence, of ours or another program's; None where it is not known."""
    row, column = number(sequence, "SpacingRowMm"), number(sequence, "SpacingColumnMm")
    if row is not None and column is not None:
        return PixelSpacing(row, column, fact(sequence, "SpacingCalibration") or "unknown")  # type: ignore[arg-type]
    # Another program's sequence: 1 mm is what Slicer writes where nothing is known.
    column, row, _ = sequence.GetNthDataNode(0).GetSpacing()
    return None if fact(sequence, ROLE) or (row, column) == (1.0, 1.0) else PixelSpacing(row, column)


def mask_of(sequence: Any, places: Mapping[int, int]) -> MaskSubtraction | None:
    """Return what a sequence says of its mask frames; ``places`` takes source frames to those that are stored."""
    operation = fact(sequence, "MaskOperation")
    if operation is None:
        return None
    shift = numbers(sequence, "MaskShiftPx")
    return MaskSubtraction(
        operation=operation,  # type: ignore[arg-type]
        frames=tuple(places[int(i)] for i in numbers(sequence, "MaskFrames") if int(i) in places),
        shift_px=(shift[0], shift[1]) if len(shift) == 2 else (0.0, 0.0),
        tid_offset=int(number(sequence, "MaskTidOffset") or 1),
    )
