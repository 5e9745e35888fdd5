"""One training sample from a prepared run: time, place and grey varied, then the preparation's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from ..preparation import PreparationConfig, difference_image, normalise, sample_frames
from .cases import TrainingRun
from .transplant import Graft, cut_out, lay_in
from .variation import AugmentationConfig

SLOWEST_S = 1.05
"""Frames are thinned only where the longest interval up to the key frame stays below this."""


class Sample(NamedTuple):
    """What a segmenter is trained on: float32 in [0, 1], masks 0-1 by covered part of the pixel.

    Without `has_liver` nobody drew the liver, and its mask is empty.
    """

    frames: np.ndarray
    key: np.ndarray
    difference: np.ndarray
    liver: np.ndarray
    tumour: np.ndarray
    has_liver: bool = True


class Timing(NamedTuple):
    """Which frames of a run are used, at what times (s); arrival and key count within them."""

    kept: np.ndarray
    times: np.ndarray
    arrival: int
    key: int


def plain_sample(run: TrainingRun, frame: int, config: PreparationConfig) -> Sample:
    """Return frame `frame` of a run as inference sees it, with its masks.

    Parameters
    ----------
    run
        The run; `frame` is one of ``run.masked``.
    frame
        0-based.
    config
        The preparation.
    """
    timing = Timing(np.arange(len(run.times)), run.times, run.arrival, frame)
    frames, key = _grey(run, timing, frame, config)
    return _finished(run, frame, frames, key, run.visible, config)


def augmented_sample(
    run: TrainingRun,
    config: PreparationConfig,
    augmentation: AugmentationConfig,
    rng: np.random.Generator,
    donors: Sequence[TrainingRun] = (),
) -> Sample:
    """Return a random variant of a run; same generator state, same sample.

    Parameters
    ----------
    run
        The run.
    config
        The preparation: the sample goes through the same functions as at inference.
    augmentation
        What varies, and how much.
    rng
        Drawn from.
    donors
        Runs whose tumours may be laid in.
    """
    frame = choose_key(run, augmentation, rng)
    frames, key = _grey(run, choose_timing(run, frame, augmentation, rng), frame, config)
    graft = None
    if augmentation.transplant and donors and rng.random() < augmentation.transplant:
        graft = _graft(run, donors[int(rng.integers(len(donors)))], frame, key, config, rng)
    if graft is not None:
        frames, key = frames - graft.frames, key - graft.key
    place = _matrix(config.size, augmentation, rng)
    outside = _outside(run)
    visible = _visible(run, place, augmentation, rng)
    hidden = ~visible
    if place is not None:
        frames = np.stack([_warp(image, place, outside) for image in frames])
        key = _warp(key, place, outside)
    if config.outside == "neutral":
        frames[:, hidden] = outside
        key[hidden] = outside
    sample = _finished(run, frame, frames, key, visible, config)
    if graft is not None:
        sample = sample._replace(tumour=np.maximum(sample.tumour, graft.mask))
    if place is not None:
        sample = sample._replace(liver=_warp(sample.liver, place, 0.0), tumour=_warp(sample.tumour, place, 0.0))
    sample.liver[hidden] = 0
    sample.tumour[hidden] = 0
    return _with_grey(sample, visible, augmentation, rng)


def _graft(
    run: TrainingRun,
    donor: TrainingRun,
    frame: int,
    key: np.ndarray,
    config: PreparationConfig,
    rng: np.random.Generator,
) -> Graft | None:
    """Return a lesion of `donor` at its own key frame, moved into the liver of `run` on `frame`."""
    if not (run.has_liver(frame) and donor.masked):
        return None
    theirs = donor.nearest_masked(donor.key)
    whole = Timing(np.arange(len(donor.times)), donor.times, donor.arrival, theirs)
    frames, other_key = _grey(donor, whole, theirs, config)
    tumour, liver = _masks(donor, theirs)
    graft = cut_out(donor.baseline - frames, donor.baseline - other_key, tumour, liver, rng)
    if graft is None:
        return None
    tumour, liver = _masks(run, frame)
    inside = liver >= 0.5
    around = float(np.median((run.baseline - key)[inside])) if inside.any() else 0.0
    return lay_in(graft, around, liver, tumour, rng)


def _masks(run: TrainingRun, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return tumour and liver (S, S) float32 of a masked frame, covered part of each pixel."""
    place = run.masked.index(frame)
    return run.tumour[place].astype(np.float32) / 255, run.liver[place].astype(np.float32) / 255


def choose_key(run: TrainingRun, augmentation: AugmentationConfig, rng: np.random.Generator) -> int:
    """Return a frame with masks: the true key frame or a picked one, or a neighbour of it.

    Where nobody annotated that frame: the nearest that somebody did.
    """
    chance, side = rng.random(2)
    key = run.key
    if chance < augmentation.picked:
        key = run.picked_in_liver if chance < augmentation.picked / 2 else run.picked
    if side < augmentation.neighbour:
        key += -1 if side < augmentation.neighbour / 2 else 1
    return run.nearest_masked(min(max(key, 0), len(run.times) - 1))


def choose_timing(run: TrainingRun, frame: int, augmentation: AugmentationConfig, rng: np.random.Generator) -> Timing:
    """Return other frame times for a run: stretched, thinned, cut, arrival moved; `frame` and arrival stay in."""
    count = len(run.times)
    keep = np.ones(count, bool)
    thin, drop, cut, late = rng.random(4)
    steps = np.diff(run.times[: frame + 2])
    if thin < augmentation.thin and len(steps) and 2 * steps.max() < SLOWEST_S:
        keep[(frame + 1) % 2 :: 2] = False
    elif drop < augmentation.drop and count > 8:
        keep[rng.choice(count, count // 5, replace=False)] = False
    if cut < augmentation.cut:
        keep[frame + 1 + int(rng.integers(0, max(1, count - frame))) :] = False
    keep[frame] = True
    keep[run.arrival] = True
    kept = np.flatnonzero(keep)
    arrival = int(np.searchsorted(kept, run.arrival))
    if late < augmentation.arrival:
        arrival = min(max(arrival + (-1 if late < augmentation.arrival / 2 else 1), 0), len(kept) - 1)
    times = run.times[kept] * np.exp(augmentation.stretch * rng.uniform(-1, 1))
    return Timing(kept, times, arrival, int(np.searchsorted(kept, frame)))


def _grey(run: TrainingRun, timing: Timing, frame: int, config: PreparationConfig) -> tuple[np.ndarray, np.ndarray]:
    stack = run.stack if len(timing.kept) == len(run.stack) else run.stack[timing.kept]
    # Sampling is linear in the grey, so that stored levels are sampled and only ten frames converted.
    stored = sample_frames(stack, timing.times, timing.arrival, config, key_frame=timing.key)
    return run.grey(stored), run.grey(run.stack[frame])


def _finished(
    run: TrainingRun, frame: int, frames: np.ndarray, key: np.ndarray, visible: np.ndarray, config: PreparationConfig
) -> Sample:
    tumour, liver = _masks(run, frame)
    return Sample(
        frames=normalise(frames, config, visible=visible),
        key=normalise(key, config, visible=visible),
        difference=difference_image(frames, key, config, visible),
        liver=liver,
        tumour=tumour,
        has_liver=run.has_liver(frame),
    )


def _outside(run: TrainingRun) -> float:
    """Return the grey that the preparation put outside the field."""
    middle = run.stack[len(run.stack) // 2]
    outside = middle[~run.visible] if not run.visible.all() else middle
    return float(run.grey(np.median(outside)))


def _matrix(size: int, augmentation: AugmentationConfig, rng: np.random.Generator) -> np.ndarray | None:
    """Return the 2 x 3 matrix of rotation, scale and shift about the middle; None where nothing moves."""
    angle, scale, down, right = rng.standard_normal(), rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1)
    if augmentation.rotation_deg == augmentation.scale == augmentation.shift == 0:
        return None
    turn = np.deg2rad(np.clip(angle, -2.5, 2.5) * augmentation.rotation_deg)
    factor = np.exp(augmentation.scale * scale)
    a, b = factor * np.cos(turn), factor * np.sin(turn)
    middle = (size - 1) / 2
    shift = augmentation.shift * size * np.array([right, down])
    centre = np.array([middle, middle]) + shift - np.array([[a, b], [-b, a]]) @ [middle, middle]
    return np.array([[a, b, centre[0]], [-b, a, centre[1]]], np.float32)


def _warp(image: np.ndarray, matrix: np.ndarray, outside: float) -> np.ndarray:
    import cv2

    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_LINEAR, borderValue=outside)


def _visible(
    run: TrainingRun, matrix: np.ndarray | None, augmentation: AugmentationConfig, rng: np.random.Generator
) -> np.ndarray:
    """Return the moved field, sometimes without a rim, as a border that is found too wide or too narrow."""
    visible = run.visible if matrix is None else _warp(run.visible.astype(np.float32), matrix, 0.0) > 0.99
    visible = visible.copy()
    chance, *depth = rng.random(5)
    if chance < augmentation.border:
        size = len(visible)
        top, bottom, left, right = (int(0.06 * size * d) for d in depth)
        visible[:top] = visible[size - bottom :] = False
        visible[:, :left] = visible[:, size - right :] = False
    return visible if visible.any() else run.visible


@cache
def _noise() -> np.ndarray:
    """Return white noise to cut pieces from: drawing anew for each sample would double its cost."""
    return np.random.default_rng(0).standard_normal(1 << 22, dtype=np.float32)


def _with_grey(
    sample: Sample, visible: np.ndarray, augmentation: AugmentationConfig, rng: np.random.Generator
) -> Sample:
    gamma, gain, offset, level = rng.uniform(-1, 1, 4)
    sigma = augmentation.noise * abs(level)
    images = np.concatenate([sample.frames, sample.key[None]])
    # The outside stays even, as the preparation leaves it; only the field is noisy.
    if sigma > 0:
        pool = _noise()
        start = int(rng.integers(0, len(pool) - images.size)) if images.size < len(pool) else 0
        noise = np.resize(pool[start : start + images.size], images.shape)
        images += noise * (sigma * visible).astype(np.float32)
    if augmentation.contrast or augmentation.brightness:
        images *= np.float32(1 + augmentation.contrast * gain)
        images += np.float32(augmentation.brightness * offset - augmentation.contrast * gain / 2)
    np.clip(images, 0, 1, out=images)
    if augmentation.gamma:
        # A table is ten times as fast as a power a pixel, and exact to a thousandth.
        table = np.linspace(0, 1, 1025, dtype=np.float32) ** np.float32(np.exp(augmentation.gamma * gamma))
        images = table[(images * 1024 + 0.5).astype(np.int16)]
    return sample._replace(frames=images[:-1], key=images[-1])
