"""The picture: the same bytes each time, nothing clipped, nothing on top of anything else, nothing left out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from matplotlib.text import Text

from DSANetLib.batch.picture import draw_picture, write_picture
from DSANetLib.flags import SHORT_TEXT
from DSANetLib.lesions import find_lesions
from DSANetLib.models import load_model
from DSANetLib.pipeline import segment
from DSANetLib.results import CaseResult, Flag, FrameMasks, Response
from DSANetLib.run import DSARun, PixelSpacing


def _response(**changes):
    values = {
        "probability": 0.63, "threshold": 0.45, "model": "response-film-phantom", "runtime": "onnxruntime",
        "clinical_used": False, "calibration": "Calibrated on 200 validation patients of the phantom.",
        "run_probabilities": {"a": 0.63}, "frames_used": 3,
    }  # fmt: skip
    return Response(**(values | changes))


def _with_lesions(segmentation, count, spacing=None):
    """Give the key frame `count` square lesions in rows of four, and a liver around them."""
    run = segmentation.prepared.run.with_changes(spacing=spacing)
    tumour = np.zeros((run.rows, run.columns), np.uint8)
    liver = np.zeros_like(tumour)
    step = run.columns // 6
    for i in range(count):
        top, left = step * (1 + i // 4), step * (1 + i % 4)
        tumour[top : top + step // 2 + i, left : left + step // 2] = 1
    liver[step // 2 : step * 5, step // 2 : step * 5] = 1
    key = segmentation.key_frame.index
    return replace(
        segmentation,
        prepared=replace(segmentation.prepared, run=run),
        masks={**segmentation.masks, key: FrameMasks(tumour, liver)},
        lesions=find_lesions(tumour, key, spacing),
    )


NO_MASK = Flag("no_mask_behind_prediction", "The prediction was made without any tumour mask and means little")
WARNED = (
    *(Flag(f"f{i}", "Of little weight") for i in range(6)),
    Flag("subtracted_here", "It was guessed"),
    Flag("no_liver", f"{SHORT_TEXT} {SHORT_TEXT}"),
)
CASES = {
    "plain": lambda s: CaseResult(_with_lesions(s, 1), _response()),
    "calibrated": lambda s: CaseResult(_with_lesions(s, 2, PixelSpacing(2.0, 2.0, "calibrated")), _response()),
    "nothing found": lambda s: CaseResult(_with_lesions(s, 0), _response(probability=0.0)),
    "no prediction": lambda s: CaseResult(_with_lesions(s, 1)),
    "without a mask": lambda s: CaseResult(_with_lesions(s, 0), _response(flags=(NO_MASK,))),
    "warned": lambda s: CaseResult(_with_lesions(s, 1), _response(flags=WARNED)),
    "all at once": lambda s: CaseResult(
        replace(
            _with_lesions(s, 12, PixelSpacing(4.0, 4.0, "calibrated")),
            flags=tuple(Flag(f"f{i}", "A sentence that goes on and on, more than fits in " * 4) for i in range(9)),
        ),
        _response(
            probability=1.0, clinical_used=True, corrected_masks=True, run_probabilities={"a": 1.0, "b": 1.0, "c": 1.0},
            calibration="A long note on what a probability may be taken to mean, and by whom, and when. " * 6,
            model="a-model-with-a-very-long-name-that-somebody-trained-at-home-over-night",
        ),
        "patient-with-a-name-that-is-quite-long-indeed",
    ),
}  # fmt: skip


SHAPES = {"wide": (1, 3), "tall": (4, 1)}


def _shaped(frames, tiny_models, rows, columns, count):
    """A frame of other proportions and a name as hospitals give them, without frame times, cut after `count` frames."""
    frames = frames[:count].repeat(rows, axis=1).repeat(columns, axis=2)
    name = "A_very_long_name_of_a_run_with_all_that_the_hospital_knows"
    run = DSARun(frames=frames, case_id=name, polarity="dark_contrast", subtracted=True)
    return CaseResult(segment(run, load_model(tiny_models / "ffs-phantom")), _response())


@pytest.fixture(scope="module")
def pictures(tiny_segmentation, tiny_models, stained_frames):
    drawn = {name: draw_picture(make(tiny_segmentation)) for name, make in CASES.items()}
    for name, (rows, columns) in SHAPES.items():
        drawn[name] = draw_picture(_shaped(stained_frames, tiny_models, rows, columns, 16))
    drawn["two frames"] = draw_picture(_shaped(stained_frames[6:], tiny_models, 1, 1, 2))
    return drawn


def test_a_probability_without_a_mask_is_no_headline(pictures):
    texts = {text.get_text(): text for text in pictures["without a mask"].findobj(Text)}
    assert "no tumour mask: means little" in texts and "responder" not in texts
    with_mask = {text.get_text(): text for text in pictures["plain"].findobj(Text)}
    title = "Response probability 63%"
    assert texts[title].get_size() < with_mask[title].get_size()
    assert (texts[title].get_weight(), with_mask[title].get_weight()) == ("normal", "bold")


NAMES = [*CASES, *SHAPES, "two frames"]


def _texts(figure):
    """Every piece of text that shows, with its box in pixels."""
    renderer = figure.canvas.get_renderer()
    figure.canvas.draw()
    hidden = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in _undrawn(axis)}
    found = []
    for artist in figure.findobj(lambda a: isinstance(a, Text) and a.get_visible() and a.get_text().strip()):
        box = artist.get_window_extent(renderer)
        if box.width > 0 and box.height > 0 and id(artist) not in hidden:
            found.append((artist.get_text(), box))
    return found


def _undrawn(axis):
    """Labels of ticks outside the limits have a place, too, but are not drawn."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_clipped(pictures, name):
    for text, box in _texts(pictures[name]):
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= 1600, text
        assert box.y1 <= 900, text


@pytest.mark.parametrize("name", NAMES)
def test_no_text_lies_on_another(pictures, name):
    texts = [(text, box) for text, box in _texts(pictures[name]) if len(text) > 2]  # numbers of lesions may meet
    for (text, box), (other, other_box) in itertools.combinations(texts, 2):
        apart = box.x1 <= other_box.x0 or other_box.x1 <= box.x0 or box.y1 <= other_box.y0 or other_box.y1 <= box.y0
        assert apart, f"{text!r} lies on {other!r}"


@pytest.mark.parametrize("name", NAMES)
def test_what_must_be_said_is_said(pictures, name):
    words = " | ".join(text for text, _ in _texts(pictures[name]))
    assert "Research use only; phantom-trained" in words
    assert "Key frame" in words
    assert "chosen automatically" in words
    assert "Time to peak" in words
    assert "Contrast over time" in words


def test_numbers_stand_as_a_clinician_reads_them(pictures):
    plain = " | ".join(text for text, _ in _texts(pictures["plain"]))
    assert "Response probability 63%" in plain
    assert "responder" in plain
    assert "threshold 45%" in plain
    assert "Calibrated on 200 validation patients" in plain
    assert "film alone" in plain
    assert "1 lesion" in plain
    assert "px²" in plain
    assert "not calibrated" in plain
    assert "2 lesions" in " | ".join(text for text, _ in _texts(pictures["calibrated"]))
    assert "cm²" in " | ".join(text for text, _ in _texts(pictures["calibrated"]))
    assert "No tumour found" in " | ".join(text for text, _ in _texts(pictures["nothing found"]))
    assert "No prediction was asked for" in " | ".join(text for text, _ in _texts(pictures["no prediction"]))
    warned = " ".join(" ".join(text for text, _ in _texts(pictures["warned"])).split())
    assert f"! {SHORT_TEXT} {SHORT_TEXT} ! It was guessed ! 7 more notes" in warned
    everything = " | ".join(text for text, _ in _texts(pictures["all at once"]))
    assert "mean of 3 runs" in everything
    assert "corrected by hand" in everything
    assert "film and clinical values" in everything
    assert "and 6 smaller" in everything
    assert "7 more notes in case.json, flag_texts" in everything


def test_the_same_case_gives_the_same_bytes_whatever_the_users_settings(tmp_path, tiny_segmentation):
    import matplotlib as mpl

    case = CASES["plain"](tiny_segmentation)
    write_picture(case, tmp_path / "a.png")
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "pink", "savefig.dpi": 30, "savefig.bbox": "tight"}):
        write_picture(case, tmp_path / "b.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (900, 1600, 3)
    for metadata in (b"tEXt", b"iTXt", b"tIME", b"Software", b"matplotlib"):
        assert metadata not in data


def test_outlines_lie_on_the_lesion(tiny_segmentation):
    case = CASES["plain"](tiny_segmentation)
    figure = draw_picture(case)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[:, :, :3].astype(int)
    axes = figure.axes[1]
    tumour = case.segmentation.masks[case.segmentation.key_frame.index].tumour
    rows, columns = np.nonzero(tumour)
    x0, y0 = axes.transData.transform((columns.min() - 0.5, rows.min() - 0.5))
    x1, y1 = axes.transData.transform((columns.max() + 0.5, rows.max() + 0.5))
    green = np.argwhere(np.abs(pixels - (144, 238, 144)).sum(axis=2) < 40)  # Slicer's colour of a neoplasm
    inside = green[(green[:, 1] < 700) & (green[:, 0] < 780)]  # the key frame, without the legend below
    lines = inside[(inside[:, 1] <= x1 + 3)]  # without the number beside it
    assert lines[:, 1].min() == pytest.approx(x0, abs=3)
    assert lines[:, 1].max() == pytest.approx(x1, abs=3)
    assert 900 - lines[:, 0].max() == pytest.approx(y1, abs=3)
    assert 900 - lines[:, 0].min() == pytest.approx(y0, abs=3)
