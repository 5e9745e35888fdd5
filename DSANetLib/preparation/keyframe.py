"""Contrast arrival, and the key frame: full tumour staining, found on the time-contrast curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .config import PreparationConfig

SIDE = 64
"""Curves are measured on frames reduced to this side: stain is broad, and thousands of frames stay quick."""
ARRIVAL_SIDE = 128
BASELINE_FRAMES = 12
"""At most so many contrast-free frames make the baseline."""
ARRIVAL_SHARE = 0.12
"""Contrast has arrived where the vessel curve passes this share of its peak for two frames."""


@dataclass(frozen=True, eq=False)
class KeyFrame:
    """The frame that is segmented, who chose it, and the curve it was chosen on.

    Parameters
    ----------
    index
        Frame, 0-based.
    chosen_by
        ``automatic`` or ``user``.
    curve
        (F,) float64 opacification over time, grey units, >= 0.
    time_s
        Time of the key frame, s.
    at_end
        True where the curve still rises at the last frame: the run may end before the blush.
    """

    index: int
    chosen_by: Literal["automatic", "user"]
    curve: np.ndarray
    time_s: float
    at_end: bool = False


def reduced(stack: np.ndarray, side: int) -> np.ndarray:
    """Return `stack` (F, S, S) reduced by area to (F, side, side) float32; as it is where it is no larger."""
    import cv2

    if stack.shape[1] <= side and stack.shape[2] <= side:
        return np.asarray(stack, np.float32)
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


def vessel_curve(stack: np.ndarray, region: np.ndarray, level: np.ndarray | None = None) -> np.ndarray:
    """Return (F,) float64: darkening of the most darkened pixels less brightening of the most brightened.

    Motion and noise darken and brighten alike and cancel; contrast only darkens. `level` (S, S) is what
    counts as contrast-free; by default the first frames' median.
    """
    import cv2

    small, inside = reduced(stack, ARRIVAL_SIDE), reduced_mask(region, ARRIVAL_SIDE)
    if not inside.any():
        return np.zeros(len(stack))
    first = np.median(small[: min(2, len(small))], axis=0) if level is None else reduced(level[None], ARRIVAL_SIDE)[0]
    count = max(1, int(0.01 * np.count_nonzero(inside)))
    curve = np.empty(len(small))
    for i, frame in enumerate(small):
        change = cv2.GaussianBlur(first - frame, (0, 0), 1.0)[inside]
        ordered = np.partition(change, (count, len(change) - count - 1)) if len(change) > 2 * count else np.sort(change)
        curve[i] = max(0.0, float(ordered[-count:].mean() + ordered[:count].mean()))
    return curve


def find_arrival(stack: np.ndarray, times: np.ndarray, region: np.ndarray) -> int:
    """Return the frame of contrast arrival: the first of the rise of the vessel curve that leads to its peak.

    Parameters
    ----------
    stack
        (F, S, S) grey, contrast dark.
    times
        (F,) s.
    region
        (S, S) bool, where to look.

    Returns
    -------
    int
        0-based; 0 where contrast is there from the start, or never comes.
    """
    curve = vessel_curve(stack, region)
    if len(curve) < 2 or curve.max() <= 0:
        return 0
    above = curve > ARRIVAL_SHARE * curve.max()
    lasting = above & np.append(above[1:], True)
    return int(np.argmax(lasting))


def baseline_of(stack: np.ndarray, arrival: int) -> np.ndarray:
    """Return (S, S) float32: median of the contrast-free frames (at most `BASELINE_FRAMES`, evenly chosen)."""
    stop = max(1, arrival)
    chosen = np.unique(np.linspace(0, stop - 1, min(stop, BASELINE_FRAMES)).round().astype(int))
    return np.median(stack[chosen].astype(np.float32), axis=0).astype(np.float32)


def opacification_curve(
    stack: np.ndarray, region: np.ndarray, baseline: np.ndarray, config: PreparationConfig
) -> np.ndarray:
    """Return (F,) float64: opacification of the low frequencies over the region, grey units.

    ``mean``: the plain mean of the positive part. ``stained``: the mean over the most opacified quarter.
    """
    import cv2

    small, base = reduced(stack, SIDE), reduced(baseline[None], SIDE)[0]
    inside = reduced_mask(region, SIDE)
    if not inside.any():
        inside = np.ones_like(inside)
    sigma = config.key_blur * small.shape[2]
    curve = np.empty(len(small))
    for i, frame in enumerate(small):
        change = base - frame
        change = cv2.GaussianBlur(change, (0, 0), sigma) if sigma > 0 else change
        values = np.maximum(change[inside], 0.0)
        if config.key_statistic == "stained":
            values = np.sort(values)[-max(1, len(values) // 4) :]
        curve[i] = float(values.mean())
    return curve


def smooth_three(curve: np.ndarray) -> np.ndarray:
    """Return the running mean over three frames; over two at the ends."""
    total = np.convolve(curve, np.ones(3), "same")
    return np.asarray(total / np.convolve(np.ones(len(curve)), np.ones(3), "same"))


def smooth_seconds(curve: np.ndarray, times: np.ndarray, sigma_s: float) -> np.ndarray:
    """Return the curve smoothed by a Gaussian in *time*, each frame weighted by the time it stands for."""
    if len(curve) < 2 or sigma_s <= 0:
        return curve.copy()
    weight = np.gradient(times)
    out = np.empty(len(curve))
    for start in range(0, len(curve), 256):
        distance = (times[start : start + 256, None] - times[None]) / sigma_s
        kernel = np.exp(-0.5 * distance**2) * weight
        out[start : start + 256] = kernel @ curve / kernel.sum(axis=1)
    return out


def pick_key_frame(
    stack: np.ndarray,
    times: np.ndarray,
    region: np.ndarray,
    *,
    baseline: np.ndarray | None = None,
    arrival: int | None = None,
    config: PreparationConfig | None = None,
    chosen: int | None = None,
) -> KeyFrame:
    """Return the key frame: the peak of the smoothed opacification curve, or the user's choice.

    Parameters
    ----------
    stack
        (F, S, S) grey, contrast dark.
    times
        (F,) s.
    region
        (S, S) bool: the liver, or the field without its rim.
    baseline
        (S, S) contrast-free image; by default from the frames before arrival.
    arrival
        Frame of contrast arrival; found where not given.
    config
        `key_statistic`, `key_blur` and `key_smoothing_s` are used.
    chosen
        The user's choice, 0-based; the curve is kept with it.
    """
    config = config or PreparationConfig()
    arrival = find_arrival(stack, times, region) if arrival is None else arrival
    baseline = baseline_of(stack, arrival) if baseline is None else baseline
    curve = opacification_curve(stack, region, baseline, config)
    if config.key_statistic == "mean":
        curve = smooth_three(curve)
    else:
        curve = smooth_seconds(curve, times, config.key_smoothing_s)
    peak = int(np.argmax(curve))
    index = peak if chosen is None else chosen
    at_end = bool(curve.max() > 0 and peak == len(curve) - 1 and len(curve) > 1)
    return KeyFrame(index, "automatic" if chosen is None else "user", curve, float(times[index]), at_end)
