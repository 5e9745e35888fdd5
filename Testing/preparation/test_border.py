"""Borders: every collimator's shape and grey is found, anatomy is not cut, the crop box is right."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.preparation.border import Extremes, Field, as_field, find_field

ROWS, COLUMNS = 240, 300


def opening(shape):
    down, across = np.mgrid[:ROWS, :COLUMNS] - np.array([118.0, 152.0])[:, None, None]
    if shape == "round":
        return down**2 + across**2 < 105**2
    if shape == "octagon":
        return (np.maximum(np.abs(down), np.abs(across)) < 100) & (np.abs(down) + np.abs(across) < 140)
    if shape == "rotated square":
        turned, other = down * 0.92 - across * 0.39, down * 0.39 + across * 0.92
        return np.maximum(np.abs(turned), np.abs(other)) < 82
    if shape == "rectangle":
        return (np.abs(down) < 90) & (np.abs(across) < 120)
    return np.ones((ROWS, COLUMNS), bool)


def extremes(visible, value, *, seed=0, level=None, dtype=np.uint8, frames=12, still=False):
    """Noise on a sloping field, a constant border of one value; as lowest and highest of some frames."""
    rng = np.random.default_rng(seed)
    level = np.linspace(90, 150, COLUMNS)[None] * np.ones((ROWS, 1)) if level is None else level
    film = level + rng.normal(0, 4, (1 if still else frames, ROWS, COLUMNS))
    film = np.clip(np.where(visible, film, value), 0, 255).round()
    return Extremes(film.min(axis=0).astype(dtype), film.max(axis=0).astype(dtype))


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("value", [0, 60, 128, 255])
@pytest.mark.parametrize("shape", ["round", "octagon", "rotated square", "rectangle"])
def test_every_collimator_in_every_grey_is_found(shape, value):
    # The grey border must differ from the field: a field of the very same grey has no border to see.
    level = np.linspace(170, 230, COLUMNS)[None] * np.ones((ROWS, 1)) if value == 128 else None
    truth = opening(shape)
    field = find_field(extremes(truth, value, level=level))
    assert overlap(field.visible, truth) > 0.97
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    box = (field.top, field.left, field.top + field.height - 1, field.left + field.width - 1)
    assert np.abs(np.array(box) - (rows[0], columns[0], rows[-1], columns[-1])).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_deeper_pixels_are_read_alike(dtype):
    truth = opening("round")
    eight = find_field(extremes(truth, 0))
    deep = extremes(truth, 0)
    deep = Extremes(deep.low.astype(dtype) * 16, deep.high.astype(dtype) * 16)
    np.testing.assert_array_equal(find_field(deep).visible, eight.visible)


def test_a_frame_without_border_is_kept_whole():
    field = find_field(extremes(opening("none"), 0))
    assert (field.top, field.left, field.height, field.width) == (0, 0, ROWS, COLUMNS)
    assert field.visible.all()


def test_dark_anatomy_at_the_edge_is_not_cut():
    level = np.full((ROWS, COLUMNS), 140.0)
    down, across = np.mgrid[:ROWS, :COLUMNS]
    level[:, :70] = 5  # noisy and next to black, along a whole side
    level[(down - 240) ** 2 + (across - 220) ** 2 < 60**2] = 2
    assert find_field(extremes(opening("none"), 0, level=level)).visible.all()


def test_a_black_bay_at_a_collimators_edge_is_given_back():
    truth = opening("rectangle")
    level = np.full((ROWS, COLUMNS), 140.0)
    level[60:110, 20:60] = -20  # clipped to black: no noise left to tell it by
    field = find_field(extremes(truth, 0, level=level))
    assert overlap(field.visible, truth) > 0.97


def test_saturated_lung_is_not_taken_for_a_white_border():
    down, across = np.mgrid[:ROWS, :COLUMNS]
    level = 330 - 0.9 * np.abs(across - 150) * 0 - 2.2 * down  # white over the top third, fading slowly
    level = np.where(across < 150, level, level - 40)
    assert find_field(extremes(opening("none"), 0, level=level)).visible.all()


def test_a_flat_subtracted_film_has_no_border():
    rng = np.random.default_rng(3)
    film = np.full((8, ROWS, COLUMNS), 180.0) + rng.integers(0, 2, (8, ROWS, COLUMNS))
    film[3:, 100:140, 100:180] -= 60
    field = find_field(Extremes(film.min(axis=0).astype(np.uint8), film.max(axis=0).astype(np.uint8)))
    assert field.visible.all()


def test_a_film_whose_whole_field_is_flat_keeps_it_inside_the_collimator():
    truth = opening("round")
    film = np.where(truth, 180, 0).astype(np.uint8)
    low = film.copy()
    low[100:103, 100:180] = 60
    assert overlap(find_field(Extremes(low, film)).visible, truth) > 0.97
    glowing = np.zeros((ROWS, COLUMNS), np.uint8)
    glowing[100:110, 100:180] = 200  # bright contrast on black, clipped
    assert find_field(Extremes(np.zeros_like(glowing), glowing)).visible.all()


@pytest.mark.parametrize("shape", ["round", "octagon", "rectangle"])
def test_subtraction_leaves_a_border_in_the_films_own_grey(shape):
    truth = opening(shape)
    field = find_field(extremes(truth, 128, level=np.full((ROWS, COLUMNS), 128.0)))
    assert overlap(field.visible, truth) > 0.95


@pytest.mark.parametrize("value", [0, 255])
def test_burnt_in_text_does_not_widen_the_field(value):
    truth = opening("round")
    e = extremes(truth, value)
    for image in (e.low, e.high):
        image[6:18, 8:12] = 200 if value == 0 else 20
        image[6:9, 8:40] = 200 if value == 0 else 20
        image[220:232, 270:274] = 200 if value == 0 else 20
    assert overlap(find_field(e).visible, truth) > 0.97


def test_a_border_within_a_border_is_peeled_too():
    truth = opening("round")
    e = extremes(truth, 0)
    for image in (e.low, e.high):
        image[:, :40] = 255
        image[:, -30:] = 255
    assert overlap(find_field(e).visible, truth) > 0.96


def test_a_codecs_ringing_belongs_to_the_border():
    truth = opening("octagon")
    e = extremes(truth, 0)
    rng = np.random.default_rng(1)
    ringing = (~truth) & (rng.random((ROWS, COLUMNS)) < 0.4)
    near = np.zeros_like(truth)
    for shift in range(1, 7):
        for axis in (0, 1):
            near |= np.roll(truth, shift, axis) | np.roll(truth, -shift, axis)
    e.high[ringing & near] = rng.integers(3, 18, np.count_nonzero(ringing & near))
    assert overlap(find_field(e).visible, truth) > 0.96


def test_the_sources_shutter_is_respected():
    given = opening("rectangle")
    field = find_field(extremes(opening("none"), 0), given)
    np.testing.assert_array_equal(field.visible, given)
    inside = find_field(extremes(opening("round"), 0), given)
    assert not (inside.visible & ~given).any()
    assert overlap(inside.visible, given & opening("round")) > 0.96


def test_large_frames_are_searched_in_blocks_and_answered_in_pixels():
    truth = opening("round").repeat(5, axis=0).repeat(5, axis=1)[:1201, :1499]
    e = extremes(opening("round"), 0)
    big = Extremes(*(x.repeat(5, axis=0).repeat(5, axis=1)[:1201, :1499] for x in (e.low, e.high)))
    truth = np.pad(truth, ((0, 1201 - truth.shape[0]), (0, 1499 - truth.shape[1])))
    big = Extremes(*(np.pad(x, ((0, 1201 - x.shape[0]), (0, 1499 - x.shape[1]))) for x in (big.low, big.high)))
    field = find_field(big)
    assert field.visible.shape == (1201, 1499)
    assert overlap(field.visible, truth) > 0.97


def test_a_frame_of_nothing_has_no_field():
    flat = np.zeros((ROWS, COLUMNS), np.uint8)
    assert find_field(Extremes(flat, flat)) is None
    speck = flat.copy()
    speck[100:110, 100:110] = 200
    assert find_field(Extremes(speck, speck)) is None
    assert find_field(extremes(opening("none"), 0), np.zeros((ROWS, COLUMNS), bool)) is None


def test_the_box_holds_the_field_exactly():
    visible = np.zeros((50, 60), bool)
    visible[10:30, 5:45] = True
    field = as_field(visible)
    assert isinstance(field, Field)
    assert (field.top, field.left, field.height, field.width) == (10, 5, 20, 40)
    visible[:] = False
    visible[:10, :12] = True  # exactly 4 % of the frame
    assert as_field(visible) is not None
    visible[0, 0] = False
    assert as_field(visible) is None
