"""Another patient's tumour laid into a run: what it holds more than the liver around it is added, as X-rays add up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST_PX = 6
"""Lesions of fewer network pixels are not taken: their contrast is mostly noise."""
CLEAR = 0.5
"""A lesion that holds less more than the liver around it, in standard deviations of that, is not taken either."""
WIDEST = 2.5
"""A tumour's contrast is scaled to the liver it comes to by this factor at most, and by its inverse at least."""


class Graft(NamedTuple):
    """A tumour's contrast beyond that of the liver around it, in the grey of its own run.

    ``frames`` (n, S, S) and ``key`` (S, S) float32, positive for more contrast; ``mask`` (S, S) float32 in [0, 1];
    ``around`` grey of contrast in the liver around it on the key frame.
    """

    frames: np.ndarray
    key: np.ndarray
    mask: np.ndarray
    around: float


def cut_out(
    contrast: np.ndarray, key: np.ndarray, tumour: np.ndarray, liver: np.ndarray, rng: np.random.Generator
) -> Graft | None:
    """Return one lesion of a run, or None where it has none that stands out.

    Parameters
    ----------
    contrast, key
        (n, S, S) and (S, S) float32, baseline minus grey, of the frames that the network sees and of the key frame.
    tumour, liver
        (S, S) float32, covered part of each pixel.
    rng
        Chooses the lesion.
    """
    import cv2

    count, labels = cv2.connectedComponents((tumour >= 0.5).astype(np.uint8))
    large = [label for label in range(1, count) if np.count_nonzero(labels == label) >= LEAST_PX]
    if not large:
        return None
    lesion = (labels == large[int(rng.integers(len(large)))]).astype(np.uint8)
    grown = cv2.dilate(lesion, np.ones((3, 3), np.uint8))
    ring = (cv2.dilate(grown, np.ones((9, 9), np.uint8)) > grown) & (liver >= 0.5) & (tumour < 0.5)
    if np.count_nonzero(ring) < LEAST_PX:
        return None
    weight = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), 1.0)
    around = np.median(contrast[:, ring], axis=1).astype(np.float32)
    around_key = float(np.median(key[ring]))
    if float(key[lesion > 0].mean()) - around_key < CLEAR * float(key[ring].std()):
        return None
    excess = (contrast - around[:, None, None]) * weight
    return Graft(excess, (key - np.float32(around_key)) * weight, lesion * tumour, around_key)


def lay_in(
    graft: Graft, around: float, liver: np.ndarray, tumour: np.ndarray, rng: np.random.Generator
) -> Graft | None:
    """Return the lesion turned, and moved to a free place in another liver; None where there is none.

    Parameters
    ----------
    graft
        The lesion.
    around
        Grey of contrast in that liver on its key frame; the lesion's contrast is scaled to it.
    liver, tumour
        (S, S) float32 of the run it comes to.
    rng
        Chooses place and turn.
    """
    import cv2

    places = np.argwhere((liver >= 0.5) & (tumour < 0.5))
    turn, chosen = rng.uniform(-np.pi, np.pi), rng.random()
    if not len(places):
        return None
    row, column = places[int(chosen * len(places))]
    rows, columns = np.nonzero(graft.mask)
    c, s = np.cos(turn), np.sin(turn)
    shift = np.array([column, row]) - np.array([[c, -s], [s, c]]) @ [columns.mean(), rows.mean()]
    matrix = np.array([[c, -s, shift[0]], [s, c, shift[1]]], np.float32)
    scale = np.float32(np.clip(around / graft.around, 1 / WIDEST, WIDEST) if graft.around > 0 < around else 1.0)

    def move(image: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_LINEAR), np.float32)

    frames = np.stack([move(image) for image in graft.frames])
    return Graft(scale * frames, scale * move(graft.key), move(graft.mask), around)
