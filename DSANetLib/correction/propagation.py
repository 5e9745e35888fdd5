"""A mask moved from one frame to another: the two images are registered, and the mask follows the tissue.

Only the breathing between two frames is undone (shift and rotation of the whole image): what a mask looks like on
another frame is the reader's decision, so the result is a proposal and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import PreparationError

_SIDE = 256
"""Images are registered at this size at the most; finer detail is vessels that fill and empty."""

_MOST_SHIFT = 0.1
"""A shift of more than this part of the image is no breathing, but a registration that went astray."""

_LEAST_GAIN = 0.002
"""The images must correlate so much better after the movement than before."""

_LEAST_CORRELATION = 0.3
"""Images that correlate less than this have no tissue in common that could be followed."""


@dataclass(frozen=True, eq=False)
class Movement:
    """How the tissue of one frame lies on another.

    Parameters
    ----------
    matrix
        (2, 3) float64: a point (x = column, y = row, 1) of the target → the same tissue in the source, in pixels.
    registered
        False where no movement explained the target better than none; ``matrix`` is then the identity.
    """

    matrix: np.ndarray
    registered: bool

    @property
    def shift_px(self) -> tuple[float, float]:
        """(rows, columns) by which the image's origin moves from source to target."""
        return -float(self.matrix[1, 2]), -float(self.matrix[0, 2])

    def move(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask of the source, uint8 (rows, columns) 0 or 1, where it lies on the target."""
        import cv2

        size = (mask.shape[1], mask.shape[0])
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine((np.asarray(mask) != 0).astype(np.uint8), self.matrix, size, flags=flags)


def register(source: np.ndarray, target: np.ndarray) -> Movement:
    """Find how the tissue moved between two frames of a run.

    Parameters
    ----------
    source, target
        (rows, columns), any grey dtype, of one run.

    Raises
    ------
    PreparationError
        Where the frames are of different size.
    """
    import cv2

    if source.shape != target.shape:
        raise PreparationError(f"the frames are {source.shape} and {target.shape}", "Choose frames of one run")
    factor = max(1.0, max(source.shape) / _SIDE)
    start, end = _reduced(source, factor), _reduced(target, factor)
    matrix = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
    before = _correlation(start, end)
    try:
        after, matrix = cv2.findTransformECC(end, start, matrix, cv2.MOTION_EUCLIDEAN, stop, None, 1)
    except cv2.error:  # it did not converge: the frames have nothing in common that moves as a whole
        after = -1.0
    strayed = np.abs(matrix[:, 2]).max() > _MOST_SHIFT * max(start.shape)
    if after < max(before + _LEAST_GAIN, _LEAST_CORRELATION) or strayed:
        return Movement(np.eye(2, 3), registered=False)
    return Movement(_to_full_size(matrix.astype(np.float64), factor), registered=True)


def _reduced(image: np.ndarray, factor: float) -> np.ndarray:
    """Return the image at the registration's size, float32, smoothed, its grey values brought to 0-1."""
    import cv2

    low, high = np.percentile(image, (1, 99))
    grey = np.clip((image.astype(np.float32) - low) / max(float(high - low), 1e-6), 0, 1)
    if factor > 1:
        size = (round(image.shape[1] / factor), round(image.shape[0] / factor))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(grey, (5, 5), 0)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm else 1.0


def _to_full_size(matrix: np.ndarray, factor: float) -> np.ndarray:
    """Bring a movement of the reduced images to pixels of the frames; pixel centres lie at whole numbers."""
    rotation, centre = matrix[:, :2], (factor - 1) / 2 * np.ones(2)
    shift = factor * matrix[:, 2] + centre - rotation @ centre
    return np.column_stack([rotation, shift])
