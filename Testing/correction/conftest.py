"""Masks of six by eight pixels, small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.correction.packing import pack
from DSANetLib.correction.provenance import Corrections, FrameRecord

SHAPE = (6, 8)


def _rectangle(top, bottom, left, right, shape=SHAPE):
    """A mask that is 1 in rows top..bottom-1 and columns left..right-1."""
    mask = np.zeros(shape, np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


@pytest.fixture
def rectangle():
    return _rectangle


@pytest.fixture
def make_record():
    def make(frame=4, state="edited", tumour=None, proposal=None, liver=None, **more):
        tumour = _rectangle(0, 2, 0, 4) if tumour is None else tumour
        return FrameRecord(
            frame,
            state,
            pack(liver, tumour, SHAPE),
            None if proposal is None else pack(liver, proposal, SHAPE),
            **more,
        )

    return make


@pytest.fixture
def make_work(make_record):
    def make(case_id="film é中", reader="Zoë", frames=None, saved_at="2026-11-23T10:00:00+00:00", skipped=None):
        frames = (make_record(),) if frames is None else tuple(frames)
        return Corrections(case_id, reader, saved_at, "ffs-phantom", frames, skipped)

    return make
