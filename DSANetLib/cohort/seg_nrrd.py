"""Slicer's segmentation file, ``.seg.nrrd``, without Slicer → masks.

Format: https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html (labelmaps in layers,
the segments' names, label values and layers in the header; an offset where the labelmap was cropped).
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from ..errors import CohortError, RunError
from ..readers.sequence import NRRD_TYPES, nrrd_header
from .segments import Segment, merge_segments

_AGAIN = "Save the segmentation from Slicer as .seg.nrrd"


def seg_nrrd_masks(
    path: Path, frame: int, shape: tuple[int, int], meaning: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the lesions and the liver of a ``.seg.nrrd``.

    Pixels stay in stored order, as ``.seq.nrrd`` runs do. A file of one slice belongs to the frame that the manifest
    says; of several slices, slice n is frame n.

    Raises
    ------
    CohortError
        Damaged, of another size than the run, no slice for the frame, or no segment of tumour or liver.
    """
    try:
        fields, start = nrrd_header(path)
    except RunError as error:
        raise CohortError(error.problem, error.remedy, path) from error
    block = _block(path, fields, start)
    plane = _plane(block, fields, frame, shape, path)
    segments = [
        Segment(names, plane[..., min(layer, plane.shape[2] - 1)] == value) for names, value, layer in _listed(fields)
    ]
    if not segments:
        raise CohortError("has no segments in its header", _AGAIN, path)
    return merge_segments(segments, shape, meaning, path)


def frames_of(path: Path) -> list[int]:
    """Return the 0-based frames whose slices are not empty; none where the file holds a single slice.

    Raises
    ------
    CohortError
        Damaged.
    """
    try:
        fields, start = nrrd_header(path)
    except RunError as error:
        raise CohortError(error.problem, error.remedy, path) from error
    block = _block(path, fields, start)
    first = _offsets(fields)[2]
    return [i + first for i, plane in enumerate(block) if plane.any()] if len(block) > 1 else []


def _listed_first(fields: dict[str, str]) -> int:
    return int(fields.get("kinds", "").lower().startswith(("list", "vector")))


def _block(path: Path, fields: dict[str, str], start: int) -> np.ndarray:
    """Return (slices, rows, columns, layers)."""
    kind = NRRD_TYPES.get(fields.get("type", "").lower())
    encoding = fields.get("encoding", "raw").lower()
    if kind is None or encoding not in ("raw", "gzip", "gz"):
        raise CohortError(f"holds {fields.get('type')} numbers, encoded {encoding}", _AGAIN, path)
    data = path.read_bytes()[start:]
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
        raw = data if encoding == "raw" else zlib.decompressobj(wbits=31).decompress(data)
        values = np.frombuffer(raw, (">" if fields.get("endian") == "big" else "<") + kind, int(np.prod(sizes)))
    except (KeyError, ValueError, zlib.error) as error:
        raise CohortError("is truncated or damaged", _AGAIN, path) from error
    if min(sizes, default=0) < 1 or not 2 + _listed_first(fields) <= len(sizes) <= 3 + _listed_first(fields):
        raise CohortError("is no labelmap of slices", _AGAIN, path)
    block = values.reshape(sizes[::-1])
    if not _listed_first(fields):
        block = block[..., None]
    while block.ndim < 4:
        block = block[None]
    return block


def _plane(block: np.ndarray, fields: dict[str, str], frame: int, shape: tuple[int, int], path: Path) -> np.ndarray:
    """Return the frame's slice on the run's pixels: (rows, columns, layers)."""
    left, top, first = _offsets(fields)
    at = 0 if len(block) == 1 else frame - first
    rows, columns = block.shape[1:3]
    # Slicer crops the labelmap only where it says so by the offset; else its size is the run's.
    cropped = any((left, top, first))
    fits = top >= 0 and left >= 0 and top + rows <= shape[0] and left + columns <= shape[1]
    if not fits or (not cropped and (rows, columns) != shape):
        raise CohortError(
            f"the segmentation has {rows} × {columns} pixels (rows × columns), the run {shape[0]} × {shape[1]}",
            "Segment on the frames of this run, at their own size",
            path,
        )
    out = np.zeros((*shape, block.shape[3]), block.dtype)
    if 0 <= at < len(block):
        out[top : top + rows, left : left + columns] = block[at]
    elif not cropped:
        raise CohortError(f"has {len(block)} slices, none for frame {frame + 1}", "Correct the frame", path)
    return out


def _offsets(fields: dict[str, str]) -> tuple[int, int, int]:
    """Return where a cropped labelmap begins in the run: column, row, slice."""
    texts = fields.get("segmentation_referenceimageextentoffset", "").split()
    left, top, first = (*(int(text) for text in texts if re.fullmatch(r"-?\d+", text)), 0, 0, 0)[:3]
    return left, top, first


def _listed(fields: dict[str, str]) -> list[tuple[tuple[str, ...], int, int]]:
    """Return names, label value and layer of each segment."""
    found: list[tuple[tuple[str, ...], int, int]] = []
    for number in sorted({int(m[1]) for name in fields if (m := re.match(r"segment(\d+)_", name))}):
        own = {name.partition("_")[2]: text for name, text in fields.items() if name.startswith(f"segment{number}_")}
        value, layer = own.get("labelvalue", str(number + 1)), own.get("layer", "0")
        if value.isdigit() and layer.isdigit():
            # "TerminologyEntry:context~category^…~SCT^4147007^Mass~…": the third part is the type.
            terms = re.search(r"TerminologyEntry:([^|]*)", own.get("tags", ""))
            parts = terms[1].split("~") if terms else []
            meaning = parts[2].split("^")[-1] if len(parts) > 2 else ""
            name = own.get("name") or own.get("id") or f"segment {number}"
            found.append(((name, meaning), int(value), int(layer)))
    return found
