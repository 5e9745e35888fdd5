"""The key frame: full tumour staining, found on the time-contrast curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import PreparationError
from .arrival import VESSEL_SIDE, baseline_of, find_arrival, inside_of, reduced
from .config import PreparationConfig

STAIN_SIDE = 64
"""Stain is measured on frames of this side."""
OPENING = 13
"""Diameter in pixels of `VESSEL_SIDE` (10 % of the width) of the opening that takes vessels away."""
SOONEST_S = 1.0
"""Tissue is not stained sooner after contrast arrival, s."""
STAIN_FROM_S, STAIN_TO_S = 2.0, 7.0
"""Seconds after arrival over which the most stained pixels are chosen."""


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


def mean_curve(stack: np.ndarray, region: np.ndarray, baseline: np.ndarray, blur: float) -> np.ndarray:
    """Return (F,) float64: mean over the region of the low-passed opacification's positive part, grey units.

    `blur` is the Gaussian's standard deviation as a fraction of the width.
    """
    base = reduced(baseline[None], STAIN_SIDE)
    low = low_frequencies(base - reduced(stack, STAIN_SIDE), blur)
    return np.asarray(np.maximum(low[:, inside_of(region, low.shape[1])], 0.0).mean(axis=1), np.float64)


def stain_curve(
    stack: np.ndarray,
    times: np.ndarray,
    region: np.ndarray,
    baseline: np.ndarray,
    arrival: int,
    config: PreparationConfig,
) -> np.ndarray:
    """Return (F,) float64: opacification of the most stained tissue, vessels taken away, grey units.

    An opening takes away what is thinner than `OPENING`: vessels. Of the rest, low-passed, the `stain_share`
    of the region's pixels with the highest mean over `STAIN_FROM_S` to `STAIN_TO_S` after arrival is followed
    through the run: the same pixels in every frame, so that motion elsewhere cannot be mistaken for stain.
    """
    tissue = _tissue(stack, baseline, config.key_blur)
    inside = inside_of(region, tissue.shape[1])
    since = times - times[arrival]
    weight = frame_durations(times) * ((since >= STAIN_FROM_S) & (since <= STAIN_TO_S))
    weight = weight if weight.sum() > 0 else frame_durations(times)
    stain = np.tensordot(weight / weight.sum(), tissue[:, inside], axes=1)
    count = max(1, int(config.stain_share * len(stain)))
    chosen = np.argsort(stain, kind="stable")[-count:]
    return np.asarray(tissue[:, inside][:, chosen].mean(axis=1), np.float64)


def _tissue(stack: np.ndarray, baseline: np.ndarray, blur: float) -> np.ndarray:
    """(F, s, s) float32: opacification without vessels, low frequencies."""
    import cv2

    small, base = reduced(stack, VESSEL_SIDE), reduced(baseline[None], VESSEL_SIDE)[0]
    side = max(3, round(OPENING * small.shape[1] / VESSEL_SIDE) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    for i, frame in enumerate(small):
        smooth = cv2.GaussianBlur(base - frame, (0, 0), 0.8)
        small[i] = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, disc)
    return low_frequencies(reduced(small, STAIN_SIDE), blur)


def low_frequencies(frames: np.ndarray, blur: float) -> np.ndarray:
    """Return (n, s, s) frames after a Gaussian of `blur` times their width, in place where they are float32."""
    import cv2

    if blur > 0:
        for i, frame in enumerate(frames):
            frames[i] = cv2.GaussianBlur(frame, (0, 0), blur * frames.shape[2])
    return frames


def frame_durations(times: np.ndarray) -> np.ndarray:
    """Return (F,) s: the time that each frame stands for, half the way to either neighbour; 1 for a single frame."""
    if len(times) < 2:
        return np.ones(len(times))
    half = np.diff(times) / 2
    return np.append(half, half[-1]) + np.append(half[0], half)


def smooth_three(curve: np.ndarray) -> np.ndarray:
    """Return the running mean over three frames; over two at the ends."""

    def total(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values, 1)
        return padded[:-2] + padded[1:-1] + padded[2:]

    return np.asarray(total(curve) / total(np.ones(len(curve))))


def smooth_seconds(curve: np.ndarray, times: np.ndarray, sigma_s: float) -> np.ndarray:
    """Return the curve smoothed by a Gaussian in *time*, each frame weighted by the time it stands for."""
    if len(curve) < 2 or sigma_s <= 0:
        return curve.copy()
    weight = frame_durations(times)
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
    if chosen is not None and not 0 <= chosen < len(stack):
        raise PreparationError(f"key frame {chosen + 1} of a run of {len(stack)} frames", f"Choose 1 to {len(stack)}")
    arrival = find_arrival(stack, times, region) if arrival is None else arrival
    baseline = baseline_of(stack, arrival) if baseline is None else baseline
    if config.key_statistic == "mean":
        curve = smooth_three(mean_curve(stack, region, baseline, config.key_blur))
        peak = int(np.argmax(curve))
    else:
        raw = stain_curve(stack, times, region, baseline, arrival, config)
        curve = np.maximum(smooth_seconds(raw, times, config.key_smoothing_s), 0.0)
        if curve.max() <= 0:
            # Vessels without any stain: the plain mean has a peak where the stain curve has none.
            curve = smooth_seconds(mean_curve(stack, region, baseline, config.key_blur), times, config.key_smoothing_s)
        peak = int(np.argmax(curve * _expected(times - times[arrival], config)))
    index = peak if chosen is None else chosen
    at_end = len(stack) > 1 and peak == len(stack) - 1
    return KeyFrame(index, "automatic" if chosen is None else "user", curve, float(times[index]), at_end)


def _expected(since: np.ndarray, config: PreparationConfig) -> np.ndarray:
    """(F,) weight of each frame: a wide bell around the usual moment of full staining, next to 0 before it can come.

    Its tails are heavy (a Cauchy curve), so that a late stain that stands out still wins.
    """
    bell = 1.0 / (1.0 + ((since - config.stain_after_s) / config.stain_spread_s) ** 2)
    return np.where(since >= SOONEST_S, bell, 1e-6 * bell)
