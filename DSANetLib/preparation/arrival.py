"""Contrast arrival on the vessel curve, the contrast-free baseline, and the small frames both are measured on."""

from __future__ import annotations

import numpy as np

from ..errors import PreparationError

VESSEL_SIDE = 128
"""Vessels are sought, and taken away, on frames reduced to this side: a vessel is about one pixel wide."""
BASELINE_FRAMES = 12
"""At most so many contrast-free frames make the baseline."""
VESSEL_SHARE = 0.005
"""Share of the field's pixels that make the vessel curve."""
ARRIVAL_SHARE = 0.25
"""The rise begins where the vessel curve passes this share of its peak."""


def reduced(stack: np.ndarray, side: int) -> np.ndarray:
    """Return `stack` (F, S, S) reduced by area to (F, side, side) float32; a copy where it is no larger."""
    import cv2

    if max(stack.shape[1:]) <= side:
        return stack.astype(np.float32)
    out = np.empty((len(stack), side, side), np.float32)
    for i, frame in enumerate(stack):
        cv2.resize(frame.astype(np.float32, copy=False), (side, side), dst=out[i], interpolation=cv2.INTER_AREA)
    return out


def reduced_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """Return a bool mask (S, S) reduced like `reduced`: True where all of a pixel lies inside."""
    return np.asarray(reduced(mask[None].astype(np.float32), side)[0] > 0.99)


def without_rim(visible: np.ndarray, share: float = 0.04) -> np.ndarray:
    """Return the field (S, S) bool without a rim `share` of its side wide; the field itself where nothing is left."""
    import cv2

    width = max(1, round(share * visible.shape[0]))
    padded = np.pad(visible, width).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inside = cv2.erode(padded, disc)[width:-width, width:-width].astype(bool)
    return inside if inside.any() else visible


def inside_of(region: np.ndarray, side: int) -> np.ndarray:
    """The region on frames reduced to `side`; all where nothing of it is left."""
    inside = reduced_mask(region, side)
    return inside if inside.any() else np.ones_like(inside)


def vessel_curve(stack: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return (F,) float64: what thin dark structures have gained since the first frames, less thin bright ones.

    The strongest top hats (3 x 3 on `VESSEL_SIDE`) of first frames less frame are vessels that fill.
    Motion and noise leave bright lines beside dark ones and cancel; breathing is broad and does not show.

    Parameters
    ----------
    stack
        (F, S, S) grey, contrast dark.
    region
        (S, S) bool, where to look.
    """
    import cv2

    small, inside = reduced(stack, VESSEL_SIDE), inside_of(region, VESSEL_SIDE)
    first = np.median(small[:2], axis=0)
    square = np.ones((3, 3), np.uint8)
    count = max(1, int(VESSEL_SHARE * np.count_nonzero(inside)))
    curve = np.empty(len(small))
    for i, frame in enumerate(small):
        change = first - frame
        filled = _strongest(cv2.morphologyEx(change, cv2.MORPH_TOPHAT, square)[inside], count)
        emptied = _strongest(cv2.morphologyEx(change, cv2.MORPH_BLACKHAT, square)[inside], count)
        curve[i] = max(0.0, filled - emptied)
    return curve


def _strongest(values: np.ndarray, count: int) -> float:
    return float(np.partition(values, -count)[-count:].mean())


def find_arrival(stack: np.ndarray, times: np.ndarray, region: np.ndarray) -> int:
    """Return the frame of contrast arrival: where the rise to the peak of the vessel curve begins.

    Parameters
    ----------
    stack
        (F, S, S) grey, contrast dark.
    times
        (F,) s; for checks alone, arrival is a matter of frames.
    region
        (S, S) bool, where to look.

    Returns
    -------
    int
        0-based; 0 where contrast is there from the start, or never comes.
    """
    if len(times) != len(stack):
        raise PreparationError(f"{len(times)} times for {len(stack)} frames", "Give one time a frame")
    curve = vessel_curve(stack, region)
    if curve.max() <= 0:
        return 0
    frame = int(np.argmax(curve))
    while frame > 0 and curve[frame - 1] > ARRIVAL_SHARE * curve.max():
        frame -= 1
    return frame


def baseline_of(stack: np.ndarray, arrival: int) -> np.ndarray:
    """Return (S, S) float32: median of the contrast-free frames (at most `BASELINE_FRAMES`, evenly chosen)."""
    stop = max(1, arrival)
    chosen = np.unique(np.linspace(0, stop - 1, min(stop, BASELINE_FRAMES)).round().astype(int))
    return np.median(stack[chosen].astype(np.float32), axis=0).astype(np.float32)
