"""From a run to a prepared run, and from there to the network's inputs."""

from __future__ import annotations

import logging

import numpy as np

from ..errors import PreparationError
from ..run import DSARun
from . import arrival as arrivals
from . import decide, keyframe, sampling, stream, subtraction
from .config import PreparationConfig
from .geometry import FrameGeometry
from .prepared import NetworkInputs, PreparedRun
from .subtraction import Subtraction

log = logging.getLogger(__name__)

DEFAULT = PreparationConfig()


def prepare(
    run: DSARun,
    config: PreparationConfig = DEFAULT,
    *,
    key_frame: int | None = None,
    mask_frame: int | None = None,
    pixel_shift: tuple[float, float] | None = None,
) -> PreparedRun:
    """Prepare a run: border, polarity, subtraction, resize, contrast arrival, key frame.

    Parameters
    ----------
    run
        The run; its frames are read at most twice, in order.
    config
        The choices, as the model's card stores them.
    key_frame
        The user's key frame, 0-based; found where not given.
    mask_frame
        The user's mask frame for an unsubtracted run, 0-based.
    pixel_shift
        (rows, columns) by which the user moves the mask, source pixels.

    Raises
    ------
    PreparationError
        Where the run holds nothing to prepare, or a frame asked for does not exist.
    """
    where = run.source or run.case_id
    for name, frame in (("key", key_frame), ("mask", mask_frame)):
        if frame is not None and not 0 <= frame < run.count:
            raise PreparationError(
                f"{name} frame {frame + 1} of a run of {run.count} frames", f"Choose 1 to {run.count}", where
            )
    warnings = list(run.warnings)
    seen = stream.glance(run)
    field = decide.find_field(run, config, seen)
    geometry = FrameGeometry(
        run.rows, run.columns, field.top, field.left, field.height, field.width,
        config.size, config.aspect, config.flip_rows, config.flip_columns,
    )  # fmt: skip
    small_field = decide.small_field(field.visible)
    inverted, found = decide.find_polarity(run, seen, small_field, warnings)
    facts = decide.what_to_subtract(run, seen, small_field, mask_frame, pixel_shift, warnings)
    decide.check_folder(run, seen, small_field, warnings, flat=not facts.performed)
    black, white = decide.stored_range(run, seen)
    logarithm = facts.performed and run.intensity != "log"
    table = subtraction.grey_table(black, white, inverted=inverted, log=logarithm)
    stack = stream.load_stack(seen.frames, geometry, table, black, linear=not logarithm)
    visible = geometry.to_network(field.visible) > 0.99
    times = decide.frame_times(run, config, warnings)
    stack, facts, mask = _subtract(stack, seen, geometry, facts, times, visible, (table, black), warnings)
    if config.outside == "neutral":
        _neutralise(stack, visible)
    region = arrivals.without_rim(visible)
    arrival = arrivals.find_arrival(stack, times, region)
    baseline = arrivals.baseline_of(stack, arrival)
    key = keyframe.pick_key_frame(
        stack, times, region, baseline=baseline, arrival=arrival, config=config, chosen=key_frame
    )
    _warn(run, seen, config, times, arrival, key, warnings)
    return PreparedRun(
        run=run, config=config, geometry=geometry, stack=stack, frame_times=times, visible=visible,
        visible_source=field.visible, baseline=baseline, arrival=arrival, key_frame=key, subtraction=facts,
        polarity="bright_contrast" if inverted else "dark_contrast", polarity_detected=found,
        grey_table=table, grey_black=black, mask=mask, warnings=tuple(warnings),
    )  # fmt: skip


def network_inputs(prepared: PreparedRun, frame: int | None = None) -> NetworkInputs:
    """Return the network's inputs for the key frame, or for another frame of the run.

    Parameters
    ----------
    prepared
        The prepared run.
    frame
        Frame that is segmented, 0-based; the key frame where not given. The ten frames are those of the run.
    """
    config, visible = prepared.config, prepared.visible
    index = prepared.key_frame.index if frame is None else frame
    if not 0 <= index < len(prepared.stack):
        count = len(prepared.stack)
        raise PreparationError(f"frame {index + 1} of a run of {count} frames", f"Choose 1 to {count}")
    frames = sampling.sample_frames(
        prepared.stack, prepared.frame_times, prepared.arrival, config, key_frame=prepared.key_frame.index
    )
    key = prepared.stack[index].astype(np.float32)
    return NetworkInputs(
        frames=sampling.normalise(frames, config, visible=visible),
        key=sampling.normalise(key, config, visible=visible),
        difference=sampling.difference_image(frames, key, config, visible),
    )


def display_frame(prepared: PreparedRun, frame: int) -> np.ndarray:
    """Return one frame on the source pixels as it was prepared: (rows, columns) float32 grey, contrast dark.

    Where this library subtracted, so is this one, at full resolution; the border keeps its own grey.
    """
    run, facts = prepared.run, prepared.subtraction
    table, black = prepared.grey_table, prepared.grey_black

    def grey(i: int) -> np.ndarray:
        return stream.to_grey(np.asarray(run.frames[int(i)]), table, black)

    if not facts.performed:
        return grey(frame)
    if facts.operation == "AVG_SUB":
        mask = np.asarray(np.mean([grey(i) for i in facts.frames], axis=0), np.float32)
    else:
        mask = grey(int(subtraction.mask_indices(facts, run.count)[frame]))
    return grey(frame) - subtraction.shifted(mask, facts.shift_px) + np.float32(subtraction.LOG_GAIN)


def _subtract(
    stack: np.ndarray,
    seen: stream.Glance,
    geometry: FrameGeometry,
    facts: Subtraction,
    times: np.ndarray,
    visible: np.ndarray,
    grey: tuple[np.ndarray, int],
    warnings: list[str],
) -> tuple[np.ndarray, Subtraction, np.ndarray | None]:
    """Subtract in place where the facts ask for it; return stack, completed facts, and the mask."""
    if not facts.performed:
        return stack, facts, None
    if facts.operation != "AVG_SUB":
        masks = subtraction.mask_indices(facts, len(stack))
        shift = tuple(s * k for s, k in zip(facts.shift_px, geometry.scale, strict=True))
        subtraction.subtract_interval(stack, masks, _flipped(shift, geometry))
        return stack, facts, None
    if not facts.frames:
        arrival = arrivals.find_arrival(stack, times, arrivals.without_rim(visible))
        facts = subtraction.automatic_mask(facts, arrival)
        if arrival == 0:
            warnings.append("No contrast-free frame was found; the first frame serves as mask. Choose a mask frame.")
    if facts.shift_px == (0.0, 0.0):
        mask = stack[list(facts.frames)].mean(axis=0, dtype=np.float32)
    else:
        # At full resolution, so that a shift of a fraction of a pixel costs no sharpness.
        full = np.mean([stream.to_grey(np.asarray(seen.frames[i]), *grey) for i in facts.frames], axis=0)
        mask = geometry.to_network(subtraction.shifted(full.astype(np.float32), facts.shift_px))
    subtraction.subtract_mask(stack, mask)
    return stack, facts, mask


def _flipped(shift: tuple[float, ...], geometry: FrameGeometry) -> tuple[float, float]:
    rows, columns = shift
    return (-rows if geometry.flip_rows else rows), (-columns if geometry.flip_columns else columns)


def _neutralise(stack: np.ndarray, visible: np.ndarray) -> None:
    """Fill what lies outside the field with the field's median over time, in place."""
    if visible.all() or not visible.any():
        return
    few = np.unique(np.linspace(0, len(stack) - 1, 8).round().astype(int))
    np.copyto(stack, np.median(stack[few][:, visible].astype(np.float32)), where=~visible, casting="same_kind")


def _warn(
    run: DSARun,
    seen: stream.Glance,
    config: PreparationConfig,
    times: np.ndarray,
    arrival: int,
    key: keyframe.KeyFrame,
    warnings: list[str],
) -> None:
    if run.count == 1:
        if not any("one frame" in warning for warning in run.warnings):
            warnings.append("The run has one frame: it is repeated, and there is no temporal difference.")
        return
    if seen.identical:
        warnings.append("The frames do not differ: no contrast passes, and there is no temporal difference.")
    missing = sampling.missing_samples(times, arrival, config)
    if missing:
        samples = f"{missing} of {config.frames} repeat its first or last frame"
        warnings.append(f"The run does not reach over all frames that the model samples: {samples}.")
    if key.at_end:
        warnings.append("Opacification still rises at the last frame: the run may end before the blush.")
    for warning in warnings[len(run.warnings) :]:
        log.info("%s: %s", run.case_id, warning)
