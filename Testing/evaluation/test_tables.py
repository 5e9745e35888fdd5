"""Promises of the tables: who is in a group, what is averaged over whom, and how figures are written."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.errors import OutputError, TrainingError
from DSANetLib.evaluation.keyframe import key_frame_share, key_frame_table
from DSANetLib.evaluation.records import PatientRecord, RunRecord
from DSANetLib.evaluation.report import BANNER, Evaluation, promises_table, unseen_table
from DSANetLib.evaluation.segmentation import (
    FIELDS,
    FRAME_RATES,
    NUMBERS,
    SIZES,
    artefact_groups,
    compare_dice,
    comparison_table,
    false_positive_ratio,
    group_table,
    lesion_sensitivity,
    lesion_table,
    mean_of,
    overall_table,
    segmentation_tables,
    size_gap,
    tumour_free_table,
    with_tumour,
)
from DSANetLib.evaluation.statistics import Difference, Estimate, bootstrap_mean
from DSANetLib.evaluation.table import Column, Table, format_cell


def run(name: str, dice: float = 0.5, **values) -> RunRecord:
    facts = {"patient": name[0], "run": name, "tumour_free": False, "key_frame": 10, "true_key_frame": 10}
    facts |= {"key_error_s": 0.0, "frame_rate": 2.0, "largest_cm": 4.0}
    return RunRecord(**(facts | {"dice": dice} | values))


RUNS = [
    run("a1", 0.8, lesions_found=(True, False), lesions_cm=(6.0, 2.0), largest_cm=6.0, components=3, false_positives=1),
    run("a2", 0.6, lesions_found=(True,), lesions_cm=(5.0,), largest_cm=5.0, components=1, sensitivity=70.0),
    run("b1", 0.4, lesions_found=(False,), lesions_cm=(2.9,), largest_cm=2.9, artefacts=("motion", "text")),
    run("c1", 0.5, lesions_found=(True,), lesions_cm=(3.0,), largest_cm=3.0, artefacts=("motion",), components=2),
    run("d1", 1.0, tumour_free=True, largest_cm=0.0),
    run("d2", 0.0, tumour_free=True, largest_cm=0.0, components=2, false_positives=2, predicted_share=4.0),
    run("e1", 0.0, lesions_found=(False,), lesions_cm=(8.0,), largest_cm=8.0, error="it broke", key_error_s=None),
]


def column(table: Table, name: str) -> list:
    return [row[name] for row in table.to_dict()["rows"]]


@pytest.mark.parametrize(
    ("seconds", "frames", "hit"),
    [
        (0.5, 5, True),
        (-0.5, -5, True),
        (0.51, 2, False),
        (1.9, 1, True),
        (-1.9, -1, True),
        (0.6, 2, False),
        (0, 0, True),
    ],
)
def test_key_frame_hits_within_half_a_second_or_one_frame(seconds, frames, hit):
    record = run("a1", key_frame=10 + frames, key_error_s=seconds)
    assert record.key_frame_hit is hit
    assert record.key_error_frames == frames


def test_a_failed_run_misses_its_key_frame():
    assert RUNS[-1].key_frame_hit is False
    assert RUNS[-1].key_error_frames is None


def test_records_survive_json():
    for record in RUNS:
        assert RunRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    patient = PatientRecord("p", True, {"film": 0.5}, {"film": 0.4}, 0.7, ("x",))
    assert PatientRecord.from_dict(json.loads(json.dumps(patient.to_dict()))) == patient


def test_impossible_records_are_refused():
    with pytest.raises(TrainingError, match=r"Dice 1\.01 of run a1"):
        run("a1", 1.01)
    with pytest.raises(TrainingError, match=r"Dice -0\.01"):
        run("a1", -0.01)
    with pytest.raises(TrainingError, match="1 lesions judged, 2 measured in run a1"):
        run("a1", lesions_found=(True,), lesions_cm=(1.0, 2.0))


def test_groups_meet_at_3_and_5_cm_and_leave_nothing_out():
    groups = {name: [r.run for r in with_tumour(RUNS) if belongs(r)] for name, belongs in SIZES}
    assert groups == {"< 3 cm": ["b1"], "3–5 cm": ["c1"], "≥ 5 cm": ["a1", "a2", "e1"]}
    numbers = {name: [r.run for r in with_tumour(RUNS) if belongs(r)] for name, belongs in NUMBERS}
    assert numbers == {"one lesion": ["a2", "b1", "c1", "e1"], "several lesions": ["a1"]}


def test_frame_rates_and_fields_fall_into_one_band_each():
    def bands(groups, **values):
        return [name for name, belongs in groups if belongs(run("a1", **values))]

    assert bands(FRAME_RATES, frame_rate=1.99) == ["below 2 /s"]
    assert bands(FRAME_RATES, frame_rate=2.0) == ["2 to 4 /s"]
    assert bands(FRAME_RATES, frame_rate=3.99) == ["2 to 4 /s"]
    assert bands(FRAME_RATES, frame_rate=4.0) == ["4 /s and more"]
    assert bands(FRAME_RATES, frame_rate=None) == []
    assert bands(FIELDS, field_mm=219.0) == ["magnified, field below 220 mm"]
    assert bands(FIELDS, field_mm=220.0) == ["field of 220 mm and more"]
    assert bands(FIELDS, field_mm=None) == []


def test_an_artefact_that_nobody_spoke_of_is_not_known_and_none_is_what_somebody_said():
    records = (run("a", 0.5), run("b", 0.5, artefacts=("none",)), run("c", 0.5, artefacts=("gas",)))
    members = {
        all_known: {name: [r.run for r in records if belongs(r)] for name, belongs in groups}
        for all_known in (True, False)
        for groups in [artefact_groups(records, all_known=all_known)]
    }
    a, b, c = (record.run for record in records)
    assert members == {True: {"none": [a, b], "gas": [c]}, False: {"none": [b], "gas": [c], "not known": [a]}}
    assert [name for name, _ in artefact_groups(records[1:], all_known=False)] == ["none", "gas"]


def test_artefacts_are_named_once_in_order():
    groups = artefact_groups(RUNS)
    assert [name for name, _ in groups] == ["none", "motion", "text"]
    assert [[r.run for r in RUNS if belongs(r)] for _, belongs in groups][1:] == [["b1", "c1"], ["b1"]]
    assert [r.run for r in RUNS if groups[0][1](r)] == ["a1", "a2", "d1", "d2", "e1"]


def test_means_are_over_patients_and_leave_undefined_out():
    assert mean_of(with_tumour(RUNS), "dice").value == pytest.approx((0.7 + 0.4 + 0.5 + 0.0) / 4)
    estimate = mean_of(RUNS, "sensitivity", scale=2.0)
    assert (estimate.value, estimate.patients, estimate.count) == (140.0, 1, 1)
    assert mean_of(RUNS, "npv") is None
    a, b = mean_of(RUNS, "dice", seed=1), bootstrap_mean([r.dice for r in RUNS], [r.patient for r in RUNS], seed=1)
    assert a == b


def test_lesion_sensitivity_counts_lesions():
    assert lesion_sensitivity(RUNS).value == pytest.approx(100 * 3 / 6)
    assert lesion_sensitivity(RUNS, high_cm=3.0).value == pytest.approx(0.0)
    assert lesion_sensitivity(RUNS, low_cm=3.0, high_cm=5.0).value == pytest.approx(100.0)
    large = lesion_sensitivity(RUNS, low_cm=5.0)
    assert (large.value, large.count, large.patients) == (pytest.approx(100 * 2 / 3), 3, 2)
    assert lesion_sensitivity(RUNS, low_cm=50.0) is None
    rows = lesion_table(RUNS, "ffs").to_dict()["rows"]
    assert [row["lesions"] for row in rows] == [2, 1, 3]
    assert [row["found %"]["value"] for row in rows] == pytest.approx([0.0, 100.0, 200 / 3])
    assert lesion_table([], "ffs").to_dict()["rows"][0] == {"lesion": "< 3 cm", "lesions": 0, "found %": None}


def test_false_positive_ratio_counts_components():
    estimate = false_positive_ratio(with_tumour(RUNS))
    assert (estimate.value, estimate.count) == (pytest.approx(100 / 6), 6)
    assert false_positive_ratio([run("a1")]) is None


def test_overall_table_leaves_tumour_free_runs_out():
    table = overall_table({"ffs": RUNS, "none": []})
    row, empty = table.to_dict()["rows"]
    assert (row["model"], row["patients"], row["runs"]) == ("ffs", 4, 5)
    assert row["Dice"]["value"] == pytest.approx(0.4)
    assert row["pixel sensitivity %"]["value"] == 70.0
    assert row["lesion sensitivity %"]["value"] == pytest.approx(50.0)
    assert row["false positives a frame"]["value"] == pytest.approx((0.5 + 0 + 0 + 0) / 4)
    assert row["failed %"] == 20.0
    assert row["liver Dice"] is None
    assert (empty["runs"], empty["Dice"], empty["failed %"]) == (0, None, None)


def test_each_metric_stands_under_its_own_heading():
    values = {"accuracy": 91.0, "sensitivity": 92.0, "specificity": 93.0, "ppv": 94.0, "npv": 95.0, "liver_dice": 0.9}
    row = overall_table({"m": [run("a1", 0.7, **values)]}).to_dict()["rows"][0]
    heads = ("accuracy %", "pixel sensitivity %", "specificity %", "PPV %", "NPV %", "liver Dice", "Dice")
    assert [row[head]["value"] for head in heads] == [91.0, 92.0, 93.0, 94.0, 95.0, 0.9, 0.7]
    row = group_table("by", [run("a1", 0.7, **values)], [("all", lambda r: r.run == "a1")]).to_dict()["rows"][0]
    assert [row[head]["value"] for head in ("Dice", "pixel sensitivity %", "PPV %")] == [0.7, 92.0, 94.0]


def test_group_table_keeps_empty_groups():
    table = group_table("by size", RUNS, [*SIZES, ("giant", lambda r: r.largest_cm > 90)])
    assert table.title == "by size"
    assert column(table, "runs") == [1, 1, 3, 0]
    assert column(table, "patients") == [1, 1, 2, 0]
    assert column(table, "Dice")[3] is None
    assert column(table, "key frame hit %")[2]["value"] == pytest.approx(50.0)


def test_tumour_free_runs_have_a_table_of_their_own():
    broken = run("f1", 0.0, tumour_free=True, error="x", components=9)
    row = tumour_free_table({"ffs": [*RUNS, broken]}).to_dict()["rows"][0]
    assert (row["patients"], row["runs"]) == (1, 2)
    assert row["runs with a false positive %"]["value"] == 50.0
    assert row["false positives a frame"]["value"] == 1.0
    assert row["predicted area, % of the field"]["value"] == 2.0
    assert tumour_free_table({"ffs": []}).to_dict()["rows"][0]["runs with a false positive %"] is None


def test_models_are_compared_on_their_common_runs_with_tumour():
    other = [replace(r, dice=r.dice / 2) for r in RUNS if r.run != "c1"]
    difference = compare_dice(RUNS, list(reversed(other)), seed=3)
    assert difference.value == pytest.approx((0.35 + 0.2 + 0.0) / 3)
    assert (difference.patients, difference.count) == (3, 4)
    assert compare_dice(RUNS, [run("z1")]) is None
    rows = comparison_table({"ffs": RUNS, "unet": other}).to_dict()["rows"]
    assert rows[0]["models"] == "ffs − unet"
    assert rows[0]["Dice"] == pytest.approx((0.7 + 0.4) / 3)
    assert rows[0]["Dice of the other"] == pytest.approx((0.35 + 0.2) / 3)
    assert rows[0]["p"] == rows[0]["difference"]["p"]


def test_size_gap_is_the_difference_of_the_two_means():
    gap = size_gap(RUNS, seed=1)
    assert gap.value == pytest.approx((0.8 + 0.6 + 0.0) / 3 - (0.4 + 0.5) / 2)
    assert size_gap([r for r in RUNS if r.largest_cm < 5]) is None
    assert size_gap([r for r in RUNS if r.largest_cm >= 5]) is None
    clear = [run(f"{i:02d}", 0.9, largest_cm=6.0) for i in range(8)] + [run(f"x{i}", 0.5) for i in range(8)]
    clear = [replace(r, patient=r.run) for r in clear]
    estimate = size_gap(clear)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.4, 0.4, 0.4))


def test_all_segmentation_tables_are_there():
    titles = [table.title for table in segmentation_tables({"ffs": RUNS, "unet": RUNS})]
    assert titles == [
        "Tumour segmentation",
        "Models compared",
        "ffs by lesion size (largest of the run)",
        "ffs by number of lesions",
        "ffs by artefact",
        "ffs by frame rate",
        "ffs by field of view",
        "ffs: lesions found, by their size",
        "Runs without tumour",
    ]
    assert "Models compared" not in [table.title for table in segmentation_tables({"ffs": RUNS})]


def test_key_frame_table_counts_runs_and_says_how_far_off():
    records = [
        run("a1", key_frame=12, key_error_s=1.0),
        run("a2", key_frame=8, key_error_s=-2.0),
        run("a3", tumour_free=True, frame_rate=7.5),
        run("b1", key_frame=14, key_error_s=0.4, artefacts=("motion",)),
        run("b2", error="x", key_error_s=None),
    ]
    share = key_frame_share(records)
    assert (share.value, share.count, share.patients) == (pytest.approx(40.0), 5, 2)
    assert key_frame_share([]) is None
    rows = {row["runs"]: row for row in key_frame_table(records).to_dict()["rows"]}
    assert rows["all"]["number"] == 5
    assert rows["all"]["within 0.5 s or one frame %"]["value"] == pytest.approx(40.0)
    assert rows["all"]["mean error s"] == pytest.approx(-0.15)
    assert rows["all"]["median absolute error s"] == pytest.approx(0.7)
    assert rows["all"]["90th percentile s"] == pytest.approx(np.quantile([1.0, 2.0, 0.0, 0.4], 0.9))
    assert (rows["with tumour"]["number"], rows["without tumour"]["number"]) == (4, 1)
    assert (rows["4 /s and more"]["number"], rows["below 2 /s"]["number"]) == (1, 0)
    assert rows["below 2 /s"]["mean error s"] is None
    assert rows["artefact: motion"]["patients"] == 1


def test_cells_are_written_as_a_reader_expects():
    assert format_cell(Estimate(0.78149, 0.7, 0.8512, 3, 3), "fraction") == "0.781 (0.700 to 0.851)"
    assert format_cell(Estimate(0.5, None, None, 1, 1), "percent") == "0.5"
    assert format_cell(Difference(0.5, 0.6, -0.1, -0.2, 0.0001, 0.05, 3, 3), "number") == "-0.10 (-0.20 to 0.00)"
    assert format_cell(-0.0001, "fraction") == "0.000"
    assert (format_cell(0.0009, "p"), format_cell(0.001, "p"), format_cell(0.2, "p")) == ("< 0.001", "0.001", "0.200")
    assert (format_cell(7, "count"), format_cell(7.0, "count")) == ("7", "7")
    assert (format_cell(None, "count"), format_cell("a|b", "text")) == ("–", "a\\|b")


def test_a_table_is_markdown_and_json():
    table = Table("T", (Column("a"), Column("b", "percent")), (("x", 1.25), ("y", None)), "A note.")
    assert table.to_markdown() == "### T\n\n| a | b |\n| --- | ---: |\n| x | 1.2 |\n| y | – |\n\nA note.\n"
    assert table.to_dict() == {"title": "T", "note": "A note.", "rows": [{"a": "x", "b": 1.25}, {"a": "y", "b": None}]}
    assert replace(table, note="").to_markdown().endswith("| y | – |\n")
    with pytest.raises(TrainingError, match="a row of 1 cells in 'T'"):
        Table("T", table.columns, (("x",),))


def many(dice: float, count: int = 300, **values) -> list[RunRecord]:
    return [
        replace(run("a", dice, largest_cm=6.0 if i % 2 else 2.0, **values), patient=f"p{i:03d}", run=f"r{i:03d}")
        for i in range(count)
    ]


def patients(count: int = 80) -> list[PatientRecord]:
    generator = np.random.default_rng(5)
    rows = []
    for i in range(count):
        truth = generator.normal()
        responder = bool(generator.random() < 1 / (1 + np.exp(-2 * truth)))
        scores = {"clinical": generator.normal(), "film+clinical": truth + 0.3 * generator.normal()}
        rows.append(
            PatientRecord(
                f"p{i}",
                responder,
                {k: float(1 / (1 + np.exp(-v))) for k, v in scores.items()},
                {},
                float(np.tanh(truth)),
            )
        )
    return rows


def verdicts(evaluation: Evaluation) -> dict[str, str]:
    return {row["promise"]: row["reached"] for row in promises_table(evaluation).to_dict()["rows"]}


def test_promises_are_judged_at_their_limits():
    good = many(0.75)
    assert verdicts(Evaluation((), {"ffs": good}))["ffs: Dice ≥ 0.75 on ≥ 300 patients"] == "yes"
    assert verdicts(Evaluation((), {"ffs": many(0.7499)}))["ffs: Dice ≥ 0.75 on ≥ 300 patients"] == "NO"
    assert verdicts(Evaluation((), {"ffs": good[1:]}))["ffs: Dice ≥ 0.75 on ≥ 300 patients"] == "NO"
    both = verdicts(Evaluation((), {"ffs": good, "unet": many(0.60)}))
    assert both["unet: Dice in 0.60–0.75"] == "yes"
    assert both["ffs above unet, paired, p < 0.05"] == "yes"
    worse = verdicts(Evaluation((), {"ffs": good, "unet": many(0.76)}))
    assert (worse["unet: Dice in 0.60–0.75"], worse["ffs above unet, paired, p < 0.05"]) == ("NO", "NO")
    assert verdicts(Evaluation((), {"ffs": good, "unet": many(0.5999)}))["unet: Dice in 0.60–0.75"] == "NO"
    assert verdicts(Evaluation((), {"ffs": good, "unet": good}))["ffs above unet, paired, p < 0.05"] == "NO"


def test_promises_on_key_frames_need_500_runs_and_85_per_cent():
    name = "key frame hit in ≥ 85 % of ≥ 500 runs"
    hit, miss = many(0.8, 500), many(0.8, 500, key_frame=15, key_error_s=2.0)
    assert verdicts(Evaluation((), {"ffs": hit[:425] + miss[425:]}))[name] == "yes"
    assert verdicts(Evaluation((), {"ffs": hit[:424] + miss[424:]}))[name] == "NO"
    assert verdicts(Evaluation((), {"ffs": hit[1:]}))[name] == "NO"


def test_promises_on_size_and_response():
    easy = [replace(r, dice=0.9 if r.largest_cm > 5 else 0.75) for r in many(0.8, 40)]
    name = "Dice of lesions ≥ 5 cm above smaller ones by ≥ 0.1"
    assert verdicts(Evaluation((), {"ffs": easy}))[name] == "yes"
    assert verdicts(Evaluation((), {"ffs": [replace(r, dice=0.8) for r in easy]}))[name] == "NO"
    judged = verdicts(Evaluation((), {"ffs": easy}, patients()))
    assert judged["AUC of film+clinical above clinical, DeLong p < 0.05"] == "yes"
    assert judged["AUC of film+clinical ≥ 0.9 of the Bayes value"] == "yes"
    swapped = [
        replace(p, probabilities={"clinical": p.probabilities["film+clinical"], "film+clinical": 0.5 + 0.001 * i})
        for i, p in enumerate(patients())
    ]
    one = [p for p in swapped if p.responder]
    assert not [text for text in verdicts(Evaluation((), {"ffs": easy}, one)) if "AUC" in text]
    judged = verdicts(Evaluation((), {"ffs": easy}, swapped))
    assert judged["AUC of film+clinical above clinical, DeLong p < 0.05"] == "NO"
    assert judged["AUC of film+clinical ≥ 0.9 of the Bayes value"] == "NO"


def test_unseen_frame_rate_stands_beside_the_seen():
    seen, unseen = many(0.8, 20), [replace(r, dice=0.5, frame_rate=10.0) for r in many(0.8, 6)]
    rows = unseen_table({"ffs": seen}, {"ffs": unseen}).to_dict()["rows"]
    assert [row["frame rates"] for row in rows] == ["as in training", "10 /s, unseen"]
    assert [row["Dice"]["value"] for row in rows] == pytest.approx([0.8, 0.5])
    assert [row["runs with tumour"] for row in rows] == [20, 6]


def test_report_is_the_same_twice_and_written_whole(tmp_path):
    evaluation = Evaluation(("Test patients.",), {"ffs": RUNS, "unet": RUNS}, patients(), {"ffs": RUNS})
    markdown, data = evaluation.write(tmp_path / "new" / "folder")
    text = markdown.read_text(encoding="utf-8")
    assert text == evaluation.to_markdown()
    assert text.startswith(f"# Evaluation\n\n{BANNER}\n\n- Test patients.\n\n### What was promised")
    titles = [table["title"] for table in json.loads(data.read_text(encoding="utf-8"))["tables"]]
    assert "Response: calibration" in titles
    assert titles[-1] == "A frame rate never seen in training"
    assert sorted(path.name for path in markdown.parent.iterdir()) == ["evaluation.json", "evaluation.md"]


def test_a_report_that_cannot_be_written_says_where(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"evaluation\.md: cannot be written"):
        Evaluation((), {"ffs": RUNS}).write(tmp_path / "file")
