"""Ten frames by true time, the frame-difference image, and the network's range: pure array functions."""

from __future__ import annotations

import numpy as np

from ..errors import PreparationError
from .config import PreparationConfig


def sample_times(times: np.ndarray, arrival: int, config: PreparationConfig) -> np.ndarray:
    """Return (frames,) s: where ``seconds`` sampling looks, before it is held inside the run."""
    return float(times[arrival]) - config.lead_s + np.linspace(0.0, config.window_s, config.frames)


def sample_frames(
    stack: np.ndarray, times: np.ndarray, arrival: int, config: PreparationConfig, *, key_frame: int | None = None
) -> np.ndarray:
    """Return the frames that the network sees.

    Parameters
    ----------
    stack
        (F, S, S) grey.
    times
        (F,) s, strictly increasing.
    arrival
        Frame of contrast arrival.
    config
        `sampling`, `frames`, `lead_s`, `window_s` and `interpolation` are used.
    key_frame
        Needed for ``causal`` alone.

    Returns
    -------
    numpy.ndarray
        (frames, S, S) float32, grey. Where the run is too short its edge frames are repeated.
    """
    last = len(stack) - 1
    if config.sampling == "uniform":
        return np.asarray(stack[_nearest(np.linspace(arrival, last, config.frames))], np.float32)
    if config.sampling == "causal":
        if key_frame is None:
            raise PreparationError("causal sampling has no key frame", "Give key_frame")
        index = np.clip(np.arange(key_frame + 2 - config.frames, key_frame + 2), 0, last)
        return np.asarray(stack[index], np.float32)
    wanted = np.clip(sample_times(times, arrival, config), times[0], times[-1])
    place = np.interp(wanted, times, np.arange(len(times)))
    if config.interpolation == "nearest":
        return np.asarray(stack[_nearest_in_time(wanted, times)], np.float32)
    before = np.minimum(place.astype(int), last)
    after = np.minimum(before + 1, last)
    part = (place - before).astype(np.float32)[:, None, None]
    return np.asarray(stack[before], np.float32) * (1 - part) + np.asarray(stack[after], np.float32) * part


def missing_samples(times: np.ndarray, arrival: int, config: PreparationConfig) -> int:
    """Return how many samples are repeated edge frames because the run is too short."""
    if config.sampling == "seconds":
        wanted = sample_times(times, arrival, config)
        slack = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.0
        return int(np.count_nonzero((wanted > times[-1] + slack) | (wanted < times[0] - slack - config.lead_s)))
    there = len(times) - (arrival if config.sampling == "uniform" else 0)
    return max(0, config.frames - there)


def difference_image(
    frames: np.ndarray, key: np.ndarray, config: PreparationConfig, visible: np.ndarray | None = None
) -> np.ndarray:
    """Return the frame-difference image FD, (S, S) float32 in [0, 1].

    Parameters
    ----------
    frames
        (n, S, S) sampled frames, grey, not normalised.
    key
        (S, S) key frame in the same grey.
    config
        `difference` and `normalisation` are used.
    visible
        (S, S) bool: where the scale is measured; all where not given.

    Notes
    -----
    ``key`` (default) is our reading of the released file layout, not the paper's published formula.
    """
    frames = np.asarray(frames, np.float32)
    steps = np.abs(np.diff(frames, axis=0))
    if config.difference == "baseline":
        change = np.abs(key - frames[0])
    elif config.difference == "three_frame" and len(steps) > 1:
        change = np.minimum(steps[1:], steps[:-1]).mean(axis=0)
    elif config.difference in ("three_frame", "successive"):
        change = steps.mean(axis=0) if len(steps) else np.zeros(key.shape, np.float32)
    else:
        change = np.abs(key - frames).mean(axis=0)
    return normalise(change, config, low=None if config.normalisation == "minmax" else 0.0, visible=visible)


def normalise(
    image: np.ndarray,
    config: PreparationConfig,
    low: float | None = None,
    high: float | None = None,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Return `image` scaled so that low becomes 0 and high 1, clipped: float32 in [0, 1].

    Parameters
    ----------
    image
        (S, S), or (n, S, S) scaled jointly.
    config
        `normalisation` and the percentiles are used where a limit is not given.
    low, high
        Limits in the image's own units.
    visible
        (S, S) bool: where the limits are measured; all where not given.
    """
    image = np.asarray(image, np.float32)
    if low is None or high is None:
        own = limits(image, config, visible)
        low, high = (own[0] if low is None else low), (own[1] if high is None else high)
    if not high > low:
        return np.zeros(image.shape, np.float32)
    return np.clip((image - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)


def limits(image: np.ndarray, config: PreparationConfig, visible: np.ndarray | None = None) -> tuple[float, float]:
    """Return (low, high) of an image (S, S) or (n, S, S) after the config's rule."""
    values = image if visible is None else image[..., visible]
    if values.size == 0:
        return 0.0, 0.0
    if config.normalisation == "minmax":
        return float(values.min()), float(values.max())
    low, high = np.percentile(values, [config.low_percentile, config.high_percentile])
    return float(low), float(high)


def _nearest(places: np.ndarray) -> np.ndarray:
    # Half up, so that equal steps stay equal.
    return np.floor(places + 0.5).astype(int)


def _nearest_in_time(wanted: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(wanted[:, None] - times[None]).argmin(axis=1))
