"""Where a border begins and ends: to the pixel, on films whose noise is known exactly, and just beside each limit."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.preparation.border import Extremes, as_field, find_field

ROWS, COLUMNS = 240, 300
DOWN, ACROSS = np.mgrid[:ROWS, :COLUMNS]


def box(top, left, bottom, right, shape=(ROWS, COLUMNS)):
    """A rectangle's mask; bottom and right are the first line outside."""
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def depth(mask):
    """How many pixels (square) each pixel lies inside the mask: 1 on its rim, 0 outside."""
    import cv2

    return cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1].round()


def still(image):
    return Extremes(image.astype(np.uint8), image.astype(np.uint8))


def noisy(image, moving, swing=12):
    """`image` whose pixels swing by ± `swing` greys where `moving`."""
    low, high = np.where(moving, image - swing, image), np.where(moving, image + swing, image)
    return Extremes(low.astype(np.uint8), high.astype(np.uint8))


def same(found, truth, corners=4):
    """Equal but for what the median filter takes from each corner."""
    return not (found & ~truth).any() and np.count_nonzero(truth & ~found) <= 3 * corners


def anatomy(level=140):
    """A field that slopes by 30 greys from left to right, brightest at the right."""
    return level + 30 * ACROSS / COLUMNS


OPENINGS = {
    "round, off centre": (DOWN - 128) ** 2 + (ACROSS - 125) ** 2 < 101**2,
    "ellipse": ((DOWN - 110) / 85) ** 2 + ((ACROSS - 165) / 120) ** 2 < 1,
    "half disc": ((DOWN - 20) ** 2 + (ACROSS - 150) ** 2 < 140**2) & (DOWN >= 30),
    "uneven octagon": box(20, 35, 215, 270) & (DOWN + ACROSS > 105) & (DOWN - ACROSS < 140) & (ACROSS - DOWN < 190),
    "turned by 30 degrees": (np.abs((DOWN - 120) * 0.866 - (ACROSS - 150) * 0.5) < 75)
    & (np.abs((DOWN - 120) * 0.5 + (ACROSS - 150) * 0.866) < 100),
    "one blade at the left": ACROSS >= 45,
    "two blades below and right": (DOWN < 190) & (ACROSS < 262),
    "round, cut by the frame": (DOWN - 120) ** 2 + (ACROSS - 150) ** 2 < 140**2,
}


@pytest.mark.parametrize("value", [0, 60, 255])
@pytest.mark.parametrize("shape", OPENINGS)
def test_an_opening_is_found_within_a_pixel_of_its_edge(shape, value):
    import cv2

    truth = OPENINGS[shape]
    field = find_field(still(np.where(truth, anatomy(), value)))
    rim = cv2.dilate(truth.astype(np.uint8), np.ones((3, 3))) != cv2.erode(truth.astype(np.uint8), np.ones((3, 3)))
    assert not ((field.visible != truth) & ~rim).any()


@pytest.mark.parametrize("value", [0, 255])
def test_a_rectangles_box_is_exact(value):
    truth = box(23, 41, 201, 277)
    field = find_field(still(np.where(truth, anatomy(), value)))
    assert (field.top, field.left, field.height, field.width) == (23, 41, 201 - 23, 277 - 41)


@pytest.mark.parametrize("brightest", [160, 200])
def test_a_blurred_blade_ends_where_two_fifths_of_the_step_are_climbed(brightest):
    inside = depth(box(20, 30, 210, 280))
    field = find_field(noisy(brightest * np.minimum(inside, 8) / 8, inside > 0, swing=2))
    # 1/8, 2/8 and 3/8 lie below two fifths.
    assert (field.top, field.left, field.height, field.width) == (23, 33, 190 - 6, 250 - 6)


@pytest.mark.parametrize("halo", [1, 7, 8, 9])
def test_a_codecs_halo_counts_as_border_up_to_eight_pixels(halo):
    inside = depth(box(20, 30, 210, 280))
    field = find_field(noisy(np.select([inside == 0, inside <= halo], [0, 30], 160), inside > 0, swing=2))
    taken = min(halo, 8)
    assert (field.top, field.left) == (20 + taken, 30 + taken)
    assert (field.height, field.width) == (190 - 2 * taken, 250 - 2 * taken)


def test_the_step_at_a_blade_is_measured_beside_it_not_deep_in_the_field():
    inside = depth(box(20, 30, 210, 280))
    image = np.select([inside == 0, inside <= 3, inside <= 16], [0, 50, 160], 80)
    field = find_field(noisy(image, inside > 0, swing=2))
    assert (field.top, field.left, field.height, field.width) == (23, 33, 184, 244)  # 50 is under two fifths of 160


def test_the_first_four_pixels_are_held_against_the_second_eight():
    inside = depth(box(20, 30, 210, 280))
    greys = np.select([inside == 0, inside <= 3, inside <= 8, inside <= 13, inside <= 20], [0, 0.65, 0.5, 1, 1.3], 1)
    field = find_field(noisy(160 * greys, inside > 0, swing=2))
    assert same(field.visible, inside > 0)


def test_dark_anatomy_along_the_frames_edge_is_not_taken_for_a_blades_blur():
    truth = OPENINGS["one blade at the left"]
    image = np.where(box(0, 0, 6, COLUMNS) & truth, 40, anatomy())
    field = find_field(noisy(np.where(truth, image, 0), truth, swing=2))
    # Only what lies within eight pixels of the blade goes with it.
    assert not (truth & ~field.visible & ~box(0, 45, 8, 53)).any()
    assert not (field.visible & ~truth).any()


@pytest.mark.parametrize(("beside", "found"), [(0.55, False), (0.65, True)])
def test_a_blade_is_told_from_anatomy_that_fades_by_the_grey_beside_it(beside, found):
    inside = depth(box(20, 30, 210, 280))
    image = 160 * np.select([inside == 0, inside <= 4], [0, beside], 1.0)
    field = find_field(still(image))
    assert field.visible.all() != found


@pytest.mark.parametrize(("level", "found"), [(10, False), (11, True)])
def test_the_field_differs_from_its_border_by_five_hundredths_of_the_range(level, found):
    image = level * box(20, 30, 210, 280)
    image[100:130, 140:170] = 255  # 5 × 0.008 × 255 = 10.2
    assert find_field(still(image)).visible.all() != found


@pytest.mark.parametrize(("legs", "found"), [(45, False), (65, True)])
def test_a_border_takes_a_tenth_of_the_outermost_pixels(legs, found):
    truth = legs <= DOWN + ACROSS
    field = find_field(noisy(np.where(truth, anatomy(), 0), truth))
    assert np.count_nonzero(~field.visible) == pytest.approx(np.count_nonzero(~truth) if found else 0, rel=0.04)


@pytest.mark.parametrize(("side", "found"), [(50, False), (60, True)])
def test_a_field_fills_a_twentyfifth_of_the_frame(side, found):
    truth = box(60, 80, 60 + side, 80 + side)  # 3.5 % and 5 %
    field = find_field(still(np.where(truth, anatomy(), 0)))
    assert (field is not None) == found
    assert field is None or same(field.visible, truth)


def test_a_small_bright_change_on_black_is_a_film_without_border():
    image = np.where(box(60, 80, 110, 130), 100, 0)
    assert find_field(noisy(image, image > 0)).visible.all()


def test_a_still_speck_on_grey_is_a_film_without_border():
    image = np.where(box(60, 80, 110, 130), 100, 50)
    assert find_field(still(image)).visible.all()


def test_three_borders_within_each_other_are_peeled():
    image = np.where(box(12, 15, 230, 290), 0, 255)  # recorder's bars, shutter, collimator
    image = np.where(box(30, 40, 215, 270), 60, image)
    truth = (DOWN - 122) ** 2 + (ACROSS - 155) ** 2 < 85**2
    field = find_field(still(np.where(truth, anatomy(), image)))
    assert np.count_nonzero(field.visible != truth) < 0.01 * truth.sum()


@pytest.mark.parametrize(("cut", "value", "kept"), [(0.5, 0, "hull"), (0.5, 255, "frame"), (0.7, 0, "frame")])
def test_a_bay_in_the_field_is_anatomy_where_black_and_no_collimator_where_white(cut, value, kept):
    outer = box(20, 30, 220, 270)
    bay = box(20, 30, 20 + int(200 * cut), 30 + int(240 * cut))
    field = find_field(still(np.where(outer & ~bay, anatomy(), value)))
    if kept == "frame":
        assert field.visible.all()
    else:  # of the bay, its hull's half comes back
        assert np.count_nonzero(field.visible & bay) == pytest.approx(bay.sum() / 2, rel=0.05)


def test_a_still_pattern_of_two_greys_belongs_to_the_border():
    truth = box(20, 30, 210, 280)
    pattern = 60 + (DOWN // 6 + ACROSS // 6) % 3 - 1
    field = find_field(still(np.where(truth, anatomy(), pattern)))
    assert same(field.visible, truth)


def own_grey(truth, moving=None, border_swing=0):
    """A subtracted film of one grey: only its noise tells the field from the blades."""
    image = np.full((ROWS, COLUMNS), 128.0)
    swing = np.where(truth if moving is None else moving, 12, np.where(truth, 0, border_swing))
    return Extremes((image - swing).astype(np.uint8), (image + swing).astype(np.uint8))


@pytest.mark.parametrize(("right", "found"), [(150, False), (200, True)])
def test_a_field_in_the_films_own_grey_fills_a_quarter_of_the_frame(right, found):
    truth = box(50, 40, 190, right)  # 21 % and 31 %
    field = find_field(own_grey(truth))
    assert same(field.visible, truth) if found else field.visible.all()


@pytest.mark.parametrize(("calm", "found"), [(28, False), (21, True)])
def test_noise_moves_nine_tenths_of_a_field_in_the_films_own_grey(calm, found):
    truth = box(20, 40, 220, 260)
    field = find_field(own_grey(truth, truth & ~box(100, 60, 100 + calm, 240)))  # 11 % and 9 % of the field
    assert same(field.visible, truth) if found else field.visible.all()


@pytest.mark.parametrize(("swing", "found"), [(0, True), (1, False)])
def test_a_border_in_the_films_own_grey_is_perfectly_still(swing, found):
    truth = box(20, 40, 220, 260)
    image = own_grey(truth, border_swing=swing)
    field = find_field(image)
    assert same(field.visible, truth) if found else field.visible.all()


@pytest.mark.parametrize("factor", [1, 5])
def test_inside_the_sources_shutter_a_border_is_sought_whatever_lies_beyond(factor):
    rng = np.random.default_rng(5)
    given, truth = box(15, 25, 225, 280), OPENINGS["turned by 30 degrees"] & box(15, 25, 225, 280)
    image = np.where(truth, anatomy(), 0)
    beyond = rng.integers(0, 255, (ROWS // 10, COLUMNS // 10)).repeat(10, 0).repeat(10, 1)
    image = np.where(given, image, beyond)
    image, given, truth = (x.repeat(factor, 0).repeat(factor, 1) for x in (image, given, truth))
    field = find_field(still(image), given)
    assert not (field.visible & ~given).any()
    assert np.count_nonzero(field.visible != truth) < 0.02 * truth.sum()


@pytest.mark.parametrize("mark", [0, 5000, 65535])
def test_a_mark_beyond_the_sources_shutter_does_not_stretch_the_range(mark):
    truth = OPENINGS["round, off centre"]
    given = ACROSS >= 40
    image = np.where(truth, 600 + DOWN // 8, 100).astype(np.uint16)
    image[100:130, 5:30] = mark
    field = find_field(Extremes(image, image), given)
    assert np.count_nonzero(field.visible != (truth & given)) < 0.01 * truth.sum()


def test_a_film_that_is_flat_inside_the_sources_shutter_has_no_field():
    given = ACROSS >= 40
    assert find_field(still(np.where(given, 90, ACROSS)), given) is None


@pytest.mark.parametrize("rows", [599, 601, 1199, 1203])
def test_large_frames_are_answered_within_a_block(rows):
    truth = box(101, 83, rows - 57, 1151, (rows, 1301))
    field = find_field(still(np.where(truth, 140 + 30 * np.arange(1301) / 1301, 0)))
    block = -(-rows // 600)
    answer = np.array([field.top, field.left, field.top + field.height, field.left + field.width])
    assert np.abs(answer - (101, 83, rows - 57, 1151)).max() < block
    assert field.visible.shape == (rows, 1301)


def test_a_field_has_sixteen_pixels_at_least():
    visible = np.zeros((10, 10), bool)
    visible[3:6, 2:7] = True
    assert as_field(visible) is None
    visible[6, 4] = True
    field = as_field(visible)
    assert (field.top, field.left, field.height, field.width) == (3, 2, 4, 5)
