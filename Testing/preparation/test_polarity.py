"""Polarity and subtraction are found from the film."""

from __future__ import annotations

import numpy as np
import pytest
from films import film

from DSANetLib.preparation.polarity import contrast_balance, is_flat

VISIBLE = np.ones((96, 96), bool)


def small(**settings):
    import cv2

    frames, _ = film(rows=96, columns=96, **settings)
    return np.stack([cv2.resize(f, (96, 96)) for f in frames]).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("subtracted", [True, False])
def test_dark_and_bright_contrast_are_told_apart(subtracted, seed):
    dark = contrast_balance(small(subtracted=subtracted, seed=seed), VISIBLE)
    bright = contrast_balance(small(subtracted=subtracted, seed=seed, inverted=True), VISIBLE)
    assert dark > 0.2
    assert bright == pytest.approx(-dark, abs=1e-3)


def test_a_single_frame_tells_nothing():
    assert contrast_balance(small()[:1], VISIBLE) == 0.0


def test_still_frames_tell_nothing():
    assert contrast_balance(np.full((4, 96, 96), 9.0, np.float32), VISIBLE) == 0.0


@pytest.mark.parametrize("inverted", [True, False])
def test_subtracted_and_plain_films_are_told_apart(inverted):
    assert is_flat(small(inverted=inverted), VISIBLE)
    assert not is_flat(small(subtracted=False, inverted=inverted), VISIBLE)


def test_only_the_field_counts():
    frames = small(subtracted=True)
    frames[:, :30] = 0
    visible = VISIBLE.copy()
    visible[:32] = False
    assert is_flat(frames, visible)
    assert contrast_balance(frames, visible) > 0.2
