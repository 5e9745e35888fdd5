"""Two studies or models side by side: paired on what both have, refused where the cohorts differ."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_up_studies import FACTS, hand_study, made_up_study

from DSANetLib.cli import main
from DSANetLib.errors import ChoiceError, CohortError
from DSANetLib.evaluation.reporting.compare import compare
from DSANetLib.evaluation.reporting.document import Grid
from DSANetLib.evaluation.study import write_study


def grids(document) -> dict[str, list[dict[str, str]]]:
    return {
        t.title: [dict(zip(t.columns, (c.text for c in row), strict=True)) for row in t.rows] for t in _tables(document)
    }


def _tables(document) -> list[Grid]:
    return [block for section in document.sections for block in section.blocks if isinstance(block, Grid)]


def shifted(study, by):
    """The study with every Dice of U-Net higher, and every score of a responder."""
    return replace(
        study,
        segmentation=tuple(
            replace(one, record=replace(one.record, dice=one.record.dice + by)) if one.network == "unet" else one
            for one in study.segmentation
        ),
        response=tuple(replace(one, score=1.0 if one.responder else one.score) for one in study.response),
    )


@pytest.fixture
def two(tmp_path):
    return write_study(hand_study(), tmp_path / "a"), write_study(shifted(hand_study(), 0.1), tmp_path / "b")


def test_two_studies_are_paired_by_run_and_patient(two):
    tables = grids(compare(two))
    unet, ffs = sorted(tables["Dice, A minus B"], key=lambda row: row["A"], reverse=True)
    assert (unet["A"], unet["B"], unet["patients"]) == ("unet", "unet", "4")
    assert (unet["Dice of A"], unet["Dice of B"]) == ("0.650", "0.750")
    assert unet["difference"] == "-0.100 (-0.100 to -0.100)"
    assert ffs["difference"].startswith("0.000")
    auc = tables["score AUC, A minus B"][0]
    assert (auc["score AUC of A"], auc["score AUC of B"]) == ("0.750", "1.000")
    assert auc["difference"].startswith("-0.250")
    assert "p (DeLong)" in auc and "p (McNemar), Holm" in auc


def test_few_patients_are_said_beside_their_p_if_any_model_has_but_few(two, tmp_path):
    note = "fewer than 10 patients"
    assert [note in table.note for table in _tables(compare(two)) if "A minus B" in table.title] == [True, True]
    large = made_up_study(45, networks=("ffs", "unet"))
    kept = {one.record.patient for one in large.segmentation if one.group == "test"}
    some = sorted(kept)[:9]
    fewer = tuple(
        one
        for one in large.segmentation
        if one.group == "test" and (one.network == "unet" or one.record.patient in some)
    )
    a, b = (write_study(replace(large, segmentation=own, response=()), tmp_path / str(len(own)))
            for own in (large.segmentation, fewer))  # fmt: skip
    assert note not in _tables(compare([a, a]))[0].note
    assert note in _tables(compare([a, b]))[0].note


def test_two_models_of_one_study(two):
    tables = grids(compare([two[0]], networks=("ffs", "unet")))
    assert tables["Dice, A minus B"][0]["difference"] == "0.100 (0.100 to 0.100)"
    assert [row["network"] for row in tables["ffs of A and unet of B, on common patients"]] == ["A: ffs", "B: unet"]
    with pytest.raises(ChoiceError, match=r"no network 'tempo'. Choose of unet, ffs"):
        compare([two[0]], networks=("ffs", "tempo"))
    with pytest.raises(ChoiceError, match="one folder alone"):
        compare([two[0]])


def test_two_inputs_of_one_study(tmp_path):
    folder = write_study(made_up_study(40, networks=()), tmp_path)
    tables = grids(compare([folder], answers=("film+mask+clinical [predicted]", "film+mask [true]")))
    assert {row["group" if "group" in row else "cohort"] for row in tables["score AUC, A minus B"]} == {
        "internal",
        "external",
    }


def test_runs_that_one_lacks_are_left_out_and_said(two, tmp_path):
    study = hand_study()
    fewer = tuple(one for one in study.segmentation if one.record.patient != "h3")
    document = compare([two[0], write_study(replace(study, segmentation=fewer), tmp_path / "c")])
    assert grids(document)["Dice, A minus B"][0]["patients"] == "3"
    assert "1 runs of A are not in the other and are left out." in document.sections[0].blocks[0].items


def _without_a_patient(study):
    return replace(study, patients=study.patients[1:])


def _in_another_set(study):
    return replace(study, patients=(replace(study.patients[0], group="train"), *study.patients[1:]))


def _other_truth(study):
    return replace(study, response=tuple(replace(one, responder=not one.responder) for one in study.response))


def _other_digest(study):
    return replace(study, facts={**FACTS, "cohort": {"digest": "f" * 64}})


def _other_people(study):
    runs = tuple(replace(one, record=replace(one.record, patient="x", run="x")) for one in study.segmentation[:1])
    return replace(study, patients=(), segmentation=runs, response=())


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (_without_a_patient, r"1 patients are in .*a alone \(h0\)"),
        (_in_another_set, r"1 patients are in another set in .*c \(h0\)"),
        (_other_truth, r"4 runs or patients have another truth \(h0, h1, h2 …\)"),
        (_other_digest, "their digests are 000000000000 and ffffffffffff"),
        (_other_people, "no run and no patient in common"),
    ],
)
def test_other_cohorts_are_refused_saying_how(two, tmp_path, change, how):
    with pytest.raises(CohortError, match=how):
        compare([two[0], write_study(change(hand_study()), tmp_path / "c")])


def _evaluation(folder, shift=0.0, lines=()):
    """The records that ``dsanet evaluate`` keeps, of hand-made runs."""
    folder.mkdir()
    rows = []
    for i, one in enumerate(hand_study().segmentation[:4]):
        record = replace(one.record, dice=one.record.dice + shift).to_dict()
        answer = hand_study().response[i]
        person = {"patient": answer.patient, "responder": answer.responder, "probabilities": {"film": answer.score},
                  "thresholds": {"film": 0.5}}  # fmt: skip
        rows.append(json.dumps({"key": "k", "seed": i, "result": {"runs": {"ffs-x": [record]}, "patient": person}}))
    (folder / "records.jsonl").write_text("\n".join([*rows, *lines]) + "\n")
    return folder


def test_two_evaluations_are_paired(tmp_path):
    a, b = _evaluation(tmp_path / "a", lines=('{"key": "k", "se',)), _evaluation(tmp_path / "b", 0.05)
    tables = grids(compare([a, b / "records.jsonl"]))
    assert tables["Dice, A minus B"][0]["difference"] == "-0.050 (-0.050 to -0.050)"
    assert tables["score AUC, A minus B"][0]["difference"].startswith("0.000")


def test_records_of_two_evaluations_in_one_file_are_refused(tmp_path):
    a, b = _evaluation(tmp_path / "a"), _evaluation(tmp_path / "b", 0.05)
    with (a / "records.jsonl").open("a") as file:
        file.write((b / "records.jsonl").read_text())
    with pytest.raises(CohortError, match="holds several evaluations"):
        compare([a, b])
    (b / "records.jsonl").write_text("\n")
    with pytest.raises(CohortError, match="holds no result"):
        compare([b, b])
    with pytest.raises(CohortError, match="neither a study nor an evaluation"):
        compare([tmp_path, b])


def test_commands(two, tmp_path, capsys):
    assert main(["report", str(two[0]), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / name) for name in ("report.html", "report.md")]
    assert main(["compare", *map(str, two)]) == 0
    shown = capsys.readouterr().out
    assert "-0.100 (-0.100 to -0.100)" in shown
    assert "< 0.001" in shown and "&lt;" not in shown
    page = tmp_path / "side-by-side.html"
    for _ in range(2):  # a comparison of ours may be replaced
        assert main(["compare", *map(str, two), "--out", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    mine = tmp_path / "mine.md"
    mine.write_text("mine")
    assert main(["compare", *map(str, two), "--out", str(mine)]) == 1
    assert mine.read_text() == "mine"
    assert main(["compare", *map(str, two), "--out", str(tmp_path / "x.pdf")]) == 2
    assert main(["compare", str(two[0]), "--networks", "ffs", "bogus"]) == 2
    assert "Choose of" in capsys.readouterr().err
