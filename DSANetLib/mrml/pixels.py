"""Places of the scene (RAS, mm) as places on a run's frames: (row, column) in source pixels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .headless import start
from .sequence import RunNodes


def to_pixels(run: RunNodes, points: Iterable[tuple[float, float, float]]) -> np.ndarray:
    """Return world RAS points as (N, 2) float64 (row, column); (0, 0) is the centre of the top-left pixel.

    What a point is off the slice is left out: frames are flat. Transforms of the run are undone.
    """
    from vtkmodules.vtkCommonMath import vtkMatrix4x4
    from vtkmodules.vtkCommonTransforms import vtkGeneralTransform

    to_volume = vtkGeneralTransform()
    start().vtkMRMLTransformNode.GetTransformBetweenNodes(None, run.volume.GetParentTransformNode(), to_volume)
    matrix = vtkMatrix4x4()
    run.volume.GetRASToIJKMatrix(matrix)
    ijk = [matrix.MultiplyPoint([*to_volume.TransformPoint(point), 1.0]) for point in points]
    return np.array([(row, column) for column, row, _, _ in ijk], np.float64).reshape(-1, 2)


def inside_polygon(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which pixels have their centre inside a closed polygon (even-odd rule).

    Parameters
    ----------
    corners
        (N, 2) row and column, not closed.
    shape
        (rows, columns) of the frame; the polygon may reach beyond it.

    Returns
    -------
    numpy.ndarray
        bool (rows, columns).
    """
    inside = np.zeros(shape, bool)
    columns = np.arange(shape[1])
    following = np.roll(corners, -1, axis=0)
    for row in range(shape[0]):
        # Half open, so that a corner on the row's line counts for one of its two edges.
        crossing = (corners[:, 0] <= row) != (following[:, 0] <= row)
        (r0, c0), (r1, c1) = corners[crossing].T, following[crossing].T
        at = np.sort(c0 + (row - r0) / (r1 - r0) * (c1 - c0))
        inside[row] = np.searchsorted(at, columns, side="right") % 2 == 1
    return inside
