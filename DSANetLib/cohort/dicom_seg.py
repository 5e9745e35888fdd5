"""A DICOM Segmentation object → masks.

DICOM PS3.3 A.51: binary, fractional (half and more counts) and labelmap segmentations on the pixels of one multi-frame
run. Which frame a segment marks is said by Referenced Frame Number. Not read: tiled segmentations, those on another
grid than the run's pixels, and references to single-frame objects by UID where several frames are marked.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CohortError
from .segments import Segment, merge_segments

SEG_CLASSES = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
"""Segmentation Storage, Label Map Segmentation Storage."""

_AGAIN = "Export the segmentation again"
_NO_FRAME = "Export it with Referenced Frame Number, one object a frame, or as .seg.nrrd or PNG"


def dicom_seg_masks(
    path: Path, frame: int, shape: tuple[int, int], meaning: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the lesions and the liver that a DICOM Segmentation marks on a frame.

    Raises
    ------
    CohortError
        No segmentation, damaged, of another size than the run, or not saying which frame it marks.
    """
    dataset = _dataset(path)
    try:
        return _masks(dataset, frame, shape, meaning, path)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CohortError(f"lacks what a segmentation must say ({error})", _AGAIN, path) from error


def _masks(
    dataset: Any, frame: int, shape: tuple[int, int], meaning: str, path: Path
) -> tuple[np.ndarray, np.ndarray | None]:
    found = (int(dataset.Rows), int(dataset.Columns))
    if found != shape:
        raise CohortError(
            f"the segmentation has {found[0]} × {found[1]} pixels (rows × columns), the run {shape[0]} × {shape[1]}",
            "Segment on the frames of this run, at their own size",
            path,
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = np.asarray(dataset.pixel_array).reshape(-1, *shape)
    except Exception as error:  # pydicom raises nearly every class there is on damaged pixels
        raise CohortError("the pixels are damaged, or are not as the header states", _AGAIN, path) from error
    chosen = _planes_of(dataset, frame, len(pixels), path)
    segments = []
    for item in dataset.SegmentSequence:
        number = int(item.SegmentNumber)
        mask = np.zeros(shape, bool)
        for plane, segment in chosen:
            mask |= _marked(dataset, pixels[plane], number) if segment in (number, None) else False
        segments.append(Segment(_names(item), mask))
    return merge_segments(segments, shape, meaning, path)


def frames_of(path: Path) -> list[int]:
    """Return the 0-based frames that a DICOM Segmentation refers to; empty where it names none."""
    dataset = _dataset(path, header=True)
    try:
        return sorted({frame for _, frames in _references(dataset) for frame in frames})
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise CohortError(f"lacks what a segmentation must say ({error})", _AGAIN, path) from error


def _dataset(path: Path, *, header: bool = False) -> Any:
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, stop_before_pixels=header)
            is_seg = str(dataset.get("SOPClassUID")) in SEG_CLASSES and bool(dataset.get("SegmentSequence"))
    except Exception as error:  # pydicom raises nearly every class there is on a damaged file
        raise CohortError("is no DICOM file, or a damaged one", _AGAIN, path) from error
    if not is_seg:
        raise CohortError("is no DICOM Segmentation", "Give a DICOM SEG, .seg.nrrd, PNG or LabelMe JSON", path)
    return dataset


def _references(dataset: Any) -> list[tuple[int | None, tuple[int, ...]]]:
    """Return of each plane its segment (None in a labelmap) and the 0-based frames that it refers to."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
    found: list[tuple[int | None, tuple[int, ...]]] = []
    for groups in dataset.get("PerFrameFunctionalGroupsSequence") or [{}]:
        identification = groups.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        derivation = groups.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
        numbers: list[int] = []
        for source in (image for item in derivation for image in item.get("SourceImageSequence") or []):
            value = source.get("ReferencedFrameNumber")
            numbers += [] if value is None else [int(n) for n in (value if hasattr(value, "__iter__") else [value])]
        segment = int(identification[0].ReferencedSegmentNumber) if identification else None
        found.append((segment, tuple(number - 1 for number in numbers)))
    return found


def _planes_of(dataset: Any, frame: int, count: int, path: Path) -> list[tuple[int, int | None]]:
    """Return the planes (place, segment) that mark a frame."""
    references = _references(dataset)[:count]
    if any(frames for _, frames in references):
        return [(i, segment) for i, (segment, frames) in enumerate(references) if frame in frames]
    segments = [segment for segment, _ in references]
    if len(set(segments)) < len(segments):
        raise CohortError("marks several frames and does not say which", _NO_FRAME, path)
    return list(enumerate(segments))


def _marked(dataset: Any, plane: np.ndarray, number: int) -> np.ndarray:
    kind = str(dataset.get("SegmentationType") or "BINARY").upper()
    if kind == "LABELMAP":
        return np.asarray(plane == number)
    if kind == "FRACTIONAL":
        return np.asarray(plane >= 0.5 * int(dataset.get("MaximumFractionalValue") or 255))
    return np.asarray(plane > 0)


def _names(item: Any) -> tuple[str, ...]:
    codes = item.get("SegmentedPropertyTypeCodeSequence") or []
    return (str(item.get("SegmentLabel") or ""), *(str(code.get("CodeMeaning") or "") for code in codes))
