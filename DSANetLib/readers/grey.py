"""Colour pixels with grey content → grey pixels; anything else is refused in one line."""

from __future__ import annotations

import numpy as np

from ..errors import RunError

# Lossy codecs tint grey by a few levels; 12 of 255 is above what MPEG-4 and JPEG leave on angiograms.
_GREY_TOLERANCE = 12 / 255
# A logo, a coloured clock or an ECG trace covers less than this; a photograph far more.
_COLOURED_FRACTION = 0.03
_STRIDE = 4


def to_grey(image: np.ndarray, where: str) -> np.ndarray:
    """Return the grey image that a colour image with grey content shows.

    Parameters
    ----------
    image
        (rows, columns), (rows, columns, 1), (…, 2) grey and alpha, (…, 3) BGR or (…, 4) BGRA; uint8 or uint16.
    where
        File (and frame) for the message.

    Returns
    -------
    numpy.ndarray
        (rows, columns) of the same dtype. Equal channels come back bit for bit.

    Raises
    ------
    RunError
        Where the pixels are coloured: a photograph, a colour-coded map.
    """
    if image.ndim == 2:
        return image
    if image.shape[2] <= 2:
        return np.ascontiguousarray(image[..., 0])
    colour = image[..., :3]
    if coloured_fraction(colour) > _COLOURED_FRACTION:
        raise RunError("the picture is in colour, angiograms are grey", "Give the grey frames of the run", where)
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_BGR2GRAY))


def coloured_fraction(colour: np.ndarray) -> float:
    """Return the fraction, in 0-1, of pixels whose three channels differ by more than a codec's tint."""
    sample = colour[::_STRIDE, ::_STRIDE].astype(np.int32)
    spread = sample.max(axis=2) - sample.min(axis=2)
    full = np.iinfo(colour.dtype).max
    return float((spread > _GREY_TOLERANCE * full).mean())
