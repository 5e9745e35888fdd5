"""A case of a work list in the scene: opened with a reader's masks, saved with the reader's work beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..correction.propagation import register
from ..correction.provenance import UNNAMED, Corrections, file_name, write_corrections
from ..correction.work import SCENE_FILE, WorkItem, corrections_to_open
from ..errors import DSANetError, OutputError, SceneError
from ..readers import read_run
from ..tables import RESULT_COLUMNS
from .attributes import ROLE, fact
from .editing import Editing, editing
from .frame_records import model_of, now_text
from .headless import scene
from .owned import remove_node
from .scene import CaseNodes, check_bundle, find_cases, load_scene, remove_case, save_scene
from .segmentation import MaskNodes, states, write_masks
from .sequence import RunNodes, frame_array, item_number, show_frame, write_run
from .table import RESULTS, find_table, read_table, write_table


def open_item(item: WorkItem, reader: str, *, hide_others: bool = False) -> CaseNodes:
    """Put a case of a work list into the scene, with the masks to go on from.

    Parameters
    ----------
    item
        The case; a run that has no results is shown as it is stored, with empty masks.
    reader
        Who will edit; empty where no name was given.
    hide_others
        Second-reader mode: what others did is neither opened nor looked at.

    Raises
    ------
    DSANetError
        Where case or work cannot be read; the scene is then as it was.
    """
    check_item(item, reader, hide_others=hide_others)
    return take_up(_load(item) if item.run is None else _load_run(item), item, reader, hide_others=hide_others)


def take_up(case: CaseNodes, item: WorkItem, reader: str, *, hide_others: bool = False) -> CaseNodes:
    """Give a case that was just loaded the masks to go on from; see `open_item`. Closes the case where it fails."""
    try:
        work = corrections_to_open(item, reader or UNNAMED, hide_others=hide_others)
        edits = editing(case.masks or write_masks(case.run))
        if work is not None:
            apply_corrections(edits, work)
    except DSANetError:
        close_item(case)
        raise
    edits.reader = reader
    edits.mark_saved()
    return CaseNodes(case.run, edits.nodes, case.results, case.lesions)


def apply_corrections(edits: Editing, work: Corrections) -> None:
    """Bring masks, states and provenance to what a reader saved; frames not mentioned stay as they are."""
    for record in work.frames:
        edits.restore(record)


def corrections_of(case: CaseNodes, reader: str, *, skipped: str | None = None) -> Corrections:
    """Return the work on a case as it stands in the scene."""
    masks = need_masks(case)
    edits = editing(masks)
    labelled = [frame for frame, state in states(masks).items() if state != "empty"]
    frames = tuple(edits.record(frame) for frame in labelled)
    return Corrections(case.case_id, reader or UNNAMED, now_text(), model_of(masks), frames, skipped)


def save_item(
    case: CaseNodes, folder: Path, reader: str, *, with_scene: bool = True, skipped: str | None = None
) -> list[Path]:
    """Save the work on a case: the reader's file, and the scene under the reader's name.

    Nothing of ``dsanet run`` and of other readers is touched. Returns the files, the reader's first.

    Raises
    ------
    OutputError
        Where a file cannot be written; an earlier one is then still there, whole.
    """
    edits = editing(need_masks(case))
    edits.capture(edits.frame)
    path = write_corrections(corrections_of(case, reader, skipped=skipped), folder)
    written = [path]
    if with_scene:
        name = file_name(reader or UNNAMED).replace("corrections-", "scene-", 1).removesuffix(".json")
        try:
            written.append(save_scene(folder / f"{name}.mrb", overwrite=True))
        except OutputError as error:
            remedy = f"The masks are saved in {path.name}. {error.remedy}"
            raise OutputError(error.problem, remedy, error.source) from error
    edits.mark_saved()
    return written


def check_item(item: WorkItem, reader: str, *, hide_others: bool = False) -> None:
    """Raise the error that `open_item` would raise, without touching the scene; cheap.

    Whoever closes one case to open the next asks this first.
    """
    if item.note and item.state != "skipped" and item.run is None:
        raise OutputError(item.note, "Skip it, or make it again", item.case_id)
    corrections_to_open(item, reader or UNNAMED, hide_others=hide_others)
    if item.run is None:
        check_bundle(item.folder / SCENE_FILE)


def close_item(case: CaseNodes) -> None:
    """Take a case out of the scene, with its row of results."""
    name = case.case_id
    remove_case(case)
    table = find_table(RESULTS)
    if table is None:
        return
    rows = [row for row in read_table(table) if row.get("case") != name]
    if rows or find_cases():
        write_table(RESULT_COLUMNS, rows, table.GetName(), role=RESULTS, node=table)
    else:
        remove_node(table)


def copy_to_neighbour(masks: MaskNodes, frame: int, neighbour: int) -> bool:
    """Propose the masks of a frame for another one, moved as the images moved; return whether they did move.

    Raises
    ------
    SceneError
        Where there is nothing to copy, or a person has edited or accepted the neighbour.
    """
    edits = editing(masks)
    liver, tumour = edits.present(frame).masks.unpack()
    if not (liver.any() or tumour.any()):
        raise SceneError(f"frame {frame + 1} has no mask to copy", "Draw one first, or choose another frame")
    movement = register(_image(masks.run, frame), _image(masks.run, neighbour))
    by = f"copy of frame {frame + 1}{f' by {edits.reader}' if edits.reader else ''}"
    edits.propose(neighbour, movement.move(liver), movement.move(tumour), by=by)
    return movement.registered


def need_masks(case: CaseNodes) -> MaskNodes:
    """Return the masks of a case; raise `SceneError` where it has none."""
    if case.masks is None:
        raise SceneError("has no masks", "Load the run again", case.case_id)
    return case.masks


def _load(item: WorkItem) -> CaseNodes:
    table = find_table(RESULTS)
    cases = load_scene(item.folder / SCENE_FILE, keep=True)
    if table is not None:
        _merge_results(table)
    found = next((case for case in cases if case.case_id == item.case_id), None) or (cases[0] if cases else None)
    if found is None:
        raise SceneError("holds no case", "Make it again", item.folder / SCENE_FILE)
    _show_key_frame(found)
    return found


def _merge_results(table: Any) -> None:
    """One table of results a scene: take the rows of those that came with a file, and remove them."""
    tables = scene().GetNodesByClass("vtkMRMLTableNode")
    tables.UnRegister(None)  # GetNodesByClass hands over its collection
    others = [tables.GetItemAsObject(i) for i in range(tables.GetNumberOfItems())]
    for other in others:
        if other is table or fact(other, ROLE) != RESULTS:
            continue
        rows = read_table(other)
        names = {row.get("case") for row in rows}
        kept = [row for row in read_table(table) if row.get("case") not in names]
        write_table(RESULT_COLUMNS, [*kept, *rows], table.GetName(), role=RESULTS, node=table)
        remove_node(other)


def _load_run(item: WorkItem) -> CaseNodes:
    assert item.run is not None
    run = write_run(read_run(item.run))
    return CaseNodes(run, write_masks(run))


def _show_key_frame(case: CaseNodes) -> None:
    masks = need_masks(case)
    labelled = [frame for frame, state in states(masks).items() if state != "empty"]
    if labelled:
        show_frame(case.run, labelled[len(labelled) // 2])


def _image(run: RunNodes, frame: int) -> np.ndarray:
    return frame_array(run.sequence.GetNthDataNode(item_number(run.sequence, frame)))
