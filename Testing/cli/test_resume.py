"""A batch that is stopped or killed and started again goes on where it was, and repeats nothing of the same kind."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from run_files import write_frames

ONLY_MASKS = ("--no-scene", "--no-picture")


@pytest.fixture
def runs(tmp_path, stained_frames):
    """A folder of three runs, the middle one without contrast and so without a result."""
    write_frames(tmp_path / "in" / "a", stained_frames)
    write_frames(tmp_path / "in" / "b", np.zeros((16, 96, 128), np.uint8))
    write_frames(tmp_path / "in" / "c", stained_frames[:, :, ::-1])
    return tmp_path / "in"


def _table(out):
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return {row["case"]: (row["status"], row["reason"]) for row in csv.DictReader(file)}


def _times(out):
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/case.json")}


def _json(lines):
    return [(line.get("case"), line["status"], line.get("done_before")) for line in map(json.loads, lines)]


def test_started_again_it_repeats_nothing_and_says_so(dsanet, tmp_path, runs):
    out = tmp_path / "out"
    code, lines, _ = dsanet(runs, options=(*ONLY_MASKS, "--json"))
    assert code == 1
    assert _json(lines) == [("a", "ok", False), (None, "failed", None), ("c", "ok", False)]
    table = _table(out)
    assert {case: status for case, (status, _) in table.items()} == {"a": "done", "b": "failed", "c": "done"}
    reason = table["b"][1]
    assert reason.count(". ") >= 1
    assert str(tmp_path) not in reason
    times = _times(out)
    before = (out / "results.csv").read_bytes(), (out / "patients.csv").read_bytes()
    # The tables may be lost or killed away between a folder and its rows.
    (out / "patients.csv").unlink()
    code, lines, _ = dsanet(runs, options=(*ONLY_MASKS, "--json", "--threads", "1"))
    assert code == 1
    assert _json(lines) == [("a", "ok", True), (None, "failed", None), ("c", "ok", True)]
    assert _times(out) == times
    assert ((out / "results.csv").read_bytes(), (out / "patients.csv").read_bytes()) == before
    (sentence,) = dsanet(runs / "a")[1]
    assert sentence.endswith(" (done before)")


def test_other_settings_files_or_clinical_values_are_not_the_same(dsanet, tmp_path, runs):
    assert dsanet(runs / "a")[0] == 0
    values = tmp_path / "values.csv"
    values.write_text("patient,age [years]\na,61\n")
    for options in (("--spacing", "0.3"), ("--response-model", "response-film-phantom", "--frame-rate", "3")):
        code, out, err = dsanet(runs / "a", options=(*ONLY_MASKS, *options))
        assert (code, out) == (1, [])
        assert "--overwrite" in err[-1]
    assert dsanet(runs / "a", options=(*ONLY_MASKS, "--clinical", values))[0] == 1
    write_frames(runs / "a", np.flip(np.stack([np.full((96, 128), 150, np.uint8)] * 2), 1))
    assert dsanet(runs / "a")[0] == 1


def test_a_run_that_works_the_second_time_is_averaged_into_its_patient(dsanet, tmp_path, runs, monkeypatch):
    from DSANetLib.batch import models

    real = models.segment
    (tmp_path / "in2" / "p").mkdir(parents=True)
    for name in ("a", "c"):
        shutil.move(runs / name, tmp_path / "in2" / "p" / name)

    def short_of_memory(run, *args, **kwargs):
        if run.case_id == "c":
            raise MemoryError
        return real(run, *args, **kwargs)

    monkeypatch.setattr(models, "segment", short_of_memory)
    table = tmp_path / "patients.csv"
    table.write_text("case,patient\na,p\nc,p\n")
    options = (*ONLY_MASKS, "--patients", table, "--json")
    assert _json(dsanet(tmp_path / "in2", options=options)[1])[1][:2] == ("a", "ok")
    assert _table(tmp_path / "out")["c"] == (
        "failed",
        "memory is short. Close other programs, or use fewer or smaller frames.",
    )
    monkeypatch.setattr(models, "segment", real)
    code, lines, _ = dsanet(tmp_path / "in2", options=options)
    assert (code, _json(lines)) == (0, [("a", "ok", False), ("c", "ok", False)])
    assert {json.loads(line)["runs"] for line in lines} == {2}
    assert _table(tmp_path / "out") == {"a": ("done", ""), "c": ("done", "")}


KILLED = """
import sys, time
from pathlib import Path
from DSANetLib.models import store
store.models_folder = lambda: Path(sys.argv[1])
from DSANetLib.batch import case as written
tables = written._write_tables
def half(case, folder):
    tables(case, folder)
    if case.case_id == "c":
        print("half", flush=True)
        time.sleep(60)
written._write_tables = half
from DSANetLib.cli import main
main(["run", sys.argv[2], "--out", sys.argv[3], "--no-scene", "--no-picture"])
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_killed_in_the_midst_of_writing_it_goes_on(dsanet, tmp_path, tiny_models, runs, repository):
    out = tmp_path / "out"
    batch = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tiny_models), str(runs), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(repository)},
        text=True,
    )
    while "half" not in batch.stdout.readline():
        assert batch.poll() is None
        time.sleep(0.01)
    batch.send_signal(signal.SIGKILL)
    batch.wait()
    batch.stdout.close()
    assert any(path.name.startswith(".c.part") for path in out.iterdir())
    times = _times(out)
    assert list(times) == ["a"]
    lines = dsanet(runs, options=(*ONLY_MASKS, "--json"))[1]
    assert _json(lines) == [("a", "ok", True), (None, "failed", None), ("c", "ok", False)]
    assert _times(out)["a"] == times["a"]
    assert sorted(path.name for path in out.iterdir()) == ["a", "c", "patients.csv", "results.csv"]
