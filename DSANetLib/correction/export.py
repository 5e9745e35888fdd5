"""What readers edited or accepted, as a folder to train from: a manifest, the runs, the masks as PNG.

Needs no Slicer: the run is taken out of the case's scene, where it lies as ``.seq.nrrd``.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np

from ..errors import OutputError
from ..tables import Cell, Column, to_csv
from ..whole import whole_folder
from .provenance import FrameRecord, all_corrections
from .readers import PassedOver, choose_frames
from .work import SCENE_FILE, WorkItem, own_corrections

MANIFEST, RUNS, MASKS, PASSED_OVER = "manifest.csv", "runs", "masks", "left-out.csv"

MANIFEST_COLUMNS = (
    Column("patient", "", "Patient the run belongs to; the case itself where nothing else is known"),
    Column("case", "", "Name of the case; holds no patient data"),
    Column("path", "", "The run, relative to this table"),
    Column("frame", "", "Frame of the masks, counted from 1"),
    Column("tumour_mask", "", "PNG on the source pixels, 0 or 255, relative to this table"),
    Column("liver_mask", "", "The same; empty where no liver is marked"),
    Column("state", "", "edited or accepted"),
    Column("reader", "", "Who edited or accepted it"),
    Column("changed_at", "", "When, ISO 8601, UTC"),
    Column("proposed_by", "", "Whose mask was there first"),
    Column("dice_tumour", "1", "Dice between proposal and result; empty where nothing was proposed"),
)

PASSED_OVER_COLUMNS = (
    Column("case", "", "Name of the case"),
    Column("frame", "", "Counted from 1"),
    Column("reader", "", "Whose mask is not in this folder"),
    Column("state", "", "edited, accepted or rejected"),
    Column("changed_at", "", "When, ISO 8601, UTC"),
    Column("taken", "", "Whose judgement of the frame was taken"),
    Column("reason", "", "That one was adjudicated, accepted, edited, or later"),
)


class Exported(NamedTuple):
    """What an export holds, and what it does not.

    Parameters
    ----------
    frames
        Frames written.
    left_out
        A sentence for each case that had to be left out.
    passed_over
        A sentence for each reader some of whose masks gave way to another's; `PASSED_OVER` lists them all.
    """

    frames: int
    left_out: list[str]
    passed_over: list[str]


def export_training(
    items: Sequence[WorkItem], folder: str | Path, *, reader: str | None = None, overwrite: bool = False
) -> Exported:
    """Write a training folder, whole or not at all.

    Parameters
    ----------
    items
        Cases of a work list; those without a frame that was edited or accepted are passed over.
    folder
        To be made.
    reader
        Whose masks. Where None, of all readers, and frame by frame: adjudicated, else accepted before edited, else the
        later one.
    overwrite
        Replace an earlier export, and nothing else.

    Returns
    -------
    Exported
        Frames written, cases left out, other readers' masks passed over; nothing is left out unsaid.

    Raises
    ------
    OutputError
        Where the folder is taken or cannot be written, or there is nothing to export.
    """
    folder = Path(folder)
    _check_free(folder, overwrite)
    rows: list[dict[str, Cell]] = []
    left_out: list[str] = []
    passed: list[tuple[str, PassedOver]] = []
    with whole_folder(folder) as temporary:
        for item in items:
            try:
                records, others = _records(item, reader)
                if records:
                    rows += _write_case(item, records, temporary)
                passed += [(item.case_id, other) for other in others]
            except OutputError as error:
                left_out.append(str(error))
        if not rows:
            why = f" ({left_out[0]})" if left_out else ""
            raise OutputError(f"no frame was edited or accepted{why}", "Correct and save some cases first", folder)
        (temporary / MANIFEST).write_text(to_csv(MANIFEST_COLUMNS, rows), encoding="utf-8", newline="")
        if passed:
            table = to_csv(PASSED_OVER_COLUMNS, [_passed_row(case, other) for case, other in passed])
            (temporary / PASSED_OVER).write_text(table, encoding="utf-8", newline="")
    return Exported(len(rows), left_out, _passed_texts([other for _case, other in passed]))


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        first = next(csv.reader(io.StringIO((folder / MANIFEST).read_text(encoding="utf-8"))), [])
    except (OSError, UnicodeDecodeError):
        first = []
    if first != [column.name for column in MANIFEST_COLUMNS]:
        raise OutputError("is no training folder of ours and is left alone", "Choose another folder", folder)
    if not overwrite:
        raise OutputError("holds an earlier export", "Allow overwriting, or choose another folder", folder)


def _records(item: WorkItem, reader: str | None) -> tuple[list[FrameRecord], list[PassedOver]]:
    """Return the frames of a case to write, each with its reader, and what other readers made of them."""
    if not item.folder.is_dir():
        return [], []
    if reader is None:
        return choose_frames(all_corrections(item.folder))
    own = own_corrections(item, reader)
    return ([], []) if own is None else (choose_frames([own])[0], [])


def _passed_row(case: str, other: PassedOver) -> dict[str, Cell]:
    record = other.record
    return {
        "case": case,
        "frame": record.frame + 1,
        "reader": other.reader,
        "state": record.state,
        "changed_at": record.changed_at,
        "taken": other.taken,
        "reason": other.reason,
    }


def _passed_texts(passed: Sequence[PassedOver]) -> list[str]:
    counts = Counter(other.reader for other in passed)
    return [
        f"{count} of {reader}'s judgements gave way to another reader's, adjudicated, accepted or later: {PASSED_OVER}."
        for reader, count in sorted(counts.items())
    ]


def _write_case(item: WorkItem, records: Sequence[FrameRecord], folder: Path) -> list[dict[str, Cell]]:
    name = item.folder.name  # a legal file name already, and unique in its list
    run = Path(RUNS) / f"{name}.seq.nrrd"
    _take_run(item, folder / run)
    rows: list[dict[str, Cell]] = []
    for record in records:
        liver, tumour = record.masks.unpack()
        place = Path(MASKS) / name / f"frame_{record.frame + 1:04d}"
        paths = {"tumour": f"{place.as_posix()}_tumour.png", "liver": f"{place.as_posix()}_liver.png"}
        _write_png(folder / paths["tumour"], tumour)
        if liver.any():
            _write_png(folder / paths["liver"], liver)
        rows.append(
            {
                "patient": item.patient_id,
                "case": item.case_id,
                "path": run.as_posix(),
                "frame": record.frame + 1,
                "tumour_mask": paths["tumour"],
                "liver_mask": paths["liver"] if liver.any() else None,
                "state": record.state,
                "reader": record.reader,
                "changed_at": record.changed_at,
                "proposed_by": record.proposed_by,
                "dice_tumour": record.dice_tumour,
            }
        )
    return rows


def _take_run(item: WorkItem, path: Path) -> None:
    """Copy the run out of the case's scene; of several scenes (one a reader) any will do: the run is the same."""
    scenes = [item.folder / SCENE_FILE, *sorted(item.folder.glob("scene-*.mrb"))]
    path.parent.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        if not scene.is_file():
            continue
        try:
            with zipfile.ZipFile(scene) as bundle:
                run = _member_of_run(bundle.namelist(), item.case_id)
                if run is not None:
                    with bundle.open(run) as source, path.open("wb") as target:
                        shutil.copyfileobj(source, target)
                    return
        except (zipfile.BadZipFile, OSError) as error:
            raise OutputError(f"cannot be read ({error})", "Save the case again", scene) from error
    raise OutputError("has no scene with its run", "Open the case and save it with its scene", item.case_id)


def _member_of_run(names: Sequence[str], case_id: str) -> str | None:
    """Return the file of the run inside a scene: that of the case's name, or the only sequence there is."""
    sequences = [name for name in names if name.endswith(".seq.nrrd")]
    named = [name for name in sequences if unquote(Path(name).name) == f"{case_id}.seq.nrrd"]
    found = named or (sequences if len(sequences) == 1 else [])
    return found[0] if found else None


def _write_png(path: Path, mask: np.ndarray) -> None:
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", (mask * 255).astype(np.uint8))
    if not done:
        raise OutputError("cannot be encoded as PNG", "Report this", path.name)
    path.write_bytes(data.tobytes())
