"""Perfusion maps: seconds and grey units, exact on curves made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from films import film_run

from DSANetLib.preparation import PreparationConfig, maps, prepare


@pytest.fixture(scope="module")
def prepared():
    """Three pixels with known curves, at uneven times; a fourth outside the field."""
    some = prepare(film_run(), PreparationConfig(size=8))
    curves = np.array([[0, 0, 10, 30, 20], [0, 5, 0, 0, 0], [0, 0, 0, 0, 0], [0, 50, 50, 50, 50]], np.float32)
    return replace(
        some,
        stack=100 - curves.T.reshape(5, 2, 2),
        baseline=np.full((2, 2), 100, np.float32),
        frame_times=np.array([0, 1, 2, 4, 8.0]),
        visible=np.array([[True, True], [True, False]]),
        arrival=1,
    )


@pytest.fixture(params=[1 << 22, 1])
def blocks(request, monkeypatch):
    """Worked on at once, and row by row."""
    monkeypatch.setattr(maps, "_BLOCK", request.param)


def test_peak(prepared, blocks):
    np.testing.assert_allclose(maps.peak(prepared), [[30, 5], [0, 0]])


def test_time_to_peak_counts_from_arrival(prepared, blocks):
    np.testing.assert_allclose(maps.time_to_peak(prepared), [[3, 0], [np.nan, np.nan]])
    np.testing.assert_allclose(maps.time_to_peak(prepared, least=5.0), [[3, np.nan], [np.nan, np.nan]])


def test_area_under_the_curve(prepared, blocks):
    # 0-1: 0, 1-2: 5, 2-4: 40, 4-8: 100; and a triangle of 2 s and 5 grey.
    np.testing.assert_allclose(maps.area_under_curve(prepared), [[145, 5], [0, 0]])


def test_wash_in_slope(prepared, blocks):
    np.testing.assert_allclose(maps.wash_in_slope(prepared), [[10, 5], [0, 0]])


def test_falling_curves_have_no_wash_in(prepared):
    falling = replace(prepared, stack=prepared.stack[::-1].copy())
    assert maps.wash_in_slope(falling)[0, 0] == 10  # the rise from 20 to 30 over 1 s
    only = replace(prepared, stack=100 - np.array([9, 5, 4, 2, 1], np.float32)[:, None, None] * np.ones((1, 2, 2)))
    assert not maps.wash_in_slope(only).any()


def test_one_frame_has_neither_slope_nor_area(prepared):
    one = replace(prepared, stack=prepared.stack[3:4], frame_times=np.zeros(1), arrival=0)
    assert not maps.wash_in_slope(one).any()
    assert not maps.area_under_curve(one).any()
    assert maps.peak(one)[0, 0] == 30


def test_maps_are_float32(prepared):
    for make in (maps.peak, maps.time_to_peak, maps.area_under_curve, maps.wash_in_slope):
        assert make(prepared).dtype == np.float32
