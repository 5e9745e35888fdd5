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


SIDE = 100  # of the hand-made films below: a row is a hundredth of the field


def plain_field(count=8, level=120.0):
    return np.full((count, SIDE, SIDE), level, np.float32)


def balance(frames):
    return contrast_balance(frames, np.ones(frames.shape[1:], bool))


def flat(frames):
    return is_flat(frames, np.ones(frames.shape[1:], bool))


def angiogram(vessel=-30.0):
    """An unsubtracted film without noise: air over a fifth of the field, a vessel in it from the third frame on."""
    frames = plain_field()
    frames[:, 70:90] += 60
    frames[2:, 78] += vessel
    return frames


def test_a_lone_dark_vessel_on_a_subtracted_film_speaks_fully_for_dark_contrast():
    frames = plain_field()
    frames[3:, 40] -= 30
    assert balance(frames) == pytest.approx(2.0 + 0.3)  # the vessel's hat counts 2, its tail 0.3
    assert balance(240 - frames) == pytest.approx(-2.3)


def test_two_frames_are_enough():
    frames = plain_field(2)
    frames[1, 40] -= 30
    assert balance(frames) == pytest.approx(2.3)


def test_a_stain_alone_speaks_through_its_tail():
    frames = plain_field()
    frames[3:, 40:60, 40:60] -= 30  # broader than a vessel: no hat
    assert balance(frames) == pytest.approx(0.3)
    assert balance(240 - frames) == pytest.approx(-0.3)


def test_the_deeper_of_two_vessels_decides_in_proportion():
    frames = plain_field()
    frames[3:, 30:70:30] -= 40
    frames[3:, 45:80:30] += 20
    assert balance(frames) == pytest.approx(2.3 * (40 - 20) / (40 + 20))


def test_the_strongest_fiftieth_of_the_field_is_weighed():
    frames = plain_field()
    frames[3:, 30:50:10] -= 20  # a fiftieth of the field
    frames[3:, 70] += 20  # half of that
    assert balance(frames) == pytest.approx(2.3 * (1 - 0.5) / (1 + 0.5))


def test_at_least_one_pixel_of_a_tiny_field_is_weighed():
    frames = np.full((4, 9, 9), 100.0, np.float32)
    frames[2:, 6, 4] -= 30
    frames[2:, 2, 2:7:4] += 30  # two against one, but no stronger
    assert balance(frames) == pytest.approx(0.0)


def test_on_an_unsubtracted_film_vessel_and_change_speak_against_the_air():
    # Hats of the change and of the frames 1 each, the change's tail 0.5; air is bright, so contrast is dark: 0.9.
    assert balance(angiogram()) == pytest.approx(1 + 1 + 0.5 + 0.9)
    assert balance(300 - angiogram()) == pytest.approx(-3.4)


def test_what_stands_still_speaks_through_the_frames_alone():
    frames = angiogram()
    frames[:, 20] += 30  # a catheter: bright in every frame, as broad as the vessel
    seen = 6 / 8  # the vessel is in six of eight frames
    # Half of a fiftieth is the vessel, half of one the catheter.
    assert balance(frames) == pytest.approx(1 + (seen - 1) / (seen + 1) + 0.5 + 0.9)


def test_vessels_on_an_unsubtracted_film_are_looked_for_in_the_strongest_two_hundredth():
    frames = plain_field()
    frames[:, 70:90] += 60
    frames[2:, 78, :50] -= 30  # a two-hundredth of the field, dark
    frames[2:, 82, :25] += 30  # half of that, bright
    hats = (1 - 0.5) / (1 + 0.5)
    assert balance(frames) == pytest.approx(hats + hats + 0.5 * hats + 0.9)


def test_more_vessels_than_are_weighed_do_not_outweigh_equally_strong_ones():
    frames = plain_field()
    frames[:, 70:90] += 60
    frames[2:, 72:84:4] -= 30  # three vessels
    frames[2:, 84:89:4] += 30  # two, and only the air is left to decide
    assert balance(frames) == pytest.approx(0.9)


@pytest.mark.parametrize("make", [angiogram, lambda: small().copy()])
def test_the_unit_of_grey_does_not_matter(make):
    frames = make()
    assert balance(frames / 5000) == pytest.approx(balance(frames), rel=1e-3)
    assert flat(frames / 5000) == flat(frames)


def test_a_flickering_tube_does_not_matter_on_a_subtracted_film():
    frames = plain_field()
    frames[3:, 40] -= 30
    flicker = np.resize([0, 12, -7], len(frames)).astype(np.float32)[:, None, None]
    assert balance(frames + flicker) == pytest.approx(balance(frames))


def test_flicker_moves_the_tails_of_an_unsubtracted_film_by_nothing():
    frames = angiogram()
    flicker = np.resize([0, 0, 3, -3], len(frames)).astype(np.float32)[:, None, None]
    without = balance(frames)
    # Only the change sees it: its bright tail is the flicker's, three frames of +3 against six vessels of 30 ± 3.
    assert without - 0.15 < balance(frames + flicker) < without


@pytest.mark.parametrize("subtracted", [True, False])
def test_what_lies_outside_the_field_changes_nothing(subtracted):
    frames = small(subtracted=subtracted)
    visible = np.zeros((96, 96), bool)
    visible[20:, 14:] = True
    other = frames.copy()
    other[:, :12] = np.random.default_rng(4).uniform(0, 255, other[:, :12].shape)
    other[::2, :, :6] = 250
    assert is_flat(other, visible) == is_flat(frames, visible) == subtracted
    assert contrast_balance(other, visible) == contrast_balance(frames, visible)


@pytest.mark.parametrize(("anatomy", "expected"), [(68.0, True), (72.0, False)])
def test_a_film_is_subtracted_when_its_flattest_frame_has_less_than_seven_tenths_of_what_contrast_brings(
    anatomy, expected
):
    frames = plain_field()
    frames[:, 70:90] -= anatomy
    frames[5:, 10:20] += 100
    assert flat(frames) is expected


@pytest.mark.parametrize(("anatomy", "expected"), [(9.0, True), (11.0, False)])
def test_a_film_is_subtracted_when_its_flattest_frame_has_less_than_a_tenth_of_the_runs_range(anatomy, expected):
    frames = plain_field()
    frames[:, 70:90] -= anatomy
    frames[:, 50, 50] = 120 + 100 - anatomy  # a marker that is always there: range without change
    assert flat(frames) is expected


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize(("rows", "expected"), [(2, True), (3, False)])
def test_structure_counts_where_it_fills_more_than_a_fiftieth_of_the_field(rows, expected, inverted):
    frames = plain_field()
    frames[:, 20:40] -= 30  # a shadow, so that the run's range alone does not make it flat
    frames[:, 90 : 90 + rows] += 100  # a rib
    frames[5:, 45:60] += 100
    assert flat(240 - frames if inverted else frames) is expected


@pytest.mark.parametrize(("rows", "expected"), [(2, False), (3, True)])
def test_contrast_counts_where_it_fills_more_than_a_fiftieth_of_the_field(rows, expected):
    frames = plain_field()
    frames[:, 20:40] -= 30
    frames[5:, 60 : 60 + rows] += 100
    assert flat(frames) is expected


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize(("rows", "expected"), [(10, True), (11, False)])
def test_against_the_runs_range_structure_counts_where_it_fills_more_than_a_tenth_of_the_field(
    rows, expected, inverted
):
    frames = plain_field()
    frames[:, 40 : 40 + rows] += 20
    frames[:, 90, 90] = 40  # a marker that is always there: a range of 100
    assert flat(240 - frames if inverted else frames) is expected


@pytest.mark.parametrize("seed", range(3))
def test_pixel_noise_is_no_structure(seed):
    rng = np.random.default_rng(seed)
    frames = plain_field(6) + rng.normal(0, 28, (6, SIDE, SIDE)).astype(np.float32)
    frames[4:, 40:50] -= 40
    assert flat(frames)
