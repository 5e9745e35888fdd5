"""Digital subtraction on the small stack: log grey minus the mask's log grey."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..run import DSARun, MaskOperation, MaskSubtraction

LOG_GAIN = 127.5
"""Grey units per unit of natural logarithm; a subtracted frame without contrast has this grey."""
MASK_FRAMES = 4
"""Contrast-free frames averaged to a mask where neither source nor user names one."""


@dataclass(frozen=True)
class Subtraction:
    """What was subtracted, and who chose it.

    Parameters
    ----------
    performed
        True where this library subtracted; False where the run came subtracted.
    decided_by
        ``source`` where the file says whether it is subtracted, ``detected`` from the film, ``user``.
    mask_from
        ``source``, ``user`` or ``automatic``; None where nothing was subtracted.
    operation
        AVG_SUB, TID or REV_TID; NONE where nothing was subtracted.
    frames
        Mask frames, 0-based; empty for TID and REV_TID.
    shift_px
        (rows, columns) by which the mask was moved, source pixels.
    tid_offset
        Frames between a frame and its mask, for TID and REV_TID.
    """

    performed: bool = False
    decided_by: Literal["source", "detected", "user"] = "source"
    mask_from: Literal["source", "user", "automatic"] | None = None
    operation: MaskOperation = "NONE"
    frames: tuple[int, ...] = ()
    shift_px: tuple[float, float] = (0.0, 0.0)
    tid_offset: int = 1


def grey_table(black: int, white: int, *, inverted: bool, log: bool) -> np.ndarray:
    """Return (white - black + 1,) float32: the grey of the stored values from black to white, contrast dark.

    Greys are 0-255 over the stored range whatever the bit depth; ``log`` gives `LOG_GAIN` times the natural
    logarithm of the value above black + 1 instead (1, so that a black pixel has one).
    """
    above = np.arange(white - black + 1, dtype=np.float64)
    above = above[::-1] if inverted else above
    grey = LOG_GAIN * np.log(above + 1.0) if log else above * (255.0 / (white - black))
    return grey.astype(np.float32)


def choose_mask(run: DSARun, mask_frame: int | None, shift: tuple[float, float] | None) -> Subtraction:
    """Return the subtraction that user or source ask for; frames stay empty where it is ours to choose."""
    asked = run.mask or MaskSubtraction()
    moved = asked.shift_px if shift is None else (float(shift[0]), float(shift[1]))
    if mask_frame is not None:
        return Subtraction(True, mask_from="user", operation="AVG_SUB", frames=(mask_frame,), shift_px=moved)
    if asked.operation in ("TID", "REV_TID"):
        return Subtraction(
            True, mask_from="source", operation=asked.operation, shift_px=moved, tid_offset=asked.tid_offset
        )
    if asked.operation == "AVG_SUB" and asked.frames:
        return Subtraction(True, mask_from="source", operation="AVG_SUB", frames=asked.frames, shift_px=moved)
    return Subtraction(True, mask_from="automatic", operation="AVG_SUB", shift_px=moved)


def automatic_mask(facts: Subtraction, arrival: int) -> Subtraction:
    """Return the subtraction with mask frames chosen: the last contrast-free frames, but one, before arrival.

    The frame right before arrival may hold the first contrast in the catheter, and the very first frame
    is often exposed differently; both are left out where enough remain.
    """
    if arrival <= 0:
        return replace(facts, frames=(0,))
    stop = arrival - 1 if arrival >= 3 else arrival
    start = max(1 if stop >= 2 else 0, stop - MASK_FRAMES)
    return replace(facts, frames=tuple(range(start, stop)))


def mask_indices(facts: Subtraction, count: int) -> np.ndarray:
    """Return for each of `count` frames the frame that is its mask, for TID and REV_TID (DICOM C.7.6.10).

    TID: the frame `tid_offset` before. REV_TID: from the first frame that allows it (the source's range of
    frames is not kept) the masks run backwards: first - offset, first - offset - 1, … Frames without a
    mask of their own take the nearest frame that exists.
    """
    index = np.arange(count)
    if facts.operation == "TID":
        return np.clip(index - facts.tid_offset, 0, count - 1)
    first = -(-(count - 1 + facts.tid_offset) // 2)
    return np.clip(2 * first - facts.tid_offset - np.maximum(index, first), 0, count - 1)


def subtract_mask(stack: np.ndarray, mask: np.ndarray) -> None:
    """Subtract one mask (S, S) from every frame of `stack` (F, S, S), in place; no contrast = `LOG_GAIN`."""
    offset = (mask - LOG_GAIN).astype(np.float32)
    for frame in stack:
        frame -= offset


def subtract_interval(stack: np.ndarray, masks: np.ndarray, shift: tuple[float, float]) -> None:
    """Subtract from each frame of `stack` (F, S, S) the frame that `masks` (F,) names, in place.

    `shift` (rows, columns) in stack pixels moves the mask.
    """
    last_use = {int(m): i for i, m in enumerate(masks)}
    # A frame that is still wanted as a mask is kept before it is overwritten: `tid_offset` frames at a time.
    kept: dict[int, np.ndarray] = {}
    for i, m in enumerate(masks):
        if last_use.get(i, -1) >= i:
            kept[i] = stack[i].astype(np.float32)
        mask = kept[int(m)] if int(m) in kept else stack[int(m)].astype(np.float32)
        stack[i] -= shifted(mask, shift) - np.float32(LOG_GAIN)
        if last_use[int(m)] == i:
            kept.pop(int(m), None)


def shifted(image: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """Return a float32 image moved by (rows, columns), sub-pixel, linear; the edge is repeated."""
    if shift == (0.0, 0.0):
        return image
    import cv2

    rows, columns = np.indices(image.shape, dtype=np.float32)
    return cv2.remap(
        image, columns - np.float32(shift[1]), rows - np.float32(shift[0]), cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
