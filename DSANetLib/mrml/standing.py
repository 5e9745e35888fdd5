"""Masks as they stand: which count for a prediction, whether one is stale, and the tables that follow from them.

The tables of a scene are derived: a row of results is made anew from the facts and masks of its case, so that it can
be deleted, and never says anything but what the masks say.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ..errors import SceneError
from ..lesions import find_lesions
from ..results import FrameMasks, Lesion, Response
from ..tables import LESION_COLUMNS, RESULT_COLUMNS, Cell, lesion_cells
from .attributes import Fact, fact, number, set_facts
from .choices import key_frame, key_frame_by_user, patient
from .editing import editing
from .frame_records import NETWORK, PROPOSAL
from .run_facts import spacing_of
from .scene import CaseNodes, find_cases
from .segmentation import frame_fact, read_masks, states
from .sequence import item_number, times_of
from .table import LESIONS, RESULTS, find_table, read_table, write_table

STALE = "stale"
_OF_MASKS = ("no_tumour", "no_liver", STALE)
_PREDICTED_FROM, _PREDICTED_CASES = "PredictedFrom", "PredictedCases"


def used_masks(case: CaseNodes) -> dict[int, FrameMasks]:
    """Return the masks that a prediction is made from, by source frame: key frame and neighbours, as they stand.

    Masks that are rejected, and proposals that nobody has accepted, do not count. ``origin`` says whether a person
    changed them.
    """
    key, masks = key_frame(case.run), case.masks
    if key is None or masks is None:
        return {}
    present = states(masks)
    used = {}
    for frame in (key - 1, key, key + 1):
        state = present.get(frame, "empty")
        if state in ("empty", "rejected") or (state == "predicted" and _only_proposed(case, frame)):
            continue
        stored = read_masks(masks, frame)
        corrected = state == "edited" or (state == "accepted" and editing(masks).corrected(frame))
        liver = stored.liver if stored.liver.any() else None
        used[frame] = FrameMasks(stored.tumour, liver, "edited" if corrected else "predicted")
    return used


def needed_masks(case: CaseNodes) -> dict[int, FrameMasks]:
    """Return `used_masks`; raise `SceneError` where the key frame has none."""
    key, used = key_frame(case.run), used_masks(case)
    if key is None or key not in used:
        where = "the run" if key is None else f"the key frame ({key + 1})"
        raise SceneError(
            f"{where} has no mask to predict from", "Segment the run, or accept a mask there", case.case_id
        )
    return used


def write_response(cases: list[CaseNodes], response: Response) -> Any:
    """Keep a prediction with the cases it was made from, and return the results table.

    Parameters
    ----------
    cases
        All runs of the patient.
    response
        Made from their masks as they stand now.
    """
    facts: dict[str, Fact] = {
        "Probability": float(response.probability),
        "ResponseThreshold": float(response.threshold),
        "ResponseModel": response.model,
        "ResponseRuntime": response.runtime,
        "ResponseFlags": " ".join(flag.code for flag in response.flags) or None,
        "ResponseRuns": len(response.run_probabilities),
        "ResponseCalibration": response.calibration,
        "ClinicalUsed": response.clinical_used,
        "ResponseMasks": "edited" if response.corrected_masks else "predicted",
        _PREDICTED_CASES: " | ".join(case.case_id for case in cases),
    }
    for case in cases:
        set_facts(_masks(case).sequence, {**facts, _PREDICTED_FROM: _digest(case)})
    for case in cases:
        _write_tables(case)
    return find_table(RESULTS)


def is_stale(case: CaseNodes) -> bool:
    """Return whether any mask behind the case's prediction was changed since; False where there is none."""
    made_from = _predicted_with(case)
    known = {other.case_id: other for other in find_cases()}
    return any(name not in known or _digest(known[name]) != _made_from(known[name]) for name in made_from)


def update_tables(case: CaseNodes) -> None:
    """Bring the rows of a case, and of those that it was predicted with, to the masks as they stand."""
    _write_tables(case)
    for other in find_cases():
        if other.case_id in _predicted_with(case) and other.case_id != case.case_id:
            _write_row(other, _row(other))


def _write_tables(case: CaseNodes) -> None:
    lesions = _lesions(case)
    _write_row(case, _row(case, lesions))
    rows = lesion_cells(case.case_id, lesions or ())
    write_table(LESION_COLUMNS, rows, f"{case.case_id} lesions", role=LESIONS, case_id=case.case_id)


def _write_row(case: CaseNodes, row: dict[str, Cell]) -> None:
    """Replace the row of a case where it stands, or add one."""
    table = find_table(RESULTS)
    rows = read_table(table) if table is not None else []
    places = [i for i, old in enumerate(rows) if old["case"] == case.case_id]
    rows = [row if i in places[:1] else old for i, old in enumerate(rows) if i not in places[1:]]
    write_table(RESULT_COLUMNS, rows if places else [*rows, row], "DSANet results", role=RESULTS)


def _row(case: CaseNodes, lesions: tuple[Lesion, ...] | None = None) -> dict[str, Cell]:
    """Return the row of a case, as `tables.result_row` makes it, from what stands in the scene."""
    masks, key, used = _masks(case).sequence, key_frame(case.run), used_masks(case)
    lesions = _lesions(case) if lesions is None else lesions
    spacing = spacing_of(case.run.sequence)
    per_pixel = None if spacing is None else spacing.pixel_mm2
    area = None if lesions is None else sum(lesion.area_px for lesion in lesions)
    found, key_masks = lesions or (), used.get(-1 if key is None else key)
    return {
        "case": case.case_id,
        "patient": patient(case.run),
        **_response_cells(case),
        "model": fact(masks, "Model"),
        "runtime": fact(masks, "Runtime"),
        "key_frame": None if key is None else key + 1,
        "key_frame_by": "user" if key_frame_by_user(case.run) else "automatic",
        "key_time": None if key is None else _key_time(case, key),
        "lesions": None if lesions is None else len(lesions),
        "tumour_area_px": area,
        "tumour_area_mm2": None if per_pixel is None or area is None else area * per_pixel,
        "longest_diameter_px": max((x.longest_diameter_px for x in found), default=None),
        "longest_diameter_mm": max(
            (x.longest_diameter_mm for x in found if x.longest_diameter_mm is not None), default=None
        ),
        "liver_area_px": _liver_area(case, key_masks),
        "masks": "edited" if any(m.origin == "edited" for m in used.values()) else "predicted",
        "flags": _flags(case, key_masks),
    }


def _response_cells(case: CaseNodes) -> dict[str, Cell]:
    masks = _masks(case).sequence
    probability, threshold = number(masks, "Probability"), number(masks, "ResponseThreshold")
    runs = number(masks, "ResponseRuns")
    known = probability is not None and threshold is not None
    return {
        "probability": probability,
        "class": ("responder" if (probability or 0) >= (threshold or 0) else "non-responder") if known else None,
        "threshold": threshold,
        "response_model": fact(masks, "ResponseModel"),
        "clinical_used": {"1": "yes", "0": "no"}.get(fact(masks, "ClinicalUsed") or ""),
        "runs": None if runs is None else int(runs),
    }


def _flags(case: CaseNodes, key_masks: FrameMasks | None) -> str:
    """Return the flags of a case: what the masks say now in front, then those of preparation and prediction."""
    masks = _masks(case).sequence
    stored = (fact(masks, "Flags") or "").split()
    now = []
    if key_masks is not None and not key_masks.tumour.any():
        now.append("no_tumour")
    # What a person drew as liver is one.
    if "no_liver" in stored and (key_masks is None or key_masks.origin == "predicted" or key_masks.liver is None):
        now.append("no_liver")
    others = [code for code in stored if code not in _OF_MASKS]
    response = (fact(masks, "ResponseFlags") or "").split()
    return " ".join([*now, *others, *response, *([STALE] if is_stale(case) else [])])


def _liver_area(case: CaseNodes, key_masks: FrameMasks | None) -> int | None:
    """Return the liver's area in px; None where nobody looked for one."""
    if key_masks is None or key_masks.liver is None:
        looked = "no_liver" in (fact(_masks(case).sequence, "Flags") or "").split()
        return 0 if looked and key_masks is not None else None
    return int(key_masks.liver.sum())


def _lesions(case: CaseNodes) -> tuple[Lesion, ...] | None:
    """Return the lesions of the key frame as it stands; None where it has no mask."""
    key, used = key_frame(case.run), used_masks(case)
    if key is None or key not in used:
        return None
    return tuple(find_lesions(used[key].tumour, key, spacing_of(case.run.sequence)))


def _key_time(case: CaseNodes, key: int) -> float:
    stored = number(case.run.sequence, "KeyTime")
    if stored is not None and number(case.run.sequence, "KeyFrame") == key:
        return stored
    return float(times_of(case.run.sequence)[item_number(case.run.sequence, key)])


def _only_proposed(case: CaseNodes, frame: int) -> bool:
    proposal = frame_fact(_masks(case), frame, PROPOSAL)
    return proposal is not None and proposal != frame_fact(_masks(case), frame, NETWORK)


def _digest(case: CaseNodes) -> str:
    digest = hashlib.sha256()
    for frame, masks in used_masks(case).items():
        digest.update(f"{frame} {masks.origin}".encode())
        for mask in (masks.tumour, masks.liver):
            digest.update(b"none" if mask is None else np.packbits(mask).tobytes())
    return digest.hexdigest()


def _made_from(case: CaseNodes) -> str | None:
    return fact(_masks(case).sequence, _PREDICTED_FROM)


def _predicted_with(case: CaseNodes) -> list[str]:
    stored = fact(case.masks.sequence, _PREDICTED_CASES) if case.masks else None
    return stored.split(" | ") if stored else []


def _masks(case: CaseNodes) -> Any:
    if case.masks is None:
        raise SceneError("its masks were deleted", "Segment the run again", case.case_id)
    return case.masks
