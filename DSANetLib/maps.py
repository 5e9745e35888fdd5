"""Colour maps and curves of contrast over time on the source pixels: for looking at, never an input of a network.

Definitions. Opacification is baseline less frame (contrast dark), in grey units; the baseline is the median of the
frames before contrast arrives. Of a pixel's or a region's curve:

- *time to peak*: time of its first highest value, counted from the arrival of contrast in the run;
- *peak*: that highest value;
- *area under the curve*: its integral over the whole run, by trapezoids;
- *wash-in slope*: its steepest rise between two frames, 0 where it never rises.

As in parametric colour coding of DSA (Strother et al., AJNR 2010;31:919, doi 10.3174/ajnr.A2020) and in first-pass
perfusion imaging. Grey units are no iodine: values of two runs compare only where dose, injection and position do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .errors import PreparationError
from .preparation import PreparedRun
from .preparation import maps as network_maps

LEAST_PEAK = 0.1
"""Time to peak is given where the peak is at least this part of the film's strong peaks: of noise it means nothing."""

STRONG_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """A map on the source pixels.

    Parameters
    ----------
    kind
        Key of `KINDS`.
    values
        (rows, columns) float32; NaN outside the field, and for the time to peak where hardly any contrast comes.
    unit
        E.g. ``s``; ``frames`` in its place where the source gives no frame times.
    low, high
        Range to show: 0 (or the smallest time) to the 99th percentile within the field.
    """

    kind: str
    values: np.ndarray
    unit: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class RegionCurve:
    """The mean curve of a region, and what it amounts to.

    Parameters
    ----------
    curve
        (F,) float64 opacification, grey units; negative where a region is brighter than before contrast.
    times
        (F,) float64, in `time_unit`, from the first frame.
    time_unit
        ``s``, or ``frames`` where the source gives no frame times.
    pixels
        Source pixels of the region within the field.
    values
        Key of `KINDS` to the value of the curve, in the unit that the map of the same name has.
    """

    curve: np.ndarray
    times: np.ndarray
    time_unit: str
    pixels: int
    values: Mapping[str, float]


KINDS: dict[str, str] = {
    "time_to_peak": "{time}",
    "peak": "grey units",
    "area_under_curve": "grey units x {time}",
    "wash_in_slope": "grey units / {time}",
}
"""Kind of map to its unit; ``{time}`` is ``s`` or ``frames``."""

_MAKE: dict[str, Callable[[PreparedRun], np.ndarray]] = {
    "peak": network_maps.peak,
    "area_under_curve": network_maps.area_under_curve,
    "wash_in_slope": network_maps.wash_in_slope,
}


def time_unit(prepared: PreparedRun) -> str:
    """Return ``s`` where the source gives frame times, else ``frames``."""
    return "frames" if prepared.run.times_s is None else "s"


def unit_of(kind: str, time: str) -> str:
    """Return the unit of a kind of map, e.g. ``grey units / s``."""
    if kind not in KINDS:
        raise PreparationError(f"{kind!r} is no map", f"Choose one of {', '.join(KINDS)}")
    return KINDS[kind].format(time=time)


def parameter_map(prepared: PreparedRun, kind: str) -> ParameterMap:
    """Return a map of a run on its source pixels.

    Parameters
    ----------
    prepared
        The prepared run.
    kind
        Key of `KINDS`.

    Raises
    ------
    PreparationError
        Where there is no such map, or the run shows no contrast.
    """
    unit = unit_of(kind, time_unit(prepared))
    timed = _timed(prepared)
    strong = _strong(timed)
    if kind == "time_to_peak":
        small = network_maps.time_to_peak(timed, least=LEAST_PEAK * strong)
    else:
        small = np.where(timed.visible, _MAKE[kind](timed), np.nan)
    values = to_source(prepared, small)
    known = values[np.isfinite(values)]
    low = float(min(0.0, known.min(initial=0.0)))
    high = float(np.percentile(known, STRONG_PERCENTILE)) if known.size else 0.0
    return ParameterMap(kind, values, unit, low, max(high, low + 1e-3))


def region_curve(prepared: PreparedRun, region: np.ndarray) -> RegionCurve:
    """Return the mean curve of a region of the source frame.

    Parameters
    ----------
    prepared
        The prepared run.
    region
        (rows, columns), non-zero = inside; what lies outside the field is left out.

    Raises
    ------
    PreparationError
        Where nothing of the region lies in the field.
    """
    inside = (np.asarray(region) > 0) & prepared.visible_source
    weight = prepared.geometry.to_network(inside) * prepared.visible
    if weight.sum() <= 0:
        raise PreparationError("the region holds no pixel of the field", "Paint or draw it inside the field of view")
    # Signed: the positive part, which maps take, would turn the noise of a bare region into contrast.
    rows, columns = np.nonzero(weight)
    share = (weight[rows, columns] / weight.sum()).astype(np.float64)
    baseline = float(prepared.baseline[rows, columns] @ share)
    curve = baseline - prepared.stack[:, rows, columns].astype(np.float64) @ share
    timed = _timed(prepared)
    return RegionCurve(curve, timed.frame_times, time_unit(prepared), int(inside.sum()), _values(timed, curve))


def to_source(prepared: PreparedRun, image: np.ndarray) -> np.ndarray:
    """Bring a network map (S, S) to (rows, columns) float32; NaN, and what lies outside the field, becomes NaN."""
    known = np.isfinite(image)
    share = prepared.geometry.to_source(known)
    filled = prepared.geometry.to_source(np.where(known, image, 0.0))
    # Divided by its share, a pixel at the rim is not drawn towards the zeros beside it.
    values = filled / np.maximum(share, 1e-6)
    return np.where((share >= 0.5) & prepared.visible_source, values, np.nan).astype(np.float32)


def _timed(prepared: PreparedRun) -> PreparedRun:
    """Return the run on the axis that its maps are given in: frames where its seconds would be invented."""
    if prepared.run.times_s is not None:
        return prepared
    return replace(prepared, frame_times=np.arange(len(prepared.frame_times), dtype=np.float64))


def _strong(prepared: PreparedRun) -> float:
    inside = prepared.region
    strong = float(np.percentile(network_maps.peak(prepared)[inside], STRONG_PERCENTILE)) if inside.any() else 0.0
    if strong <= 0:
        where = prepared.run.case_id
        raise PreparationError("no contrast is seen in the run", "Check its polarity and its mask frame", where)
    return strong


def _values(prepared: PreparedRun, curve: np.ndarray) -> dict[str, float]:
    """Return what a curve amounts to, by the very functions that make the maps: a run of one pixel."""
    one = replace(
        prepared,
        stack=-np.maximum(curve, 0.0)[:, None, None].astype(np.float32),
        baseline=np.zeros((1, 1), np.float32),
        visible=np.ones((1, 1), bool),
    )
    made = {kind: float(make(one)[0, 0]) for kind, make in _MAKE.items()}
    return {"time_to_peak": float(network_maps.time_to_peak(one)[0, 0]), **made}
