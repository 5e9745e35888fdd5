from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.correction.propagation import register
from DSANetLib.correction.uncertainty import mask_uncertainty
from DSANetLib.errors import PreparationError
from DSANetLib.evaluation.metrics import dice


def tissue(rows, columns, shift=(0.0, 0.0), contrast=0.0):
    """A smooth texture without symmetry, moved by (rows, columns), with a vessel of some contrast over it."""
    y, x = np.mgrid[:rows, :columns].astype(float)
    y, x = y - shift[0], x - shift[1]
    image = np.sin(x / 17) * np.cos(y / 23) + 0.5 * np.sin((x + 2 * y) / 31) + 0.3 * np.cos((3 * x - y) / 29)
    image -= contrast * np.exp(-(((x - columns / 2) / 4) ** 2))
    return (1000 + 400 * image).astype(np.int16)


def blob(rows, columns, row, column):
    y, x = np.mgrid[:rows, :columns]
    return (((y - row) / 25) ** 2 + ((x - column) / 40) ** 2 < 1).astype(np.uint8)


@pytest.mark.parametrize("shift", [(9, -4), (-6, 11), (0, 7)])
def test_a_mask_follows_the_tissue(shift):
    shape = (360, 480)
    source, target = tissue(*shape), tissue(*shape, shift, contrast=0.4)
    movement = register(source, target)
    assert movement.registered
    assert movement.shift_px == pytest.approx(shift, abs=1)
    moved = movement.move(blob(*shape, 150, 200))
    assert moved.dtype == np.uint8
    assert dice(moved, blob(*shape, 150 + shift[0], 200 + shift[1])) > 0.97
    assert dice(blob(*shape, 150, 200), blob(*shape, 150 + shift[0], 200 + shift[1])) < 0.95, "else nothing is shown"


def test_frames_that_did_not_move_leave_the_mask_where_it_is():
    source = tissue(200, 260)
    for target in (source, tissue(200, 260, contrast=0.5), np.full_like(source, 7)):
        movement = register(source, target)
        mask = blob(200, 260, 90, 100)
        assert np.array_equal(movement.move(mask), mask)
    assert not register(source, np.full_like(source, 7)).registered


def test_frames_of_noise_have_nothing_to_register():
    rng = np.random.default_rng(4)
    one, other = rng.integers(0, 255, (2, 120, 150)).astype(np.uint8)
    mask = blob(120, 150, 60, 70)
    assert np.array_equal(register(one, other).move(mask), mask)


def test_frames_of_different_size_are_refused():
    with pytest.raises(PreparationError, match="the frames are"):
        register(np.zeros((4, 5)), np.zeros((5, 4)))


def test_uncertainty_is_one_minus_the_expected_dice():
    """Two pixels at 0.9 and 0.7 are in, one at 0.4 is out: 1 - 2 * 1.6 / (2.0 + 2)."""
    assert mask_uncertainty(np.array([[0.9, 0.7, 0.4, 0.0]]), 0.5) == pytest.approx(0.2)
    assert mask_uncertainty(np.array([[1.0, 1.0, 0.0]]), 0.5) == 0
    assert mask_uncertainty(np.array([[0.2, 0.1]]), 0.5) == 1
