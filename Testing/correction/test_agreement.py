from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.correction.adjudication import combine, disagreements
from DSANetLib.correction.agreement import agreement_rows, correction_rows, summary_rows
from DSANetLib.errors import OutputError


def test_the_table_holds_reader_seconds_and_dice_as_worked_out_by_hand(make_work, make_record, rectangle):
    """Result 8 px, proposal 12 px, 8 px in common: Dice = 2 * 8 / 20."""
    record = make_record(
        14, "edited", rectangle(0, 2, 0, 4), rectangle(0, 2, 0, 6), proposed_by="ffs-phantom", reader="Anna",
        changed_at="2026-11-23T10:00:00+00:00", seconds=37.5,
    )  # fmt: skip
    (row,) = correction_rows([make_work(frames=[record])])
    assert row == {
        "case": "film é中",
        "frame": 15,
        "state": "edited",
        "reader": "Anna",
        "changed_at": "2026-11-23T10:00:00+00:00",
        "proposed_by": "ffs-phantom",
        "seconds": 37.5,
        "dice_liver": 1.0,
        "dice_tumour": 0.8,
        "tumour_px_proposed": 12,
        "tumour_px": 8,
    }


@pytest.fixture
def two(make_work, make_record, rectangle):
    """Two readers of three cases: the same mask; half of it in common; a frame that one of them rejected."""
    a, b = rectangle(0, 2, 0, 4), rectangle(0, 2, 2, 6)
    first = [
        make_work("one", "A", [make_record(4, "accepted", a)]),
        make_work("two", "A", [make_record(4, "edited", a), make_record(5, "edited", a)]),
        make_work("three", "A", [make_record(4, "edited", a)]),
    ]
    second = [
        make_work("one", "B", [make_record(4, "edited", a)]),
        make_work("two", "B", [make_record(4, "accepted", b), make_record(6, "edited", b)]),
        make_work("three", "B", [make_record(4, "rejected", b)]),
    ]
    return first, second


def test_only_frames_that_both_judged_are_compared(two):
    rows = agreement_rows(*two)
    assert [(row["case"], row["frame"], row["dice_tumour"]) for row in rows] == [("one", 5, 1.0), ("two", 5, 0.5)]
    assert {(row["first"], row["second"]) for row in rows} == {("A", "B")}
    summary = {row["quantity"]: row for row in summary_rows(rows)}
    assert summary["Dice, tumour"]["value"] == 0.75
    assert summary["ICC(2,1), tumour area"]["value"] is None, "all areas are 8 px: there is nothing to correlate"
    with pytest.raises(OutputError, match="no frame was edited or accepted by both readers"):
        summary_rows([])


def test_the_icc_of_the_table_is_that_of_its_areas(make_work, make_record, rectangle):
    areas = [(2, 3), (4, 4), (6, 5)]
    readers = [
        [
            make_work(f"c{i}", name, [make_record(0, "edited", rectangle(0, 1, 0, pair[k]))])
            for i, pair in enumerate(areas)
        ]
        for k, name in enumerate("AB")
    ]
    rows = summary_rows(agreement_rows(*readers))
    # By hand: sums of squares 9 between cases, 0 between readers, 1 left; mean squares 4.5, 0, 0.5.
    assert rows[-1]["value"] == pytest.approx((4.5 - 0.5) / (4.5 + 0.5 + 2 * (0 - 0.5) / 3))
    assert rows[-1]["frames"] == 3


def test_disagreements_come_worst_first(two):
    first, second = two
    assert disagreements(first[0], second[0]) == []
    assert disagreements(first[1], second[1]) == [(5, None), (6, None), (4, 0.5)]
    assert disagreements(first[2], second[2]) == [(4, None)]


def test_an_adjudicator_takes_one_or_what_both_or_either_marked(two, rectangle):
    first, second = two[0][1], two[1][1]
    sizes = {take: int(combine(first, second, 4, take)[1].sum()) for take in ("first", "second", "both", "either")}
    assert sizes == {"first": 8, "second": 8, "both": 4, "either": 12}
    assert np.array_equal(combine(first, second, 4, "both")[1], rectangle(0, 2, 2, 4))
    assert combine(first, second, 4, "either")[2] == "either of A and B, adjudicated"
    assert combine(first, second, 5, "first")[2] == "A, adjudicated"
    with pytest.raises(OutputError, match="B has no mask on frame 6"):
        combine(first, second, 5, "both")
    with pytest.raises(OutputError, match="'all' cannot be taken"):
        combine(first, second, 4, "all")
