"""Bowel gas is of many sizes, soft in part, and moves here and there; nothing that is true of a run depends on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.phantom import PhantomConfig, drawing, simulate_patient
from DSANetLib.phantom.anatomy import draw_anatomy
from DSANetLib.phantom.bowel import Bowel, Gas, air, draw_bowel
from DSANetLib.phantom.geometry import View

WIDE = View(320, 320, 0.14, -1.0, 3.0)


def _bowel(seed: int) -> Bowel:
    rng = np.random.default_rng(seed)
    return draw_bowel(rng, draw_anatomy(rng))


def _areas(bowel: Bowel) -> np.ndarray:
    """Areas (cm²) of the gas shadows that can be seen, largest first."""
    from scipy import ndimage

    labels, _ = ndimage.label(air(bowel, WIDE, 1) > 0.25)
    sizes = np.bincount(labels.ravel())[1:] * WIDE.spacing_cm**2
    return np.sort(sizes[sizes > 0.2])[::-1]


def test_shadows_differ_in_number_and_widely_in_size():
    found = [_areas(_bowel(seed)) for seed in range(12)]
    assert len({len(areas) for areas in found}) > 3
    every = np.concatenate(found)
    low, high = np.quantile(every, [0.1, 0.9])
    assert high > 8 * low


def test_edges_are_sharp_in_places_and_soft_in_others():
    shadows = [air(_bowel(seed), WIDE, 1) for seed in range(6)]
    steep = np.concatenate([np.hypot(*np.gradient(a))[(a > 0.1) & (a < 0.4)] for a in shadows]) / WIDE.spacing_cm
    low, high = np.quantile(steep, [0.1, 0.9])
    assert high > 3 * low


def test_peristalsis_moves_some_gas_and_hardly_any_other():
    moved = []
    for seed in range(8):
        bowel = _bowel(seed)
        gas = Gas(bowel, WIDE, 1)
        change = np.abs(gas.at(3.0, 0.6) - gas.at(0.0, 0.6))
        rows, columns = change.shape
        for lobe in bowel.lobes:
            column, row = np.round(WIDE.pixels(np.array([[lobe.x, lobe.y]]))[0]).astype(int)
            if 10 < column < columns - 10 and 10 < row < rows - 10:
                moved.append(change[row - 10 : row + 11, column - 10 : column + 11].mean())
        np.testing.assert_array_equal(gas.at(3.0, 0.0), gas.at(0.0, 0.0))
    low, high = np.quantile(moved, [0.25, 0.9])
    assert high > 0.01
    assert high > 5 * low


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_gas_is_where_it_is_in_any_resolution(seed):
    fine, coarse = (Gas(_bowel(seed), WIDE, step).at(1.0, 0.5) for step in (1, 4))
    assert fine.max() <= 0 and fine.min() < -0.1
    assert fine.mean() == pytest.approx(coarse.mean(), rel=0.1)


def test_truth_does_not_depend_on_gas_and_bones(monkeypatch):
    config = PhantomConfig(rows=160, columns=160)
    before = simulate_patient(41, config)
    monkeypatch.setattr(drawing, "draw_bowel", lambda *_: replace(_bowel(3), lobes=(), ripples=()))
    monkeypatch.setattr(drawing, "SKELETON", 77)
    after = simulate_patient(41, config)
    one, two = before.runs[0], after.runs[0]
    assert (one.run.frames != two.run.frames).any()
    assert (before.clinical, before.outcome, before.factors) == (after.clinical, after.outcome, after.factors)
    for name in ("arrival", "arrival_s", "key_frame", "peak_s", "lesions", "artefacts", "protocol"):
        assert getattr(one.truth, name) == getattr(two.truth, name), name
    for mask, same in zip(one.truth.masks(5), two.truth.masks(5), strict=True):
        np.testing.assert_array_equal(mask, same)
