from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.calibration import calibrate, calibrate_between, magnification, row_to_column
from DSANetLib.errors import RunError
from DSANetLib.lesions import find_lesions
from DSANetLib.run import PixelSpacing


@pytest.mark.parametrize(("french", "width", "expected"), [(6, 10, 0.2), (5, 5, 1 / 3), (4, 8, 1 / 6), (2.7, 3, 0.3)])
def test_a_catheter_of_n_french_is_n_thirds_of_a_millimetre_wide(french, width, expected):
    found = calibrate(french, width)
    assert (found.spacing.row_mm, found.spacing.column_mm) == pytest.approx((expected, expected))
    assert found.spacing.calibration == "catheter"
    assert found.relative_error == pytest.approx(1 / width)  # half a pixel on each edge


def test_two_ends_across_the_catheter_give_the_same_as_its_width():
    assert calibrate_between(6, (10.0, 20.0), (13.0, 24.0)).spacing == calibrate(6, 5.0).spacing


def test_pixels_that_are_not_square_keep_their_shape_in_any_direction():
    ratio = row_to_column(PixelSpacing(0.4, 0.2, "detector"))
    upright, level = calibrate_between(6, (0, 0), (5, 0), ratio), calibrate_between(6, (0, 0), (0, 10), ratio)
    assert (upright.spacing.row_mm, upright.spacing.column_mm) == pytest.approx((0.4, 0.2))
    assert level.spacing == upright.spacing
    assert row_to_column(None) == 1.0


def test_sizes_in_mm_come_with_it():
    spacing = calibrate(6, 10).spacing
    mask = np.zeros((20, 20), np.uint8)
    mask[2:7, 3:13] = 1
    (lesion,) = find_lesions(mask, 0, spacing)
    assert lesion.area_mm2 == pytest.approx(50 * 0.04)
    assert lesion.longest_diameter_mm == pytest.approx(0.2 * np.hypot(5, 10))
    assert find_lesions(mask, 0, PixelSpacing(0.2, 0.2, "detector"))[0].area_mm2 is None


def test_the_magnification_is_that_in_the_plane_of_the_catheter():
    assert magnification(0.308, 0.22) == pytest.approx(1.4)
    with pytest.raises(RunError, match=r"0\.50 times its size.*French"):
        magnification(0.2, 0.4)
    with pytest.raises(RunError, match="at the detector is impossible"):
        magnification(float("nan"), 0.4)


@pytest.mark.parametrize(
    ("french", "width", "words"),
    [
        (0, 10, "0 French is impossible.*1 French is 1/3 mm"),
        (float("nan"), 10, "nan French"),
        (100, 10, "100 French"),
        (5, 0, "0 pixels wide.*two edges"),
        (5, 1.9, r"1\.9 pixels wide"),
        (5, float("inf"), "inf pixels wide"),
        (5, 900, "across the catheter"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_remedy(french, width, words):
    with pytest.raises(RunError, match=words):
        calibrate(french, width)
