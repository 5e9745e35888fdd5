"""A cohort's tables are made from files by their names; what fits nowhere is said, and nothing is overwritten."""

from __future__ import annotations

import csv
import json

import pytest
from labelme_cohort import write_avi, write_labelme
from small_cohort import COLUMNS, ROWS, tumour, write_png, write_run

from DSANetLib.cohort import check_cohort, init_cohort, read_cohort
from DSANetLib.errors import CohortError, OutputError


def rows(folder):
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        return [
            (row["patient"], row["case"], row["frame"], row["tumour_mask"], row["liver_mask"])
            for row in csv.DictReader(file)
        ]


@pytest.fixture
def study(tmp_path):
    return tmp_path / "study"


def test_folders_name_patients_and_paths_are_relative(study):
    for patient in ("p1", "p2"):
        write_avi(study / "runs" / patient / "run1.avi", seed=int(patient[1]))
        write_labelme(study / "masks" / patient / "run1_0003.json", "run1_0003.png")
    started = init_cohort(study)
    assert (started.patients, started.runs, started.frames, started.left_over) == (2, 2, 2, {})
    assert [row[0] for row in rows(study)] == ["p1", "p2"]
    assert [row[2:] for row in rows(study)] == [
        ("3", "masks/p1/run1_0003.json", ""),
        ("3", "masks/p2/run1_0003.json", ""),
    ]
    assert not [finding for finding in check_cohort(study) if finding.severe]


def test_pictures_of_tumour_and_liver_of_one_frame_are_one_row(study):
    write_run(study / "runs" / "a1_run1", 1)
    write_run(study / "runs" / "a1_run10", 2)
    write_png(study / "masks" / "a1_run1_frame_0002_tumour.png", tumour())
    write_png(study / "masks" / "liver" / "a1_run1_0002.png", tumour())
    write_png(study / "masks" / "a1_run10_tumour_0004.png", tumour())
    init_cohort(study)
    assert rows(study) == [
        ("a1", "a1_run1", "2", "masks/a1_run1_frame_0002_tumour.png", "masks/liver/a1_run1_0002.png"),
        ("a1", "a1_run10", "4", "masks/a1_run10_tumour_0004.png", ""),
    ]


def test_labelme_beside_its_pictures_and_films_in_one_folder(study):
    data = study.parent / "data"
    write_avi(data / "k7_run2.avi", 1)
    write_labelme(data / "k7_run2_frame_0002.json", "k7_run2_frame_0002.png")
    write_png(data / "k7_run2_frame_0002.png", tumour())
    init_cohort(study, runs=data, masks=data)
    ((patient, case, frame, mask, liver),) = rows(study)
    assert (patient, case, frame, liver) == ("k7", "k7_run2", "2", "") and mask.endswith("k7_run2_frame_0002.json")


def test_a_table_says_which_run_is_whose(study):
    for name in ("x", "y"):
        write_avi(study / "runs" / f"{name}.avi", ord(name))
    table = study.parent / "who.csv"
    table.write_text("case;patient\nx;p1\ny;p1\n")
    assert init_cohort(study, patients=table).patients == 1
    (study / "manifest.csv").unlink()
    table.write_text("case,patient\nx,p1\n")
    with pytest.raises(CohortError, match=r"who\.csv: names no patient for y"):
        init_cohort(study, patients=table)


def test_what_fits_nowhere_is_left_over_with_the_reason(study):
    write_avi(study / "runs" / "p1.avi", 1)
    write_labelme(study / "masks" / "p1_0003.json", "")
    write_labelme(study / "masks" / "p1_frame3.json", "")
    write_labelme(study / "masks" / "other_0003.json", "")
    write_labelme(study / "masks" / "p1_nothing.json", "")
    (study / "masks" / "notes.txt").write_text("x")
    (study / "masks" / "p1_0004.json").write_text('{"version": "5.5.0", "shapes": [', encoding="utf-8")
    left = {path.name: reason for path, reason in init_cohort(study).left_over.items()}
    assert left == {
        "p1_0004.json": "is no file of LabelMe that can be read",
        "other_0003.json": "its name holds the name of no run",
        "p1_frame3.json": "frame 3 of p1 has a tumour mask already",
    }
    # An annotation whose frame nobody names is kept in the table, and the check asks for the frame.
    assert [row[2:4] for row in rows(study)] == [("", "masks/p1_nothing.json"), ("3", "masks/p1_0003.json")]
    assert any("p1_nothing.json does not name its frame" in str(one) for one in check_cohort(study))


def test_nothing_is_overwritten(study):
    write_avi(study / "runs" / "p1.avi", 1)
    (study / "clinical.csv").write_text("patient,age\np1,50\n")
    started = init_cohort(study)
    assert started.kept == ("clinical.csv",) and (study / "clinical.csv").read_text() == "patient,age\np1,50\n"
    before = (study / "manifest.csv").read_bytes()
    with pytest.raises(OutputError, match="is there already"):
        init_cohort(study)
    assert (study / "manifest.csv").read_bytes() == before
    assert json.loads((study / "cohort.json").read_text())["synthetic"] is False
    assert read_cohort(study).patients[0].clinical.values["age"] == 50


def test_no_runs(study):
    with pytest.raises(CohortError, match="has no folder of runs"):
        init_cohort(study)
    (study / "runs").mkdir(parents=True)
    with pytest.raises(CohortError, match="holds no run"):
        init_cohort(study)
    assert tumour().shape == (ROWS, COLUMNS) and not (study / "manifest.csv").exists()
