"""The rules of the pipeline: which frames, which masks on which pixels, which mean.

The networks here are rules one can work out by hand (a dark pixel is tumour); real packages go the same way
in test_real_models.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from DSANetLib.errors import ModelError, PreparationError
from DSANetLib.flags import WARNING_CODES, segmentation_flags
from DSANetLib.pipeline import predict, process, response_images, segment
from DSANetLib.postprocessing import PostProcessing
from DSANetLib.preparation import PreparationConfig, pick_key_frame
from DSANetLib.results import FrameMasks
from DSANetLib.run import DSARun, PixelSpacing

CONFIG = PreparationConfig(size=256)


class DarkIsTumour:
    """Tumour where the key frame is dark; liver the left part of the image, or none at all."""

    runtime = "by hand"

    def __init__(self, liver=True, config=CONFIG, **card):
        settings = {"tumour_threshold": 0.5, "liver_threshold": 0.5, "postprocessing": PostProcessing.paper()}
        self.card = SimpleNamespace(name="dark", preparation=config, **(settings | card))
        self.liver = liver
        self.calls = []

    def segment(self, frames, keys):
        self.calls.append((frames.copy(), keys.copy()))
        liver = None
        if self.liver:
            liver = np.zeros_like(keys)
            liver[:, :, : keys.shape[2] // 2] = 1
        return SimpleNamespace(tumour=(keys < 0.4).astype(np.float32), liver=liver, difference=frames.mean(axis=0))


class BrightIsResponder:
    """Probability = mean of the image's three channels; with clinical values their first number is added."""

    runtime = "by hand"

    def __init__(self, clinical=False, config=CONFIG):
        self.card = SimpleNamespace(
            name="bright", preparation=config, needs_image=True, needs_clinical=clinical, threshold=0.4,
            calibration_note="by hand",
            clinical_encoder=SimpleNamespace(transform=lambda records: np.array(records, np.float32)),
        )  # fmt: skip
        self.images = []

    def predict(self, images, clinical):
        self.images.append(images)
        return images.mean(axis=(1, 2, 3)) + (0 if clinical is None else clinical[:, 0])


def _run(count=26, spacing=None, peak_s=4.5, late_s=None, **facts):
    """A subtracted run of 150 x 200 pixels, 2 frames/s: a thin vessel fills early, a block top left stains and fades.

    With `late_s` a darker block bottom right, outside the left half, stains then.
    """
    times = np.arange(count) * 0.5
    frames = np.full((count, 150, 200), 200, np.uint8)
    frames += np.random.default_rng(3).integers(0, 8, frames.shape, dtype=np.uint8)
    frames[:, 70:74, 10:190] -= _bolus(times, peak_s - 2, 60)
    frames[:, 30:60, 40:90] -= _bolus(times, peak_s, 120)
    if late_s is not None:
        frames[:, 90:140, 120:190] -= _bolus(times, late_s, 180)
    known = {"times_s": times, "polarity": "dark_contrast", "subtracted": True, "case_id": "made"}
    return DSARun(frames=frames, spacing=spacing, **(known | facts))


def _bolus(times, peak_s, depth):
    since = np.clip(times - (peak_s - 1.5), 0, None) / 1.5
    return (depth * since**3 * np.exp(3 * (1 - since))).astype(np.uint8)[:, None, None]


def test_masks_lie_on_the_source_pixels_of_key_frame_and_neighbours():
    result = segment(_run(), DarkIsTumour())
    key = result.key_frame.index
    assert abs(result.key_frame.time_s - 4.5) <= 1.0
    assert result.frames == (key - 1, key, key + 1)
    truth = np.zeros((150, 200), bool)
    truth[30:60, 40:90] = True
    for masks in result.masks.values():
        assert masks.tumour.dtype == np.uint8
        assert masks.tumour.shape == (150, 200)
        assert set(np.unique(masks.tumour)) == {0, 1}
        # Network pixels do not fall on source pixels: the edge may be off by less than one.
        outside = np.zeros_like(truth)
        outside[29:61, 39:91] = True
        inside = np.zeros_like(truth)
        inside[31:59, 41:89] = True
        assert masks.tumour[inside].all()
        assert not masks.tumour[~outside].any()
    (lesion,) = result.lesions
    assert (lesion.row, lesion.column) == pytest.approx((44.5, 64.5), abs=0.5)
    assert lesion.frame == key


def test_threshold_is_applied_on_the_source_pixels():
    model = DarkIsTumour(tumour_threshold=0.7)
    result = segment(_run(), model)
    for frame in result.frames:
        on_source = result.prepared.geometry.to_source(result.tumour_maps[frame])
        assert np.array_equal(result.masks[frame].tumour, on_source >= 0.7)
        assert np.array_equal(
            result.masks[frame].liver, result.prepared.geometry.to_source(result.liver_maps[frame]) >= 0.5
        )
    assert result.tumour_threshold == 0.7


def test_post_processing_of_the_card_is_applied():
    run = _run(late_s=4.5)
    assert len(segment(run, DarkIsTumour()).lesions) == 2
    near_liver = DarkIsTumour(postprocessing=PostProcessing(liver_margin=0.02))
    (kept,) = segment(run, near_liver).lesions
    assert (kept.row, kept.column) == pytest.approx((44.5, 64.5), abs=0.5)


def test_key_frame_is_picked_anew_within_the_liver_and_the_model_runs_on_it():
    run = _run(late_s=7.0)  # what stains most, late, lies outside the liver
    without = segment(run, DarkIsTumour(liver=False))
    assert abs(without.key_frame.time_s - 7.0) <= 1.0
    model = DarkIsTumour()
    result = segment(run, model)
    assert abs(result.key_frame.time_s - 4.5) <= 1.0
    assert result.key_frame.chosen_by == "automatic"
    assert len(model.calls) == 2
    region = (result.liver_maps[result.key_frame.index] >= 0.5) & result.prepared.visible
    expected = pick_key_frame(
        result.prepared.stack, result.prepared.frame_times, region,
        baseline=result.prepared.baseline, arrival=result.prepared.arrival, config=CONFIG,
    )  # fmt: skip
    assert result.key_frame.index == expected.index
    assert np.array_equal(result.key_frame.curve, expected.curve)
    assert set(result.masks) == set(result.tumour_maps) == {expected.index - 1, expected.index, expected.index + 1}


def test_the_users_key_frame_wins_and_is_recorded():
    model = DarkIsTumour()
    result = segment(_run(late_s=7.0), model, key_frame=10)
    assert (result.key_frame.index, result.key_frame.chosen_by) == (10, "user")
    assert result.frames == (9, 10, 11)
    assert len(model.calls) == 1
    assert "user_key_frame" in {flag.code for flag in result.flags}


def test_a_liver_that_is_too_small_chooses_no_key_frame():
    model = DarkIsTumour(liver_threshold=1.5)
    result = segment(_run(late_s=7.0), model)
    assert abs(result.key_frame.time_s - 7.0) <= 1.0
    assert "no_liver" in {flag.code for flag in result.flags}


@pytest.mark.parametrize(("chosen", "frames"), [(0, (0, 1)), (25, (24, 25))])
def test_neighbours_end_with_the_run(chosen, frames):
    assert segment(_run(), DarkIsTumour(), key_frame=chosen).frames == frames


def test_a_frame_that_is_not_there_is_refused_counted_from_one():
    with pytest.raises(PreparationError, match="key frame 27 of a run of 26 frames"):
        segment(_run(), DarkIsTumour(), key_frame=26)


def test_the_same_run_gives_the_same_result():
    first, second = (process(_run(), DarkIsTumour(), BrightIsResponder()) for _ in range(2))
    for frame in first.segmentation.frames:
        assert np.array_equal(first.segmentation.tumour_maps[frame], second.segmentation.tumour_maps[frame])
        assert np.array_equal(first.segmentation.masks[frame].labels(), second.segmentation.masks[frame].labels())
    assert first.response == second.response
    assert first.segmentation.lesions == second.segmentation.lesions


def test_labels_are_one_for_liver_and_two_for_tumour():
    tumour, liver = np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8)
    tumour[0, 1] = 1
    liver[0] = 1
    assert FrameMasks(tumour, liver).labels().tolist() == [[1, 2, 1], [0, 0, 0]]
    assert FrameMasks(tumour).labels().tolist() == [[0, 2, 0], [0, 0, 0]]


def test_one_frame_is_no_run():
    with pytest.raises(PreparationError, match="made: one frame is no run"):
        segment(_run(count=1), DarkIsTumour())


def test_areas_in_mm_only_with_a_calibrated_spacing():
    calibrated = segment(_run(spacing=PixelSpacing(0.5, 0.4, "calibrated")), DarkIsTumour())
    assert calibrated.tumour_area_mm2 == pytest.approx(calibrated.tumour_area_px * 0.2)
    detector = segment(_run(spacing=PixelSpacing(0.5, 0.4, "detector")), DarkIsTumour())
    assert detector.tumour_area_mm2 is None
    assert "detector" in next(flag.text for flag in detector.flags if flag.code == "sizes_in_px")
    assert "sizes_in_px" not in {flag.code for flag in calibrated.flags}


def test_response_is_the_mean_over_frames_then_over_runs():
    two = [segment(_run(), DarkIsTumour()), segment(_run(case_id="other"), DarkIsTumour(), key_frame=0)]
    model = BrightIsResponder()
    response = predict(two, model)
    by_run = [float(response_images(s).mean(axis=(1, 2, 3)).mean()) for s in two]
    assert [len(images) for images in model.images] == [3, 2]
    assert response.run_probabilities == pytest.approx(dict(zip(["made", "other"], by_run, strict=True)))
    assert response.probability == pytest.approx(np.mean(by_run))
    assert response.frames_used == 5
    assert response.label == ("responder" if response.probability >= 0.4 else "non-responder")


def test_the_response_network_sees_key_frame_product_and_mask():
    result = segment(_run(), DarkIsTumour(), key_frame=9)
    images = response_images(result)
    assert images.shape == (3, 3, 256, 256)
    assert images.dtype == np.float32
    key, product, mask = images[1]
    assert set(np.unique(mask)) == {0, 1}
    assert np.mean(mask == result.tumour_maps[9]) > 0.995  # to the source pixels and back again
    assert np.array_equal(product, key * mask)
    assert key.min() >= 0
    assert key.max() <= 1


def test_a_corrected_mask_is_used_as_it_stands_and_said():
    result = segment(_run(), DarkIsTumour(), key_frame=9)
    empty = FrameMasks(np.zeros((150, 200), np.uint8), result.masks[9].liver, "edited")
    edited = replace(result, masks={**result.masks, 9: empty})
    before, after = predict([result], BrightIsResponder()), predict([edited], BrightIsResponder())
    assert not before.corrected_masks
    assert after.corrected_masks
    assert after.probability < before.probability
    assert not response_images(edited)[1, 1:].any()


def test_another_preparation_of_the_response_model_is_made_anew():
    result = segment(_run(), DarkIsTumour())
    model = BrightIsResponder(config=PreparationConfig(size=64, normalisation="minmax"))
    predict([result], model)
    assert model.images[0].shape == (3, 3, 64, 64)
    assert model.images[0][:, 2].mean() == pytest.approx(response_images(result)[:, 2].mean(), abs=0.01)


def test_clinical_values_go_where_there_is_a_branch_for_them():
    result = segment(_run(), DarkIsTumour())
    film = predict([result], BrightIsResponder())
    both = predict([result], BrightIsResponder(clinical=True), [0.25])
    assert both.probability == pytest.approx(film.probability + 0.25)
    assert (film.clinical_used, both.clinical_used) == (False, True)
    assert [flag.code for flag in film.flags] == ["film_only"]
    assert both.flags == ()
    unused = predict([result], BrightIsResponder(), [0.25])
    assert [flag.code for flag in unused.flags] == ["clinical_unused"]
    with pytest.raises(ModelError, match="needs clinical values"):
        predict([result], BrightIsResponder(clinical=True))
    with pytest.raises(ModelError, match="at least one segmented run"):
        predict([], BrightIsResponder())


def test_stages_are_timed():
    timings = process(_run(), DarkIsTumour(), BrightIsResponder()).segmentation.timings_s
    assert list(timings) == ["preparation", "network", "masks", "response"]
    assert all(seconds > 0 for seconds in timings.values())


def _codes(run, **options):
    result = process(run, DarkIsTumour(liver=False), BrightIsResponder(), **options)
    return {flag.code for flag in result.flags}


def test_flags_say_what_the_reader_has_to_know():
    assert _codes(_run()) == {"sizes_in_px", "film_only"}
    assert "times_assumed" in _codes(_run(times_s=None))
    assert "early_end" in _codes(_run(peak_s=13.5))
    assert "inverted" in _codes(_inverted(_run()))
    assert _notes(_run(warnings=("The film was scanned.",))) == ["The film was scanned"]
    bright = process(_run(), DarkIsTumour(tumour_threshold=2.0), BrightIsResponder())
    assert {"no_tumour", "no_mask_behind_prediction"} <= {flag.code for flag in bright.flags}
    assert bright.segmentation.lesions == ()


@pytest.mark.parametrize(("peak_s", "rises"), [(13.5, True), (5.0, False)])
def test_an_early_end_is_said_of_the_curve_that_is_drawn(peak_s, rises):
    """The flag is judged on the weighted curve: its sentence has to hold for the one in curve.csv all the same."""
    result = segment(_run(peak_s=peak_s), DarkIsTumour(liver=False))
    prepared = result.prepared
    curve = np.append(prepared.key_frame.curve[:-1], prepared.key_frame.curve.max() * (1.1 if rises else 0.9))
    forced = replace(prepared, key_frame=replace(prepared.key_frame, curve=curve, at_end=True))
    (text,) = (
        flag.text
        for flag in segmentation_flags(forced, result.masks[result.key_frame.index])
        if flag.code == "early_end"
    )
    assert text.startswith("Contrast still rises") is rises


@pytest.mark.parametrize(("share", "flagged"), [(0.0, True), (0.015, True), (0.03, False), (0.5, False)])
def test_hardly_any_liver_is_said(share, flagged):
    prepared = segment(_run(), DarkIsTumour(liver=False)).prepared
    liver = np.zeros(prepared.visible_source.shape, np.uint8)
    liver.flat[: int(share * prepared.visible_source.sum())] = 1
    masks = FrameMasks(np.ones_like(liver), liver)
    assert ("no_liver" in {flag.code for flag in segmentation_flags(prepared, masks)}) is flagged
    assert "no_liver" not in {flag.code for flag in segmentation_flags(prepared, FrameMasks(liver))}


def test_a_prediction_from_runs_too_short_to_stain_says_so():
    short, ordinary, long = (segment(_run(count=count), DarkIsTumour()) for count in (7, 13, 28))
    model = BrightIsResponder()
    assert "short_run_behind_prediction" in {flag.code for flag in predict([short], model).flags}
    assert "short_run_behind_prediction" not in {flag.code for flag in predict([long], model).flags}
    # Six seconds reach into the stain; that the model's last samples repeat the last frame is another matter.
    assert {"short_run", "edges_repeated"} & {flag.code for flag in ordinary.flags} == {"edges_repeated"}
    assert "short_run_behind_prediction" not in {flag.code for flag in predict([ordinary], model).flags}
    assert {"short_run", "edges_repeated"} <= {flag.code for flag in short.flags}


def _inverted(run):
    return run.with_changes(frames=255 - np.asarray(run.frames), polarity="unknown")


def _notes(run):
    return [flag.text for flag in segment(run, DarkIsTumour()).flags if flag.code == "note"]


def test_flags_are_said_once():
    for run in (_run(times_s=None, count=6), _run(peak_s=13.5), _run(count=2, times_s=None)):
        codes = [flag.code for flag in segment(run, DarkIsTumour()).flags if flag.code != "note"]
        assert len(codes) == len(set(codes))


def test_every_warning_of_readers_and_preparation_has_its_flag(repository):
    folders = [repository / "DSANetLib" / name for name in ("readers", "preparation")]
    text = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py"))
    assert [start for start in WARNING_CODES if start not in text] == []
    said = re.findall(r'warnings\.append\(\s*f?"([^"]+)"', text)
    assert len(said) >= 20
    assert [words for words in said if not words.startswith(tuple(WARNING_CODES))] == []
