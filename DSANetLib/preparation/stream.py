"""The two passes over a run's frames: a sample for the border and the signs, then every frame once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import DSARun, Frames
from .border import Extremes
from .geometry import FrameGeometry, resize

SAMPLE = 24
"""Frames looked at in the first pass, evenly spread, first and last among them."""
GLANCE = 96
"""Side of the small frames that the first pass keeps."""
KEEP_BYTES = 192 << 20
"""A run smaller than this is decoded once and kept for the second pass."""
HUGE = 800 << 20
"""A float32 stack above this many bytes is kept as float16: 0.06 grey at 128-255."""


@dataclass(frozen=True, eq=False)
class Glance:
    """What the first pass found.

    Parameters
    ----------
    frames
        The run's frames, decoded and kept where they are few.
    index
        (n,) frames looked at.
    extremes
        Lowest and highest value of each source pixel over them.
    small
        (n, GLANCE, GLANCE) float32, stored values, squashed.
    identical
        True where every frame looked at is the same.
    """

    frames: Frames
    index: np.ndarray
    extremes: Extremes
    small: np.ndarray
    identical: bool


def glance(run: DSARun) -> Glance:
    """Look at up to `SAMPLE` frames of a run, in their order."""
    count, rows, columns = run.frames.shape
    size = count * rows * columns * np.dtype(run.frames.dtype).itemsize
    frames = run.frames
    if not isinstance(frames, np.ndarray) and size <= KEEP_BYTES:
        frames = frames[:]
    index = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).round().astype(int))
    low = high = np.asarray(frames[int(index[0])])
    small = np.empty((len(index), GLANCE, GLANCE), np.float32)
    for place, i in enumerate(index):
        frame = np.asarray(frames[int(i)])
        low, high = np.minimum(low, frame), np.maximum(high, frame)
        small[place] = resize(frame, GLANCE, GLANCE)
    return Glance(frames, index, Extremes(low, high), small, bool((low == high).all()))


def to_grey(image: np.ndarray, table: np.ndarray, black: int) -> np.ndarray:
    """Return an image of stored values as float32 grey through the table; values off its ends take the end's."""
    import cv2

    if image.dtype == np.uint8 and black == 0 and len(table) == 256:
        return cv2.LUT(image, table)
    # `clip` holds the index in the table and `take` needs no second pass for it.
    index = image if black == 0 else image.astype(np.int32) - black
    return np.take(table, index, mode="clip")


def load_stack(frames: Frames, geometry: FrameGeometry, table: np.ndarray, black: int, *, linear: bool) -> np.ndarray:
    """Return the stack (F, S, S): grey, cropped, resized, padded with 0; each frame is read once, in order.

    `linear` says that the table is a straight line, so that it can be applied to the small image: greys
    then mix alike before and after the resize, and the large image needs no look-up.
    """
    count, size = len(frames), geometry.size
    huge = count * size * size * 4 > HUGE
    stack = np.zeros((count, size, size), np.float16 if huge else np.float32)
    gain, start = float(table[1] - table[0]), float(table[0])
    top, left, height, width = geometry.inner
    flips = geometry._flips()
    for i in range(count):
        cropped = np.asarray(frames[i])[geometry.box]
        if linear:
            small = resize(cropped.astype(np.float32), height, width)
            small = (small - black) * gain + start
        else:
            small = resize(to_grey(cropped, table, black), height, width)
        stack[i][flips][top : top + height, left : left + width] = small
    return stack
