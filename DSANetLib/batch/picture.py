"""The one picture of a case, made to be read in ten seconds: where, when, how large, how likely, how sure."""

from __future__ import annotations

import textwrap
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..preparation import display_frame
from ..preparation.maps import peak, time_to_peak
from ..results import RESEARCH_NOTE, CaseResult, Lesion, Segmentation
from .wording import flag_lines, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, HEIGHT_IN, DPI = 16.0, 9.0, 100
# Liver and tumour as in the Slicer scene (mrml/terminology.py).
LIVER_COLOUR, TUMOUR_COLOUR, KEY_COLOUR, ARRIVAL_COLOUR = "#dd8265", "#90ee90", "#d62728", "#666666"
GREY, WARNING_COLOUR = "#444444", "#a33333"
LEFT, RIGHT = 0.015, 0.475
_SHADE = {"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 1.5}
_LESIONS_LISTED = 6
# Said of nearly every film without a ruler: they stand in the text where they matter, not among the flags.
_QUIET_FLAGS = {"sizes_in_px", "user_key_frame", "film_only"}
# Said first, whatever else there is: the probability above means little.
_FIRST_FLAGS = {"masks_for_frames", "unlike_frames", "short_run_behind_prediction", "no_mask_behind_prediction",
                "no_liver", "no_contrast", "frames_missing"}  # fmt: skip
# Behind these no probability is to be read as one.
_HOLLOW = {
    "no_mask_behind_prediction": "no tumour mask: means little",
    "short_run_behind_prediction": "too short a run: means little",
}
# Said next: a wrong guess spoils all the rest, and nobody but the user can tell.
_NEXT_FLAGS = {"taken_as_subtracted", "subtracted_here", "inverted", "polarity_unclear"}


def write_picture(case: CaseResult, path: Path) -> None:
    """Draw the picture of a case as a PNG of 1600 x 900 pixels, the same bytes for the same result.

    Parameters
    ----------
    case
        Segmentation and, where there is one, response.
    path
        File to write.
    """
    with _settings():
        figure = draw_picture(case)
        # Without metadata: matplotlib would write its version into the file.
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def draw_picture(case: CaseResult) -> Figure:
    """Return the picture as a matplotlib figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _settings():
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        segmentation = case.segmentation
        _head(figure, case)
        _response(figure, case)
        _key_frame(figure.add_axes((LEFT, 0.135, 0.435, 0.715)), segmentation)
        _legend(figure, segmentation)
        _time_to_peak(figure, segmentation)
        _sizes(figure, segmentation)
        _curve(figure.add_axes((RIGHT, 0.185, 0.98 - RIGHT, 0.175)), segmentation)
        _foot(figure, case)
    return figure


def _settings() -> AbstractContextManager[None]:
    """Return matplotlib's own defaults and ours for a while, whatever the user's configuration says."""
    import matplotlib as mpl

    ours = {"font.family": "DejaVu Sans", "font.size": 13, "axes.spines.top": False, "axes.spines.right": False}
    return mpl.rc_context({**mpl.rcParamsDefault, **ours, "backend": "agg"})


def _head(figure: Figure, case: CaseResult) -> None:
    prepared = case.segmentation.prepared
    run = prepared.run
    size = 24 if len(case.case_id) <= 28 else 16
    figure.text(LEFT, 0.955, shortened(case.case_id, 44), size=size, weight="bold", va="center")
    facts = f"{run.count} frames in {prepared.frame_times[-1]:.1f} s, {run.columns} × {run.rows} pixels"
    if case.patient_id and case.patient_id != case.case_id:
        facts = f"patient {shortened(case.patient_id, 24)} · {facts}"
    figure.text(LEFT, 0.908, facts, color=GREY, va="center")


def _response(figure: Figure, case: CaseResult) -> None:
    response = case.response
    if response is None:
        figure.text(RIGHT, 0.955, "No prediction was asked for", size=20, va="center", color=GREY)
        return
    title = f"Response probability {response.probability:.0%}"
    hollow = next((words for code, words in _HOLLOW.items() if any(flag.code == code for flag in response.flags)), None)
    if hollow:
        figure.text(RIGHT, 0.955, title, size=18, va="center", color="#888888")
        figure.text(0.98, 0.955, hollow, size=18, va="center", ha="right", color=WARNING_COLOUR)
    else:
        figure.text(RIGHT, 0.955, title, size=24, weight="bold", va="center")
        figure.text(0.98, 0.955, response.label, size=20, va="center", ha="right")
    bar = figure.add_axes((RIGHT, 0.902, 0.98 - RIGHT, 0.022))
    bar.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    bar.barh(0.5, response.probability, height=1, color="#bbbbbb" if hollow else "#4c78a8")
    bar.axvline(response.threshold, color="black", lw=3)
    for spine in bar.spines.values():
        spine.set(visible=True, color="#888888")
    runs = len(response.run_probabilities)
    basis = ["film and clinical values" if response.clinical_used else "film alone"]
    basis += [f"mean of {runs} runs"] if runs > 1 else []
    basis += ["mask corrected by hand"] if response.corrected_masks else []
    lines = [f"Black line: threshold {response.threshold:.0%}. From {', '.join(basis)}."]
    lines += textwrap.wrap(response.calibration, 98, max_lines=2, placeholder=" …")
    figure.text(RIGHT, 0.893, "\n".join(lines), size=11, va="top", color=GREY, linespacing=1.2)


def _key_frame(axes: Axes, segmentation: Segmentation) -> None:
    _show_frame(axes, segmentation)
    _outlines(axes, segmentation, 2.2)
    for lesion in segmentation.lesions[:_LESIONS_LISTED]:
        _number(axes, lesion, segmentation)
    key = segmentation.key_frame
    axes.set_title(f"Key frame {key.index + 1} ({key.time_s:.1f} s)", loc="left", size=15)


def _number(axes: Axes, lesion: Lesion, segmentation: Segmentation) -> None:
    """Put the lesion's number right of it, where there is room; else left of it, else on it."""
    geometry = segmentation.prepared.geometry
    (_, column_a), (_, column_b) = lesion.ends
    # Its own outline to the right of the middle: another lesion may lie farther right in the same row.
    beyond = segmentation.masks[lesion.frame].tumour[round(lesion.row), round(lesion.column) :]
    own = len(beyond) if beyond.all() else int(np.argmin(beyond))
    right = max(column_a, column_b, round(lesion.column) + own - 1)
    left = min(column_a, column_b)
    # About the width of the number with a margin, on source pixels.
    room = 0.05 * max(geometry.width, geometry.height)
    if right + room < geometry.left + geometry.width:
        at, side = right + room / 3, "left"
    elif left - room > geometry.left:
        at, side = left - room / 3, "right"
    else:
        at, side = lesion.column, "center"
    axes.text(at, lesion.row, str(lesion.number), color=TUMOUR_COLOUR, size=13, weight="bold", ha=side, va="center",
              bbox=_SHADE, clip_on=True)  # fmt: skip


def _time_to_peak(figure: Figure, segmentation: Segmentation) -> None:
    prepared = segmentation.prepared
    axes = figure.add_axes((RIGHT, 0.43, 0.215, 0.345))
    figure.text(RIGHT, 0.794, "Time to peak after contrast arrival", size=15, va="baseline")
    _show_frame(axes, segmentation)
    times = _smooth_times(segmentation)
    known = np.isfinite(times)
    if not known.any():
        axes.text(0.5, 0.03, "no contrast seen", color="white", ha="center", transform=axes.transAxes, bbox=_SHADE)
        return
    share = prepared.geometry.to_source(known)
    on_source = prepared.geometry.to_source(np.where(known, times, 0.0)) / np.maximum(share, 1e-6)
    high = max(float(np.percentile(times[known], 99)), 0.5)
    values = np.ma.masked_array(on_source, share < 0.5)
    shown = axes.imshow(values, cmap="turbo", vmin=0.0, vmax=high, interpolation="nearest")
    _show_field(axes, segmentation)
    _outlines(axes, segmentation, 1.4, tumour="white", liver="white")
    # The axes shrink to the picture's shape; the bar stands right beside what is left.
    axes.apply_aspect()
    box = axes.get_position()
    bar = figure.colorbar(shown, cax=figure.add_axes((box.x1 + 0.01, box.y0, 0.011, box.height)))
    bar.set_label("s, assumed" if prepared.run.times_s is None else "s")


def _smooth_times(segmentation: Segmentation) -> np.ndarray:
    """Return time to peak (S, S) in s after a 5 x 5 median, NaN where there is little contrast or at the rim."""
    import cv2
    from scipy.ndimage import distance_transform_edt

    prepared = segmentation.prepared
    inside = prepared.region
    strong = float(np.percentile(peak(prepared)[inside], 99)) if inside.any() else 0.0
    times = np.where(inside, time_to_peak(prepared, least=0.2 * strong), np.nan)
    known = np.isfinite(times)
    if strong <= 0 or not known.any():
        return np.full_like(times, np.nan)
    # Gaps take their nearest neighbour's value first, so that the median is not pulled towards a filler.
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = cv2.medianBlur(times[tuple(nearest)].astype(np.float32), 5)
    kept = cv2.medianBlur(known.astype(np.uint8), 5) > 0
    return np.where(kept, filled, np.nan)


def _curve(axes: Axes, segmentation: Segmentation) -> None:
    prepared, key = segmentation.prepared, segmentation.key_frame
    times = prepared.frame_times
    axes.plot(times, key.curve, color="#333333", lw=1.8, marker="o", ms=3 if len(times) < 60 else 0)
    axes.axvline(times[prepared.arrival], color=ARRIVAL_COLOUR, lw=1.2, ls="--")
    axes.axvline(key.time_s, color=KEY_COLOUR, lw=2)
    axes.plot([key.time_s], [key.curve[key.index]], "o", color=KEY_COLOUR, ms=9)
    who = "chosen by the user" if key.chosen_by == "user" else "chosen automatically"
    axes.set_title("Contrast over time", loc="left", size=15)
    axes.set_title(f"key frame {key.index + 1}, {who}", loc="right", size=13, color=KEY_COLOUR)
    axes.set(xlabel="s", ylabel="contrast", yticks=[], ylim=(0, max(float(key.curve.max()) * 1.15, 1e-6)))
    arrival = times[prepared.arrival]
    late = arrival > times[0] + 0.85 * (times[-1] - times[0])
    beside = {"xytext": (-4, -4), "ha": "right"} if late else {"xytext": (4, -4), "ha": "left"}
    axes.annotate("arrival", (arrival, 1.0), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
                  size=11, color=ARRIVAL_COLOUR, **beside)  # fmt: skip


def _foot(figure: Figure, case: CaseResult) -> None:
    shown = [flag for flag in case.flags if flag.code not in _QUIET_FLAGS]
    flags = sorted(shown, key=lambda flag: (flag.code not in _FIRST_FLAGS, flag.code not in _NEXT_FLAGS))
    text = "\n".join(flag_lines([flag.text for flag in flags]))
    figure.text(RIGHT, 0.108, text, size=11, va="top", linespacing=1.25, color=WARNING_COLOUR)
    models = case.segmentation.model + (f", {case.response.model}" if case.response else "")
    figure.text(LEFT, 0.04, RESEARCH_NOTE, size=15, weight="bold", va="bottom")
    figure.text(LEFT, 0.014, shortened(models, 70), size=11, color=GREY, va="bottom")


def _legend(figure: Figure, segmentation: Segmentation) -> None:
    masks = segmentation.masks[segmentation.key_frame.index]
    words = [("tumour", TUMOUR_COLOUR)] + ([("liver", LIVER_COLOUR)] if masks.liver is not None else [])
    left = LEFT
    for word, colour in words:
        line = figure.add_artist(_line(figure, left, left + 0.022, 0.105, colour))
        line.set_zorder(3)
        figure.text(left + 0.028, 0.105, word, size=13, va="center")
        left += 0.115


def _line(figure: Figure, left: float, right: float, height: float, colour: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([left, right], [height, height], color=colour, lw=4, transform=figure.transFigure)


def _sizes(figure: Figure, segmentation: Segmentation) -> None:
    left, lesions = 0.785, segmentation.lesions
    count = {0: "No tumour found", 1: "1 lesion"}.get(len(lesions), f"{len(lesions)} lesions")
    figure.text(left, 0.794, count, size=15, va="baseline")
    if not lesions:
        return
    note = "longest diameter, area" + ("" if lesions[0].area_mm2 is not None else "\n(pixel size not calibrated)")
    figure.text(left, 0.775, note, size=11.5, color=GREY, va="top", linespacing=1.3)
    lines = []
    for lesion in lesions[:_LESIONS_LISTED]:
        if lesion.longest_diameter_mm is not None and lesion.area_mm2 is not None:
            lines.append(f"{lesion.number}   {lesion.longest_diameter_mm:.0f} mm   {_area(lesion.area_mm2)}")
        else:
            lines.append(f"{lesion.number}   {lesion.longest_diameter_px:.0f} px   {lesion.area_px:,} px²")
    if len(lesions) > _LESIONS_LISTED:
        lines.append(f"and {len(lesions) - _LESIONS_LISTED} smaller")
    figure.text(left, 0.72, "\n".join(lines), size=15, va="top", linespacing=1.5)


def _area(mm2: float) -> str:
    return f"{mm2 / 100:.1f} cm²" if mm2 >= 100 else f"{mm2:.0f} mm²"


def _show_frame(axes: Axes, segmentation: Segmentation) -> None:
    """Show the key frame in grey, windowed by what lies inside the field."""
    prepared = segmentation.prepared
    image = display_frame(prepared, segmentation.key_frame.index)
    field = image[prepared.visible_source]
    low, high = np.percentile(field if field.size else image, (0.5, 99.5))
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="antialiased")
    _show_field(axes, segmentation)


def _show_field(axes: Axes, segmentation: Segmentation) -> None:
    """Show the crop box alone, in source pixels, without ticks."""
    geometry = segmentation.prepared.geometry
    axes.set(
        xlim=(geometry.left - 0.5, geometry.left + geometry.width - 0.5),
        ylim=(geometry.top + geometry.height - 0.5, geometry.top - 0.5),
        xticks=[], yticks=[], aspect="equal",
    )  # fmt: skip
    axes.set_anchor("NW")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _outlines(
    axes: Axes, segmentation: Segmentation, width: float, tumour: str = TUMOUR_COLOUR, liver: str = LIVER_COLOUR
) -> None:
    masks = segmentation.masks[segmentation.key_frame.index]
    for mask, colour, share in ((masks.liver, liver, 0.7), (masks.tumour, tumour, 1.0)):
        if mask is not None and mask.any():
            # Padded, so that a mask at the edge of the frame is closed there.
            rows, columns = mask.shape
            axes.contour(np.arange(-1, columns + 1), np.arange(-1, rows + 1), np.pad(mask, 1), [0.5], colors=[colour],
                         linewidths=width * share)  # fmt: skip
