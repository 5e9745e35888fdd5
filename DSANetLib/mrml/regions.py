"""Regions that a user can choose for curves: the segments of a segmentation, closed curves, and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import SceneError
from ..maps import KINDS, RegionCurve, unit_of
from ..tables import Cell, Column
from .headless import scene, start
from .owned import own, owned, remove_owned
from .pixels import inside_polygon, to_pixels
from .plots import REGIONS, Plot, remove_plot, write_plot
from .sequence import RunNodes, frame_array
from .table import write_table

NODE_TYPES = ("vtkMRMLSegmentationNode", "vtkMRMLMarkupsClosedCurveNode", "vtkMRMLMarkupsROINode")
"""Classes of nodes that `region_masks` takes."""

VALUES = "region-values"


def region_masks(run: RunNodes, node: Any) -> dict[str, np.ndarray]:
    """Return the regions of a node on the frames of a run.

    Parameters
    ----------
    run
        The run.
    node
        A segmentation (of this run or any other: a region for each segment that is not empty), a closed curve, or
        a markup ROI (its cut with the plane of the frame).

    Returns
    -------
    dict
        Name → bool (rows, columns); pixels whose centre lies inside.

    Raises
    ------
    SceneError
        Where the node is none of these, or nothing of it lies on the frame.
    """
    shape = frame_array(run.sequence.GetNthDataNode(0)).shape
    if node is not None and node.IsA("vtkMRMLSegmentationNode"):
        found = _segments(run, node, shape)
    elif node is not None and node.IsA("vtkMRMLMarkupsClosedCurveNode"):
        found = {node.GetName(): inside_polygon(to_pixels(run, _curve_points(node)), shape)}
    elif node is not None and node.IsA("vtkMRMLMarkupsROINode"):
        found = {node.GetName(): inside_polygon(to_pixels(run, _box_corners(node)), shape)}
    else:
        raise SceneError("this node is no region", "Choose a segmentation, a closed curve or a ROI")
    found = {name: mask for name, mask in found.items() if mask.any()}
    if not found:
        raise SceneError("holds no pixel of the frame", "Paint or draw it on the frame that is shown", node.GetName())
    return found


def write_region_curves(
    run: RunNodes,
    curves: Mapping[str, RegionCurve],
    *,
    key_frame: int | None = None,
    shown_frame: int | None = None,
) -> tuple[Plot, Any]:
    """Show curves of regions as a plot and what they amount to as a table; earlier ones of the run are replaced.

    Parameters
    ----------
    run
        Whose curves they are.
    curves
        Name of the region to its curve, one at least, all of the same run.
    key_frame, shown_frame
        Source frames (0-based) to mark in the plot.

    Returns
    -------
    plot, table
        The table has a row a region, with units in its schema.
    """
    first = next(iter(curves.values()))
    seconds = first.times if first.time_unit == "s" else np.arange(len(first.times), dtype=np.float64)
    plot = write_plot(
        run,
        {name: found.curve for name, found in curves.items()},
        role=REGIONS,
        title="Contrast of regions",
        times_s=seconds,
        key_frame=key_frame,
        shown_frame=shown_frame,
    )
    columns = [Column("region", "", "Name of the segment or markup"), Column("pixels", "px", "Pixels in the field")]
    columns += [Column(kind, unit_of(kind, first.time_unit), "See docs/panel-explore.md") for kind in KINDS]
    rows: list[dict[str, Cell]] = [
        {"region": name, "pixels": found.pixels, **found.values} for name, found in curves.items()
    ]
    table = next(iter(owned(run, VALUES)), None)
    name = f"{run.sequence.GetName()} regions values"
    if table is None:
        table = own(scene().AddNewNodeByClass("vtkMRMLTableNode", scene().GenerateUniqueName(name)), run, VALUES)
    return plot, write_table(columns, rows, name, role=VALUES, node=table)


def remove_region_curves(run: RunNodes) -> None:
    """Remove the plot and the table of a run's regions."""
    remove_plot(run, REGIONS)
    remove_owned(run, VALUES)


def _segments(run: RunNodes, node: Any, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    segmentation, found = node.GetSegmentation(), {}
    resample = start().vtkOrientedImageDataResample
    for i in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(i)
        labelmap = segment.GetRepresentation("Binary labelmap")
        if labelmap is None or labelmap.IsEmpty():
            continue
        # One way for segments of this run and for those painted on anything else, in whatever extent they are kept.
        on_frame = start().vtkOrientedImageData()
        resample.ResampleOrientedImageToReferenceOrientedImage(labelmap, _reference(run, shape), on_frame, False, False)
        labels = vtk_to_numpy(on_frame.GetPointData().GetScalars()).reshape(shape)
        found[segment.GetName()] = labels == segment.GetLabelValue()
    return found


def _reference(run: RunNodes, shape: tuple[int, int]) -> Any:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    image = start().vtkOrientedImageData()
    matrix = vtkMatrix4x4()
    run.volume.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    image.SetExtent(0, shape[1] - 1, 0, shape[0] - 1, 0, 0)
    return image


def _curve_points(node: Any) -> list[tuple[float, float, float]]:
    if node.GetNumberOfDefinedControlPoints() < 3:
        raise SceneError("has no area", "Set three points or more", node.GetName())
    points = node.GetCurvePointsWorld()
    return [points.GetPoint(i) for i in range(points.GetNumberOfPoints())]


def _box_corners(node: Any) -> list[tuple[float, float, float]]:
    """Return the corners of a box in the plane of the frames, one after the other round it."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    matrix.DeepCopy(node.GetObjectToWorldMatrix())
    half = [side / 2 for side in node.GetSize()]
    corners = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    return [matrix.MultiplyPoint([x * half[0], y * half[1], 0.0, 1.0])[:3] for x, y in corners]
