from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.lesions import find_lesions
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.case import frame_masks, write_case
from DSANetLib.mrml.scene import find_cases, load_scene, save_scene
from DSANetLib.mrml.segmentation import read_masks, set_masks, states
from DSANetLib.mrml.sequence import read_run, shown_frame, stored_frames
from DSANetLib.mrml.table import read_columns, read_table
from DSANetLib.preparation import prepare
from DSANetLib.results import CaseResult, Flag, FrameMasks, Response, Segmentation
from DSANetLib.run import DSARun, PixelSpacing
from DSANetLib.tables import LESION_COLUMNS, RESULT_COLUMNS, lesion_rows, result_row

FRAMES, ROWS, COLUMNS = 14, 96, 128


@pytest.fixture(scope="module")
def film():
    """An organ that stains slowly after a vessel that fills fast."""
    noise = np.random.default_rng(1).normal(0, 2, (FRAMES, ROWS, COLUMNS))
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    organ = ((rows - 60) / 30) ** 2 + ((columns - 80) / 25) ** 2 < 1
    vessel = np.abs(rows - columns * 0.5 - 10) < 2
    film = 180 + noise
    for i, frame in enumerate(film):
        since = max(0, i - 3)
        frame[organ] -= 20 * since * np.exp(1 - since / 3)
        frame[vessel] -= 120 * np.exp(-(((i - 5) / 1.5) ** 2))
    return film.clip(0, 255).astype(np.uint8)


@pytest.fixture
def make(film):
    def make(case_id="first", probability=0.61, **facts):
        facts = {"times_s": np.arange(FRAMES) / 3, "spacing": PixelSpacing(0.4, 0.3, "calibrated"), **facts}
        run = DSARun(frames=film, case_id=case_id, polarity="dark_contrast", subtracted=True, **facts)
        prepared = prepare(run)
        key = prepared.key_frame.index
        tumour, liver = np.zeros((2, ROWS, COLUMNS), np.uint8)
        tumour[50:60, 70:90], tumour[70:73, 80:84], liver[30:90, 55:105] = 1, 1, 1
        return CaseResult(
            Segmentation(
                prepared=prepared,
                model="ffs-phantom",
                runtime="onnx",
                tumour_threshold=0.35,
                liver_threshold=0.5,
                tumour_maps={},
                liver_maps={},
                difference=None,
                masks={
                    key - 1: FrameMasks(tumour),
                    key: FrameMasks(tumour, liver),
                    key + 1: FrameMasks(tumour, liver, "edited"),
                },
                lesions=find_lesions(tumour, key, run.spacing),
                flags=(Flag("short_run", "The run is short"),),
            ),
            Response(probability, 0.5, "response-phantom", "onnx", False, "calibrated", {case_id: probability}, 3),
            patient_id="p1",
        )

    return make


def test_a_case_comes_back_from_its_file_as_the_pipeline_gave_it(make, tmp_path):
    case = make()
    write_case(case)
    (back,) = load_scene(save_scene(tmp_path / "a.mrb"))
    seg, key = case.segmentation, case.segmentation.key_frame.index
    assert back.case_id == "first"
    assert shown_frame(back.run) == key
    assert np.array_equal(read_run(back.run.sequence).frames[:], seg.prepared.run.frames)
    expected = {key - 1: "predicted", key: "predicted", key + 1: "edited"}
    assert states(back.masks) == {i: expected.get(i, "empty") for i in range(FRAMES)}
    for frame, masks in seg.masks.items():
        found = frame_masks(read_masks(back.masks, frame))
        assert found.tumour.tobytes() == masks.tumour.tobytes()
        assert (found.liver is None) == (masks.liver is None)
        assert found.liver is None or found.liver.tobytes() == masks.liver.tobytes()
        assert found.origin == masks.origin
    assert read_columns(back.results) == RESULT_COLUMNS
    assert read_columns(back.lesions) == LESION_COLUMNS


def same(found, expected):
    """Rows are equal, numbers to the six digits that Slicer's tables keep in files."""
    assert [list(row) for row in found] == [list(row) for row in expected]
    for row, other in zip(found, expected, strict=True):
        for name, value in other.items():
            wanted = (
                pytest.approx(value, rel=1e-5) if isinstance(value, float) else value or (0 if value == 0 else None)
            )
            assert row[name] == wanted, name


def test_tables_hold_what_the_pipeline_found(make, tmp_path):
    case = make()
    nodes = write_case(case)
    assert read_table(nodes.results) == [result_row(case)]
    assert read_table(nodes.lesions) == lesion_rows(case.segmentation)
    (back,) = load_scene(save_scene(tmp_path / "a.mrb"))
    same(read_table(back.results), [result_row(case)])
    same(read_table(back.lesions), lesion_rows(case.segmentation))
    row = read_table(back.results)[0]
    assert (row["class"], row["key_frame_by"], row["lesions"], row["flags"]) == (
        "responder",
        "automatic",
        2,
        "short_run",
    )
    assert row["tumour_area_mm2"] == pytest.approx(212 * 0.12)


def test_masks_say_how_they_were_made(make):
    nodes = write_case(make())
    expected = {
        "Model": "ffs-phantom",
        "Runtime": "onnx",
        "TumourThreshold": "0.35",
        "KeyFrameBy": "automatic",
        "Flags": "short_run",
    }
    assert {name: fact(nodes.masks.sequence, name) for name in expected} == expected
    assert int(fact(nodes.masks.sequence, "KeyFrame")) == shown_frame(nodes.run)


def test_the_cases_of_a_scene_share_one_results_table(make):
    write_case(make("first"))
    write_case(make("second", 0.2))
    nodes = write_case(make("second", 0.3))
    assert [(row["case"], row["probability"]) for row in read_table(nodes.results)] == [
        ("first", 0.61),
        ("second", 0.3),
    ]
    assert {case.case_id for case in find_cases()} == {"first", "second"}
    assert [row["case"] for row in read_table(nodes.lesions)] == ["second", "second"]


def test_without_calibration_there_are_pixels_and_no_mm(make):
    nodes = write_case(make(spacing=PixelSpacing(0.4, 0.3, "detector")))
    row = read_table(nodes.results)[0]
    assert (row["tumour_area_px"], row["tumour_area_mm2"]) == (212, None)
    assert all(lesion["area_mm2"] is None for lesion in read_table(nodes.lesions))


def test_assumed_times_are_not_taken_for_known_ones(make):
    nodes = write_case(make(times_s=None))
    assert fact(nodes.run.sequence, "TimesFrom") == "assumed"
    assert read_run(nodes.run.sequence).times_s is None


def test_of_a_run_too_long_for_a_scene_the_frames_with_masks_are_kept(make):
    case = make()
    nodes = write_case(case, run_bytes=6 * ROWS * COLUMNS)
    kept = stored_frames(nodes.run.sequence)
    assert set(case.segmentation.frames) < set(kept)
    assert len(kept) <= 6
    assert shown_frame(nodes.run) == case.segmentation.key_frame.index
    assert set(states(nodes.masks)) == set(kept)


def test_a_corrected_mask_is_told_from_a_predicted_one(make):
    nodes = write_case(make())
    key = shown_frame(nodes.run)
    found = read_masks(nodes.masks, key)
    set_masks(nodes.masks, key, found.liver, found.tumour[::-1], "edited")
    assert frame_masks(read_masks(nodes.masks, key)).origin == "edited"
