"""What was corrected, and how far two readers agree, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import OutputError, TrainingError
from ..evaluation.agreement import Icc, icc_agreement
from ..evaluation.metrics import dice
from ..tables import Cell, Column
from .packing import PackedMasks
from .provenance import Corrections

CORRECTION_COLUMNS = (
    Column("case", "", "Name of the case"),
    Column("frame", "", "Frame, counted from 1"),
    Column("state", "", "predicted, edited, accepted or rejected"),
    Column("reader", "", "Who changed or judged it last; the reader of the file where nobody did"),
    Column("changed_at", "", "When, ISO 8601, UTC"),
    Column("proposed_by", "", "Whose mask was there first: a model, or a copy of another frame"),
    Column("seconds", "s", "Time spent on the frame; pauses count up to a minute"),
    Column("dice_liver", "1", "Dice between proposal and result; empty where nothing was proposed"),
    Column("dice_tumour", "1", "Dice between proposal and result; empty where nothing was proposed"),
    Column("tumour_px_proposed", "px", "Tumour area of the proposal"),
    Column("tumour_px", "px", "Tumour area of the result"),
)

AGREEMENT_COLUMNS = (
    Column("case", "", "Name of the case"),
    Column("frame", "", "Frame, counted from 1"),
    Column("first", "", "First reader"),
    Column("second", "", "Second reader"),
    Column("dice_liver", "1", "Dice between the two readers; 1 where both masks are empty"),
    Column("dice_tumour", "1", "Dice between the two readers; 1 where both masks are empty"),
    Column("tumour_px_first", "px", "Tumour area of the first reader"),
    Column("tumour_px_second", "px", "Tumour area of the second reader"),
)

SUMMARY_COLUMNS = (
    Column("quantity", "", "What is compared"),
    Column("frames", "", "Frames that both readers judged"),
    Column("value", "1", "Mean Dice, or intraclass correlation"),
    Column("low", "1", "Lower end of the 95 % interval of the intraclass correlation"),
    Column("high", "1", "Upper end"),
)

_JUDGED = ("edited", "accepted")


def correction_rows(corrections: Iterable[Corrections]) -> list[dict[str, Cell]]:
    """Return a row for each frame of each reader, keyed by the names of `CORRECTION_COLUMNS`."""
    return [
        {
            "case": work.case_id,
            "frame": record.frame + 1,
            "state": record.state,
            "reader": record.reader or work.reader,
            "changed_at": record.changed_at,
            "proposed_by": record.proposed_by,
            "seconds": record.seconds,
            "dice_liver": record.dice_liver,
            "dice_tumour": record.dice_tumour,
            "tumour_px_proposed": None if record.proposal is None else _tumour_px(record.proposal),
            "tumour_px": _tumour_px(record.masks),
        }
        for work in corrections
        for record in work.frames
    ]


def agreement_rows(first: Iterable[Corrections], second: Iterable[Corrections]) -> list[dict[str, Cell]]:
    """Return a row for each frame that both readers edited or accepted, keyed by `AGREEMENT_COLUMNS`."""
    others = {work.case_id: work for work in second}
    rows: list[dict[str, Cell]] = []
    for one in first:
        other = others.get(one.case_id)
        for record in one.frames if other else ():
            against = other.of(record.frame) if other else None
            if other is None or against is None or not {record.state, against.state} <= set(_JUDGED):
                continue
            (liver, tumour), (liver2, tumour2) = record.masks.unpack(), against.masks.unpack()
            rows.append(
                {
                    "case": one.case_id,
                    "frame": record.frame + 1,
                    "first": one.reader,
                    "second": other.reader,
                    "dice_liver": dice(liver, liver2),
                    "dice_tumour": dice(tumour, tumour2),
                    "tumour_px_first": int(tumour.sum()),
                    "tumour_px_second": int(tumour2.sum()),
                }
            )
    return rows


def summary_rows(rows: Sequence[dict[str, Cell]]) -> list[dict[str, Cell]]:
    """Return mean Dice and the ICC of the tumour area over the rows of `agreement_rows`, keyed by `SUMMARY_COLUMNS`.

    The ICC is left empty where there are too few frames, or all areas are the same.
    """
    if not rows:
        raise OutputError("no frame was edited or accepted by both readers", "Choose two readers of the same cases")
    found: list[dict[str, Cell]] = [
        {
            "quantity": f"Dice, {name}",
            "frames": len(rows),
            "value": float(np.mean([float(row[f"dice_{name}"] or 0) for row in rows])),
            "low": None,
            "high": None,
        }
        for name in ("liver", "tumour")
    ]
    areas = np.array([[row["tumour_px_first"], row["tumour_px_second"]] for row in rows], np.float64)
    try:
        icc: Icc | None = icc_agreement(areas)
    except TrainingError:
        icc = None
    found.append(
        {
            "quantity": "ICC(2,1), tumour area",
            "frames": len(rows),
            "value": None if icc is None else icc.value,
            "low": None if icc is None else icc.low,
            "high": None if icc is None else icc.high,
        }
    )
    return found


def _tumour_px(masks: PackedMasks) -> int:
    return int(masks.unpack()[1].sum())
