"""Maps and curves on the source pixels, exact on films whose curves are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.errors import PreparationError
from DSANetLib.maps import KINDS, parameter_map, region_curve, to_source, unit_of
from DSANetLib.preparation import PreparationConfig, prepare
from DSANetLib.run import DSARun

ROWS, COLUMNS, RATE = 60, 90, 2.0
FIRST, SECOND = (slice(6, 24), slice(50, 80)), (slice(36, 54), slice(12, 40))
# Opacification of the two patches on the frames from contrast arrival on, grey units; 0 before.
CURVES = {"first": [0, 40, 80, 60, 20, 0, 0, 0], "second": [0, 0, 10, 20, 40, 60, 30, 10]}
BEFORE = 4


def run(times=True, **changes):
    """A film of two patches that no flip and no turn maps onto each other, the first early and strong."""
    frames = np.full((BEFORE + 8, ROWS, COLUMNS), 200, np.uint8)
    for patch, curve in ((FIRST, CURVES["first"]), (SECOND, CURVES["second"])):
        frames[BEFORE:, patch[0], patch[1]] -= np.array(curve, np.uint8)[:, None, None]
    seconds = np.arange(len(frames)) / RATE if times else None
    return DSARun(frames, "made", times_s=seconds, polarity="dark_contrast", subtracted=True, **changes)


def prepared(times=True, **config):
    """Prepared, with the arrival known: it is not what is tested here."""
    made = prepare(run(times), PreparationConfig(size=96, **config))
    return replace(made, arrival=BEFORE, baseline=made.stack[0].astype(np.float32))


def centre(patch):
    return (patch[0].start + patch[0].stop) // 2, (patch[1].start + patch[1].stop) // 2


@pytest.mark.parametrize("flips", [{}, {"flip_rows": True}, {"flip_columns": True}, {"aspect": "squash"}])
def test_every_map_has_the_known_value_in_the_right_place(flips):
    some = prepared(**flips)
    values = {kind: parameter_map(some, kind).values for kind in KINDS}
    expected = {
        "time_to_peak": (1.0, 2.5),
        "peak": (80.0, 60.0),
        "area_under_curve": (sum(CURVES["first"]) / RATE, sum(CURVES["second"][:-1]) / RATE + 10 / RATE / 2),
        "wash_in_slope": (40 * RATE, 20 * RATE),
    }
    for kind, (first, second) in expected.items():
        assert values[kind].shape == (ROWS, COLUMNS)
        assert values[kind][centre(FIRST)] == pytest.approx(first, rel=1e-3)
        assert values[kind][centre(SECOND)] == pytest.approx(second, rel=1e-3)
        # The corners that a flip or a turn would fill.
        for row, column in ((45, 65), (15, 26)):
            assert np.isnan(values[kind][row, column]) or values[kind][row, column] == pytest.approx(0, abs=1e-3)


def test_the_edge_of_a_patch_is_where_it_is():
    values = parameter_map(prepared(), "peak").values
    rows, columns = np.nonzero(values[:30] > 40)
    assert (rows.min(), rows.max() + 1) == (FIRST[0].start, FIRST[0].stop)
    assert (columns.min(), columns.max() + 1) == (FIRST[1].start, FIRST[1].stop)


def test_units_are_seconds_only_where_times_are_known():
    known, unknown = prepared(), prepared(times=False)
    assert parameter_map(known, "time_to_peak").unit == "s"
    assert parameter_map(unknown, "time_to_peak").unit == "frames"
    assert parameter_map(unknown, "time_to_peak").values[centre(SECOND)] == pytest.approx(5)
    assert parameter_map(unknown, "wash_in_slope").values[centre(SECOND)] == pytest.approx(20)
    assert unit_of("wash_in_slope", "s") == "grey units / s"
    assert unit_of("area_under_curve", "frames") == "grey units x frames"


def test_outside_the_field_there_is_no_value():
    visible = np.ones((ROWS, COLUMNS), bool)
    visible[:, :10] = False
    made = prepare(run().with_changes(visible=visible), PreparationConfig(size=96))
    values = parameter_map(replace(made, arrival=BEFORE), "peak").values
    assert np.isnan(values[:, :10]).all()
    assert np.isfinite(values[:, 12:-2]).all()


def test_a_rim_does_not_draw_values_towards_zero():
    some = prepared()
    image = np.full((96, 96), 7.0, np.float32)
    image[:, :40] = np.nan
    back = to_source(some, image)
    assert np.nanmin(back) == pytest.approx(7.0)
    assert np.isnan(back[:, :36]).all()


def test_a_region_gives_its_own_curve_and_values():
    some = prepared()
    region = np.zeros((ROWS, COLUMNS), np.uint8)
    region[SECOND[0].start + 4 : SECOND[0].stop - 4, SECOND[1].start + 4 : SECOND[1].stop - 4] = 1
    found = region_curve(some, region)
    assert found.curve == pytest.approx([0] * BEFORE + CURVES["second"], abs=1e-3)
    assert found.times == pytest.approx(np.arange(12) / RATE)
    assert (found.time_unit, found.pixels) == ("s", int(region.sum()))
    assert found.values["time_to_peak"] == pytest.approx(2.5)
    assert found.values["peak"] == pytest.approx(60, rel=1e-3)
    assert found.values["wash_in_slope"] == pytest.approx(40, rel=1e-3)
    assert found.values["area_under_curve"] == pytest.approx(sum(CURVES["second"]) / RATE - 2.5, rel=1e-3)


def test_a_region_of_two_parts_gives_their_mean():
    some, region = prepared(), np.zeros((ROWS, COLUMNS), np.uint8)
    for patch in (FIRST, SECOND):
        row, column = centre(patch)
        region[row - 3 : row + 3, column - 3 : column + 3] = 1
    assert region_curve(some, region).curve[BEFORE + 2] == pytest.approx(45, rel=1e-3)


def test_noise_makes_no_contrast_in_a_bare_region():
    noisy = prepared()
    noise = np.random.default_rng(0).normal(0, 20, noisy.stack.shape)
    noisy = replace(noisy, stack=(noisy.stack + noise).astype(np.float32))
    region = np.zeros((ROWS, COLUMNS), np.uint8)
    region[34:56, 50:86] = 1
    assert np.abs(region_curve(noisy, region).curve).max() < 3


def test_what_cannot_be_given_is_refused():
    some = prepared()
    with pytest.raises(PreparationError, match="no pixel of the field"):
        region_curve(some, np.zeros((ROWS, COLUMNS), np.uint8))
    with pytest.raises(PreparationError, match=r"'speed' is no map.*time_to_peak"):
        parameter_map(some, "speed")
    still = replace(some, stack=np.repeat(some.stack[:1], len(some.stack), axis=0))
    with pytest.raises(PreparationError, match="made: no contrast is seen"):
        parameter_map(still, "time_to_peak")
