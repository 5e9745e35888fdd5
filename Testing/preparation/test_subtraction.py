"""Subtraction: log domain, masks by average or interval, sub-pixel shift; exact numbers."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.preparation.subtraction import (
    LOG_GAIN,
    Subtraction,
    automatic_mask,
    choose_mask,
    grey_table,
    mask_indices,
    shifted,
    subtract_interval,
    subtract_mask,
)
from DSANetLib.run import DSARun, MaskSubtraction


def run(mask=None):
    return DSARun(np.zeros((6, 4, 4), np.uint8), "x", mask=mask)


def test_linear_greys_reach_from_0_to_255_at_any_depth():
    np.testing.assert_allclose(grey_table(0, 255, inverted=False, log=False), np.arange(256))
    twelve = grey_table(0, 4095, inverted=False, log=False)
    assert (len(twelve), twelve[0], twelve[-1]) == (4096, 0, 255)
    signed = grey_table(-8, 7, inverted=False, log=False)
    np.testing.assert_allclose(signed, np.arange(16) * 17)
    assert signed.dtype == np.float32


def test_inversion_turns_the_scale_round():
    np.testing.assert_allclose(grey_table(0, 255, inverted=True, log=False), 255 - np.arange(256))
    np.testing.assert_allclose(grey_table(0, 3, inverted=True, log=True), LOG_GAIN * np.log([4, 3, 2, 1]), rtol=1e-6)


def test_the_logarithm_turns_absorption_into_a_difference():
    table = grey_table(0, 255, inverted=False, log=True)
    np.testing.assert_allclose(table[[0, 1, 255]], LOG_GAIN * np.log([1, 2, 256]), rtol=1e-6)
    # Half the intensity is the same step wherever it happens.
    np.testing.assert_allclose(table[127] - table[63], table[255] - table[127], rtol=1e-5)


def test_the_users_mask_wins_over_the_sources():
    asked = MaskSubtraction("AVG_SUB", (1, 2), (0.5, -1.0))
    facts = choose_mask(run(asked), 4, None)
    assert facts == Subtraction(True, "source", "user", "AVG_SUB", (4,), (0.5, -1.0))
    assert choose_mask(run(asked), None, (2, 3)).shift_px == (2.0, 3.0)


def test_the_sources_mask_is_followed():
    facts = choose_mask(run(MaskSubtraction("AVG_SUB", (1, 2), (0.5, -1.0))), None, None)
    assert (facts.mask_from, facts.operation, facts.frames, facts.shift_px) == (
        "source",
        "AVG_SUB",
        (1, 2),
        (0.5, -1.0),
    )
    facts = choose_mask(run(MaskSubtraction("TID", tid_offset=2)), None, None)
    assert (facts.mask_from, facts.operation, facts.frames, facts.tid_offset) == ("source", "TID", (), 2)
    assert choose_mask(run(MaskSubtraction("REV_TID", tid_offset=3)), None, None).operation == "REV_TID"


@pytest.mark.parametrize("mask", [None, MaskSubtraction(), MaskSubtraction("AVG_SUB")])
def test_without_a_named_mask_ours_is_chosen(mask):
    facts = choose_mask(run(mask), None, None)
    assert (facts.performed, facts.mask_from, facts.operation, facts.frames) == (True, "automatic", "AVG_SUB", ())


@pytest.mark.parametrize(
    ("arrival", "frames"),
    [(0, (0,)), (1, (0,)), (2, (1,)), (3, (1,)), (4, (1, 2)), (6, (1, 2, 3, 4)), (9, (4, 5, 6, 7))],
)
def test_the_automatic_mask_lies_right_before_arrival(arrival, frames):
    assert automatic_mask(Subtraction(True), arrival).frames == frames


def test_interval_masks_follow_dicom():
    assert mask_indices(Subtraction(True, operation="TID", tid_offset=2), 6).tolist() == [0, 0, 0, 1, 2, 3]
    assert mask_indices(Subtraction(True, operation="TID", tid_offset=-1), 4).tolist() == [1, 2, 3, 3]
    # The second half is subtracted from the first in reverse: 3-2, 4-1, 5-0.
    assert mask_indices(Subtraction(True, operation="REV_TID", tid_offset=1), 6).tolist() == [2, 2, 2, 2, 1, 0]
    assert mask_indices(Subtraction(True, operation="REV_TID", tid_offset=1), 7).tolist() == [3, 3, 3, 3, 3, 2, 1]


def test_one_mask_is_subtracted_from_all():
    stack = np.array([[[10.0, 20.0]], [[7.0, 20.0]]], np.float32)
    subtract_mask(stack, np.array([[10.0, 20.0]], np.float32))
    np.testing.assert_allclose(stack, np.array([[[0, 0]], [[-3, 0]]]) + LOG_GAIN)


@pytest.mark.parametrize("masks", [[0, 0, 1, 2, 3], [1, 2, 3, 4, 4], [2, 2, 2, 1, 0], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
def test_interval_subtraction_uses_untouched_frames(masks):
    grey = np.array([3.0, 1.0, 4.0, 1.5, 9.0], np.float32)
    stack = grey[:, None, None] * np.ones((1, 2, 2), np.float32)
    subtract_interval(stack, np.array(masks), (0.0, 0.0))
    np.testing.assert_allclose(stack[:, 1, 1], grey - grey[masks] + LOG_GAIN)


def test_interval_subtraction_moves_the_mask():
    stack = np.zeros((2, 3, 4), np.float32)
    stack[0, 1, 1] = 8
    subtract_interval(stack, np.array([0, 0]), (1.0, 2.0))
    expected = np.zeros((3, 4))
    expected[2, 3] = -8
    np.testing.assert_allclose(stack[1], expected + LOG_GAIN, atol=1e-4)


def test_a_shift_moves_down_and_right_by_parts_of_a_pixel():
    image = np.zeros((5, 6), np.float32)
    image[2, 2] = 4
    np.testing.assert_allclose(shifted(image, (1.0, 0.0))[3, 2], 4, atol=1e-4)
    np.testing.assert_allclose(shifted(image, (0.0, -1.0))[2, 1], 4, atol=1e-4)
    half = shifted(image, (0.5, 0.25))
    np.testing.assert_allclose(half[2:4, 2:4], [[1.5, 0.5], [1.5, 0.5]], atol=1e-4)
    assert shifted(image, (0.0, 0.0)) is image


def test_a_shift_repeats_the_edge():
    image = np.tile(np.arange(4, dtype=np.float32), (3, 1))
    np.testing.assert_allclose(shifted(image, (0.0, 1.0))[0], [0, 0, 1, 2], atol=1e-4)
