"""Is a folder of pictures a run at all? Single pictures and masks make no film, and no file says which they are."""

from __future__ import annotations

import numpy as np

JUMP = 0.15
"""From frame to frame the background moves by less than this part of the run's range. Phantom runs: below 0.06."""
UNLIKE = 0.3
"""What changes between neighbours is less than this part of what is there. Unsubtracted phantom runs: below 0.08."""


def resemble(frames: np.ndarray, visible: np.ndarray, *, flat: bool) -> bool:
    """Tell whether the frames could be of one film: the same exposure and, where anatomy shows, the same anatomy.

    Parameters
    ----------
    frames
        (n, rows, columns) float32 small frames in time order.
    visible
        (rows, columns) bool.
    flat
        True for a subtracted film: its frames before contrast hold noise, which never resembles itself.
    """
    import cv2

    if len(frames) < 2:
        return True
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames.astype(np.float32)])[:, visible]
    level = np.median(smooth, axis=1)
    span = float(smooth.max() - smooth.min())
    if float(np.abs(np.diff(level)).max()) > JUMP * span:
        return False
    shapes = smooth - level[:, None]
    there = shapes.var(axis=1, dtype=np.float64)
    change = np.diff(shapes, axis=0).var(axis=1, dtype=np.float64)
    return flat or float(change.sum()) <= UNLIKE * float((there[1:] + there[:-1]).sum())


def is_mask(frame: np.ndarray) -> bool:
    """Tell whether a picture (rows, columns) holds two values or one, as masks do and no film does for long."""
    return bool(np.isin(frame, (frame.min(), frame.max())).all())
