"""The field of view: what the collimator, the shutter or the recorder left dark, grey or white around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

MEDIAN_SIDE = 5
"""Side of the median filter (paper: median filter and threshold), pixels."""
TOLERANCE = 0.008
"""A border pixel strays from the border's value by at most this fraction of the run's range of greys (2 of 255)."""
REACH = 8
"""A codec's ringing and a blade's blur lie within so many pixels of a border (a JPEG block) …"""
REACH_SHARE = 0.012
"""… or within this share of the frame's smaller side, whichever is more."""
HALF = 0.4
"""There, the border ends where this part of the step to the field is climbed."""
STEP = 5.0
"""The field beside a border differs from it by at least so many tolerances."""
SHARP = 0.6
"""Right beside a blade the field has this part of its grey further in; saturated anatomy fades slowly."""
STILL = 0.5
"""A border in the field's own grey strays by at most this part of the tolerance …"""
NOISY = 0.9
"""… while noise moves this share of the field's pixels …"""
LARGE = 0.25
"""… which fill this share of the frame."""
BLACK_SOLIDITY = 0.8
"""A field in a black border fills at least this share of its convex hull: dark anatomy may take a bay."""
SOLIDITY = 0.975
"""The same where the border is not the run's darkest grey."""
MIN_FIELD = 0.04
"""A field smaller than this fraction of the frame is no field."""
MIN_RING = 0.1
"""Share of the field's outermost pixels that must carry one constant value to be called a border."""
SEARCH_SIDE = 600
"""Frames with a larger smaller side are searched in blocks of 2 x 2 (3 x 3, …) pixels: blades need no more."""
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
    step = -(-min(extremes.low.shape) // SEARCH_SIDE)
    low, high = _coarse(extremes.low, step, np.minimum), _coarse(extremes.high, step, np.maximum)
    given_coarse = None if given is None else _coarse(given, step, np.minimum)
    found = _search(_median(low), _median(high), given_coarse)
    if found is None:
        return None
    rows, columns = extremes.low.shape
    visible = found.repeat(step, axis=0).repeat(step, axis=1)[:rows, :columns]
    return as_field(visible if given is None else visible & given)


def _coarse(image: np.ndarray, step: int, pool: np.ufunc) -> np.ndarray:
    """Lowest or highest value of each block of `step` x `step` pixels; the last block may be smaller."""
    if step == 1:
        return image
    rows, columns = image.shape
    image = np.pad(image, ((0, -rows % step), (0, -columns % step)), mode="edge")
    image = reduce(pool, [image[start::step] for start in range(step)])
    return np.asarray(reduce(pool, [image[:, start::step] for start in range(step)]))


def _search(low: np.ndarray, high: np.ndarray, given: np.ndarray | None) -> np.ndarray | None:
    """Peel off one border after the other; None where nothing is left."""
    visible = np.ones(low.shape, bool) if given is None else given.copy()
    if not visible.any():
        return None
    # Beyond the given field there may be text or a mark that must not stretch the range.
    darkest, brightest = float(low[visible].min()), float(high[visible].max())
    if darkest == brightest:
        return None
    low, high = low.clip(darkest, brightest), high.clip(darkest, brightest)
    film = _Film(low, high, max(1.0, TOLERANCE * (brightest - darkest)))
    for _ in range(MAX_LAYERS):
        inside = _peel(film, visible)
        if inside is None:
            break
        visible = inside if given is None else inside & given
        if not visible.any():
            return None
    return visible


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


@dataclass(frozen=True, eq=False)
class _Film:
    """Median-filtered extremes (rows, columns) float32, and how far a border strays from its value."""

    low: np.ndarray
    high: np.ndarray
    tolerance: float

    def close_to(self, value: float, tolerance: float) -> np.ndarray:
        return (np.abs(self.low - value) <= tolerance) & (np.abs(self.high - value) <= tolerance)


def _peel(film: _Film, visible: np.ndarray) -> np.ndarray | None:
    """Return the field inside the next constant border, all False where that is everything; None without border."""
    ring = visible & ~_eroded(visible, 2)
    values = ((film.low + film.high) / 2)[ring & (film.high - film.low <= 2 * film.tolerance)]
    least = MIN_RING * np.count_nonzero(ring)
    if len(values) <= least:
        return None
    value = _mode(values, film.tolerance)
    border = _reached(visible & film.close_to(value, film.tolerance), ring)
    if np.count_nonzero(border & ring) <= least:
        return None
    if np.count_nonzero(visible & ~border) < MIN_FIELD * visible.size:
        # Black all over is a closed collimator; any other grey, or change, is a clean film that is flat.
        changes = bool((film.high - film.low)[visible].max() > 2 * film.tolerance)
        return None if changes or value > film.tolerance else np.zeros_like(visible)
    border = _with_blur(film, border, value, visible)
    raw = visible & ~border
    inside, solidity = _convex_field(raw)
    if inside is None or not _has_edge(film, border, raw, value):
        return None
    black = value - film.low.min() <= film.tolerance
    return inside if solidity >= (BLACK_SOLIDITY if black else SOLIDITY) else None


def _reached(same: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Pieces of `same` that touch the ring."""
    import cv2

    count, labels = cv2.connectedComponents(same.astype(np.uint8), connectivity=4)
    touches = np.zeros(count, bool)
    touches[labels[ring]] = True
    touches[0] = False
    return np.asarray(touches[labels])


def _away(film: _Film, value: float, where: np.ndarray) -> float:
    """Median of how far pixels stay from the border's value at all times, in grey; 0 where there is nothing.

    At all times: stain on a flat film leaves the film's own grey too, but only for a while.
    """
    if not where.any():
        return 0.0
    return float(np.median(np.maximum(np.maximum(film.low - value, value - film.high), 0.0)[where]))


def _reach(shape: tuple[int, ...]) -> int:
    return max(REACH, round(REACH_SHARE * min(shape)))


def _with_blur(film: _Film, border: np.ndarray, value: float, visible: np.ndarray) -> np.ndarray:
    """Return the border with the ringing and blur beside it."""
    reach = _reach(border.shape)
    near, far = _eroded(~border, reach, frame=False), _eroded(~border, 2 * reach, frame=False)
    step = _away(film, value, visible & near & ~far)
    blurred = visible & ~near & film.close_to(value, max(film.tolerance, HALF * step))
    return _reached(border | blurred, border)


def _spread(film: _Film, border: np.ndarray, value: float) -> float:
    """How far nearly all of the border strays from its value over time, in grey; its blurred edge left out."""
    core = _eroded(border, _reach(border.shape), frame=False)
    where = core if core.any() else border
    return float(np.percentile(np.maximum(np.abs(film.low - value), np.abs(film.high - value))[where], 95))


def _has_edge(film: _Film, border: np.ndarray, raw: np.ndarray, value: float) -> bool:
    """Does the field jump right beside the border, as it does along a collimator's blade?

    Subtraction leaves a blade in the very grey of the film; then noise all over a large field tells them apart.
    """
    noisy = np.count_nonzero((film.high - film.low > 2 * film.tolerance) & raw)
    still = film.low.min() < value < film.high.max() and _spread(film, border, value) <= STILL * film.tolerance
    if still and noisy >= max(NOISY * np.count_nonzero(raw), LARGE * raw.size):
        return True
    reach = _reach(border.shape)
    first, middle, last = (_eroded(~border, reach * n // 2, frame=False) for n in (1, 2, 4))
    beside, further = _away(film, value, raw & ~first), _away(film, value, raw & middle & ~last)
    return beside >= STEP * film.tolerance and beside >= SHARP * further


def _eroded(mask: np.ndarray, reach: int, *, frame: bool = True) -> np.ndarray:
    """`mask` less what lies within `reach` pixels (square) of its outside, or with `frame` of the frame's edge."""
    import cv2

    padded = np.pad(mask, reach, constant_values=not frame).astype(np.uint8)
    side = 2 * reach + 1
    return cv2.erode(padded, np.ones((side, side), np.uint8))[reach:-reach, reach:-reach].astype(bool)


def _mode(values: np.ndarray, width: float) -> float:
    """Median of the values in the fullest bin of a histogram with bins `width` wide, and its neighbours."""
    low = float(values.min())
    bins = ((values - low) / width).astype(np.int64)
    fullest = int(np.bincount(bins).argmax())
    return float(np.median(values[np.abs(bins - fullest) <= 1]))


def _convex_field(raw: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Drop text and specks, keep the largest piece, give back what its convex hull holds; and its solidity."""
    import cv2

    radius = max(2, round(min(raw.shape) * 0.01))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Beyond the frame counts as field, so that a field cut by the frame keeps its corners.
    padded = cv2.copyMakeBorder(raw.astype(np.uint8), radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    opened = cv2.dilate(cv2.erode(padded, disc), disc)[radius:-radius, radius:-radius]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count < 2:
        return None, 0.0
    core = (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros_like(core)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), 1)
    # The opening rounds the corners of a square collimator; what touches the core within its reach returns.
    corners = cv2.dilate(core, disc) & raw
    return (hull | corners).astype(bool), float(core.sum() / hull.sum())
