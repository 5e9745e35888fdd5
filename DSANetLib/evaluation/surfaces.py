"""How far apart the outlines of two masks lie, in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError


@dataclass(frozen=True)
class SurfaceDistance:
    """Distances between the outlines of a predicted and a true mask.

    Parameters
    ----------
    mean_mm
        Average symmetric surface distance: the mean over the pixels of both outlines.
    hausdorff95_mm
        95th percentile of the distances from one outline to the other, the larger of the two directions.
    """

    mean_mm: float
    hausdorff95_mm: float


def surface_distance(
    predicted: np.ndarray, true: np.ndarray, spacing_mm: tuple[float, float]
) -> SurfaceDistance | None:
    """Measure how far the outlines of two masks lie apart.

    The outline is the pixels of a mask with a neighbour (4-neighbourhood, the image border counts as outside)
    outside it, distances go from pixel centre to pixel centre: the definitions of MONAI's
    ``compute_average_surface_distance(symmetric=True)`` and ``compute_hausdorff_distance(percentile=95)``.

    Parameters
    ----------
    predicted, true
        (rows, columns), non-zero where tumour.
    spacing_mm
        Distance of rows and of columns, mm, above 0.

    Returns
    -------
    SurfaceDistance or None
        None where either mask is empty: then there is no second outline to measure to.

    Raises
    ------
    TrainingError
        Where shapes differ, or the spacing is no pair of positive numbers.
    """
    from scipy import ndimage

    if np.shape(predicted) != np.shape(true):
        raise TrainingError(f"the prediction is {np.shape(predicted)}, the truth {np.shape(true)}", "Compare one frame")
    if len(spacing_mm) != 2 or not all(np.isfinite(step) and step > 0 for step in spacing_mm):
        raise TrainingError(f"the spacing is {spacing_mm}", "Give row and column spacing in mm, above 0")
    masks = [np.asarray(mask) != 0 for mask in (predicted, true)]
    if not all(mask.any() for mask in masks):
        return None
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in masks]
    to_edge = [ndimage.distance_transform_edt(~edge, sampling=spacing_mm) for edge in edges]
    there, back = to_edge[1][edges[0]], to_edge[0][edges[1]]
    return SurfaceDistance(
        mean_mm=float(np.concatenate([there, back]).mean()),
        hausdorff95_mm=float(max(np.quantile(there, 0.95), np.quantile(back, 0.95))),
    )
