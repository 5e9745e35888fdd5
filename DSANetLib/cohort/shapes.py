"""Drawn shapes → pixels: a pixel belongs to a shape where its centre lies in it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def polygon(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a polygon.

    Parameters
    ----------
    points
        (N, 2) x and y, N >= 3, on the canvas: 0 is the left or upper edge of the first pixel, whose centre is 0.5.
    shape
        (rows, columns) of the image; what lies outside is cut off.

    Returns
    -------
    numpy.ndarray
        bool (rows, columns).
    """
    from matplotlib.path import Path as Outline

    return _inside(points.min(0), points.max(0), shape, lambda centres: Outline(points).contains_points(centres))


def rectangle(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of an upright rectangle between two opposite corners (2, 2), or around more points."""
    return _inside(points.min(0), points.max(0), shape, lambda centres: np.ones(len(centres), bool))


def circle(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a circle: (2, 2), its centre and a point on its edge."""
    centre, radius = points[0], math.dist(points[0], points[1])
    within = centre - radius, centre + radius
    return _inside(*within, shape, lambda centres: ((centres - centre) ** 2).sum(1) <= radius**2)


def _inside(
    low: np.ndarray, high: np.ndarray, shape: tuple[int, int], test: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Ask the centres between two corners (x, y) whether they lie inside."""
    out = np.zeros(shape, bool)
    # The first and the last centre in the box: pixel i has its centre at i + 0.5.
    ends = shape[1], shape[0]
    left, top = np.clip(np.ceil(low - 0.5), 0, ends).astype(int)
    right, bottom = np.clip(np.floor(high - 0.5), -1, np.subtract(ends, 1)).astype(int)
    if left > right or top > bottom:
        return out
    y, x = np.mgrid[top : bottom + 1, left : right + 1]
    centres = np.column_stack((x.ravel(), y.ravel())) + 0.5
    out[top : bottom + 1, left : right + 1] = test(centres).reshape(x.shape)
    return out
