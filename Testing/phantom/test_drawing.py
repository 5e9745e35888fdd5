"""What is drawn by a generator of its own moves no other draw of the patient."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.phantom import PhantomConfig, simulate_patient

STILL = PhantomConfig(rows=192, columns=192, clean=True, subtracted_share=1.0)


@pytest.mark.parametrize(("drawn", "other"), [("SKELETON", 2000), ("TRUNK", 2001)])
def test_other_bones_or_another_trunk_leave_everything_else_as_it_was(monkeypatch, drawn, other):
    before = simulate_patient(31, STILL)
    monkeypatch.setattr(f"DSANetLib.phantom.drawing.{drawn}", other)
    after = simulate_patient(31, STILL)
    assert (before.clinical, before.outcome, before.factors) == (after.clinical, after.outcome, after.factors)
    for a, b in zip(before.runs, after.runs, strict=True):
        assert a.truth.protocol == b.truth.protocol and a.truth.lesions == b.truth.lesions
        assert (a.truth.key_frame, a.truth.arrival) == (b.truth.key_frame, b.truth.arrival)
        for mask, its_twin in zip(a.truth.masks(a.truth.key_frame), b.truth.masks(a.truth.key_frame), strict=True):
            np.testing.assert_array_equal(mask, its_twin)
    assert not np.array_equal(before.runs[0].run.frames, after.runs[0].run.frames)
