"""prepare(): from a run to network inputs, whatever the run says or does not say of itself."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import pytest
from films import ARRIVAL_S, STAIN_S, film, film_run

from DSANetLib.errors import PreparationError
from DSANetLib.preparation import PreparationConfig, display_frame, network_inputs, prepare
from DSANetLib.preparation import stream as _stream  # noqa: F401
from DSANetLib.run import DSARun, LazyFrames, MaskSubtraction

SMALL = PreparationConfig(size=64)
stream = sys.modules["DSANetLib.preparation.stream"]


def count_reads(run):
    """The run with frames that note each read."""
    frames, reads = run.frames, []

    def load(i):
        reads.append(i)
        return np.array(frames[i])

    return run.with_changes(frames=LazyFrames(frames.shape, frames.dtype, load)), reads


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("subtracted", [True, False])
def test_a_run_that_says_nothing_is_prepared_like_one_that_says_all(subtracted, inverted):
    said = prepare(film_run(subtracted=subtracted, inverted=inverted), SMALL)
    silent = prepare(film_run(subtracted=subtracted, inverted=inverted, unknown=True), SMALL)
    np.testing.assert_array_equal(said.stack, silent.stack)
    assert silent.polarity == said.polarity == ("bright_contrast" if inverted else "dark_contrast")
    assert silent.polarity_detected
    assert not said.polarity_detected
    assert silent.subtraction.performed is not subtracted
    assert silent.subtraction.decided_by == "detected"
    assert said.subtraction.decided_by == "source"
    assert sum("inverted" in w for w in silent.warnings) == inverted
    assert sum("looks unsubtracted" in w for w in silent.warnings) == (not subtracted)
    assert abs(said.frame_times[said.arrival] - ARRIVAL_S) <= 0.5
    assert abs(said.key_frame.time_s - STAIN_S) <= 0.5


def test_a_subtracted_run_is_left_alone_but_for_its_size():
    run = film_run(rows=64, columns=64, noise=0)
    prepared = prepare(run, SMALL)
    assert prepared.geometry.scale == (1, 1)
    np.testing.assert_array_equal(prepared.stack, run.frames)
    assert prepared.mask is None
    inverted = prepare(film_run(rows=64, columns=64, noise=0, inverted=True), SMALL)
    np.testing.assert_array_equal(inverted.stack, prepared.stack)


def test_greys_are_0_to_255_at_any_depth():
    run = film_run(rows=64, columns=64)
    deep = run.with_changes(frames=run.frames.astype(np.uint16) * 16, bit_depth=12)
    signed = run.with_changes(frames=run.frames.astype(np.int16) * 16 - 2048, bit_depth=12)
    for other in (deep, signed):
        np.testing.assert_allclose(prepare(other, SMALL).stack, run.frames * (16 * 255 / 4095), atol=1e-3)


def test_a_wrong_bit_depth_does_not_cut_the_frames():
    run = film_run(rows=64, columns=64)
    deep = run.with_changes(frames=run.frames.astype(np.uint16) * 200, bit_depth=12)
    np.testing.assert_allclose(prepare(deep, SMALL).stack, run.frames * (200 * 255 / 65535), atol=1e-3)
    signed = run.with_changes(frames=run.frames.astype(np.int16) * 200 - 25000, bit_depth=12)
    np.testing.assert_allclose(
        prepare(signed, SMALL).stack, (run.frames * 200.0 - 25000 + 32768) * 255 / 65535, atol=1e-3
    )


def test_subtraction_is_the_difference_of_logarithms():
    run = film_run(rows=64, columns=64, subtracted=False)
    prepared = prepare(run, SMALL, mask_frame=1)
    frames = run.frames.astype(float)
    expected = 127.5 + 127.5 * (np.log(frames + 1) - np.log(frames[1] + 1))
    np.testing.assert_allclose(prepared.stack, expected, atol=1e-2)
    assert (prepared.subtraction.frames, prepared.subtraction.mask_from) == ((1,), "user")
    assert prepared.subtraction.decided_by == "source"
    np.testing.assert_allclose(prepared.mask, 127.5 * np.log(frames[1] + 1), atol=1e-2)


def test_a_logarithmic_run_is_subtracted_as_it_is():
    run = film_run(rows=64, columns=64, subtracted=False).with_changes(intensity="log")
    prepared = prepare(run, SMALL, mask_frame=1)
    np.testing.assert_allclose(prepared.stack, 127.5 + run.frames.astype(float) - run.frames[1], atol=1e-3)


def test_the_average_mask_of_the_source_is_used_with_its_shift():
    run = film_run(rows=64, columns=64, subtracted=False).with_changes(intensity="log")
    asked = run.with_changes(mask=MaskSubtraction("AVG_SUB", (0, 2)))
    mask = run.frames[[0, 2]].astype(float).mean(axis=0)
    np.testing.assert_allclose(prepare(asked, SMALL).stack, 127.5 + run.frames - mask, atol=1e-3)
    moved = prepare(asked, SMALL, pixel_shift=(1.0, -0.5))
    assert moved.subtraction.shift_px == (1.0, -0.5)
    expected = np.empty_like(mask)
    expected[1:, :-1] = (mask[:-1, :-1] + mask[:-1, 1:]) / 2
    np.testing.assert_allclose(moved.stack[:, 1:, :-1], (127.5 + run.frames - expected)[:, 1:, :-1], atol=1e-2)


def test_interval_subtraction_follows_the_source_and_the_flips():
    run = film_run(rows=64, columns=64, subtracted=False).with_changes(
        intensity="log", mask=MaskSubtraction("TID", tid_offset=2, shift_px=(3.0, 1.0))
    )
    frames = run.frames.astype(np.float32)
    plain, turned = prepare(run, SMALL), prepare(run, SMALL.with_changes(flip_rows=True, flip_columns=True))
    np.testing.assert_allclose(turned.stack, plain.stack[:, ::-1, ::-1], atol=1e-2)
    np.testing.assert_allclose(plain.stack[7, 3:, 1:], 127.5 + frames[7, 3:, 1:] - frames[5, :-3, :-1], atol=1e-2)
    np.testing.assert_allclose(display_frame(plain, 7), plain.stack[7], atol=1e-2)


@pytest.mark.parametrize("subtracted", [True, False])
@pytest.mark.parametrize("kind", ["none", "shift"])
def test_a_displayed_frame_is_the_prepared_one_at_full_size(subtracted, kind):
    run = film_run(rows=160, columns=120, subtracted=subtracted)
    prepared = prepare(run, SMALL, pixel_shift=(0.5, 1.0) if kind == "shift" else None)
    shown = display_frame(prepared, 5)
    assert shown.shape == (160, 120)
    inside = prepared.visible
    np.testing.assert_allclose(prepared.geometry.to_network(shown)[inside], prepared.stack[5][inside], atol=0.05)


def test_the_users_mask_makes_a_silent_run_an_unsubtracted_one():
    facts = prepare(film_run(unknown=True), SMALL, mask_frame=0).subtraction
    assert (facts.performed, facts.decided_by, facts.frames) == (True, "user", (0,))
    left = prepare(film_run(), SMALL, mask_frame=0)
    assert not left.subtraction.performed
    assert any("already subtracted" in w for w in left.warnings)


def with_border(run, value=0):
    down, across = np.mgrid[: run.rows, : run.columns]
    opened = (down - 70) ** 2 + (across - 90) ** 2 < 60**2
    return run.with_changes(frames=np.where(opened, run.frames, value).astype(np.uint8)), opened


def test_the_border_is_cropped_away_and_neutral():
    run, opened = with_border(film_run(rows=140, columns=200))
    prepared = prepare(run, SMALL)
    g = prepared.geometry
    assert abs(g.top - 11) <= 2
    assert abs(g.left - 31) <= 2
    assert abs(g.height - 119) <= 4
    assert (prepared.visible_source & opened).sum() / (prepared.visible_source | opened).sum() > 0.95
    outside = prepared.stack[:, ~prepared.visible]
    assert outside.min() == outside.max()
    assert outside[0, 0] == pytest.approx(190, abs=4)
    paper = prepare(run, PreparationConfig.paper(size=64))
    assert (paper.stack[:, 0, 0] == 0).all()
    assert paper.geometry.inner == (0, 0, 64, 64)
    whole = prepare(run, SMALL.with_changes(border="none"))
    assert (whole.geometry.height, whole.geometry.width) == (140, 200)


def test_the_sources_shutter_is_the_field():
    visible = np.zeros((120, 150), bool)
    visible[20:100, 30:120] = True
    prepared = prepare(film_run().with_changes(visible=visible), SMALL.with_changes(border="none"))
    g = prepared.geometry
    assert (g.top, g.left, g.height, g.width) == (20, 30, 80, 90)
    np.testing.assert_array_equal(prepared.visible_source, visible)
    none = prepare(film_run().with_changes(visible=np.zeros((120, 150), bool)), SMALL)
    assert none.geometry.height == 120


def test_network_inputs_lie_between_nought_and_one():
    prepared = prepare(film_run(), SMALL)
    inputs = network_inputs(prepared)
    assert inputs.frames.shape == (10, 64, 64)
    assert inputs.key.shape == inputs.difference.shape == (64, 64)
    for image in (inputs.frames, inputs.key, inputs.difference):
        assert image.dtype == np.float32
        assert (image.min(), image.max()) == pytest.approx((0, 1), abs=1e-6)
    other = network_inputs(prepared, 0)
    np.testing.assert_array_equal(other.frames, inputs.frames)
    assert not np.array_equal(other.key, inputs.key)
    np.testing.assert_array_equal(network_inputs(prepared, prepared.key_frame.index).key, inputs.key)
    for wrong in (-1, 24):
        with pytest.raises(PreparationError, match=f"frame {wrong + 1} of a run of 24 frames"):
            network_inputs(prepared, wrong)


def test_the_stain_is_where_the_difference_is():
    prepared = prepare(film_run(noise=0.3), PreparationConfig(size=120, aspect="squash"))
    difference = network_inputs(prepared).difference
    stain = np.round(prepared.geometry.points_to_network(np.array([[72, 82.5]]))[0]).astype(int)
    assert difference[tuple(stain)] > 3 * np.median(difference)
    assert prepared.opacification[prepared.key_frame.index][tuple(stain)] > 50


def test_opacification_is_the_positive_part_against_the_baseline():
    prepared = prepare(film_run(), SMALL)
    np.testing.assert_array_equal(prepared.opacification, np.maximum(prepared.baseline - prepared.stack, 0))
    np.testing.assert_array_equal(prepared.baseline, np.median(prepared.stack[: prepared.arrival], axis=0))
    assert prepared.region.sum() < prepared.visible.sum()


def test_unknown_times_are_assumed_and_said():
    prepared = prepare(film_run().with_changes(times_s=None), SMALL)
    np.testing.assert_allclose(prepared.frame_times, np.arange(24) / 2)
    assert any("2 frames per second were assumed" in w for w in prepared.warnings)
    faster = prepare(film_run().with_changes(times_s=None), SMALL.with_changes(frame_rate=4.0))
    assert faster.frame_times[4] == 1.0


def test_a_single_frame_gives_a_key_frame_and_a_warning():
    frames, _ = film(count=1)
    for config in (SMALL, PreparationConfig.paper(size=64)):
        prepared = prepare(DSARun(frames, "one"), config)
        assert (prepared.key_frame.index, prepared.arrival, prepared.key_frame.at_end) == (0, 0, False)
        assert any("one frame" in w for w in prepared.warnings)
        assert not prepared.subtraction.performed
        inputs = network_inputs(prepared)
        np.testing.assert_array_equal(inputs.frames[0], inputs.frames[9])
        assert not inputs.difference.any()
    said = prepare(DSARun(frames, "one", subtracted=False, polarity="dark_contrast"), SMALL)
    assert any("no mask" in w for w in said.warnings)


def test_still_frames_are_said_to_be_still():
    frames, _ = film(count=1, subtracted=False)
    prepared = prepare(DSARun(np.repeat(frames, 5, axis=0), "still", subtracted=True), SMALL)
    assert any("do not differ" in w for w in prepared.warnings)
    assert not network_inputs(prepared).difference.any()


def test_a_short_run_says_how_many_samples_repeat():
    prepared = prepare(film_run(count=12), SMALL)  # ends at 5.5 s; samples reach from 1.5 to 9.5 s
    assert any("5 of 10 repeat" in w or "4 of 10 repeat" in w for w in prepared.warnings)
    assert not any("repeat" in w for w in prepare(film_run(count=24), SMALL).warnings)


def test_the_runs_own_warnings_come_first():
    prepared = prepare(film_run().with_changes(warnings=("Read with care.",), times_s=None), SMALL)
    assert prepared.warnings[0] == "Read with care."
    assert len(prepared.warnings) >= 2


@pytest.mark.parametrize("value", [0, 93])
def test_a_hundred_frames_of_nothing_are_one_clear_line(value):
    run = DSARun(np.full((100, 80, 90), value, np.uint8), "empty", source="empty.avi")
    with pytest.raises(PreparationError) as caught:
        prepare(run, SMALL)
    assert str(caught.value).startswith(f"empty.avi: every pixel of every frame is {value}. ")
    assert "\n" not in str(caught.value)


def test_a_closed_collimator_is_one_clear_line():
    frames = np.zeros((5, 200, 200), np.uint8)
    frames[:, 100:106, 90:104] = 200
    said = r"^shut: nothing is left inside the border of \d+ x \d+ pixels\. Choose a run with larger"
    with pytest.raises(PreparationError, match=said):
        prepare(DSARun(frames, "shut"), SMALL)


@pytest.mark.parametrize("wrong", [-1, 24])
def test_frames_that_do_not_exist_are_refused(wrong):
    with pytest.raises(PreparationError, match=f"key frame {wrong + 1} of a run of 24 frames. Choose 1 to 24"):
        prepare(film_run(), SMALL, key_frame=wrong)
    with pytest.raises(PreparationError, match=f"mask frame {wrong + 1} of a run of 24 frames"):
        prepare(film_run(), SMALL, mask_frame=wrong)


def test_a_users_key_frame_is_kept():
    key = prepare(film_run(), SMALL, key_frame=0).key_frame
    assert (key.index, key.chosen_by) == (0, "user")
    assert prepare(film_run(), SMALL, key_frame=23).key_frame.index == 23


def test_frames_are_read_once_where_they_fit_and_twice_where_not(monkeypatch):
    run, reads = count_reads(film_run(count=40))
    kept = prepare(run, SMALL)
    assert reads == list(range(40))
    reads.clear()
    monkeypatch.setattr(stream, "KEEP_BYTES", 0)
    streamed = prepare(count_reads(film_run(count=40))[0], SMALL)
    np.testing.assert_array_equal(streamed.stack, kept.stack)
    run, reads = count_reads(film_run(count=40))
    prepare(run, SMALL)
    first = reads[: len(reads) - 40]
    assert reads[len(first) :] == list(range(40))
    assert len(first) == stream.SAMPLE
    assert (first[0], first[-1]) == (0, 39)
    assert first == sorted(first)


def test_a_huge_stack_is_kept_in_half_the_bytes(monkeypatch):
    normal = prepare(film_run(), SMALL)
    monkeypatch.setattr(stream, "HUGE", 1000)
    half = prepare(film_run(), SMALL)
    assert (normal.stack.dtype, half.stack.dtype) == (np.float32, np.float16)
    np.testing.assert_allclose(half.stack, normal.stack, atol=0.07)
    assert half.key_frame.index == normal.key_frame.index
    assert network_inputs(half).key.dtype == np.float32


def test_the_same_run_gives_the_same_arrays():
    one, two = prepare(film_run(subtracted=False), SMALL), prepare(film_run(subtracted=False), SMALL)
    np.testing.assert_array_equal(one.stack, two.stack)
    np.testing.assert_array_equal(one.key_frame.curve, two.key_frame.curve)


def test_landmarks_keep_their_place_through_border_and_preparation():
    down, across = np.mgrid[:180, :260]
    rng = np.random.default_rng(5)
    marks = [(60.0, 90.0), (110.0, 150.0), (75.0, 170.0)]
    frames = np.full((8, 180, 260), 190.0)
    for n, (row, column) in enumerate(marks):
        frames[2 + n] -= 120 * np.exp(-0.5 * (((down - row) / 5) ** 2 + ((across - column) / 4) ** 2))
    frames += rng.normal(0, 1, frames.shape)
    octagon = np.maximum(abs(down - 85), abs(across - 130)) < 75
    octagon &= abs(down - 85) + abs(across - 130) < 105
    for value in (0, 128, 255):
        film_ = np.where(octagon, frames, value).round().clip(0, 255).astype(np.uint8)
        for config in (
            SMALL,
            SMALL.with_changes(aspect="squash", flip_columns=True),
            SMALL.with_changes(flip_rows=True),
        ):
            run = DSARun(film_, "marks", times_s=np.arange(8.0), subtracted=True, polarity="dark_contrast")
            prepared = prepare(run, config)
            for n, mark in enumerate(marks):
                weight = np.maximum(prepared.stack[0] - prepared.stack[2 + n] - 12, 0) * prepared.visible
                rows, columns = np.indices(weight.shape)
                found = np.array([[(weight * rows).sum(), (weight * columns).sum()]]) / weight.sum()
                assert np.abs(prepared.geometry.points_to_source(found)[0] - mark).max() < 0.5


LONG = """
import resource
import numpy as np
from DSANetLib.run import DSARun, LazyFrames
from DSANetLib.preparation import PreparationConfig, prepare
base = np.random.default_rng(0).integers(90, 200, (1100, 1024)).astype(np.uint16)
frames = LazyFrames((600, 1024, 1024), np.uint16, lambda i: base[i % 70 : i % 70 + 1024] - np.uint16(i % 50))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare(DSARun(frames, "long", subtracted=True, polarity="dark_contrast", bit_depth=8), PreparationConfig(size=128))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_long_run_is_streamed():
    assert resource.RUSAGE_SELF == 0
    out = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True)
    # 600 frames of 2 MiB are 1200 MiB; the stack is 38 MiB.
    assert int(out.stdout) < 300
