"""Is contrast dark or bright, and is the run subtracted already? Found from the film where no one says."""

from __future__ import annotations

import numpy as np

UNSURE = 0.1
"""Balance below which the polarity is called unclear; about 3 of 100 phantom runs lie below."""
FLAT_CHANGE = 0.7
"""A subtracted run's flattest frame has less than this part of the structure that contrast brings …"""
FLAT_RANGE = 0.1
"""… or less than this part of the run's range. Phantom runs lie below 0.22 and 0.05, or above 2.4 and 0.2."""


def is_flat(frames: np.ndarray, visible: np.ndarray) -> bool:
    """Return True for a subtracted run: its flattest frame holds little beside noise.

    Before contrast a subtracted frame is flat but for noise and misregistration, while an unsubtracted
    one shows spine, ribs and diaphragm.

    Parameters
    ----------
    frames
        (n, rows, columns) float32 small frames in time order, stored orientation.
    visible
        (rows, columns) bool.
    """
    import cv2

    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames.astype(np.float32)])[:, visible]
    low, inner_low, inner_high, high = np.percentile(smooth, [2, 10, 90, 98], axis=1)
    span = float(frames[:, visible].max() - frames[:, visible].min())
    change = float(np.percentile(smooth.max(axis=0) - smooth.min(axis=0), 98))
    return bool((high - low).min() < FLAT_CHANGE * change or (inner_high - inner_low).min() < FLAT_RANGE * span)


def contrast_balance(frames: np.ndarray, visible: np.ndarray) -> float:
    """Return how much more speaks for dark than for bright contrast; 0 for a single frame.

    Vessels are thin: they show in the black hat (dark) or the top hat (bright) of the frames, on a subtracted run
    at once, otherwise after the first frames are taken away too. Stain adds to the dark or bright tail.
    On an unsubtracted film anatomy speaks as well: its bright tail is air, where contrast is dark.
    Weights were chosen on phantom runs (docs/preparation.md).

    Parameters
    ----------
    frames, visible
        As for `is_flat`.

    Returns
    -------
    float
        Above 0: contrast is dark; below: bright. About -3 to 3.
    """
    if len(frames) < 2:
        return 0.0
    frames = frames.astype(np.float32)
    tails = _tails(frames[:, visible] - np.median(frames[:, visible], axis=1, keepdims=True), 0.02)
    if is_flat(frames, visible):
        return 2.0 * _hats(frames, visible, 0.02) + 0.3 * tails
    change = frames - np.median(frames[:2], axis=0)
    return (
        _hats(change, visible, 0.005)
        + _hats(frames, visible, 0.02)
        + 0.5 * _tails(change[:, visible], 0.02)
        - 0.9 * tails
    )


def _hats(frames: np.ndarray, visible: np.ndarray, share: float) -> float:
    """Balance of the strongest black hats over the strongest top hats, -1 to 1."""
    import cv2

    side = np.ones((3, 3), np.uint8)
    count = max(1, int(share * np.count_nonzero(visible)))
    dark = bright = 0.0
    for frame in frames:
        dark += float(np.sort(cv2.morphologyEx(frame, cv2.MORPH_BLACKHAT, side)[visible])[-count:].mean())
        bright += float(np.sort(cv2.morphologyEx(frame, cv2.MORPH_TOPHAT, side)[visible])[-count:].mean())
    return _ratio(dark, bright)


def _tails(change: np.ndarray, share: float) -> float:
    """Balance of the darkest over the brightest `share` of each frame's values (n, pixels), -1 to 1."""
    count = max(1, int(share * change.shape[1]))
    ordered = np.sort(change, axis=1)
    dark = float(np.maximum(-ordered[:, :count].mean(axis=1), 0.0).sum())
    bright = float(np.maximum(ordered[:, -count:].mean(axis=1), 0.0).sum())
    return _ratio(dark, bright)


def _ratio(dark: float, bright: float) -> float:
    return (dark - bright) / (dark + bright) if dark + bright > 0 else 0.0
