"""One folder a case: scene, masks, tables and picture, written whole or not at all."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..correction.uncertainty import mask_uncertainty
from ..errors import DependencyError, OutputError, SceneError
from ..preparation import display_frame
from ..results import RESEARCH_NOTE, CaseResult
from ..tables import (
    CURVE_COLUMNS,
    LESION_COLUMNS,
    RESULT_COLUMNS,
    curve_rows,
    lesion_rows,
    patient_row,
    result_row,
    to_csv,
)
from ..whole import whole_folder
from .picture import LIVER_COLOUR, TUMOUR_COLOUR, write_picture

log = logging.getLogger(__name__)

MARKER = "case.json"
"""A folder with this file was written here, and may be replaced when asked; any other never is."""

SCENE = "scene.mrb"

SCENE_LEFT_OUT = "the Slicer scene was left out"


def case_folder(out: str | Path, case_id: str) -> Path:
    """Return the folder of a case; letters, digits, ``.``, ``-``, ``_`` and blanks of its name are kept."""
    name = re.sub(r"[^\w.\- ]", "_", case_id).strip(" .")
    return Path(out) / (name or "case")


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise `OutputError` where `folder` must not be written.

    What is there already stays, unless the user asked for it and it is a result of this program.
    """
    if not folder.exists():
        return
    if not overwrite:
        raise OutputError("a result is there already", "Add --overwrite, or choose another --out", folder)
    if not (folder / MARKER).is_file():
        raise OutputError("this is no result of dsanet and is left alone", "Choose another --out", folder)


def write_case(
    case: CaseResult,
    folder: Path,
    *,
    scene: bool = True,
    picture: bool = True,
    overwrite: bool = False,
    made_with: str = "",
) -> list[str]:
    """Write all files of a case.

    Parameters
    ----------
    case
        What to write.
    folder
        The case's folder; made here.
    scene, picture
        Whether to write the Slicer files and the picture.
    overwrite
        Replace an earlier result of this program.
    made_with
        Digest of what the result follows from (`batch.done`), kept in ``case.json``.

    Returns
    -------
    list of str
        Sentences on what had to be left out (no Slicer core, no off-screen rendering).

    Raises
    ------
    OutputError
        Where the folder is taken or cannot be written; then nothing is left behind.
    """
    check_free(folder, overwrite)
    notes: list[str] = []
    earlier = folder / SCENE
    had_scene = earlier.is_file()
    with whole_folder(folder) as temporary:
        _write_masks(case, temporary / "masks")
        _write_tables(case, temporary)
        if picture:
            write_picture(case, temporary / "picture.png")
        if scene:
            notes += _write_slicer_files(case, temporary)
        if had_scene and not (temporary / SCENE).is_file():
            # It may have held somebody's corrections, and would contradict the new masks if it stayed.
            notes.append(f"{earlier}: the earlier scene was replaced with its result, and no new one was written")
        text = json.dumps(case_facts(case, made_with), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (temporary / MARKER).write_text(text, encoding="utf-8")
    return notes


def case_facts(case: CaseResult, made_with: str = "") -> dict[str, Any]:
    """Return what ``case.json`` holds: the row of the case, flags with their sentences, settings; no times of day."""
    segmentation = case.segmentation
    prepared = segmentation.prepared
    return {
        "dsanet": __version__,
        "note": RESEARCH_NOTE,
        **result_row(case),
        "liver_threshold": segmentation.liver_threshold,
        "tumour_threshold": segmentation.tumour_threshold,
        "uncertainty": mask_uncertainty(
            segmentation.tumour_maps[segmentation.key_frame.index], segmentation.tumour_threshold
        ),
        "frames_with_masks": [frame + 1 for frame in segmentation.frames],
        "calibration": case.response.calibration if case.response else None,
        "run_probabilities": dict(case.response.run_probabilities) if case.response else None,
        "patient_row": patient_row(case.patient_id or case.case_id, case.response) if case.response else None,
        "made_with": made_with,
        "lesion_list": lesion_rows(segmentation),
        "flag_texts": {flag.code: flag.text for flag in case.flags if flag.code != "note"},
        "notes": [flag.text for flag in case.flags if flag.code == "note"],
        "preparation": prepared.config.to_dict(),
        "geometry": prepared.geometry.to_dict(),
        "arrival_frame": prepared.arrival + 1,
        "polarity": prepared.polarity,
        "subtracted_here": prepared.subtraction.performed,
        "mask_frames": [frame + 1 for frame in prepared.subtraction.frames],
    }


def _write_masks(case: CaseResult, folder: Path) -> None:
    """Two PNGs a frame on the source pixels: labels 0/1/2, and a view for people."""
    folder.mkdir()
    for frame, masks in case.segmentation.masks.items():
        labels = masks.labels()
        name = f"frame_{frame + 1:04d}"
        _write_png(folder / f"{name}_labels.png", labels)
        _write_png(folder / f"{name}_view.png", _view(display_frame(case.segmentation.prepared, frame), labels))


def _view(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (rows, columns, 3) uint8 BGR: the frame in grey with the labels washed over it and outlined."""
    import cv2

    low, high = np.percentile(image, (0.5, 99.5))
    grey = np.clip((image - low) * (255.0 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    view = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for label, colour in ((1, _bgr(LIVER_COLOUR)), (2, _bgr(TUMOUR_COLOUR))):
        mask = (labels >= label).astype(np.uint8)
        if label == 2:
            wash = view[mask > 0].astype(np.float32) * 0.75 + np.array(colour, np.float32) * 0.25
            view[mask > 0] = wash.astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(view, outlines, -1, colour, max(1, round(min(labels.shape) / 400)))
    return view


def _bgr(colour: str) -> tuple[int, int, int]:
    """Return ``#rrggbb`` in the order that OpenCV writes."""
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _write_png(path: Path, image: np.ndarray) -> None:
    import cv2

    done, data = cv2.imencode(".png", image)
    if not done:
        raise OutputError("the mask cannot be encoded as PNG", "Report this with the case", path)
    # Through Python, as OpenCV cannot open paths with letters outside the system's code page on Windows.
    path.write_bytes(data.tobytes())


def _write_tables(case: CaseResult, folder: Path) -> None:
    tables = {
        "results.csv": (RESULT_COLUMNS, [result_row(case)]),
        "lesions.csv": (LESION_COLUMNS, lesion_rows(case.segmentation)),
        "curve.csv": (CURVE_COLUMNS, curve_rows(case.segmentation)),
    }
    for name, (columns, rows) in tables.items():
        (folder / name).write_text(to_csv(columns, rows), encoding="utf-8", newline="")


def _write_slicer_files(case: CaseResult, folder: Path) -> list[str]:
    """Write what Slicer opens; return a sentence for whatever the machine cannot do."""
    from .slicer_files import write_slicer_files

    try:
        return write_slicer_files(case, folder)
    except (DependencyError, SceneError) as error:
        log.debug("no scene", exc_info=True)
        for path in folder.glob("*"):
            if path.name.endswith((".mrb", ".nrrd")):
                path.unlink()
        return [f"{SCENE_LEFT_OUT}: {error}"]
