"""A list of cases to work through: results of ``dsanet run``, or runs without any; worst first, a reader's own state.

What a reader did lies beside the case (`provenance`), so the list can be made anew at any time, on any machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import OutputError
from ..readers import RunSource, find_runs
from ..readers.find import folder_is_empty
from .provenance import Corrections, all_corrections, file_name, read_corrections

WorkState = Literal["new", "begun", "done", "skipped"]
Order = Literal["uncertainty", "flags"]

CASE_FILE, SCENE_FILE = "case.json", "scene.mrb"
WORK_FOLDER = "dsanet-corrections"
"""Holds the work on runs that have no folder of results."""

# How much a flag says about the masks: 3 they cannot be right, 2 they may well be wrong, 1 look twice.
_FLAG_WEIGHT = {
    "no_contrast": 3,
    "no_tumour": 3,
    "no_liver": 3,
    "masks_for_frames": 3,
    "unlike_frames": 3,
    "early_end": 2,
    "frames_missing": 2,
    "short_run": 2,
    "no_clear_mask": 2,
    "polarity_unclear": 2,
    "edges_repeated": 1,
    "inverted": 1,
    "subtracted_here": 1,
    "times_assumed": 1,
}


@dataclass(frozen=True)
class WorkItem:
    """One case of a work list.

    Parameters
    ----------
    case_id, patient_id
        Names of case and patient; the patient is the case where nothing else is known.
    folder
        Where the reader's work is kept, and the scene if there is one.
    run
        The run to read where there are no results; None where the folder holds a scene.
    flags
        Short names of what was noticed by the network.
    uncertainty
        0-1, see `uncertainty.mask_uncertainty`; None where it is not known.
    state
        What this reader did: nothing, something, all frames with masks judged, or skipped.
    note
        Why the case was skipped, or cannot be opened.
    """

    case_id: str
    patient_id: str
    folder: Path
    run: RunSource | None = None
    flags: tuple[str, ...] = ()
    uncertainty: float | None = None
    state: WorkState = "new"
    note: str = ""

    @property
    def severity(self) -> int:
        """Weight of the worst flag, 0-3."""
        return max((_FLAG_WEIGHT.get(flag, 0) for flag in self.flags), default=0)


def read_work_list(folder: str | Path, reader: str, *, order: Order = "uncertainty") -> list[WorkItem]:
    """Return the cases of a folder, worst first; those that the reader finished or skipped come last.

    Parameters
    ----------
    folder
        Output of ``dsanet run`` or of a batch, or a folder with runs.
    reader
        Whose work counts as done; what others did plays no part.
    order
        By ``uncertainty`` (cases without one by their flags, in front), or by ``flags`` first.

    Raises
    ------
    OutputError
        Where the folder is missing or holds no case. A case that cannot be read stays in the list, with the reason.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise OutputError("is no folder", "Choose the folder of the results, or of the runs", folder)
    results = sorted(path.parent for path in folder.glob(f"*/{CASE_FILE}"))
    found = [_of_result(path, reader) for path in results] or [_of_run(folder, run, reader) for run in _runs(folder)]
    if not found:
        raise OutputError("holds neither results nor runs", "Choose another folder", folder)
    return sorted(found, key=lambda item: (item.state in ("done", "skipped"), *_badness(item, order), item.case_id))


def own_corrections(item: WorkItem, reader: str) -> Corrections | None:
    """Return what the reader did on a case, None where nothing."""
    path = item.folder / file_name(reader)
    return read_corrections(path) if path.exists() else None


def corrections_to_open(item: WorkItem, reader: str, *, hide_others: bool) -> Corrections | None:
    """Return the work to go on from: the reader's own, else the latest of another unless those are hidden."""
    own = own_corrections(item, reader)
    if own is not None or hide_others:
        return own
    others = [work for work in all_corrections(item.folder) if work.skipped is None] if item.folder.is_dir() else []
    return others[-1] if others else None


def readers_of(items: list[WorkItem]) -> list[str]:
    """Return the names of all who worked on any of the cases, sorted."""
    return sorted({work.reader for item in items if item.folder.is_dir() for work in all_corrections(item.folder)})


def _badness(item: WorkItem, order: Order) -> tuple[float, ...]:
    sure = -2.0 if item.uncertainty is None else -item.uncertainty
    return (sure, -item.severity) if order == "uncertainty" else (-item.severity, sure)


def _runs(folder: Path) -> list[RunSource]:
    return [run for run in find_runs(folder) if WORK_FOLDER not in run.path.parts and not folder_is_empty(run)]


def _of_run(folder: Path, run: RunSource, reader: str) -> WorkItem:
    place = folder / WORK_FOLDER / run.case_id
    state, note = _state(place, reader)
    return WorkItem(run.case_id, run.case_id, place, run=run, state=state, note=note)


def _of_result(folder: Path, reader: str) -> WorkItem:
    try:
        facts: Mapping[str, Any] = json.loads((folder / CASE_FILE).read_text(encoding="utf-8"))
        case_id = str(facts["case"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return WorkItem(folder.name, folder.name, folder, note=f"{CASE_FILE} cannot be read ({error})")
    state, note = _state(folder, reader)
    if not note and not (folder / SCENE_FILE).is_file():
        note = f"has no {SCENE_FILE}; run it again with the scene"
    uncertainty = facts.get("uncertainty")
    return WorkItem(
        case_id=case_id,
        patient_id=str(facts.get("patient") or case_id),
        folder=folder,
        flags=tuple(str(facts.get("flags") or "").split()),
        uncertainty=float(uncertainty) if isinstance(uncertainty, (int, float)) else None,
        state=state,
        note=note,
    )


def _state(folder: Path, reader: str) -> tuple[WorkState, str]:
    path = folder / file_name(reader)
    if not path.exists():
        return "new", ""
    try:
        work = read_corrections(path)
    except OutputError as error:
        return "begun", str(error)
    if work.skipped is not None:
        return "skipped", work.skipped
    return ("done" if work.frames and all(r.state != "predicted" for r in work.frames) else "begun"), ""
