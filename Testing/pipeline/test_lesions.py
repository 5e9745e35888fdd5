"""Lesions are counted, measured and placed as one would with a ruler."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.lesions import find_lesions, longest_diameter
from DSANetLib.run import PixelSpacing


def _mask(shape=(90, 70)):
    return np.zeros(shape, np.uint8)


def test_empty_mask_has_no_lesion():
    assert find_lesions(_mask(), 3) == ()


def test_rectangle_is_measured_corner_to_corner():
    mask = _mask()
    mask[10:40, 20:60] = 1
    (lesion,) = find_lesions(mask, 3)
    assert (lesion.frame, lesion.number, lesion.area_px) == (3, 1, 1200)
    assert (lesion.row, lesion.column) == (24.5, 39.5)
    assert lesion.longest_diameter_px == pytest.approx(50.0)  # 30 x 40, corners included
    assert lesion.ends in {((9.5, 19.5), (39.5, 59.5)), ((9.5, 59.5), (39.5, 19.5))}
    assert lesion.area_mm2 is None
    assert lesion.longest_diameter_mm is None


def test_calibrated_spacing_of_unequal_sides_gives_mm():
    mask = _mask()
    mask[10:40, 20:60] = 1
    (lesion,) = find_lesions(mask, 0, PixelSpacing(0.5, 0.25, "calibrated"))
    assert lesion.area_mm2 == pytest.approx(150.0)
    assert lesion.longest_diameter_mm == pytest.approx(np.hypot(15, 10))
    assert lesion.longest_diameter_px == pytest.approx(50.0)


@pytest.mark.parametrize("calibration", ["detector", "unknown"])
def test_uncalibrated_spacing_gives_pixels_only(calibration):
    mask = _mask()
    mask[3, 4] = 1
    (lesion,) = find_lesions(mask, 0, PixelSpacing(0.5, 0.5, calibration))
    assert lesion.area_mm2 is None
    assert lesion.longest_diameter_mm is None
    assert lesion.longest_diameter_px == pytest.approx(np.sqrt(2))


def test_largest_comes_first_and_corners_touching_are_one():
    mask = _mask()
    mask[2:5, 2:5] = 1
    mask[5:8, 5:8] = 1  # touches at a corner: one lesion of 18
    mask[50:60, 10:20] = 1
    mask[80, 60] = 1
    lesions = find_lesions(mask, 0)
    assert [x.area_px for x in lesions] == [100, 18, 1]
    assert [x.number for x in lesions] == [1, 2, 3]


def test_equal_areas_are_ordered_from_top_to_bottom():
    mask = _mask()
    mask[60:62, 5:7] = 1
    mask[20:22, 50:52] = 1
    assert [x.row for x in find_lesions(mask, 0)] == [20.5, 60.5]


def test_diameter_equals_brute_force_on_random_shapes():
    rng = np.random.default_rng(5)
    for _ in range(20):
        points = rng.integers(0, 30, (rng.integers(1, 40), 2))
        size = rng.uniform(0.2, 2.0, 2)
        corners = (points[:, None] + np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])).reshape(-1, 2)
        scaled = corners * size
        expected = np.linalg.norm(scaled[:, None] - scaled[None], axis=2).max()
        length, ends = longest_diameter(points, tuple(size))
        assert length == pytest.approx(expected, rel=1e-6)
        assert np.linalg.norm((np.array(ends[0]) - ends[1]) * size) == pytest.approx(expected, rel=1e-6)
