"""What is written is whole, ours, and never in the place of something else."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import pytest
from disks import full_disk

from DSANetLib.batch.case import case_folder, check_free, write_case
from DSANetLib.batch.patients import assign_patients, gather_runs, read_patients
from DSANetLib.batch.store import Store
from DSANetLib.errors import ClinicalError, OutputError
from DSANetLib.readers import RunSource
from DSANetLib.results import CaseResult
from DSANetLib.tables import BATCH_COLUMNS, PATIENT_COLUMNS, RESULT_COLUMNS, to_csv
from DSANetLib.whole import remove_leftovers, whole_folder, write_whole


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    with whole_folder(tmp_path / "a") as temporary:
        (temporary / "x").write_text("1")
        assert not (tmp_path / "a").exists()
    assert _names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_stop_in_the_middle_leaves_nothing_and_keeps_the_old(tmp_path, error):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")

    def write():
        with whole_folder(tmp_path / "a") as temporary:
            (temporary / "x").write_text("1")
            raise error

    with pytest.raises(error):
        write()
    assert _names(tmp_path) == ["a"]
    assert _names(tmp_path / "a") == ["old"]


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("1")
    with whole_folder(tmp_path / "a") as temporary:
        (temporary / "new").write_text("1")
    assert _names(tmp_path) == ["a"]
    assert _names(tmp_path / "a") == ["new"]


@pytest.mark.parametrize(("name", "said"), [("scene.mrb", 1), ("other.mrb", 0)])
def test_a_scene_that_goes_with_its_result_is_said(tiny_segmentation, tmp_path, name, said):
    case, folder = CaseResult(tiny_segmentation), tmp_path / "made"
    write_case(case, folder, scene=False, picture=False)
    (folder / name).write_text("an earlier one")
    notes = write_case(case, folder, scene=False, picture=False, overwrite=True)
    assert [f"{folder / 'scene.mrb'}: the earlier scene was replaced" in note for note in notes] == [True] * said
    assert write_case(case, folder, scene=False, picture=False, overwrite=True) == []


def test_where_nothing_can_be_written_the_message_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"cannot be written.*choose a folder"), whole_folder(tmp_path / "file" / "a"):
        pass
    with pytest.raises(OutputError, match=r"cannot be written.*choose a folder"):
        write_whole(tmp_path / "file" / "table.csv", "x")
    assert _names(tmp_path) == ["file"]


def test_a_disk_that_runs_full_at_the_scene_fails_the_case_and_names_it(tiny_segmentation, tmp_path):
    pytest.importorskip("slicer", reason="Slicer's core is not installed")
    folder = tmp_path / "made"
    room = 60_000  # masks and tables fit, the scene does not
    write_case(CaseResult(tiny_segmentation), folder, scene=False, picture=False)
    assert max(path.stat().st_size for path in folder.rglob("*")) < room
    with full_disk(room), pytest.raises(OutputError, match=r"cannot be written.*room on the disk") as error:
        write_case(CaseResult(tiny_segmentation), folder, picture=False, overwrite=True)
    assert str(error.value).startswith(f"{folder / 'scene.mrb'}: ")
    assert _names(tmp_path) == ["made"]
    assert not (folder / "scene.mrb").exists()


def test_a_foreign_folder_is_never_replaced(tmp_path):
    folder = tmp_path / "case"
    check_free(folder, overwrite=False)
    folder.mkdir()
    with pytest.raises(OutputError, match=r"a result is there already.*--overwrite"):
        check_free(folder, overwrite=False)
    with pytest.raises(OutputError, match="no result of dsanet"):
        check_free(folder, overwrite=True)
    (folder / "case.json").write_text("{}")
    check_free(folder, overwrite=True)


@pytest.mark.parametrize(
    ("name", "folder"), [("run-é_1", "run-é_1"), ("../up", "_up"), ("a/b:c", "a_b_c"), ("...", "case")]
)
def test_case_folders_stay_inside_the_output_folder(tmp_path, name, folder):
    assert case_folder(tmp_path, name) == tmp_path / folder


def _row(columns, **values):
    return {column.name: values.get(column.name) for column in columns}


def _result(**values):
    return _row(RESULT_COLUMNS, **values)


def _patient(**values):
    return _row(PATIENT_COLUMNS, **values)


def test_tables_grow_and_replace_only_rows_of_the_same_name(tmp_path):
    store = Store(tmp_path)
    store.add(_result(case="b", lesions=1), _patient(patient="p", runs=1), found_as="b")
    Store(tmp_path).add(_result(case="a", lesions=2), _patient(patient="q"), found_as="a")
    Store(tmp_path).add(_result(case="b", lesions=3), _patient(patient="p", runs=2), found_as="b")
    rows = [_result(case="b", lesions=3), _result(case="a", lesions=2)]
    assert (tmp_path / "results.csv").read_text() == to_csv(
        BATCH_COLUMNS, [row | {"status": "done", "reason": None} for row in rows]
    )
    assert (tmp_path / "patients.csv").read_text() == to_csv(
        PATIENT_COLUMNS, [_patient(patient="p", runs=2), _patient(patient="q")]
    )
    assert _names(tmp_path) == ["patients.csv", "results.csv"]


def test_a_failed_case_is_a_row_until_it_is_done(tmp_path):
    def table():
        lines = csv.DictReader((tmp_path / "results.csv").read_text().splitlines())
        return [(row["case"], row["lesions"], row["status"], row["reason"]) for row in lines]

    Store(tmp_path).add_failed("found", "is dark. Use another.")
    assert table() == [("found", "", "failed", "is dark. Use another.")]
    # Once read it has another name, as a header showed that the first one was a person's.
    Store(tmp_path).add(_result(case="case-1", lesions=0), _patient(patient="case-1"), found_as="found")
    assert table() == [("case-1", "0", "done", "")]
    # A later failure, as of a rerun with other settings, does not hide the result that is there.
    Store(tmp_path).add_failed("case-1", "a result is there already")
    assert table() == [("case-1", "0", "done", "")]


@pytest.mark.skipif(os.name == "nt", reason="makes up process numbers by POSIX means")
def test_what_a_killed_program_left_goes_and_what_it_put_aside_comes_back(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    at_work = os.getppid()
    for name in (f".a.part-{gone.pid}", f".b.old-{gone.pid}", f".c.old-{gone.pid}", f".d.part-{at_work}", "c", ".e-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / f".results.csv.part-{gone.pid}").write_text("half")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "not there")
    assert _names(tmp_path) == sorted(["b", "c", f".d.part-{at_work}", ".e-1"])
    assert (tmp_path / "b" / "file").read_text() == f".b.old-{gone.pid}"
    assert (tmp_path / "c" / "file").read_text() == "c"


@pytest.mark.parametrize("content", [b"case,mine\n1,2\n", b"", b"\xff\xfe\x00", b"patient\n"])
def test_a_foreign_table_is_left_alone(tmp_path, content):
    (tmp_path / "results.csv").write_bytes(content)
    with pytest.raises(OutputError, match=r"results\.csv: this table is not one of this version"):
        Store(tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == content


def test_floats_in_tables_have_six_digits_and_nothing_is_an_empty_cell():
    columns = RESULT_COLUMNS[:3]
    assert to_csv(columns, [{"case": "a, b", "patient": None, "probability": 1 / 3}]) == (
        'case,patient,probability\n"a, b",,0.333333\n'
    )


def _sources(tmp_path, *names):
    return [RunSource(tmp_path / name, name.replace("/", "-")) for name in names]


def test_without_a_table_every_run_is_a_patient_of_its_own(tmp_path):
    sources = _sources(tmp_path, "p1/a", "p1/b")
    assert assign_patients(sources, None) == {None: sources}


def test_the_table_comes_before_the_folder(tmp_path):
    sources = _sources(tmp_path, "p1/a", "p1/b", "p2/c")
    groups = assign_patients(sources, {"p1-b": "other"}, by_folder=True)
    assert {name: [s.case_id for s in runs] for name, runs in groups.items()} == {
        "p1": ["p1-a"],
        "other": ["p1-b"],
        "p2": ["p2-c"],
    }


def test_the_table_of_patients_is_read_with_any_capitals_and_further_columns(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("\ufeffPath,Case,Patient\nx,run1,A\ny,run2,A\nz,run1,A\n", encoding="utf-8")
    assert read_patients(path) == {"run1": "A", "run2": "A"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case\nx\n", "column patient is missing"),
        ("", "column case and patient is missing"),
        ("case,patient\nx,A\nx,B\n", "line 3: case x has two patients"),
        ("case,patient\nx,\n", "line 2 has no case or no patient"),
        ("case,patient\nx\n", "line 2 has no case or no patient"),
    ],
)
def test_a_wrong_table_of_patients_names_file_and_line(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(ClinicalError, match=rf"p\.csv: {message}"):
        read_patients(path)


def test_an_unreadable_table_of_patients_is_one_line(tmp_path):
    with pytest.raises(ClinicalError, match="cannot be read"):
        read_patients(tmp_path / "missing.csv")
    (tmp_path / "p.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(ClinicalError, match="not UTF-8"):
        read_patients(tmp_path / "p.csv")


def test_a_manifest_gives_runs_and_patients_and_hides_the_truth_beside_them(tmp_path):
    for name in ("runs/a.avi", "runs/b.avi", "truth/a.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "manifest.csv").write_text("case,patient,path\na,P,runs/a.avi\nb,P,runs/b.avi\n")
    sources, patients = gather_runs([tmp_path])
    assert [s.case_id for s in sources] == ["a", "b"]
    assert patients == {"a": "P", "b": "P"}
    (tmp_path / "manifest.csv").write_text("something,else\n1,2\n")
    sources, patients = gather_runs([tmp_path])
    assert len(sources) == 3
    assert patients == {}
