"""Is contrast dark or bright, and is the run subtracted already? Found from the film where no one says."""

from __future__ import annotations

import numpy as np

UNSURE = 0.05
"""Balance below which the polarity is called unclear."""
TAIL = 0.02
"""Share of the field's pixels whose change counts: vessels and stain fill no more of many frames."""


def contrast_balance(frames: np.ndarray, visible: np.ndarray) -> float:
    """Return how much more the field darkens than brightens while contrast passes.

    Parameters
    ----------
    frames
        (n, rows, columns) float32 small frames in time order, stored orientation.
    visible
        (rows, columns) bool.

    Returns
    -------
    float
        -1 (only brighter) to 1 (only darker); 0 where nothing changes.
    """
    pixels = frames[:, visible].astype(np.float64)
    if len(pixels) < 2:
        return 0.0
    # Against the first frames and against the last: a run may start late or end before washout.
    start, end = (np.median(pixels[s], axis=0) for s in (slice(None, 2), slice(-2, None)))
    first = _balance(pixels - start)
    last = _balance(pixels - end)
    spatial = _balance(pixels - np.median(pixels, axis=1, keepdims=True))
    return float((2 * first + last + (spatial if is_flat(frames, visible) else 0.0)) / 4)


def _balance(change: np.ndarray) -> float:
    count = max(1, int(change.shape[-1] * TAIL))
    ordered = np.sort(np.atleast_2d(change), axis=1)
    dark = np.maximum(-ordered[:, :count].mean(axis=1), 0).sum()
    bright = np.maximum(ordered[:, -count:].mean(axis=1), 0).sum()
    return float((dark - bright) / (dark + bright)) if dark + bright > 0 else 0.0


def is_flat(frames: np.ndarray, visible: np.ndarray) -> bool:
    """Return True for a subtracted run: its flattest frame holds less structure than contrast brings.

    Before contrast a subtracted frame is flat but for noise and misregistration, while an unsubtracted
    one shows spine, ribs and diaphragm. Parameters as for `contrast_balance`.
    """
    import cv2

    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames.astype(np.float32)])
    pixels = smooth[:, visible]
    low, high = np.percentile(pixels, [2, 98], axis=1)
    structure = float((high - low).min())
    if len(frames) < 2:
        return False
    change = float(np.percentile(pixels.max(axis=0) - pixels.min(axis=0), 98))
    return structure < FLAT * change


FLAT = 0.8
"""Structure of the flattest frame over the change in time, below which a run is called subtracted."""
