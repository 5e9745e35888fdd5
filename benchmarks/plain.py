"""The preparation written out as plain OpenCV and numpy calls: what `make bench` measures the library against.

The same steps for one known case, a subtracted or unsubtracted run with dark contrast and a rectangular border,
without the library's values, checks, options and special cases.
"""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 256
GAIN = 127.5


def plain_preparation(frames: np.ndarray, times: np.ndarray, *, subtracted: bool) -> dict[str, np.ndarray]:
    """Return the network's inputs of a run (F, rows, columns) uint8 or uint16 with frame times (F,) in s."""
    box, visible, change = _border_and_kind(frames)
    assert change > 0
    white = 255 if frames.dtype == np.uint8 else 4095
    stack, field = _stack(frames, box, visible, white, subtracted)
    inside = _eroded(field)
    arrival = _arrival(stack, inside)
    if not subtracted:
        first = max(1, arrival - 5)
        stack -= stack[first : max(first + 1, arrival - 1)].mean(axis=0, dtype=np.float32) - GAIN
        arrival = _arrival(stack, inside)
    few = np.unique(np.linspace(0, len(stack) - 1, 8).round().astype(int))
    stack[:, ~field] = np.median(stack[few][:, field])
    chosen = np.unique(np.linspace(0, max(1, arrival) - 1, min(max(1, arrival), 12)).round().astype(int))
    baseline = np.median(stack[chosen], axis=0)
    key = _key_frame(stack, times, baseline, inside)
    return _inputs(stack, times, arrival, key, field)


def _border_and_kind(frames: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, float]:
    """Border by extremes over 24 frames, median filter and threshold; structure against change, as small frames."""
    index = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), 24)).round().astype(int))
    low = high = frames[index[0]]
    small = np.empty((len(index), 96, 96), np.float32)
    for place, i in enumerate(index):
        low, high = cv2.min(low, frames[i]), cv2.max(high, frames[i])
        small[place] = cv2.resize(frames[i].astype(np.float32), (96, 96), interpolation=cv2.INTER_AREA)
    limit = 0.03 * (float(high.max()) - float(low.min()))
    low, high = cv2.medianBlur(low, 5).astype(np.float32), cv2.medianBlur(high, 5).astype(np.float32)
    border = ((high - low <= limit) & (np.abs(low - low[0, 0]) <= limit)).astype(np.uint8)
    _, labels = cv2.connectedComponents(border, connectivity=4)
    inside = (labels != labels[0, 0]).astype(np.uint8) if border[0, 0] else np.ones_like(border)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    opened = cv2.morphologyEx(inside, cv2.MORPH_OPEN, disc)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    core = (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = np.zeros_like(core)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), 1)
    visible = hull.astype(bool)
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in small])
    pixels = smooth.reshape(len(smooth), -1)
    flattest = np.percentile(pixels, 98, axis=1) - np.percentile(pixels, 2, axis=1)
    change = np.percentile(np.ptp(pixels, axis=0), 98) + flattest.min()
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), visible, float(change)


def _stack(
    frames: np.ndarray, box: tuple[slice, slice], visible: np.ndarray, white: int, subtracted: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Every frame: grey or logarithm, crop, area resize, padding to a square."""
    height, width = visible[box].shape
    scale = SIZE / max(height, width)
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    top, left = (SIZE - new[1]) // 2, (SIZE - new[0]) // 2
    table = (GAIN * np.log(np.arange(white + 1) + 1.0)).astype(np.float32)
    stack = np.zeros((len(frames), SIZE, SIZE), np.float32)
    for i in range(len(frames)):
        cropped = frames[i][box]
        if subtracted:
            small = cv2.resize(cropped.astype(np.float32), new, interpolation=cv2.INTER_AREA) * (255.0 / white)
        elif cropped.dtype == np.uint8:
            small = cv2.resize(cv2.LUT(cropped, table), new, interpolation=cv2.INTER_AREA)
        else:
            small = cv2.resize(np.take(table, cropped, mode="clip"), new, interpolation=cv2.INTER_AREA)
        stack[i, top : top + new[1], left : left + new[0]] = small
    field = np.zeros((SIZE, SIZE), np.float32)
    field[top : top + new[1], left : left + new[0]] = cv2.resize(
        visible[box].astype(np.float32), new, interpolation=cv2.INTER_AREA
    )
    return stack, field > 0.99


def _eroded(field: np.ndarray) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    return cv2.erode(np.pad(field, 10).astype(np.uint8), disc)[10:-10, 10:-10].astype(bool)


def _reduced(stack: np.ndarray, side: int) -> np.ndarray:
    return np.stack([cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in stack])


def _arrival(stack: np.ndarray, inside: np.ndarray) -> int:
    small = _reduced(stack, 128)
    region = cv2.resize(inside.astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA) > 0.99
    first = np.median(small[:2], axis=0)
    count = max(1, int(0.01 * np.count_nonzero(region)))
    curve = np.empty(len(small))
    for i, frame in enumerate(small):
        change = cv2.GaussianBlur(first - frame, (0, 0), 1.0)[region]
        ordered = np.partition(change, (count, len(change) - count - 1))
        curve[i] = max(0.0, ordered[-count:].mean() + ordered[:count].mean())
    above = curve > 0.12 * curve.max()
    return int(np.argmax(above & np.append(above[1:], True)))


def _key_frame(stack: np.ndarray, times: np.ndarray, baseline: np.ndarray, inside: np.ndarray) -> int:
    small, base = _reduced(stack, 64), cv2.resize(baseline, (64, 64), interpolation=cv2.INTER_AREA)
    region = cv2.resize(inside.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA) > 0.99
    curve = np.empty(len(small))
    for i, frame in enumerate(small):
        values = np.sort(np.maximum(cv2.GaussianBlur(base - frame, (0, 0), 1.28)[region], 0.0))
        curve[i] = values[-len(values) // 4 :].mean()
    kernel = np.exp(-0.5 * ((times[:, None] - times[None]) / 0.6) ** 2)
    return int(np.argmax(kernel @ curve / kernel.sum(axis=1)))


def _inputs(stack: np.ndarray, times: np.ndarray, arrival: int, key: int, field: np.ndarray) -> dict[str, np.ndarray]:
    """Ten frames by time, robust range, difference to the key frame."""
    wanted = np.clip(times[arrival] - 0.5 + np.linspace(0.0, 8.0, 10), times[0], times[-1])
    place = np.interp(wanted, times, np.arange(len(times)))
    before = place.astype(int)
    after = np.minimum(before + 1, len(times) - 1)
    part = (place - before).astype(np.float32)[:, None, None]
    frames = stack[before] * (1 - part) + stack[after] * part
    change = np.abs(stack[key] - frames).mean(axis=0)
    return {
        "frames": _scaled(frames, *np.percentile(frames[:, field], [0.5, 99.5])),
        "key": _scaled(stack[key], *np.percentile(stack[key][field], [0.5, 99.5])),
        "difference": _scaled(change, 0.0, float(np.percentile(change[field], 99.5))),
    }


def _scaled(image: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((image - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
