"""The field of view: what the collimator, the shutter or the recorder left dark, grey or white around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MEDIAN_SIDE = 5
"""Side of the median filter (paper: median filter and threshold), pixels."""
TOLERANCE = 0.03
"""A border pixel strays from the border's value by at most this fraction of the run's range of greys."""
MIN_FIELD = 0.04
"""A field smaller than this fraction of the frame is no field."""
MIN_RING = 0.12
"""Share of the field's outermost pixels that must carry one constant value to be called a border."""
MAX_LAYERS = 3
"""Borders within borders that are looked for: recorder's bars, shutter, collimator."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """Lowest and highest value of each pixel over the frames looked at: (rows, columns), stored dtype."""

    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Field:
    """The field of view on the source frame.

    Parameters
    ----------
    visible
        (rows, columns) bool, True inside.
    top, left, height, width
        Smallest box that holds it, pixels.
    """

    visible: np.ndarray
    top: int
    left: int
    height: int
    width: int


def find_field(extremes: Extremes, given: np.ndarray | None = None) -> Field | None:
    """Find the field of view of a run.

    A border is constant in time *and* has one value, touches the frame's edge, and leaves a convex
    field, as every shutter and collimator does (round, octagonal, rotated square, rectangle). So noise
    tells dark anatomy from a black border, and where a codec has flattened the noise the convex hull
    gives back the bay that anatomy made. Text in the border is cut off by an opening.

    Parameters
    ----------
    extremes
        Lowest and highest value of each pixel over the run, or a sample of its frames.
    given
        (rows, columns) bool: what the source says is visible; the border is sought inside it.

    Returns
    -------
    Field or None
        None where nothing but border is left.
    """
    low, high = _median(extremes.low), _median(extremes.high)
    span = float(extremes.high.max()) - float(extremes.low.min())
    visible = np.ones(low.shape, bool) if given is None else given.copy()
    if span <= 0 or not visible.any():
        return None
    tolerance = max(1.0, TOLERANCE * span)
    for _ in range(MAX_LAYERS):
        border = _border_layer(low, high, visible, tolerance)
        if border is None:
            break
        inside = _convex_field(visible & ~border)
        if inside is None:
            return None
        visible = inside if given is None else inside & given
    return as_field(visible)


def as_field(visible: np.ndarray) -> Field | None:
    """Return the field of a visible mask (rows, columns) bool; None where it is too small to be one."""
    if np.count_nonzero(visible) < max(16, MIN_FIELD * visible.size):
        return None
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Field(visible, top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1)


def _median(image: np.ndarray) -> np.ndarray:
    import cv2

    # OpenCV's median takes uint8, uint16 and float32; int16 goes through float32 without loss.
    image = image if image.dtype in (np.uint8, np.uint16) else image.astype(np.float32)
    return cv2.medianBlur(np.ascontiguousarray(image), MEDIAN_SIDE).astype(np.float32)


def _border_layer(low: np.ndarray, high: np.ndarray, visible: np.ndarray, tolerance: float) -> np.ndarray | None:
    """Pixels of the constant border that lies just inside the present field's edge, or None."""
    import cv2

    padded = np.pad(visible, 1).astype(np.uint8)
    ring = visible & (cv2.erode(padded, np.ones((5, 5), np.uint8))[1:-1, 1:-1] == 0)
    flat = high - low <= tolerance
    values = ((low + high) / 2)[ring & flat]
    if len(values) < MIN_RING * np.count_nonzero(ring):
        return None
    value = _mode(values, tolerance)
    same = (visible & flat & (np.abs(low - value) <= tolerance) & (np.abs(high - value) <= tolerance)).astype(np.uint8)
    if np.count_nonzero(same[ring]) < MIN_RING * np.count_nonzero(ring):
        return None
    count, labels = cv2.connectedComponents(same, connectivity=4)
    touches = np.zeros(count, bool)
    touches[labels[ring]] = True
    touches[0] = False
    border = touches[labels]
    return border if border.any() else None


def _mode(values: np.ndarray, width: float) -> float:
    """Median of the values in the fullest bin of a histogram with bins `width` wide, and its neighbours."""
    low = float(values.min())
    bins = ((values - low) / width).astype(np.int64)
    fullest = int(np.bincount(bins).argmax())
    return float(np.median(values[np.abs(bins - fullest) <= 1]))


def _convex_field(raw: np.ndarray) -> np.ndarray | None:
    """Drop text and specks, keep the largest piece, give back what its convex hull holds."""
    import cv2

    radius = max(2, round(min(raw.shape) * 0.01))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Beyond the frame counts as field, so that a field cut by the frame keeps its corners.
    padded = cv2.copyMakeBorder(raw.astype(np.uint8), radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    opened = cv2.dilate(cv2.erode(padded, disc), disc)[radius:-radius, radius:-radius]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count < 2:
        return None
    core = (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros_like(core)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), 1)
    # The opening rounds the corners of a square collimator; what touches the core within its reach returns.
    corners = cv2.dilate(core, disc) & raw
    return (hull | corners).astype(bool)
