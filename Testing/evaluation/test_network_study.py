"""Table 2 and what goes with it: figures worked out by hand, groups, failures, comparisons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_studies import NETWORKS, THREE_SEEDS, hand_study, made_up_study, without

from DSANetLib.evaluation.failures import failure_cause, failure_circumstances, failure_table, missed_lesion_table
from DSANetLib.evaluation.network_groups import group_tables, tumour_free_networks
from DSANetLib.evaluation.network_tables import losses, network_comparisons, table2
from DSANetLib.evaluation.records import RunRecord
from DSANetLib.evaluation.study import SegmentationResult, Study
from DSANetLib.evaluation.table import Table


def rows(table: Table) -> list[dict]:
    return table.to_dict()["rows"]


def result(network: str = "ffs", seed: int = 0, patient: str = "a", dice: float = 0.8, **values) -> SegmentationResult:
    record = RunRecord(patient, values.pop("run", f"{patient}-1"), values.pop("tumour_free", False), dice, **values)
    return SegmentationResult(network, seed, -1, "test", record)


def test_table_2_is_what_can_be_worked_out_by_hand():
    table = {row["network"]: row for row in rows(table2(hand_study()))}
    assert list(table) == ["unet", "ffs"]
    ffs = table["ffs"]
    assert (ffs["group"], ffs["seeds"], ffs["patients"], ffs["runs"]) == ("test", 1, 4, 4)
    assert ffs["Dice"]["value"] == pytest.approx(0.75)
    assert ffs["sensitivity %"]["value"] == pytest.approx(75.0)
    assert ffs["lesion sensitivity %"]["value"] == 100.0
    # Two components a run, none false for ffs, one in unet's first run.
    assert (ffs["FPR %"]["value"], table["unet"]["FPR %"]["value"]) == (0.0, pytest.approx(100 / 8))
    assert table["unet"]["false positives a frame"]["value"] == pytest.approx(0.25)
    assert (ffs["mean surface distance mm"], ffs["liver Dice"]) == (None, None)


def test_runs_are_clustered_in_patients_and_patients_in_seeds():
    results = [
        *(result(dice=d, run=f"a-{i}") for i, d in enumerate((0.2, 0.4, 0.6))),
        result(patient="b", dice=0.9),
        *(result(dice=d, run=f"a-{i}", seed=1) for i, d in enumerate((0.4, 0.6, 0.8))),
        result(patient="b", dice=0.7, seed=1),
    ]
    (row,) = rows(table2(Study({}, tuple(results))))
    assert (row["seeds"], row["patients"], row["runs"]) == (2, 2, 4)
    assert row["Dice"]["value"] == pytest.approx(((0.4 + 0.9) / 2 + (0.6 + 0.7) / 2) / 2)


def test_a_failed_run_counts_with_dice_0_and_tumour_free_runs_stand_apart():
    free = result(patient="c", dice=0.0, tumour_free=True, components=2, predicted_share=3.0)
    results = (result(dice=0.8), result(patient="b", dice=0.0, error="no contrast"), free)
    (row,) = rows(table2(Study({}, results)))
    assert row["Dice"]["value"] == pytest.approx(0.4)
    assert row["failed %"]["value"] == pytest.approx(50.0)
    (apart,) = rows(tumour_free_networks(Study({}, results)))
    assert apart["runs with a false positive %"]["value"] == 100.0
    assert (apart["false positives a frame"]["value"], apart["runs"]) == (2.0, 1)


def test_what_networks_lose_elsewhere_is_set_against_the_reference():
    pytest.importorskip("statsmodels")
    study = made_up_study(60)
    found = rows(losses(study))
    dice = {(row["group"], row["network"]): row["Dice"]["value"] for row in rows(table2(study))}
    assert {row["first"] for row in found} == set(NETWORKS) - {"ffs"}
    assert {row["group"] for row in found} == {group for group, _ in dice} - {"test"}
    for row in found:
        for network, column in ((row["first"], "first loses"), ("ffs", "second loses")):
            assert row[column] == pytest.approx(dice["test", network] - dice[row["group"], network], abs=1e-9)
        assert row["difference"]["value"] == pytest.approx(row["first loses"] - row["second loses"])
        assert row["p (Holm)"] >= row["p"]


def test_networks_are_compared_with_the_reference_and_corrected():
    pytest.importorskip("statsmodels")
    found = rows(network_comparisons(made_up_study(60)))
    names = [row["first"] for row in found if row["group"] == "test"]
    assert set(names) == set(NETWORKS) - {"ffs"}
    assert names[:4] == ["unet", "tdl", "lrs", "tempo"]
    for row in found:
        assert row["second"] == "ffs"
        assert row["seeds"] == ("3 / 3" if row["first"] in THREE_SEEDS else "1 / 3")
        assert row["p (Holm)"] >= row["p"] == row["difference"]["p"]
        assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    means = {row["network"]: row["Dice"]["value"] for row in rows(table2(made_up_study(60))) if row["group"] == "test"}
    for row in found[: len(names)]:
        assert row["difference"]["value"] == pytest.approx(means[row["first"]] - means["ffs"], abs=1e-9)


def test_comparisons_on_fewer_than_ten_patients_say_that_their_p_means_little():
    pytest.importorskip("statsmodels")
    few, enough = ([result(patient=f"p{i}", dice=0.8 - i / 100) for i in range(n)] for n in (9, 10))
    for runs, said in ((few, True), (enough, False)):
        theirs = [replace(r, network="unet", record=replace(r.record, dice=0.5)) for r in runs]
        table = network_comparisons(Study({}, (*runs, *theirs)))
        assert table.rows
        assert ("fewer than 10 patients" in table.note) is said


def test_networks_are_compared_on_the_runs_of_every_training():
    pytest.importorskip("statsmodels")
    ours = [result(patient=p, dice=0.8, seed=s) for p in "abc" for s in (0, 1)]
    missing = [r for r in ours if (r.record.patient, r.seed) != ("c", 1)]
    theirs = [replace(r, network="unet", record=replace(r.record, dice=0.5)) for r in ours if r.seed == 0]
    (row,) = rows(network_comparisons(Study({}, (*missing, *theirs))))
    assert (row["patients"], row["runs"]) == (2, 2)
    assert row["difference"]["value"] == pytest.approx(-0.3)
    apart = [replace(r, record=replace(r.record, run="x", patient="x")) for r in theirs]
    (none,) = rows(network_comparisons(Study({}, (*ours, *apart))))
    assert (none["difference"], none["p"], none["p (Holm)"]) == (None, None, None)


def test_nothing_measured_gives_empty_tables_with_a_sentence():
    for make in (table2, network_comparisons, failure_table, failure_circumstances, missed_lesion_table):
        table = make(Study({}))
        assert table.rows == ()
        assert table.note.endswith(".")
    assert group_tables(Study({})) == []
    assert tumour_free_networks(Study({})).rows == ()
    only = network_comparisons(Study({}, (result("unet"),)))
    assert (only.rows, only.note) == ((), "Nothing to set against ffs.")


@pytest.mark.parametrize(("synthetic", "expected"), [(True, {"none"}), (False, {"none", "not known"})])
def test_empty_artefacts_are_none_on_the_phantom_alone(synthetic, expected):
    study = Study({"synthetic": synthetic}, (result(dice=0.8), result(patient="b", dice=0.3)))
    tables = {table.title: rows(table) for table in group_tables(study)}
    found = {row["artefact"]: row["runs"] for row in tables["Segmentation by artefact"]}
    assert set(found) == expected
    assert found["none"] == (2 if synthetic else 0)
    circumstances = {row["circumstance"] for row in rows(failure_circumstances(study))}
    assert ("artefact: not known" in circumstances) is not synthetic


def test_groups_are_those_of_the_paper_and_empty_ones_stay():
    tables = {table.title: rows(table) for table in group_tables(hand_study())}
    assert list(tables) == [
        f"Segmentation by {name}"
        for name in ("size of the largest lesion", "number of lesions", "artefact", "frame rate", "field of view")
    ]
    # Diameters 2, 4, 6, 8 cm; Dice of ffs 0.6, 0.7, 0.8, 0.9.
    size = [row for row in tables["Segmentation by size of the largest lesion"] if row["network"] == "ffs"]
    assert [row["size of the largest lesion"] for row in size] == ["< 3 cm", "3–5 cm", "≥ 5 cm"]
    assert [row["Dice"]["value"] for row in size] == pytest.approx([0.6, 0.7, 0.85])
    several = tables["Segmentation by number of lesions"][-1]
    assert (several["number of lesions"], several["runs"], several["Dice"]) == ("several lesions", 0, None)
    assert {row["network"] for row in rows(group_tables(hand_study(), ["unet"])[0])} == {"unet"}


def record(dice: float, **values) -> RunRecord:
    return RunRecord("a", "a1", values.pop("tumour_free", False), dice, **values)


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"dice": 0.5}, ""),
        ({"dice": 0.0, "error": "no contrast"}, "failed"),
        ({"dice": 0.0, "sensitivity": 0.0, "ppv": 0.0}, "missed"),
        ({"dice": 0.1, "sensitivity": 19.0, "ppv": 10.0, "components": 1}, "elsewhere"),
        ({"dice": 0.3, "sensitivity": 80.0, "ppv": 20.0, "components": 1}, "too much"),
        ({"dice": 0.3, "sensitivity": 20.0, "ppv": 80.0, "components": 1}, "too little"),
        ({"dice": 0.4, "sensitivity": 40.0, "ppv": 40.0, "components": 1}, "too little"),
        ({"dice": 0.0, "tumour_free": True, "components": 1}, "too much"),
    ],
)
def test_the_cause_of_a_failure_is_the_first_that_fits(values, cause):
    assert failure_cause(record(**values)) == cause


def test_causes_are_shares_of_the_failures():
    few = {"sensitivity": 30.0, "ppv": 90.0, "components": 1}
    results = (
        result(patient="a", dice=0.9),
        result(patient="b", dice=0.4, **few),
        result(patient="c", dice=0.3, **few),
        result(patient="d", dice=0.0, error="x"),
    )
    (row,) = rows(failure_table(Study({}, results)))
    assert (row["runs"], row["failures"], row["failures %"]["value"]) == (4, 3, 75.0)
    assert row["too little %"]["value"] == pytest.approx(200 / 3)
    assert row["failed %"]["value"] == pytest.approx(100 / 3)
    assert sum(row[f"{cause} %"]["value"] for cause in ("missed", "elsewhere", "too much")) == 0.0
    (fine,) = rows(failure_table(Study({}, results[:1])))
    assert (fine["failures"], fine["missed %"]) == (0, None)


def test_circumstances_stand_beside_their_share_of_all_runs():
    results = (
        result(patient="a", dice=0.2, largest_cm=1.0, artefacts=("motion",)),
        result(patient="b", dice=0.9, largest_cm=1.0),
        result(patient="c", dice=0.9, largest_cm=4.0),
        result(patient="d", dice=0.9, largest_cm=4.0, artefacts=("motion",)),
    )
    found = {row["circumstance"]: row for row in rows(failure_circumstances(Study({}, results)))}
    assert found["artefact: motion"]["share of failures %"]["value"] == 100.0
    assert found["artefact: motion"]["share of all runs %"]["value"] == 50.0
    assert (found["largest lesion < 2 cm"]["failures"], found["artefact: none"]["failures"]) == (1, 0)


def test_missed_lesions_are_told_by_size():
    two = result(patient="a", lesions_found=(True, False), lesions_cm=(6.0, 2.0))
    one = result(patient="b", lesions_found=(False,), lesions_cm=(4.0,))
    (row,) = rows(missed_lesion_table(Study({}, (two, one))))
    assert (row["lesions"], row["missed"], row["patients with a missed lesion"]) == (3, 2, 2)
    assert row["of the missed, < 3 cm %"]["value"] == 50.0
    assert row["of the missed, < 5 cm %"]["value"] == 100.0
    assert row["found, ≥ 5 cm %"]["value"] == 100.0
    assert row["found, 3–5 cm %"]["value"] == 0.0


def test_lesions_whose_size_nobody_knows_are_not_called_small():
    unknown = result(patient="a", dice=0.1, lesions_found=(True, False), lesions_cm=(0.0, 0.0), largest_cm=0.0)
    known = result(patient="b", dice=0.1, lesions_found=(False,), lesions_cm=(4.0,), largest_cm=4.0)
    study = Study({}, (unknown, known))
    (row,) = rows(missed_lesion_table(study))
    assert (row["lesions"], row["missed"]) == (3, 2)
    assert (row["of the missed, < 3 cm %"]["value"], row["of the missed, < 5 cm %"]["value"]) == (0.0, 100.0)
    assert row["found, < 3 cm %"] is None
    found = {one["circumstance"]: one["failures"] for one in rows(failure_circumstances(study))}
    assert found["largest lesion < 2 cm"] == 0
    sizes = {one["size of the largest lesion"]: one["patients"] for one in rows(group_tables(study)[0])}
    assert sizes == {"< 3 cm": 0, "3–5 cm": 1, "≥ 5 cm": 0, "not known": 1}


def test_every_table_of_a_whole_study_is_finite():
    study = made_up_study(60)
    tables = [
        table2(study),
        failure_table(study),
        failure_circumstances(study),
        missed_lesion_table(study),
        tumour_free_networks(study),
        *group_tables(study),
    ]
    for table in tables:
        for row in rows(table):
            for cell in row.values():
                numbers = cell.values() if isinstance(cell, dict) else [cell]
                assert all(np.isfinite(n) for n in numbers if isinstance(n, float)), (table.title, row)
    assert rows(table2(without(study, segmentation=study.segmentation[::-1]))) == rows(table2(study))
