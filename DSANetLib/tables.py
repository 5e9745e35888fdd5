"""The tables of results: which columns, in which unit, with which meaning; CSV and Slicer use the same.

Frames are counted from 1 in every table, as on an angiography screen and in DICOM.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .results import CaseResult, Lesion, Response, Segmentation

Cell = str | int | float | None


class Column(NamedTuple):
    """Name, unit ('' for none) and meaning of a column."""

    name: str
    unit: str
    description: str


RESULT_COLUMNS = (
    Column("case", "", "Name of the case; holds no patient data"),
    Column("patient", "", "Patient the run was assigned to; the case itself where nothing was said"),
    Column("probability", "1", "Calibrated probability of response (mRECIST CR or PR) of the patient"),
    Column("class", "", "responder or non-responder"),
    Column("threshold", "1", "Probability from which the class is responder"),
    Column("response_model", "", "Model package behind the probability"),
    Column("clinical_used", "", "yes where clinical values went into the probability"),
    Column("runs", "", "Runs averaged for the patient"),
    Column("model", "", "Model package behind the masks"),
    Column("runtime", "", "Runtime that computed the masks"),
    Column("key_frame", "", "Key frame, counted from 1"),
    Column("key_frame_by", "", "automatic or user"),
    Column("key_time", "s", "Time of the key frame from the first frame"),
    Column("lesions", "", "Separate lesions on the key frame"),
    Column("tumour_area_px", "px", "Tumour area on the key frame in source pixels"),
    Column("tumour_area_mm2", "mm2", "Tumour area on the key frame; empty where the spacing is not calibrated"),
    Column("longest_diameter_px", "px", "Longest diameter of the largest-diameter lesion"),
    Column("longest_diameter_mm", "mm", "The same; empty where the spacing is not calibrated"),
    Column("liver_area_px", "px", "Liver area on the key frame; empty for a model without liver"),
    Column("masks", "", "predicted or edited"),
    Column("flags", "", "Short names of what the reader has to know, separated by spaces"),
)

BATCH_COLUMNS = (
    *RESULT_COLUMNS,
    Column("status", "", "done or failed"),
    Column("reason", "", "Why there is no result, and what to do about it; empty where there is one"),
)

LESION_COLUMNS = (
    Column("case", "", "Name of the case"),
    Column("lesion", "", "1 for the largest by area"),
    Column("frame", "", "Frame it was measured on, counted from 1"),
    Column("row", "px", "Centroid, 0 = centre of the top row"),
    Column("column", "px", "Centroid, 0 = centre of the left column"),
    Column("area_px", "px", "Area in source pixels"),
    Column("area_mm2", "mm2", "Area; empty where the spacing is not calibrated"),
    Column("longest_diameter_px", "px", "Maximum Feret diameter"),
    Column("longest_diameter_mm", "mm", "The same; empty where the spacing is not calibrated"),
)

CURVE_COLUMNS = (
    Column("frame", "", "Counted from 1"),
    Column("time", "s", "From the first frame"),
    Column("opacification", "", "Contrast in the region that the key frame is chosen in, grey units"),
    Column("key_frame", "", "1 on the key frame, else 0"),
)

PATIENT_COLUMNS = (
    Column("patient", "", "Patient the runs were assigned to"),
    Column("runs", "", "Runs averaged"),
    Column("cases", "", "Their names, separated by spaces"),
    Column("probability", "1", "Mean over key frame and neighbours of a run, then over the runs"),
    Column("class", "", "responder or non-responder"),
    Column("threshold", "1", "Probability from which the class is responder"),
    Column("response_model", "", "Model package behind the probability"),
    Column("clinical_used", "", "yes where clinical values went into the probability"),
    Column("flags", "", "Short names of what the reader has to know"),
)


def result_row(case: CaseResult) -> dict[str, Cell]:
    """Return the one row of a case, keyed by the names of `RESULT_COLUMNS`; None where nothing is known."""
    seg, response = case.segmentation, case.response
    key = seg.key_frame
    masks = seg.masks[key.index]
    return {
        "case": seg.case_id,
        "patient": case.patient_id or seg.case_id,
        "probability": response.probability if response else None,
        "class": response.label if response else None,
        "threshold": response.threshold if response else None,
        "response_model": response.model if response else None,
        "clinical_used": ("yes" if response.clinical_used else "no") if response else None,
        "runs": len(response.run_probabilities) if response else None,
        "model": seg.model,
        "runtime": seg.runtime,
        "key_frame": key.index + 1,
        "key_frame_by": key.chosen_by,
        "key_time": float(key.time_s),
        "lesions": len(seg.lesions),
        "tumour_area_px": seg.tumour_area_px,
        "tumour_area_mm2": seg.tumour_area_mm2,
        "longest_diameter_px": max((x.longest_diameter_px for x in seg.lesions), default=None),
        "longest_diameter_mm": max(
            (x.longest_diameter_mm for x in seg.lesions if x.longest_diameter_mm is not None), default=None
        ),
        "liver_area_px": None if masks.liver is None else int(masks.liver.sum()),
        "masks": "edited" if any(m.origin == "edited" for m in seg.masks.values()) else "predicted",
        "flags": " ".join(flag.code for flag in case.flags),
    }


def lesion_rows(segmentation: Segmentation) -> list[dict[str, Cell]]:
    """Return a row for each lesion of a run, keyed by the names of `LESION_COLUMNS`."""
    return lesion_cells(segmentation.case_id, segmentation.lesions)


def lesion_cells(case_id: str, lesions: Iterable[Lesion]) -> list[dict[str, Cell]]:
    """Return a row for each lesion of a case."""
    return [
        {
            "case": case_id,
            "lesion": lesion.number,
            "frame": lesion.frame + 1,
            "row": lesion.row,
            "column": lesion.column,
            "area_px": lesion.area_px,
            "area_mm2": lesion.area_mm2,
            "longest_diameter_px": lesion.longest_diameter_px,
            "longest_diameter_mm": lesion.longest_diameter_mm,
        }
        for lesion in lesions
    ]


def curve_rows(segmentation: Segmentation) -> list[dict[str, Cell]]:
    """Return the time-contrast curve, a row a frame, keyed by the names of `CURVE_COLUMNS`."""
    key = segmentation.key_frame
    times = segmentation.prepared.frame_times
    return [
        {"frame": i + 1, "time": float(times[i]), "opacification": float(value), "key_frame": int(i == key.index)}
        for i, value in enumerate(key.curve)
    ]


def patient_row(patient_id: str, response: Response) -> dict[str, Cell]:
    """Return the one row of a patient, keyed by the names of `PATIENT_COLUMNS`."""
    return {
        "patient": patient_id,
        "runs": len(response.run_probabilities),
        "cases": " ".join(response.run_probabilities),
        "probability": response.probability,
        "class": response.label,
        "threshold": response.threshold,
        "response_model": response.model,
        "clinical_used": "yes" if response.clinical_used else "no",
        "flags": " ".join(flag.code for flag in response.flags),
    }


def to_csv(columns: Sequence[Column], rows: Iterable[Mapping[str, Cell]]) -> str:
    """Return rows as CSV text; floats with six significant digits, None as an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_cell(row[column.name]) for column in columns])
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
