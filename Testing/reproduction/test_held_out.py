"""Packages are measured on the held-out patients of one's own cohort, and set side by side."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from DSANetLib.cli import main
from DSANetLib.cohort import make_split, read_cohort, read_split, write_split
from DSANetLib.errors import ChoiceError, CohortError, OutputError
from DSANetLib.evaluation.reporting.report import BANNER
from DSANetLib.evaluation.study import FACTS, read_study
from DSANetLib.models import load_model
from DSANetLib.models.package import read_card
from DSANetLib.reproduction.held_out import _remarks, evaluate_packages, to_markdown
from DSANetLib.reproduction.measure import Trial, masks_by, measure_patients
from DSANetLib.training.folds import source_of
from DSANetLib.training.from_cohort import cohort_patients
from DSANetLib.training.sources import CohortConfig


@pytest.fixture(scope="module")
def cohort(cohort_folder, tmp_path_factory) -> Path:
    """The phantom cohort, split; one held-out patient has lost its masks."""
    folder = tmp_path_factory.mktemp("split") / "cohort"
    shutil.copytree(cohort_folder, folder)
    split = make_split(read_cohort(folder), seed=0, folds=3)
    write_split(split, folder)
    path = folder / "manifest.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    bare = dict.fromkeys(("frame", "tumour_mask", "liver_mask", "key_frame", "tumour_free"), "")
    seen = set()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            if row["patient"] != split.test[0]:
                writer.writerow(row)
            elif row["case"] not in seen:
                seen.add(row["case"])
                writer.writerow(row | {name: value for name, value in bare.items() if name in row})
    return folder


@pytest.fixture(scope="module")
def measured(cohort, tiny_models, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("measured") / "both"
    code = main([
        "evaluate", "--cohort", str(cohort), "--workers", "1", "--out", str(out), "--models",
        str(tiny_models / "ffs-phantom"), str(tiny_models / "unet-phantom"),
    ])  # fmt: skip
    assert code == 0
    return out


def test_test_and_external_patients_are_measured_and_nobody_else(measured, cohort):
    study, found = read_study(measured), read_cohort(cohort)
    groups = {p.patient: p.group for p in study.patients}
    held_out = {who for who, group in groups.items() if group != "train"}
    without = next(p.patient for p in found.patients if p.patient in held_out and not p.runs[0].frames)
    for name in ("ffs-phantom", "unet-phantom"):
        own = [one for one in study.segmentation if one.network == name]
        assert {one.record.patient for one in own} == held_out - {without}
        assert {(one.record.patient, one.group) for one in own} == {(w, groups[w]) for w in held_out - {without}}
    assert any("1 of" in note and without in note for note in study.facts["notes"])
    assert study.synthetic
    text = (measured / "evaluation.md").read_text(encoding="utf-8")
    assert BANNER in text and BANNER not in to_markdown(replace(study, facts={**study.facts, "synthetic": False}))
    assert "Table 2" in text and "unet-phantom" in text and without in text


def test_the_figures_are_those_of_the_study_s_own_measure(measured, cohort, tiny_models):
    model = load_model(tiny_models / "ffs-phantom", threads=1)
    study = read_study(measured)
    who = next(p.patient for p in study.patients if p.group == "external")
    case = next(p for p in read_cohort(cohort).patients if p.patient == who)
    config = CohortConfig(str(measured / "cache"), preparation=model.card.preparation, workers=1)
    patients = cohort_patients(cohort, [who], config)
    again = list(
        measure_patients(Trial("ffs-phantom", 0, -1, ""), {who: "external"}, [case], patients, masks_by(model))
    )
    assert again == [o for o in study.segmentation if o.network == "ffs-phantom" and o.record.patient == who]
    assert all(one.record.key_frame == one.record.true_key_frame for one in again)


def test_what_was_written_is_compared_and_reported(measured, cohort, tiny_models, tmp_path, capsys):
    assert main(["compare", str(measured), "--networks", "ffs-phantom", "unet-phantom"]) == 0
    assert "Dice, A minus B" in capsys.readouterr().out
    evaluate_packages(cohort, [tiny_models / "unet-phantom"], tmp_path / "one", workers=1)
    assert main(["compare", str(measured), str(tmp_path / "one"), "--networks", "ffs-phantom", "unet-phantom"]) == 0
    capsys.readouterr()
    assert main(["report", str(measured), "--out", str(tmp_path / "report")]) == 0
    assert "ffs-phantom" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_a_package_itself_cannot_be_compared_and_the_way_is_said(measured, tiny_models, capsys):
    assert main(["compare", str(tiny_models / "ffs-phantom"), str(measured)]) == 1
    assert "dsanet evaluate --cohort" in capsys.readouterr().err


def test_packages_of_one_name_are_told_apart(tiny_models, cohort, tmp_path):
    for parent in ("a", "b"):
        shutil.copytree(tiny_models / "unet-phantom", tmp_path / parent / "fold-0")
    models = [tmp_path / parent / "fold-0" for parent in ("a", "b")]
    study = evaluate_packages(cohort, models, tmp_path / "out", workers=1)
    assert {one.network for one in study.segmentation} == {"a/fold-0", "b/fold-0"}
    with pytest.raises(ChoiceError, match="named twice"):
        evaluate_packages(cohort, [models[0], models[0]], tmp_path / "out")


def test_what_cannot_be_measured_is_refused(tiny_models, cohort, cohort_folder, measured, tmp_path):
    unet = [tiny_models / "unet-phantom"]
    with pytest.raises(ChoiceError, match="predicts the response"):
        evaluate_packages(cohort, [tiny_models / "response-phantom"], tmp_path / "out")
    with pytest.raises(CohortError, match="split"):
        evaluate_packages(cohort_folder, unet, tmp_path / "out")
    other = tmp_path / "study"
    shutil.copytree(measured, other)
    facts = json.loads((other / FACTS).read_text())
    (other / FACTS).write_text(json.dumps(facts | {"size": "smoke"}))
    with pytest.raises(OutputError, match="holds a study"):
        evaluate_packages(cohort, unet, other)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "records.jsonl").write_text("")
    with pytest.raises(OutputError, match="not written by such"):
        evaluate_packages(cohort, unet, tmp_path / "mine")


def test_wrong_usage_is_said(cohort, tmp_path, capsys):
    assert main(["evaluate", "--models", "ffs-phantom", "--out", str(tmp_path / "out")]) == 2
    assert main(["evaluate", "--cohort", str(cohort), "--patients", "3", "--out", str(tmp_path / "out")]) == 2
    assert "split.csv" in capsys.readouterr().err
    assert main(["evaluate", "--cohort", str(tmp_path / "tset"), "--out", str(tmp_path / "out")]) == 1


def test_a_package_of_another_split_of_the_cohort_is_named(tiny_models, cohort):
    found = read_cohort(cohort)
    split = read_split(cohort)
    card = read_card(tiny_models / "unet-phantom")

    def said(source, digest=found.digest):
        data = {"cohort": {"digest": digest}, "patients_digest": source.to_dict()["patients_digest"]}
        return [
            text for text in _remarks("mine", replace(card, data=data), found, split) if "not by this split" in text
        ]

    for fold in (None, 0, 2):
        assert not said(source_of(cohort, fold))
    strange = replace(source_of(cohort), training=(*source_of(cohort).training, split.test[0]))
    assert said(strange)
    assert not said(strange, digest="another")
