"""LabelMe's JSON → masks: polygons with holes, rectangles, circles and painted masks; several lesions.

Format: https://github.com/wkentaro/labelme (``shapes`` with ``label``, ``points`` in x and y, ``group_id``,
``shape_type``, ``flags``; ``imagePath``, ``imageHeight``, ``imageWidth``).
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CohortError
from . import shapes
from .naming import Tissue, tissue

log = logging.getLogger(__name__)

_DRAW_ANEW = "Draw on the frames of this run, at their own size"
_LABELS = "Label the shapes tumour, liver or hole"
_DRAWN = {
    "polygon": (shapes.polygon, 3),
    "oriented_rectangle": (shapes.polygon, 4),
    "rectangle": (shapes.rectangle, 2),
    "circle": (shapes.circle, 2),
}


@dataclass(frozen=True, eq=False)
class _Region:
    meaning: Tissue
    group: object
    lesion: object
    pixels: np.ndarray


def read_document(path: Path) -> dict[str, Any]:
    """Read a LabelMe file.

    Raises
    ------
    CohortError
        Where it is no JSON, or not of LabelMe.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CohortError("is no readable JSON file", "Save it again in LabelMe", path) from error
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise CohortError("is no LabelMe file: it has no shapes", "Save the annotation in LabelMe", path)
    return document


def labels_without_tissue(document: dict[str, Any]) -> list[str]:
    """Return the labels of a LabelMe file that are left out of its masks, as another label names a tissue."""
    drawn = [one for one in document["shapes"] if isinstance(one, dict)]
    names = {str(one.get("label")) for one in drawn if not _is_hole(one)}
    return sorted(name for name in names if tissue(name) is None) if len(names) > 1 else []


def labelme_masks(path: Path, shape: tuple[int, int], meaning: str = "tumour") -> tuple[np.ndarray, np.ndarray | None]:
    """Return the lesions and the liver that a LabelMe file draws.

    Shapes of one ``group_id`` are one lesion; a number in the label (``tumour 2``) groups too; else each shape is a
    lesion. A hole (label ``hole``, or the shape's flag ``hole``) is cut out of the shapes of its ``group_id``; without
    one, out of the tumours that it touches, or of the liver where it touches none. Where a later lesion covers an
    earlier one, the pixels are the later one's.

    Parameters
    ----------
    path
        The file.
    shape
        (rows, columns) of the run.
    meaning
        ``tumour`` or ``liver``: what shapes mean where all carry one label that names neither.

    Returns
    -------
    labels
        uint8 (rows, columns), lesions from 1 on in the order drawn.
    liver
        bool (rows, columns), None where no liver is drawn.

    Raises
    ------
    CohortError
        Another image size, shapes that enclose nothing or lie outside the picture, labels that name no tissue.
    """
    document = read_document(path)
    size = (document.get("imageHeight"), document.get("imageWidth"))
    if None not in size and size != shape:
        raise CohortError(
            f"was drawn on {size[0]} × {size[1]} pixels (rows × columns), the run has {shape[0]} × {shape[1]}",
            _DRAW_ANEW,
            path,
        )
    regions = _regions(document["shapes"], shape, path, meaning)
    _cut_holes(regions)
    labels = np.zeros(shape, np.uint8)
    numbers: dict[object, int] = {}
    liver = [region.pixels for region in regions if region.meaning == "liver"]
    for region in regions:
        if region.meaning == "tumour" and region.pixels.any():
            labels[region.pixels] = numbers.setdefault(region.lesion, min(len(numbers) + 1, 255))
    return labels, np.logical_or.reduce(liver) if liver else None


def _outside(one: dict[str, Any], shape: tuple[int, int]) -> bool:
    """Return whether all points of a shape lie beyond one and the same side: it was drawn on another picture."""
    x, y = np.asarray(one["points"], np.float64).reshape(-1, 2).T
    rows, columns = shape
    return bool(x.max() < 0 or y.max() < 0 or x.min() > columns or y.min() > rows)


def _regions(drawn: list[Any], shape: tuple[int, int], path: Path, meaning: str) -> list[_Region]:
    names = {str(one.get("label")) for one in drawn if isinstance(one, dict)}
    known = {name for name in names if tissue(name)}
    regions = []
    for number, one in enumerate(drawn, 1):
        place = f"{path}, shape {number}"
        if not isinstance(one, dict):
            raise CohortError("is no shape", "Save the annotation again in LabelMe", place)
        label = str(one.get("label"))
        named: Any = tissue(label) or (meaning if len(names) == 1 else None)
        if _is_hole(one):
            named = "hole"
        if named is None:
            if not known:
                raise CohortError(f"the labels {', '.join(sorted(names))} name no tissue", _LABELS, path)
            log.info("%s: not used: %s", place, label)
            continue
        pixels = _pixels(one, shape, place)
        if not pixels.any():
            if _outside(one, shape):
                raise CohortError("lies outside the picture", _DRAW_ANEW, place)
            log.warning("%s covers the centre of no pixel and is left out", place)
        group = None if one.get("group_id") is None else str(one["group_id"])
        in_label = re.search(r"(\d+)\s*$", label)
        lesion = ("group", group) if group is not None else ("label", label) if in_label else ("shape", number)
        regions.append(_Region(named, group, lesion, pixels))
    return regions


def _is_hole(drawn: dict[str, Any]) -> bool:
    flags = drawn.get("flags")
    return isinstance(flags, dict) and bool(flags.get("hole"))


def _cut_holes(regions: list[_Region]) -> None:
    bodies = [region for region in regions if region.meaning != "hole"]
    for hole in regions:
        if hole.meaning != "hole":
            continue
        same = [body for body in bodies if hole.group is not None and body.group == hole.group]
        touched = same or [body for body in bodies if (body.pixels & hole.pixels).any()]
        tumours = [body for body in touched if body.meaning == "tumour"]
        # A dead core is no tumour, and yet liver: a hole in a tumour is none in the liver around it.
        for body in tumours or touched:
            body.pixels[hole.pixels] = False


def _pixels(drawn: dict[str, Any], shape: tuple[int, int], place: str) -> np.ndarray:
    kind = str(drawn.get("shape_type") or "polygon")
    try:
        points = np.asarray(drawn.get("points"), np.float64).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise ValueError
    except (TypeError, ValueError) as error:
        raise CohortError("has points that are no numbers", "Draw it again in LabelMe", place) from error
    if kind == "mask":
        return _painted(drawn, points, shape, place)
    if kind not in _DRAWN:
        raise CohortError(f"is a {kind}, which encloses nothing", "Draw a polygon around the tissue", place)
    draw, needed = _DRAWN[kind]
    if len(points) < needed:
        raise CohortError(f"is a {kind} of {len(points)} points", f"Draw at least {needed}", place)
    return draw(points, shape)


def _painted(drawn: dict[str, Any], points: np.ndarray, shape: tuple[int, int], place: str) -> np.ndarray:
    """Return a painted mask: a PNG in base64 that fills the box between two pixels, both included."""
    import cv2

    try:
        data = np.frombuffer(base64.b64decode(str(drawn["mask"])), np.uint8)
        image: Any = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        left, top = (round(value) for value in points.min(0))
    except (KeyError, ValueError, binascii.Error, cv2.error) as error:
        raise CohortError("holds no readable mask", "Draw it again in LabelMe", place) from error
    if image is None:
        raise CohortError("holds no readable mask", "Draw it again in LabelMe", place)
    out = np.zeros(shape, bool)
    right, bottom = left + image.shape[1], top + image.shape[0]
    if left < 0 or top < 0 or bottom > shape[0] or right > shape[1]:
        raise CohortError("is a mask that reaches out of the frame", "Draw it again on this run's frames", place)
    out[top:bottom, left:right] = image > 0
    return out
