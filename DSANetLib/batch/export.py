"""A case of an open scene as files: masks, tables, picture, frames; a folder a case, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .. import __version__
from ..errors import OutputError
from ..results import RESEARCH_NOTE
from ..tables import to_csv
from ..whole import whole_folder
from .case import case_folder

if TYPE_CHECKING:
    from ..mrml.scene import CaseNodes

Part = Literal["masks", "tables", "picture", "frames"]
PARTS: tuple[Part, ...] = get_args(Part)

MARKER = "export.json"
"""A folder with this file was exported by DSANet, and may be replaced when asked; any other never is."""


@dataclass(frozen=True)
class Export:
    """What was written of a case.

    Parameters
    ----------
    folder
        The case's folder.
    files
        All files in it, sorted.
    notes
        Sentences on what was left out, and why.
    """

    folder: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def export_case(
    case: CaseNodes, out: str | Path, parts: Collection[str] = ("masks", "tables", "picture"), overwrite: bool = False
) -> Export:
    """Write a case of the scene as files.

    Parameters
    ----------
    case
        The case, as it stands in the scene.
    out
        Folder in which the case gets a folder of its own, named for it.
    parts
        Of ``masks`` (labels 0/1/2 as PNG and ``.seg.nrrd``, for each frame that is labelled), ``tables`` (its row
        of results, lesions, curve as CSV), ``picture`` (key frame with outlines), ``frames`` (``.seq.nrrd``).
    overwrite
        Replace an earlier export of the same name; a folder that DSANet did not export is never replaced.

    Returns
    -------
    Export

    Raises
    ------
    OutputError
        Where the folder is taken or a part cannot be written; then nothing is left behind.
    SceneError
        Where the case is not whole; then, too, nothing is left behind.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise OutputError(f"{', '.join(sorted(unknown))} cannot be exported", f"Choose of {', '.join(PARTS)}")
    folder = case_folder(out, case.case_id)
    _check_free(folder, overwrite)
    notes: list[str] = []
    with whole_folder(folder) as temporary:
        if "masks" in parts:
            notes += _write_masks(case, temporary / "masks")
        if "tables" in parts:
            notes += _write_tables(case, temporary)
        if "frames" in parts:
            from ..mrml.scene import save_run

            save_run(case.run, temporary / "frames.seq.nrrd")
        if "picture" in parts:
            notes += _write_picture(case, temporary)
        text = json.dumps(_facts(case), indent=2, ensure_ascii=False) + "\n"
        (temporary / MARKER).write_text(text, encoding="utf-8")
    return Export(folder, tuple(sorted(path for path in folder.rglob("*") if path.is_file())), tuple(notes))


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not (folder / MARKER).is_file():
        raise OutputError("this folder is no export of DSANet and is left alone", "Choose another folder", folder)
    if not overwrite:
        raise OutputError("an export is there already", "Allow replacing it, or choose another folder", folder)


def _write_masks(case: CaseNodes, folder: Path) -> list[str]:
    from ..mrml.scene import save_masks
    from ..mrml.segmentation import read_labelled

    labelled = read_labelled(case.masks) if case.masks is not None else {}
    if not labelled or case.masks is None:
        return ["no frame is labelled: no masks were written"]
    folder.mkdir()
    for frame, masks in labelled.items():
        labels = np.where(masks.tumour > 0, 2, masks.liver).astype(np.uint8)  # the tumour wins, as in dsanet run
        _write_png(folder / f"frame_{frame + 1:04d}_labels.png", labels)
        save_masks(case.masks, frame, folder / f"frame_{frame + 1:04d}.seg.nrrd")
    return []


def _write_png(path: Path, labels: np.ndarray) -> None:
    import cv2

    done, data = cv2.imencode(".png", labels)
    if not done:
        raise OutputError("the mask cannot be encoded as PNG", "Report this with the case", path)
    path.write_bytes(data.tobytes())  # through Python: OpenCV cannot open every path on Windows


def _write_tables(case: CaseNodes, folder: Path) -> list[str]:
    from ..mrml.plots import find_plot

    plot = find_plot(case.run)
    tables = {"results": case.results, "lesions": case.lesions, "curve": None if plot is None else plot.table}
    found = {name: node for name, node in tables.items() if node is not None}
    for name, node in found.items():
        rows = _rows(node, case.case_id if name == "results" else None)
        (folder / f"{name}.csv").write_text(rows, encoding="utf-8", newline="")
    missing = [name for name in tables if name not in found]
    return [f"the case has no table of {' and '.join(missing)} yet"] if missing else []


def _rows(node: Any, only: str | None) -> str:
    """Return a table as CSV text; of the scene's table of results the row of one case."""
    from ..mrml.table import read_columns, read_table

    rows: Sequence[Any] = read_table(node)
    return to_csv(read_columns(node), [row for row in rows if only is None or row.get("case") == only])


def _write_picture(case: CaseNodes, folder: Path) -> list[str]:
    from ..mrml.render import missing_graphics, render_slice_view

    if (error := missing_graphics()) is not None:  # what this machine lacks; any other failure is the export's
        return [f"the picture was left out: {error}"]
    render_slice_view(case.run, folder / "slice_view.png", masks=case.masks, frame=_key_frame(case))
    return []


def _key_frame(case: CaseNodes) -> int | None:
    """Return the key frame (0-based) as run or masks know it; None for the one that is shown."""
    from ..mrml.attributes import number

    nodes = [(case.run.sequence, "UserKeyFrame"), (case.run.sequence, "KeyFrame")]
    nodes += [(case.masks.sequence, "KeyFrame")] if case.masks is not None else []
    found = [number(node, name) for node, name in nodes]
    return next((int(frame) for frame in found if frame is not None), None)


def _facts(case: CaseNodes) -> dict[str, Any]:
    from ..mrml.attributes import fact
    from ..mrml.segmentation import states

    labelled = states(case.masks) if case.masks is not None else {}
    key = _key_frame(case)
    return {
        "dsanet": __version__,
        "note": RESEARCH_NOTE,
        "case": case.case_id,
        "key_frame": None if key is None else key + 1,
        "model": None if case.masks is None else fact(case.masks.sequence, "Model"),
        "frames": {str(frame + 1): state for frame, state in labelled.items() if state != "empty"},
    }
