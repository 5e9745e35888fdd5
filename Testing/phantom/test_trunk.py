"""The trunk looks like a trunk: bright lungs, soft flanks, no step at the chest's edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.phantom.anatomy import draw_anatomy
from DSANetLib.phantom.detector import Export
from DSANetLib.phantom.geometry import View
from DSANetLib.phantom.ribs import chest_reach
from DSANetLib.phantom.skeleton import draw_skeleton
from DSANetLib.phantom.trunk import draw_trunk, soft_tissue

WIDE = View(320, 320, 0.14, -1.0, -2.0)
DISPLAY = Export(False, 12, 260.0, 128.0, False, None, 0.6)


@pytest.fixture(scope="module", params=[7, 8, 9])
def body(request):
    rng = np.random.default_rng(request.param)
    anatomy = draw_anatomy(rng)
    skeleton = draw_skeleton(rng, anatomy)
    return anatomy, skeleton, draw_trunk(rng, anatomy, skeleton)


def _at(image: np.ndarray, x: float, y: float) -> float:
    column, row = np.round(WIDE.pixels(np.array([[x, y]]))[0]).astype(int)
    return float(image[row - 2 : row + 3, column - 2 : column + 3].mean())


def test_lungs_are_bright_and_show_vessels(body):
    anatomy, _, trunk = body
    image = soft_tissue(anatomy, trunk, WIDE)
    x, y = anatomy.liver.right.centre[0], anatomy.dome_y_cm
    assert _at(image, x, y - 4) < _at(image, x, y + 5) - 0.8
    bare = soft_tissue(anatomy, replace(trunk, markings=tuple(() for _ in trunk.markings)), WIDE)
    vessels = image - bare
    assert vessels.min() >= -1e-6
    assert _at(vessels, x, y + 8) < 0.01 < vessels.max()


def test_the_flank_has_no_edge(body):
    anatomy, _, trunk = body
    image = soft_tissue(anatomy, trunk, WIDE)
    _, y = WIDE.axes()
    x, _ = WIDE.axes()
    outside = image[y > 0][:, x < trunk.middle - trunk.half_width]
    # Per centimetre; an outline of skin and air would be 2 and more.
    assert np.abs(np.diff(outside, axis=1)).max() / WIDE.spacing_cm < 0.5


def test_every_rib_touches_the_same_smooth_wall(body):
    _, skeleton, _ = body
    for rib in skeleton.ribs:
        if rib.last < np.pi / 2:
            continue
        side_y = rib.head[1] + rib.slope * np.pi / 2 + rib.drop
        wall = chest_reach(skeleton.half_width, side_y)
        assert abs(rib.head[0] + rib.side * rib.reach - skeleton.middle) == pytest.approx(wall, abs=0.25)


def test_the_display_bends_without_a_kink_and_keeps_the_order():
    dose = np.linspace(10, 60000, 4000, dtype=np.float32)
    grey = DISPLAY.display(dose, 10000.0) / DISPLAY.white
    assert (np.diff(grey) > 0).all()
    low = grey < 0.6
    np.testing.assert_allclose(grey[low], (dose[low] * 0.34 / 10000) ** 0.6, rtol=1e-4)
    slope = np.diff(grey)[100:]
    assert np.abs(np.diff(slope) / slope[1:]).max() < 0.02
