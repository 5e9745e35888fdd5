"""What a run does not say of itself: its field, polarity, range, frame times, and whether to subtract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import PreparationError
from ..run import DSARun
from . import alike, border, polarity, stream, subtraction
from .arrival import without_rim
from .config import PreparationConfig
from .geometry import resize
from .subtraction import Subtraction


def find_field(run: DSARun, config: PreparationConfig, seen: stream.Glance) -> border.Field:
    """Return the field of view: what the source says, less the border that is found inside it."""
    where = run.source or run.case_id
    if seen.extremes.low.min() == seen.extremes.high.max():
        value = int(seen.extremes.low.flat[0])
        raise PreparationError(
            f"every pixel of every frame is {value}", "Export the run again, or choose another", where
        )
    given = run.visible if run.visible is not None and run.visible.any() else None
    if config.border == "auto":
        field = border.find_field(seen.extremes, given)
    else:
        field = border.as_field(np.ones((run.rows, run.columns), bool) if given is None else given)
    if field is None:
        raise PreparationError(
            f"nothing is left inside the border of {run.columns} x {run.rows} pixels",
            "Choose a run with larger frames, and with the collimator open",
            where,
        )
    return field


def small_field(visible: np.ndarray) -> np.ndarray:
    """Return the field on the first pass's small frames, without its rim where that leaves any."""
    small = resize(visible.astype(np.float32), stream.GLANCE, stream.GLANCE) > 0.99
    return without_rim(small) if small.any() else np.ones_like(small)


def find_polarity(run: DSARun, seen: stream.Glance, field: np.ndarray, warnings: list[str]) -> tuple[bool, bool]:
    """Return (is contrast bright, was that found from the film)."""
    if run.polarity != "unknown":
        return run.polarity == "bright_contrast", False
    balance = polarity.contrast_balance(seen.small, field)
    if balance < 0:
        warnings.append("Contrast looks bright in this run, so it was inverted.")
    elif balance < polarity.UNSURE:
        warnings.append("It is unclear whether contrast is dark or bright; dark was assumed.")
    return balance < 0, True


def stored_range(run: DSARun, seen: stream.Glance) -> tuple[int, int]:
    """Return (black, white): the stored values that the bit depth allows, wide enough for what is stored."""
    low, high = int(seen.extremes.low.min()), int(seen.extremes.high.max())
    if np.dtype(run.frames.dtype) == np.int16 and low < 0:
        half = 1 << (run.bit_depth - 1)
        return (-half, half - 1) if low >= -half and high < half else (-32768, 32767)
    white = (1 << run.bit_depth) - 1
    return 0, white if high <= white else int(np.iinfo(run.frames.dtype).max)


def what_to_subtract(
    run: DSARun,
    seen: stream.Glance,
    field: np.ndarray,
    mask_frame: int | None,
    shift: tuple[float, float] | None,
    warnings: list[str],
) -> Subtraction:
    """Return whether to subtract, and what user or source ask for; a subtracted run is left alone."""
    if run.subtracted is True:
        if mask_frame is not None:
            warnings.append("The run is already subtracted; the mask frame was not used.")
        return Subtraction()
    if run.count < 2:
        if run.subtracted is False:
            warnings.append("A single unsubtracted frame has no mask; it was used as it is.")
        return Subtraction(decided_by="detected" if run.subtracted is None else "source")
    if run.subtracted is False:
        return replace(subtraction.choose_mask(run, mask_frame, shift), decided_by="source")
    if mask_frame is not None:
        return replace(subtraction.choose_mask(run, mask_frame, shift), decided_by="user")
    if polarity.is_flat(seen.small, field):
        warnings.append(
            "Taken as subtracted: it looks flat, and no header says so. If that is wrong, give 'subtracted' as no."
        )
        return Subtraction(decided_by="detected")
    warnings.append("The run looks unsubtracted, so it was subtracted. If that is wrong, give 'subtracted' as yes.")
    return replace(subtraction.choose_mask(run, None, shift), decided_by="detected")


def check_folder(run: DSARun, seen: stream.Glance, field: np.ndarray, warnings: list[str], *, flat: bool) -> None:
    """Warn where the pictures of a folder look like anything but the frames of one film."""
    if run.kind != "images" or run.count < 2:
        return
    # A film may begin or end with blank frames: one from its middle, too.
    if all(alike.is_mask(np.asarray(seen.frames[i])) for i in (0, run.count // 2, run.count - 1)):
        warnings.append("The pictures hold two values only: are they masks?")
    elif not alike.resemble(seen.small, field, flat=flat):
        warnings.append("The pictures hardly resemble each other: are they the frames of one run?")


def frame_times(run: DSARun, config: PreparationConfig, warnings: list[str]) -> np.ndarray:
    """Return (F,) s: the run's frame times, or times at the assumed rate."""
    if run.times_s is not None:
        return run.times_s
    if run.count > 1:
        warnings.append(
            f"The frame times are unknown; {config.frame_rate:g} frames per second were assumed. Give the frame rate."
        )
    return np.arange(run.count) / config.frame_rate
