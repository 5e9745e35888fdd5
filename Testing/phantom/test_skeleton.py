"""Bones look like bones, and cancel in subtraction."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from DSANetLib.phantom import PhantomConfig, simulate, simulate_patient
from DSANetLib.phantom.anatomy import draw_anatomy
from DSANetLib.phantom.geometry import View
from DSANetLib.phantom.skeleton import bone_layers, draw_skeleton, moved_bones

WIDE = View(256, 256, 0.14, -1.0, 0.0)
STILL = PhantomConfig(rows=192, columns=192, clean=True, subtracted_share=1.0)


@pytest.fixture(scope="module")
def skeleton():
    rng = np.random.default_rng(7)
    return draw_skeleton(rng, draw_anatomy(rng))


def test_vertebrae_grow_downwards_and_do_not_overlap(skeleton):
    spine = skeleton.spine
    assert spine[-1].half_width > 1.15 * spine[0].half_width
    for above, below in pairwise(spine):
        assert below.centre[1] - above.centre[1] > (above.height + below.height) / 2
    assert len({round(vertebra.density, 6) for vertebra in spine}) == len(spine)


def test_the_spine_shows_discs_lighter_than_bodies(skeleton):
    image = sum(bone_layers(skeleton, WIDE))
    for vertebra in skeleton.spine[5:-2]:
        x, y = vertebra.centre
        # Beside the spinous process, between pedicle and midline.
        points = np.array([[x + 0.3 * vertebra.half_width, y], [x + 0.9 * vertebra.half_width, y + vertebra.pitch / 2]])
        (c0, r0), (c1, r1) = np.round(WIDE.pixels(points)).astype(int)
        assert image[r0, c0] > 1.5 * image[r1, c1]


def test_ribs_are_no_mirror_images(skeleton):
    left = [(rib.reach, rib.slope, rib.density) for rib in skeleton.ribs if rib.side < 0]
    right = [(rib.reach, rib.slope, rib.density) for rib in skeleton.ribs if rib.side > 0]
    assert len(left) == len(right) == 12
    assert not set(left) & set(right)


def test_bones_are_where_they_are_in_any_view(skeleton):
    close = View(256, 256, 0.07, -1.0, 0.0)
    half = sum(bone_layers(skeleton, WIDE))[64:192, 64:192]
    fine = sum(bone_layers(skeleton, close)).reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.corrcoef(half.ravel(), fine.ravel())[0, 1] > 0.97
    assert half.mean() == pytest.approx(fine.mean(), rel=0.05)
    assert half.min() >= 0


def test_bones_cancel_in_a_still_run_and_do_not_in_one_that_moves(monkeypatch):
    def fine_structure(shift: tuple[float, float]) -> float:
        """Correlation of the second frame, without contrast yet, with the bones."""
        seen = {}
        real = simulate.bone_layers
        monkeypatch.setattr(simulate, "bone_layers", lambda *a: seen.setdefault("bones", real(*a)))
        moved = lambda _motion, time_s: np.array(shift if time_s > 0 else (0.0, 0.0))  # noqa: E731
        monkeypatch.setattr("DSANetLib.phantom.motion.Motion.jump", moved)
        frames = simulate_patient(31, STILL).runs[0].run.frames[:2].astype(float)
        monkeypatch.undo()
        slope = np.gradient(sum(seen["bones"]), axis=0)
        return abs(float(np.corrcoef((frames[1] - frames[0]).ravel(), slope.ravel())[0, 1]))

    assert fine_structure((0.0, 0.0)) < 0.03
    assert fine_structure((0.0, 0.3)) > 0.2


def test_breath_lifts_the_ribs_in_front_and_leaves_the_spine(skeleton):
    layers = bone_layers(skeleton, WIDE)
    still = np.zeros(2)

    def change(kept: int, down_cm: float) -> float:
        """How much a layer alone changes, over its own mean."""
        alone = tuple(layer if i == kept else np.zeros_like(layer) for i, layer in enumerate(layers))
        moved = moved_bones(skeleton, alone, WIDE, down_cm, still)
        return float(np.abs(moved - layers[kept]).mean() / layers[kept].mean())

    spine, behind, before = (change(i, 0.8) for i in range(3))
    assert spine == 0
    assert before > 2 * behind > 0
    np.testing.assert_array_equal(moved_bones(skeleton, layers, WIDE, 0.0, still), sum(bone_layers(skeleton, WIDE)))
