"""Arrival and key frame: where the vessels begin to fill, and where tissue is fully stained."""

from __future__ import annotations

import numpy as np
import pytest
from films import ARRIVAL_S, STAIN_S, film

from DSANetLib.errors import PreparationError
from DSANetLib.preparation import PreparationConfig, find_arrival, pick_key_frame
from DSANetLib.preparation.arrival import baseline_of, reduced, reduced_mask, vessel_curve, without_rim
from DSANetLib.preparation.keyframe import (
    frame_durations,
    low_frequencies,
    mean_curve,
    smooth_seconds,
    smooth_three,
    stain_curve,
)


def stack_of(**settings):
    frames, times = film(rows=128, columns=128, **settings)
    return frames.astype(np.float32), times


WHOLE = np.ones((128, 128), bool)


@pytest.mark.parametrize("rate", [1.0, 2.0, 4.0, 7.5])
def test_arrival_is_found_within_a_frame_or_half_a_second(rate):
    stack, times = stack_of(rate=rate, count=int(12 * rate))
    arrival = find_arrival(stack, times, WHOLE)
    assert abs(times[arrival] - ARRIVAL_S) <= max(0.5, 1 / rate)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [1.0, 2.0, 4.0, 7.5])
def test_the_key_frame_is_the_full_stain_not_the_full_vessel(rate, seed):
    stack, times = stack_of(rate=rate, count=int(12 * rate), seed=seed)
    key = pick_key_frame(stack, times, WHOLE)
    assert abs(key.time_s - STAIN_S) <= max(0.5, 1 / rate)
    assert key.time_s == times[key.index]
    assert key.chosen_by == "automatic"
    assert key.curve.shape == times.shape
    assert key.curve.dtype == np.float64
    assert (key.curve >= 0).all()
    assert not key.at_end


def test_a_change_of_frame_rate_within_the_run_does_not_move_it():
    stack, times = stack_of(rate=7.5, count=90)
    chosen = np.r_[np.arange(0, 30, 1), np.arange(30, 90, 7)]
    key = pick_key_frame(stack[chosen], times[chosen], WHOLE)
    assert abs(key.time_s - STAIN_S) <= 0.94


def test_a_user_wins_and_the_curve_is_kept():
    stack, times = stack_of()
    own, automatic = pick_key_frame(stack, times, WHOLE, chosen=3), pick_key_frame(stack, times, WHOLE)
    assert (own.index, own.chosen_by, own.time_s) == (3, "user", times[3])
    np.testing.assert_array_equal(own.curve, automatic.curve)
    for wrong in (-1, len(stack)):
        with pytest.raises(PreparationError, match=f"key frame {wrong + 1} of a run of 24 frames"):
            pick_key_frame(stack, times, WHOLE, chosen=wrong)


def test_a_run_that_ends_before_the_blush_is_flagged():
    stack, times = stack_of(count=10)  # 4.5 s
    key = pick_key_frame(stack, times, WHOLE)
    assert key.index == 9
    assert key.at_end


def test_motion_outside_the_region_does_not_count():
    stack, times = stack_of()
    region = WHOLE.copy()
    region[:, :20] = False
    stack[10:14, :, 2:6] -= 150
    assert pick_key_frame(stack, times, region).index == pick_key_frame(stack_of()[0], times, region).index


def test_vessels_alone_still_give_a_key_frame():
    stack = np.full((20, 128, 128), 180, np.float32)
    stack[8:11, 60:62, 30:100] = 80
    stack[9, 60:62, 30:100] = 60
    key = pick_key_frame(stack, np.arange(20) * 0.25, WHOLE)
    assert 8 <= key.index <= 12


def test_the_mean_statistic_is_the_plain_mean_over_three_frames():
    stack = np.full((6, 64, 64), 100, np.float32)
    stack[3] = 70
    stack[4] = 94
    config = PreparationConfig.paper(key_blur=0.0)
    key = pick_key_frame(stack, np.arange(6.0), np.ones((64, 64), bool), arrival=2, config=config)
    np.testing.assert_allclose(key.curve, [0, 0, 10, 12, 12, 3], atol=1e-5)
    assert key.index == 3


def test_a_still_film_arrives_at_once():
    still = np.full((5, 128, 128), 9.0, np.float32)
    assert find_arrival(still, np.arange(5.0), WHOLE) == 0
    assert find_arrival(still[:1], np.zeros(1), WHOLE) == 0
    with pytest.raises(PreparationError, match="4 times for 5 frames"):
        find_arrival(still, np.arange(4.0), WHOLE)


def test_the_vessel_curve_counts_thin_dark_lines_only():
    stack = np.full((5, 128, 128), 100, np.float32)
    stack[2, 64, 10:118] = 40  # 108 pixels, more than the share of 81
    stack[3, 64, 10:118] = 160  # bright
    stack[4, 20:80, 20:80] = 40  # broad
    np.testing.assert_allclose(vessel_curve(stack, WHOLE), [0, 0, 60, 0, 0], atol=1e-4)
    half = WHOLE.copy()
    half[50:] = False
    np.testing.assert_allclose(vessel_curve(stack, half), 0, atol=1e-4)


def test_arrival_walks_back_from_the_peak_to_a_quarter():
    stack = np.full((8, 128, 128), 200, np.float32)
    for frame, depth in enumerate([0, 0, 50, 10, 26, 60, 100, 40]):
        stack[frame, 64, 10:118] -= depth
    # An early flicker (frame 2) is not the rise; 26 of 100 is above a quarter, 10 is not.
    assert find_arrival(stack, np.arange(8.0), WHOLE) == 4
    stack[4, 64, 10:118] = 200 - 25
    assert find_arrival(stack, np.arange(8.0), WHOLE) == 5


def test_the_baseline_is_the_median_before_arrival():
    stack = np.array([1, 5, 2, 100, 100], np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    np.testing.assert_array_equal(baseline_of(stack, 3), np.full((2, 2), 2))
    np.testing.assert_array_equal(baseline_of(stack, 0), np.full((2, 2), 1))
    np.testing.assert_array_equal(baseline_of(stack, 1), np.full((2, 2), 1))
    long = np.arange(100, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert baseline_of(long, 23)[0, 0] == 11
    assert baseline_of(stack.astype(np.float16), 3).dtype == np.float32


def test_reducing_is_by_area_and_leaves_the_stack_alone():
    stack = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    np.testing.assert_allclose(reduced(stack, 2), [[[2.5, 4.5], [10.5, 12.5]], [[18.5, 20.5], [26.5, 28.5]]])
    same = reduced(stack, 4)
    same += 1
    assert stack[0, 0, 0] == 0
    assert reduced(stack.astype(np.float16), 2).dtype == np.float32
    mask = np.ones((4, 4), bool)
    mask[0, 0] = False
    np.testing.assert_array_equal(reduced_mask(mask, 2), [[False, True], [True, True]])


def test_the_rim_is_taken_off_by_a_share_of_the_side():
    visible = np.ones((100, 100), bool)
    inside = without_rim(visible)
    assert (inside[4:96, 4:96]).all()
    assert inside.sum() == 92 * 92
    thin = np.zeros((100, 100), bool)
    thin[50:53] = True
    np.testing.assert_array_equal(without_rim(thin), thin)


def test_frames_stand_for_the_time_around_them():
    np.testing.assert_allclose(frame_durations(np.array([0, 1, 3, 7.0])), [1, 1.5, 3, 4])
    np.testing.assert_array_equal(frame_durations(np.zeros(1)), [1])


def test_smoothing_over_three_frames():
    np.testing.assert_allclose(smooth_three(np.array([3.0, 0, 6, 3])), [1.5, 3, 3, 4.5])
    np.testing.assert_allclose(smooth_three(np.array([3.0])), [3])


def test_smoothing_in_seconds_weighs_frames_by_their_time():
    times = np.array([0, 1, 3.0])
    weight = np.array([1, 1.5, 2]) * np.exp(-0.5 * np.array([1, 0, 4]))
    curve = np.array([2.0, 5, 11])
    assert smooth_seconds(curve, times, 1.0)[1] == pytest.approx((weight * curve).sum() / weight.sum())
    np.testing.assert_array_equal(smooth_seconds(curve, times, 0.0), curve)
    np.testing.assert_allclose(smooth_seconds(np.full(600, 4.0), np.arange(600) * 0.1, 0.5), 4)


def test_the_mean_curve_is_the_positive_part_in_the_region():
    stack = np.full((2, 8, 8), 10, np.float32)
    stack[1, :, :4] = 4
    stack[1, :, 4:] = 30
    region = np.ones((8, 8), bool)
    np.testing.assert_allclose(mean_curve(stack, region, stack[0], 0.0), [0, 3])
    region[:, 4:] = False
    np.testing.assert_allclose(mean_curve(stack, region, stack[0], 0.0), [0, 6])


def test_low_frequencies_keep_the_sum_and_spread_a_point():
    frames = np.zeros((1, 50, 50), np.float32)
    frames[0, 25, 25] = 1
    out = low_frequencies(frames.copy(), 0.04)
    assert out.sum() == pytest.approx(1, abs=1e-4)
    assert out[0, 25, 27] / out[0, 25, 25] == pytest.approx(np.exp(-0.5), rel=1e-3)
    np.testing.assert_array_equal(low_frequencies(frames.copy(), 0.0), frames)


def test_the_stain_curve_follows_the_most_stained_pixels_and_no_vessel():
    stack = np.full((9, 128, 128), 100, np.float32)
    times = np.arange(9.0)
    stack[1:4, 30:34, :] = 0  # a vessel
    depth = np.array([0, 0, 0, 10, 20, 30, 20, 10, 0], np.float32)
    stack[:, 60:110, 60:110] -= depth[:, None, None]
    config = PreparationConfig(key_blur=0.0, stain_share=0.02)
    curve = stain_curve(stack, times, WHOLE, stack[0], 1, config)
    np.testing.assert_allclose(curve, depth, atol=0.05)
