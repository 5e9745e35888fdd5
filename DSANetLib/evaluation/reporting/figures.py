"""Figures of a report as SVG, drawn with matplotlib: the same bytes for the same numbers.

Colours are those of Okabe and Ito (2008), which colour-blind people tell apart; lines also differ in their dashes and
points in their shape, so that a print in grey stays readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
QUIET = "#767676"
PANEL_IN = 4.3
COLUMNS = 3


@dataclass(frozen=True)
class Line:
    """One curve: (N,) ``x`` and ``y``; ``low`` and ``high`` (N,) are a band about it, if any."""

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray = ()
    high: Sequence[float] | np.ndarray = ()
    quiet: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves that share a pair of axes."""

    title: str
    lines: tuple[Line, ...]
    text: str = ""


@dataclass(frozen=True)
class Step:
    """A group's survival: months, share still free of progression, its band, and numbers at risk."""

    line: Line
    at_risk: tuple[int, ...]


@dataclass(frozen=True)
class Interval:
    """A figure with its interval, a row of :func:`interval_figure`; ``paper`` is the paper's, in grey."""

    label: str
    value: float
    low: float | None
    high: float | None
    paper: float | None = None


def curves_figure(
    panels: Sequence[Panel],
    x_label: str,
    y_label: str,
    *,
    diagonal: bool = False,
    points: bool = False,
    y_range: tuple[float, float] = (0.0, 1.0),
) -> bytes:
    """Draw panels of curves over 0-1 side by side: ROC, calibration, decision curves.

    Parameters
    ----------
    panels
        One a cohort.
    diagonal
        Whether a grey line from corner to corner shows chance or perfect agreement.
    points
        Whether the points of a curve are marked.
    y_range
        Of the upright axis; what lies beyond is left out.
    """

    def draw(axes: Axes, panel: Panel) -> None:
        if diagonal:
            axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
        _lines(axes, [_within(line, y_range) for line in panel.lines], points=points)
        axes.set(title=panel.title, xlabel=x_label, ylabel=y_label, xlim=(-0.02, 1.02))
        axes.set_ylim(y_range[0] - 0.02, y_range[1] + 0.02)
        # Below the axes, where it hides no curve.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)

    return _panels(panels, draw, height=PANEL_IN + 1.2)


def survival_figure(panels: Sequence[tuple[str, Sequence[Step], str]], months: Sequence[float]) -> bytes:
    """Draw Kaplan-Meier curves of (title, groups, sentence) panels with the numbers at risk at ``months`` below."""
    with _settings():
        figure = _figure(PANEL_IN * len(panels), 5.4)
        above, below = figure.subplots(2, len(panels), squeeze=False, height_ratios=(4, 1.3))
        for axes, table, (title, groups, sentence) in zip(above, below, panels, strict=True):
            _lines(axes, [group.line for group in groups], steps=True)
            axes.set(title=title, xlabel="months since TACE", ylabel="progression-free", ylim=(-0.02, 1.05))
            axes.set(xlim=(0, max(months)), xticks=list(months))
            axes.legend(loc="upper right")
            axes.text(0.03, 0.04, sentence, transform=axes.transAxes, fontsize=9)
            _numbers_at_risk(table, groups, months)
        return _svg(figure)


def _numbers_at_risk(axes: Axes, groups: Sequence[Step], months: Sequence[float]) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, max(months)), ylim=(2 * len(groups) + 0.2, -0.4))
    for row, (group, colour) in enumerate(zip(groups, COLOURS, strict=False)):
        axes.text(0, 2 * row, f"at risk, {group.line.label}", fontsize=8, color=colour, va="center")
        for month, number in zip(months, group.at_risk, strict=True):
            axes.text(month, 2 * row + 1, str(number), ha="center", va="center", color=colour, fontsize=9)


def scatter_figure(panels: Sequence[Panel], x_label: str, y_label: str) -> bytes:
    """Draw each line's points as they are, on a logarithmic x axis, and the median of each third as a step."""
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    def draw(axes: Axes, panel: Panel) -> None:
        for line, colour, marker in zip(panel.lines, COLOURS, cycle(MARKERS), strict=False):
            axes.scatter(line.x, line.y, s=14, c=colour, marker=marker, alpha=0.55, linewidths=0, label=line.label)
            for left, right, median in _medians(np.asarray(line.x, float), np.asarray(line.y, float)):
                axes.plot([left, right], [median, median], color=colour, linewidth=2.2)
        axes.set_xscale("log")
        axes.set(title=panel.title, xlabel=x_label, ylabel=y_label, ylim=(-0.02, 1.02))
        axes.set_xticks([1, 2, 3, 5, 10])
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="lower right")

    return _panels(panels, draw)


def interval_figure(panels: Sequence[tuple[str, Sequence[Interval]]], x_label: str) -> bytes:
    """Draw figures with their intervals below one another, the paper's figures as grey rings."""

    def draw(axes: Axes, panel: tuple[str, Sequence[Interval]]) -> None:
        title, rows = panel
        for place, row in enumerate(rows):
            low, high = (row.value if end is None else end for end in (row.low, row.high))
            axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2)
            axes.plot(row.value, place, "o", color=COLOURS[0], markersize=6)
            if row.paper is not None:
                axes.plot(row.paper, place, "o", markerfacecolor="none", markeredgecolor=QUIET, markersize=9)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set(title=title, xlabel=x_label)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)

    tallest = max((len(rows) for _, rows in panels), default=1)
    return _panels(panels, draw, height=1.3 + 0.32 * tallest, width=5.2)


def _medians(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float, float]]:
    """Return (from, to, median of y) of each third of the points by x; nothing of fewer than nine."""
    if len(x) < 9:
        return []
    thirds = np.array_split(np.argsort(x, kind="stable"), 3)
    return [(float(x[third].min()), float(x[third].max()), float(np.median(y[third]))) for third in thirds]


def _within(line: Line, y_range: tuple[float, float]) -> Line:
    """Return a curve without what lies below or above the axis: not every viewer cuts it off."""
    y = np.asarray(line.y, dtype=np.float64)
    inside = (y >= y_range[0] - 0.02) & (y <= y_range[1] + 0.02)
    return replace(line, y=np.where(inside, y, np.nan))


def _lines(axes: Axes, lines: Iterable[Line], *, points: bool = False, steps: bool = False) -> None:
    styles = cycle(zip(COLOURS, DASHES, MARKERS, strict=True))
    how: dict[str, Any] = {"drawstyle": "steps-post"} if steps else {}
    for line in lines:
        if line.quiet:
            axes.plot(line.x, line.y, color=QUIET, linewidth=1, linestyle="--", label=line.label)
            continue
        colour, dash, marker = next(styles)
        axes.plot(
            line.x, line.y, color=colour, linestyle=dash, linewidth=1.7, label=line.label,
            marker=marker if points else None, markersize=4, **how,
        )  # fmt: skip
        if len(line.low):
            axes.fill_between(
                line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0, step="post" if steps else None
            )


def _panels(
    panels: Sequence[Any], draw: Callable[[Axes, Any], None], height: float = PANEL_IN, width: float = PANEL_IN
) -> bytes:
    """Draw panels in rows of up to three, four of them two by two, and return the figure as SVG."""
    columns = 2 if len(panels) == 4 else min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    with _settings():
        figure = _figure(width * columns, height * rows)
        places = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(places, panels, strict=False):
            draw(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_axis_off()
        return _svg(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _svg(figure: Figure) -> bytes:
    out = BytesIO()
    # No date and no version: the same numbers give the same file.
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _settings() -> AbstractContextManager[None]:
    """Return matplotlib's own defaults and ours for a while, whatever the user's configuration says."""
    import matplotlib as mpl

    ours = {
        "backend": "agg", "svg.hashsalt": "dsanet", "svg.fonttype": "path", "font.family": "DejaVu Sans",
        "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
        "legend.fontsize": 8, "legend.framealpha": 0.85, "legend.edgecolor": "none",
    }  # fmt: skip
    return mpl.rc_context({**mpl.rcParamsDefault, **ours})
