"""What is known of a run, as attributes of its sequence, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..run import DSARun, MaskSubtraction, PixelSpacing
from .attributes import CASE, ROLE, Fact, fact, number, numbers


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
