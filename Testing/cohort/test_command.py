"""``dsanet cohort``: exit codes, JSON, quiet, and tables."""

from __future__ import annotations

import json

import pytest

from DSANetLib.cli import FAILED, OK, USAGE, main
from DSANetLib.cohort import describe_cohort, make_split, read_cohort, read_split


@pytest.fixture
def call(folder, capsys):
    def call(action, *options):
        code = main(["cohort", action, str(folder), *options])
        return code, *capsys.readouterr()

    return call


def test_check_tells_by_its_exit_code(call, change):
    code, out, err = call("check")
    assert (code, out) == (OK, "Nothing to mend, 0 notes.\n") and "Runs read: 8 of 8" in err
    change("outcome", "p2,PR", "p2,XX")
    code, out, _ = call("check", "--tables-only")
    assert code == FAILED and "Wrong: outcome.csv, line 3: column response: 'XX' is unknown. Write CR, PR" in out
    code, out, err = call("check", "--json", "--quiet")
    (line,) = out.splitlines()
    assert code == FAILED and err == ""
    found = json.loads(line)
    assert (found["file"], found["line"], found["severe"]) == ("outcome.csv", 3, True)


def test_quiet_counts_before_the_action_too(folder, capsys):
    assert main(["cohort", "--quiet", "check", str(folder)]) == OK
    assert capsys.readouterr() == ("", "")


def test_split_says_and_stores(call, folder):
    code, out, _ = call("split", "--folds", "2", "--seed", "3")
    assert code == OK and "train: 5 patients" in out and (folder / "split.json").is_file()
    code, _, err = call("split", "--folds", "2")
    assert code == FAILED and "is there already" in err and "--overwrite" in err
    code, _, err = call("split", "--folds", "9", "--overwrite")
    assert code == FAILED and "7 internal patients cannot be split into 9 folds" in err


def test_a_split_into_folds_too_small_for_a_response_model_names_them(call, folder):
    _, _, err = call("split", "--folds", "2", "--seed", "3")
    cohort = read_cohort(folder)
    split, known = read_split(folder, cohort), {p.patient: p.responder for p in cohort.patients}
    answers = [[known[one] for one in split.fold(fold)[1]] for fold in (0, 1)]
    few = [str(fold) for fold in (0, 1) if min(answers[fold].count(True), answers[fold].count(False)) < 2]
    assert few and f"Fold {', '.join(few)} cannot calibrate a response model" in err


def test_a_split_of_one_class_says_what_it_is_no_good_for(call, folder):
    assert "All " not in call("split", "--folds", "2")[2]
    path = folder / "outcome.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    at = head.split(",").index("response")
    cells = [line.split(",") for line in lines]
    path.write_text("\n".join([head, *(",".join([*c[:at], "PR", *c[at + 1 :]]) for c in cells)]) + "\n")
    code, _, err = call("split", "--folds", "2", "--overwrite")
    assert code == OK
    (line,) = [line for line in err.splitlines() if "response model" in line]
    assert line.startswith("All ") and "are responders" in line
    assert call("split", "--folds", "2", "--overwrite", "--quiet")[2] == ""


def test_describe_writes_tables(call):
    code, out, _ = call("describe")
    assert code == OK and "### Cohort study" in out and "| mRECIST PR | 2 | 2 |" in out and "images 8" in out
    call("split", "--folds", "2")
    code, out, _ = call("describe", "--json", "--tables-only")
    first = json.loads(out.splitlines()[0])["rows"]
    assert first[0] == {"": "patients", "train": 5, "test": 2, "all": 7}


@pytest.mark.parametrize("arguments", [[], ["check"], ["mend", "x"], ["split", "x", "--folds", "0"]])
def test_wrong_usage(arguments, capsys):
    assert main(["cohort", *arguments]) == USAGE


def test_missing_folder_is_one_line(tmp_path, capsys):
    assert main(["cohort", "describe", str(tmp_path / "none")]) == FAILED
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and f"{tmp_path / 'none'}: is no folder" in err
    assert main(["cohort", "check", str(tmp_path / "none"), "--quiet"]) == FAILED


def test_tables_count_what_is_there(folder):
    cohort = read_cohort(folder)
    tables = {table.title: table for table in describe_cohort(cohort, make_split(cohort, folds=2))}
    rows = {row[0]: row[1:] for row in tables["Missing clinical values"].rows}
    assert rows["age (age)"] == (0, 0, 0) and rows["C-reactive protein (crp)"] == (5, 2, 7)
    assert {row[0]: row[-1] for row in tables["Runs"].rows}["frames"] == "5"
