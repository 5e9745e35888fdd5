from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from DSANetLib.correction.effort import PAUSE_S, Effort
from DSANetLib.correction.history import History, Step
from DSANetLib.correction.packing import from_text, pack
from DSANetLib.errors import OutputError


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 19)), elements=st.integers(0, 3)))
def test_packed_masks_come_back_bit_by_bit_also_as_text(mask):
    packed = pack(mask, None, mask.shape)
    liver, tumour = from_text(packed.to_text()).unpack()
    assert np.array_equal(liver, mask != 0)
    assert not tumour.any()
    assert (liver.dtype, liver.shape) == (np.uint8, mask.shape)
    assert from_text(packed.to_text()) == packed


@pytest.mark.parametrize("text", ["", "3x4", "3x4:!!:AA==", "3x4:eJwDAAAAAAE=:eJwDAAAAAAE=", "axb::", "3x4:AAAA:AAAA"])
def test_a_damaged_mask_is_named_and_not_guessed(text):
    with pytest.raises(OutputError, match="a stored mask is damaged"):
        from_text(text)


def test_a_mask_of_another_frame_is_refused():
    with pytest.raises(ValueError, match=r"a mask of \(2, 2\) on a frame of \(3, 3\)"):
        pack(None, np.ones((2, 2)), (3, 3))


def step(number):
    mask = np.zeros((1, 40), np.uint8)
    mask[0, :number] = 1
    return Step(pack(None, mask, mask.shape), "edited", f"edit {number}")


def test_each_frame_has_its_own_steps_and_keeps_the_last_twenty():
    history = History()
    for number in range(25):
        history.push(3, step(number))
    assert history.next_undo(4) is None
    undone = []
    present = step(25)
    while (before := history.undo(3, present)) is not None:
        undone.append(before.action)
        present = before
    assert undone == [f"edit {number}" for number in range(24, 4, -1)]
    assert history.next_redo(3) == "edit 5"


def test_redo_gives_back_what_undo_took_until_something_else_is_done():
    history = History()
    history.push(0, step(1))
    assert history.undo(0, step(2)) == step(1)
    assert history.redo(0, step(1)).masks == step(2).masks
    history.undo(0, step(2))
    history.push(0, step(7))
    assert history.redo(0, step(8)) is None
    assert history.next_redo(0) is None


def test_time_goes_to_the_frame_that_was_shown_meanwhile():
    effort = Effort()
    effort.touch(1, 10.0)
    effort.touch(1, 14.5)
    effort.touch(2, 20.0)
    effort.touch(None, 21.0)
    effort.touch(1, 500.0)
    effort.touch(1, 500.0 + 3 * PAUSE_S)
    assert effort.seconds(1) == 4.5 + 5.5 + PAUSE_S
    assert effort.seconds(2) == 1.0
    effort.start_from(2, 30.0)
    effort.touch(2, 1000.0)
    effort.touch(None, 1002.0)
    assert effort.seconds(2) == 32.0
