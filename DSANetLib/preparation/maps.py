"""Perfusion maps in seconds, on network pixels: time to peak, peak, area under the curve, wash-in slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .prepared import PreparedRun

_BLOCK = 1 << 22
"""Opacification is worked on so many values at a time, so that long runs need no second stack."""


def _blocks(prepared: PreparedRun) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (rows, opacification (F, n, S) float32) for blocks of rows."""
    count, size, _ = prepared.stack.shape
    step = max(1, _BLOCK // (count * size))
    for start in range(0, size, step):
        rows = slice(start, min(start + step, size))
        yield rows, np.maximum(prepared.baseline[None, rows] - prepared.stack[:, rows].astype(np.float32), 0.0)


def _empty(prepared: PreparedRun) -> np.ndarray:
    return np.zeros(prepared.stack.shape[1:], np.float32)


def _hide(prepared: PreparedRun, image: np.ndarray, value: float = 0.0) -> np.ndarray:
    image[~prepared.visible] = value
    return image


def peak(prepared: PreparedRun) -> np.ndarray:
    """Return (S, S) float32: highest opacification over time, grey units; 0 outside the field."""
    out = _empty(prepared)
    for rows, opacification in _blocks(prepared):
        out[rows] = opacification.max(axis=0)
    return _hide(prepared, out)


def time_to_peak(prepared: PreparedRun, least: float = 0.0) -> np.ndarray:
    """Return (S, S) float32: seconds from contrast arrival to the pixel's first highest opacification.

    Negative where a pixel peaks before arrival (noise); NaN outside the field and where the peak is not
    above `least` grey units.
    """
    out = _empty(prepared)
    times = prepared.frame_times - prepared.frame_times[prepared.arrival]
    for rows, opacification in _blocks(prepared):
        index = opacification.argmax(axis=0)
        high = np.take_along_axis(opacification, index[None], axis=0)[0]
        out[rows] = np.where(high > least, times[index], np.nan)
    return _hide(prepared, out, np.nan)


def area_under_curve(prepared: PreparedRun) -> np.ndarray:
    """Return (S, S) float32: opacification integrated over time (trapezoids), grey units times s."""
    out = _empty(prepared)
    times = prepared.frame_times
    # A frame weighs half the time to either neighbour: the trapezoid rule as one product.
    weight = np.zeros(len(times))
    if len(times) > 1:
        half = np.diff(times) / 2
        weight[:-1] += half
        weight[1:] += half
    for rows, opacification in _blocks(prepared):
        out[rows] = np.tensordot(weight.astype(np.float32), opacification, axes=1)
    return _hide(prepared, out)


def wash_in_slope(prepared: PreparedRun) -> np.ndarray:
    """Return (S, S) float32: steepest rise of opacification between two frames, grey units per s, >= 0."""
    out = _empty(prepared)
    steps = np.diff(prepared.frame_times).astype(np.float32)[:, None, None]
    if len(steps):
        for rows, opacification in _blocks(prepared):
            out[rows] = np.maximum((np.diff(opacification, axis=0) / steps).max(axis=0), 0.0)
    return _hide(prepared, out)
