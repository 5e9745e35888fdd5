"""Ten frames by true time, the difference image, and the range: exact numbers on small arrays."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import PreparationError
from DSANetLib.preparation import PreparationConfig, difference_image, normalise, sample_frames
from DSANetLib.preparation.sampling import limits, missing_samples, sample_times


def ramp(count):
    """A stack whose frame i holds the grey 10 i."""
    return np.full((count, 2, 2), 10.0, np.float32) * np.arange(count, dtype=np.float32)[:, None, None]


def seconds(**changes):
    return PreparationConfig(**{"frames": 5, "lead_s": 1.0, "window_s": 4.0, **changes})


def test_samples_start_before_arrival_and_are_evenly_spaced_in_time():
    times = np.array([0, 1, 2, 4, 8.0])
    np.testing.assert_allclose(sample_times(times, 2, seconds()), [1, 2, 3, 4, 5])


def test_seconds_interpolates_between_the_true_times_of_frames():
    times = np.array([0, 1, 2, 4, 8.0])
    sampled = sample_frames(ramp(5), times, 2, seconds())
    assert sampled.dtype == np.float32
    assert sampled.shape == (5, 2, 2)
    # 3 s lies half way from frame 2 to frame 3, 5 s a quarter of the way from frame 3 to frame 4.
    np.testing.assert_allclose(sampled[:, 0, 1], [10, 20, 25, 30, 32.5])


def test_seconds_takes_the_nearest_frame_where_asked():
    times = np.array([0, 1, 2, 4, 8.0])
    sampled = sample_frames(ramp(5), times, 2, seconds(interpolation="nearest", lead_s=0.6))
    # 1.4, 2.4, 3.4, 4.4, 5.4 s
    np.testing.assert_array_equal(sampled[:, 0, 0], [10, 20, 30, 30, 30])


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_edge_frames_are_repeated_where_the_run_is_too_short(interpolation):
    times = np.array([0, 1, 2.0])
    sampled = sample_frames(ramp(3), times, 0, seconds(interpolation=interpolation))
    np.testing.assert_array_equal(sampled[:, 0, 0], [0, 0, 10, 20, 20])


def test_a_frame_rate_does_not_change_what_is_sampled():
    def at(rate):
        times = np.arange(int(12 * rate)) / rate
        stack = np.sin(times)[:, None, None] * np.ones((1, 2, 2))
        return sample_frames(stack, times, int(2 * rate), PreparationConfig())

    np.testing.assert_allclose(at(4.0), at(8.0), atol=0.04)


def test_uniform_runs_from_arrival_to_the_end_whatever_the_times():
    config = PreparationConfig.paper(frames=4)
    times = np.array([0, 1, 2, 3, 10, 20, 21.0])
    np.testing.assert_array_equal(sample_frames(ramp(7), times, 1, config)[:, 0, 0], [10, 30, 40, 60])
    # 1, 2.5 -> 3, 4: half up.
    np.testing.assert_array_equal(
        sample_frames(ramp(5), times[:5], 1, PreparationConfig.paper(frames=3))[:, 0, 0], [10, 30, 40]
    )


def test_causal_ends_with_the_key_frames_right_neighbour():
    config = seconds(sampling="causal")
    times = np.arange(9.0)
    np.testing.assert_array_equal(sample_frames(ramp(9), times, 1, config, key_frame=5)[:, 0, 0], [20, 30, 40, 50, 60])
    np.testing.assert_array_equal(sample_frames(ramp(9), times, 1, config, key_frame=8)[:, 0, 0], [50, 60, 70, 80, 80])
    np.testing.assert_array_equal(sample_frames(ramp(9), times, 1, config, key_frame=1)[:, 0, 0], [0, 0, 0, 10, 20])
    with pytest.raises(PreparationError, match="no key frame"):
        sample_frames(ramp(9), times, 1, config)


def test_a_single_frame_is_repeated():
    for config in (seconds(), seconds(interpolation="nearest"), PreparationConfig.paper(frames=5)):
        sampled = sample_frames(ramp(1) + 3, np.zeros(1), 0, config)
        np.testing.assert_array_equal(sampled, np.full((5, 2, 2), 3, np.float32))


def test_missing_samples_are_counted():
    times = np.arange(8.0)
    assert missing_samples(times, 2, seconds()) == 0  # 1 … 5 s
    assert missing_samples(times, 4, seconds()) == 0  # 3 … 7 s
    assert missing_samples(times, 6, seconds()) == 2  # 5, 6, 7, 8, 9 s
    assert missing_samples(times, 0, seconds()) == 0  # -1 s: the lead is no loss
    assert missing_samples(np.zeros(1), 0, seconds()) == 3  # 1, 2, 3 s
    paper = PreparationConfig.paper(frames=5)
    assert missing_samples(times, 3, paper) == 0
    assert missing_samples(times, 5, paper) == 2
    assert missing_samples(times, 5, seconds(sampling="causal", frames=10)) == 2


def frames_and_key():
    frames = np.zeros((4, 1, 3), np.float32)
    frames[:, 0, 0] = [10, 8, 4, 4]
    frames[:, 0, 1] = [10, 10, 6, 10]
    frames[:, 0, 2] = 10
    return frames, np.array([[4, 6, 10]], np.float32)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("key", [2.5, 3, 0]),  # mean of 6 4 0 0; of 4 4 0 4
        ("baseline", [6, 4, 0]),
        ("successive", [2, 8 / 3, 0]),
        ("three_frame", [1, 2, 0]),  # smaller of 2 4 and 4 0; of 0 4 and 4 4
    ],
)
def test_difference_images_have_known_numbers(kind, expected):
    frames, key = frames_and_key()
    config = PreparationConfig(difference=kind, high_percentile=100.0)
    difference = difference_image(frames, key, config)
    assert difference.dtype == np.float32
    np.testing.assert_allclose(difference, np.array([expected]) / max(expected), rtol=1e-6)


def test_the_difference_scale_is_measured_in_the_field():
    frames, key = frames_and_key()
    visible = np.array([[True, False, True]])
    config = PreparationConfig(high_percentile=100.0)
    np.testing.assert_allclose(difference_image(frames, key, config, visible), [[1, 1, 0]])


def test_the_paper_scales_the_difference_from_its_own_minimum():
    frames, key = frames_and_key()
    frames[:, 0, 2] = 11
    scaled = difference_image(frames, key, PreparationConfig.paper())
    np.testing.assert_allclose(scaled, [[0.75, 1, 0]], rtol=1e-6)
    # The robust scale keeps 0 where it is.
    assert difference_image(frames, key, PreparationConfig())[0, 2] > 0.3


@pytest.mark.parametrize("kind", ["successive", "three_frame"])
def test_a_single_frame_has_no_difference(kind):
    frames, key = frames_and_key()
    assert not difference_image(frames[:1], key, PreparationConfig(difference=kind)).any()
    two = difference_image(frames[:2], key, PreparationConfig(difference=kind, high_percentile=100.0))
    np.testing.assert_allclose(two, [[1, 0, 0]])


def test_minmax_reaches_from_nought_to_one():
    image = np.array([[2.0, 4.0], [6.0, 10.0]])
    out = normalise(image, PreparationConfig.paper())
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [[0, 0.25], [0.5, 1]])


def test_robust_cuts_at_the_percentiles():
    image = np.arange(101.0).reshape(1, 101)
    config = PreparationConfig(low_percentile=10.0, high_percentile=60.0)
    assert limits(image, config) == (10.0, 60.0)
    out = normalise(image, config)[0]
    np.testing.assert_allclose(out[[0, 10, 35, 60, 100]], [0, 0, 0.5, 1, 1], atol=1e-6)


def test_given_limits_win_one_by_one():
    image = np.array([[0.0, 5.0, 10.0]])
    paper = PreparationConfig.paper()
    np.testing.assert_allclose(normalise(image, paper, low=5.0), [[0, 0, 1]])
    np.testing.assert_allclose(normalise(image, paper, high=20.0), [[0, 0.25, 0.5]])
    np.testing.assert_allclose(normalise(image, paper, low=0.0, high=5.0), [[0, 1, 1]])


def test_frames_are_scaled_jointly_and_in_the_field():
    frames = np.array([[[0.0, 99.0]], [[10.0, -99.0]]])
    out = normalise(frames, PreparationConfig.paper(), visible=np.array([[True, False]]))
    np.testing.assert_allclose(out[:, 0, 0], [0, 1])
    np.testing.assert_allclose(out[:, 0, 1], [1, 0])


def test_a_flat_image_becomes_nought():
    assert not normalise(np.full((3, 3), 7.0), PreparationConfig()).any()
    assert not normalise(np.full((3, 3), 7.0), PreparationConfig(), visible=np.zeros((3, 3), bool)).any()
    assert normalise(np.ones((1, 1)), PreparationConfig(), low=2.0, high=1.0).dtype == np.float32
