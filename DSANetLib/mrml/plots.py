"""Curves over time as Slicer plots: tables, series and a chart, with the key frame and the shown frame marked.

Time is in seconds where the source gives frame times, else the axis counts frames from 1. All nodes belong to the
run (`owned`): they are saved and loaded with the scene, found again by `find_plot`, and go with their case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import SceneError
from ..tables import Column
from .attributes import ROLE, fact, set_facts
from .headless import scene
from .owned import own, owned, remove_node, remove_owned
from .sequence import RunNodes, stored_frames, times_of
from .table import write_table

PlotRole = Literal["curve", "regions"]
CURVE: PlotRole = "curve"
REGIONS: PlotRole = "regions"

# The key frame's dashes last: they lie on the line of the shown frame where both are the same frame.
_MARKS = {"shown": "shown frame", "key": "key frame"}
_MARK_COLOURS = {"key": (0.84, 0.15, 0.16), "shown": (0.5, 0.5, 0.5)}
# Told apart also by those who see no red and green (Okabe and Ito).
_COLOURS = ((0.0, 0.45, 0.70), (0.90, 0.62, 0.0), (0.0, 0.62, 0.45), (0.80, 0.47, 0.65), (0.34, 0.71, 0.91))


@dataclass(frozen=True)
class Plot:
    """Nodes of a plot.

    Parameters
    ----------
    table
        A row a frame: ``frame`` (from 1), ``time`` (s, only where times are known), a column for each curve.
    marks
        Hidden table of two rows: the ends of the upright lines at the key frame and at the shown frame.
    chart
        The plot chart; its series are the curves in the order of the table, then the marks that are shown.
    """

    table: Any
    marks: Any
    chart: Any


def write_curve(
    run: RunNodes,
    curve: np.ndarray,
    *,
    times_s: np.ndarray | None = None,
    key_frame: int | None = None,
    shown_frame: int | None = None,
) -> Plot:
    """Show the time-contrast curve of a run, on which the key frame is chosen; the run's earlier one is replaced.

    Parameters
    ----------
    run
        Whose curve it is.
    curve
        (F,) grey units, e.g. ``prepared.key_frame.curve``: a value for each frame of the source, or for each in
        the scene.
    times_s
        (F,) s; may be left out where `curve` has a value for each frame in the scene.
    key_frame, shown_frame
        Source frames (0-based) to mark.

    Raises
    ------
    SceneError
        Where curve and times do not fit the run.
    """
    return write_plot(
        run,
        {"opacification": curve},
        role=CURVE,
        title="Time-contrast curve",
        times_s=times_s,
        key_frame=key_frame,
        shown_frame=shown_frame,
    )


def write_plot(
    run: RunNodes,
    curves: Mapping[str, np.ndarray],
    *,
    role: PlotRole,
    title: str,
    unit: str = "grey units",
    times_s: np.ndarray | None = None,
    key_frame: int | None = None,
    shown_frame: int | None = None,
) -> Plot:
    """Show curves of a run in one chart, which replaces the run's earlier one of the same role.

    Parameters
    ----------
    run, times_s, key_frame, shown_frame
        See `write_curve`.
    curves
        Name (unlike ``frame`` and ``time``) to (F,) values; one to as many as can be told apart.
    role
        ``curve`` for the one that the key frame is chosen on, ``regions`` for those of the user's regions.
    title, unit
        Of the chart, and of the values.
    """
    frames, times = _axis(run, curves, times_s)
    chart = next(iter(owned(run, role)), None)
    if chart is not None:
        chart.RemoveAllPlotSeriesNodeIDs()
    kept = owned(run, _part(role, "series"))  # used again: to remove and to add nodes takes most of the time
    name = str(run.sequence.GetName())
    table = _table(run, role, f"{name} {role}", frames, times, curves, unit)
    marks = _marks_table(run, role, f"{name} {role} marks")
    if chart is None:
        chart = own(_add("vtkMRMLPlotChartNode", f"{name} {role} chart"), run, role)
    chart.SetTitle(f"{title}: {name}")
    chart.SetXAxisTitle("frame" if times is None else "time [s]")
    chart.SetYAxisTitle(f"contrast [{unit}]")
    chart.SetLegendVisibility(True)
    x = "frame" if times is None else "time"
    for number, curve_name in enumerate(curves):
        series = _series(run, role, curve_name, table, x, curve_name, kept)
        series.SetColor(*_COLOURS[number % len(_COLOURS)])
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    for mark, text in _MARKS.items():
        series = _series(run, role, text, marks, mark, "height", kept)
        series.SetColor(*_MARK_COLOURS[mark])
        if mark == "key":
            series.SetLineStyle(series.LineStyleDash)
            series.SetLineWidth(3)
    for left in kept:
        remove_node(left)
    plot = Plot(table, marks, chart)
    mark_frames(run, plot, key_frame=key_frame, shown_frame=shown_frame)
    return plot


def find_plot(run: RunNodes, role: PlotRole = CURVE) -> Plot | None:
    """Return a plot that the run has in the scene, None where it has none or a part of it was deleted."""
    parts = [owned(run, name) for name in (_part(role, "table"), _part(role, "marks"), role)]
    return Plot(*(found[0] for found in parts)) if all(parts) else None


def mark_frames(run: RunNodes, plot: Plot, *, key_frame: int | None = None, shown_frame: int | None = None) -> None:
    """Move the marks of a plot to these source frames (0-based); None takes a mark away. Cheap enough for playing."""
    for mark, frame in (("shown", shown_frame), ("key", key_frame)):
        series = _mark_series(run, plot, mark)
        if series is None:
            continue  # the plot is just being removed, and every removal is an occasion to look at it
        at = None if frame is None else _place(plot.table, frame)
        if at is None:
            if plot.chart.HasPlotSeriesNodeID(series.GetID()):  # else Slicer logs an error
                plot.chart.RemovePlotSeriesNodeID(series.GetID())
            continue
        column = plot.marks.GetTable().GetColumnByName(mark)
        if column.GetValue(0) != at:
            column.SetValue(0, at)
            column.SetValue(1, at)
            column.Modified()
            plot.marks.GetTable().Modified()
            plot.marks.Modified()
        if not plot.chart.HasPlotSeriesNodeID(series.GetID()):
            plot.chart.AddAndObservePlotSeriesNodeID(series.GetID())


def remove_plot(run: RunNodes, role: PlotRole = CURVE) -> None:
    """Remove a plot of a run with all its nodes."""
    for name in (_part(role, "series"), role, _part(role, "table"), _part(role, "marks")):
        remove_owned(run, name)


def _axis(
    run: RunNodes, curves: Mapping[str, np.ndarray], times_s: np.ndarray | None
) -> tuple[Sequence[int], np.ndarray | None]:
    """Return the source frames of the curves' values, and their times where the source gives any."""
    name = run.sequence.GetName()
    counts = {np.shape(curve) for curve in curves.values()}
    if len(counts) != 1 or len(next(iter(counts))) != 1 or not all(np.isfinite(c).all() for c in curves.values()):
        raise SceneError("curves of different lengths, or without values, cannot be drawn together", "", name)
    count = next(iter(counts))[0]
    if {"frame", "time"} & set(curves):
        raise SceneError("a curve cannot be called frame or time", "Rename the region", name)
    stored = stored_frames(run.sequence)
    if times_s is None and count != len(stored):
        raise SceneError(f"a curve of {count} values for {len(stored)} frames", "Give a time for each value", name)
    times = times_of(run.sequence) if times_s is None else np.asarray(times_s, np.float64)
    if times.shape != (count,):
        raise SceneError(f"{times.size} times for a curve of {count} values", "Give one for each", name)
    frames = stored if count == len(stored) else range(count)
    return frames, None if fact(run.sequence, "TimesFrom") == "assumed" else times


def _table(
    run: RunNodes,
    role: str,
    name: str,
    frames: Sequence[int],
    times: np.ndarray | None,
    curves: Mapping[str, np.ndarray],
    unit: str,
) -> Any:
    columns = [Column("frame", "", "Counted from 1")]
    columns += [] if times is None else [Column("time", "s", "From the first frame")]
    columns += [Column(curve, unit, "Mean contrast of the region") for curve in curves]
    rows = [
        {"frame": frame + 1, **({} if times is None else {"time": float(times[i])})}
        | {curve: float(values[i]) for curve, values in curves.items()}
        for i, frame in enumerate(frames)
    ]
    table = _owned_table(run, _part(role, "table"), name, columns, rows)
    top = max(float(np.max(values)) for values in curves.values())
    set_facts(table, {"Bottom": min(0.0, *(float(np.min(v)) for v in curves.values())), "Top": max(top, 1e-6)})
    return table


def _marks_table(run: RunNodes, role: str, name: str) -> Any:
    table = owned(run, _part(role, "table"))[0]
    ends = [float(fact(table, end) or 0.0) for end in ("Bottom", "Top")]
    columns = [Column(mark, "", text) for mark, text in _MARKS.items()] + [Column("height", "", "Ends of the lines")]
    rows = [{"key": 0.0, "shown": 0.0, "height": end} for end in ends]
    return _owned_table(run, _part(role, "marks"), name, columns, rows, hidden=True)


def _owned_table(
    run: RunNodes, role: str, name: str, columns: Sequence[Column], rows: Any, hidden: bool = False
) -> Any:
    """Fill the run's table of a role; made where it has none, kept as a node where it has (a view may show it)."""
    node = next(iter(owned(run, role)), None)
    if node is None:
        node = own(_add("vtkMRMLTableNode", name), run, role, hidden=hidden)
    return write_table(columns, rows, name, role=role, node=node)


def _series(run: RunNodes, role: str, name: str, table: Any, x: str, y: str, kept: list[Any]) -> Any:
    series = kept.pop(0) if kept else own(_add("vtkMRMLPlotSeriesNode", name), run, _part(role, "series"))
    series.SetName(name)  # stands in the legend: not "liver_1" for the second run of a scene
    series.SetPlotType(series.PlotTypeScatter)  # against x; a "line" plot of Slicer counts the rows
    series.SetMarkerStyle(series.MarkerStyleNone)
    series.SetLineStyle(series.LineStyleSolid)
    series.SetLineWidth(2)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(x)
    series.SetYColumnName(y)
    return series


def _mark_series(run: RunNodes, plot: Plot, mark: str) -> Any:
    """Return the series of a mark, None where it is gone."""
    role = fact(plot.chart, ROLE) or CURVE
    for series in owned(run, _part(role, "series")):
        if series.GetTableNode() is plot.marks and series.GetXColumnName() == mark:
            return series
    return None


def _place(table: Any, frame: int) -> float | None:
    """Return where a source frame (0-based) stands on the axis of a plot; None where it has no value."""
    data = table.GetTable()
    frames, times = data.GetColumnByName("frame"), data.GetColumnByName("time")
    for row in range(data.GetNumberOfRows()):
        if int(frames.GetValue(row)) == frame + 1:
            return float((frames if times is None else times).GetValue(row))
    return None


def _part(role: str, part: str) -> str:
    return f"{role}-{part}"


def _add(class_name: str, name: str) -> Any:
    return scene().AddNewNodeByClass(class_name, scene().GenerateUniqueName(name))
