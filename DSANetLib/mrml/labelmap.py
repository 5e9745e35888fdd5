"""Masks as segments: arrays into labelmaps of one slice, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import SceneError
from .headless import start
from .terminology import SEGMENTS, describe

_LABELMAP = "Binary labelmap"


def segment_array(segmentation: Any, segment_id: str, shape: tuple[int, int]) -> np.ndarray:
    """Return a segment of a one-slice segmentation as uint8 (rows, columns), 0 or 1, copied.

    Raises
    ------
    SceneError
        Where the segment was deleted.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise SceneError(
            f"the segment {segment_id!r} was deleted", "Clear a segment instead of deleting it", segmentation.GetName()
        )
    out = np.zeros(shape, np.uint8)
    image = segment.GetRepresentation(_LABELMAP)
    left, right, top, bottom, first, last = image.GetExtent() if image is not None else (0, -1, 0, -1, 0, -1)
    # The Segment Editor may leave a labelmap larger than the frame; what lies outside has no pixel.
    rows = slice(max(top, 0), min(bottom, shape[0] - 1) + 1)
    columns = slice(max(left, 0), min(right, shape[1] - 1) + 1)
    if first <= 0 <= last and rows.start < rows.stop and columns.start < columns.stop:
        labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(last - first + 1, bottom - top + 1, -1)[-first]
        inside = labels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        out[rows, columns] = inside == segment.GetLabelValue()
    return out


def fill(segmentation: Any, volume: Any, liver: np.ndarray | None, tumour: np.ndarray | None) -> None:
    """Bring both segments of a frame to the given masks; made where they are missing, kept as objects where not.

    Parameters
    ----------
    segmentation
        vtkSegmentation to change.
    volume
        A frame of the run; its pixels are those of the masks.
    liver, tumour
        (rows, columns), non-zero = inside; None empties a segment.
    """
    slicer = start()
    segmentation.SetSourceRepresentationName(_LABELMAP)
    converter = slicer.vtkSegmentationConverter
    geometry = converter.SerializeImageGeometry(_labelmap(volume, None, whole=True))
    segmentation.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
    for meaning, mask in zip(SEGMENTS, (liver, tumour), strict=True):
        segment = segmentation.GetSegment(meaning.identifier)
        if segment is None:
            segment = slicer.vtkSegment()
            describe(segment, meaning)
            segment.AddRepresentation(_LABELMAP, _labelmap(volume, mask))
            segmentation.AddSegment(segment, meaning.identifier)
            continue
        # A labelmap of its own: saving may have put both segments into one.
        segment.SetLabelValue(1)
        segment.AddRepresentation(_LABELMAP, _labelmap(volume, mask))
    # A surface that was made of the old mask (Show 3D) is none of the new one.
    segmentation.InvalidateNonSourceRepresentations()


def _labelmap(volume: Any, mask: np.ndarray | None, whole: bool = False) -> Any:
    """Return vtkOrientedImageData on the pixels of a frame, cut to the mask's bounding box; no pixels without mask."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    image = start().vtkOrientedImageData()
    matrix = vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    columns, rows, _ = volume.GetImageData().GetDimensions()
    if whole:
        image.SetExtent(0, columns - 1, 0, rows - 1, 0, 0)
        return image
    inside = np.zeros((rows, columns), bool) if mask is None else np.asarray(mask) != 0
    down, across = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(down):
        image.SetExtent(0, -1, 0, -1, 0, -1)
        image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
        return image
    top, bottom, left, right = down[0], down[-1], across[0], across[-1]
    image.SetExtent(int(left), int(right), int(top), int(bottom), 0, 0)
    image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(bottom - top + 1, right - left + 1)
    pixels[:] = inside[top : bottom + 1, left : right + 1]
    return image


def is_empty(segment: Any) -> bool:
    """Return whether a segment has no pixel that is set."""
    image = segment.GetRepresentation(_LABELMAP)
    if image is None or image.GetNumberOfPoints() == 0:
        return True
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return not bool((vtk_to_numpy(image.GetPointData().GetScalars()) == segment.GetLabelValue()).any())
