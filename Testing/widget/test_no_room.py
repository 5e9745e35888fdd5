"""Read-only folders and full disks: a sentence that says what and what to do, nothing lost, panel usable."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import test_batch
from disks import full_disk, read_only
from test_batch import batch, folder  # noqa: F401 - fixtures
from test_correct import make_folder, open_row, paint, run, tumour  # noqa: F401 - fixtures
from test_export import add_case, listed, names

from DSANetLib.correction.provenance import read_corrections
from DSANetLib.mrml.editing import editing

BAD = pytest.mark.parametrize("bad", ["read-only", "full"])


def spoilt(bad, place):
    """Make a folder unwritable in the one way or the other."""
    return read_only(place) if bad == "read-only" else full_disk()


@pytest.fixture
def work(panel, run, tumour, tmp_path):  # noqa: F811 - fixtures
    """A work list with a case open and its mask changed."""
    made = make_folder(panel, run, tumour, tmp_path)
    panel.find("saveSceneCheckBox").checked = True
    case = open_row(panel, 0)
    paint(case, tumour[::-1])
    return made


@BAD
def test_a_correction_that_cannot_be_saved_is_not_lost(panel, work, tumour, bad):  # noqa: F811
    before = names(work)
    with spoilt(bad, work):
        panel.press("saveButton")
        assert panel.status.startswith("Problem: ")
        assert "corrections-Anna.json: cannot be written" in panel.status
        assert "Make room, or choose a folder you may write to" in panel.status
        assert panel.find("workTable").item(0, 1).text() == "new"
    assert names(work) == before
    case = panel.context.case
    assert editing(case.masks).unsaved()
    panel.press("saveButton")
    assert panel.status.startswith("Saved in ")
    saved = read_corrections(work / "unsure" / "corrections-Anna.json").of(2)
    assert np.array_equal(saved.masks.unpack()[1], tumour[::-1])
    assert not editing(case.masks).unsaved()


def test_a_full_disk_on_saving_again_leaves_the_earlier_files_whole(panel, work):
    panel.press("saveButton")
    kept = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    panel.press("acceptButton")
    with full_disk():
        panel.press("saveButton")
        assert "cannot be written" in panel.status
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == kept


def test_a_scene_without_room_says_that_the_correction_is_saved(panel, work):
    """The reader's file is small and comes first."""
    before = names(work)
    with full_disk(room=5000):
        panel.press("saveButton")
        assert panel.status.startswith("Problem: ")
        assert "scene-Anna.mrb: cannot be written" in panel.status
        assert "The masks are saved in corrections-Anna.json. Make room on the disk" in panel.status
    assert names(work) - before == {"unsure/corrections-Anna.json"}
    panel.press("saveButton")
    assert names(work) - before == {"unsure/corrections-Anna.json", "unsure/scene-Anna.mrb"}


@BAD
def test_next_stays_with_a_case_that_cannot_be_saved(panel, work, bad, monkeypatch):
    import qt
    import standins

    monkeypatch.setattr(standins.MessageBox, "answer", qt.QMessageBox.Save)
    with spoilt(bad, work):
        panel.press("nextButton")
        assert "cannot be written" in panel.status
    assert panel.context.case.case_id == "unsure"
    assert editing(panel.context.case.masks).unsaved()


@BAD
def test_an_export_that_cannot_be_written_is_a_line_a_case(panel, tmp_path, bad):
    case, out = add_case(panel, "case é 中"), tmp_path / "out"
    out.mkdir()
    panel.find("exportFolderEdit").currentPath = str(out)
    with spoilt(bad, out):
        panel.press("exportButton")
        assert panel.status == "Problem: 2 could not be exported; see the list."
        assert len(listed(panel)) == 2
        for line, name in zip(listed(panel), ("case é 中", "scene.mrb"), strict=True):
            assert f"{name}" in line
            assert "cannot be written" in line
            assert "room" in line or "Choose a folder you may write to" in line
    assert list(out.iterdir()) == []
    assert panel.context.case.run.sequence is case.run.sequence
    panel.press("exportButton")
    assert panel.status.startswith("Exported 1 to ")


def test_a_batch_into_a_read_only_folder_does_not_begin(batch, tmp_path):  # noqa: F811
    out = tmp_path / "results é"
    out.mkdir()
    with read_only(out):
        batch.press("batchStartButton")
        test_batch.wait(batch)
        assert batch.status.startswith("Problem: ")
        assert "results é: cannot be written (" in batch.status
        assert "Make room, or choose a folder you may write to" in batch.status
        assert test_batch.rows(batch) == []
    assert list(out.iterdir()) == []
    assert batch.find("batchStartButton").enabled


def test_a_batch_that_runs_out_of_room_says_so_and_is_taken_up(batch, tmp_path):  # noqa: F811
    with full_disk():
        batch.press("batchStartButton")
        test_batch.wait(batch)
        ended = {row[0]: row for row in test_batch.rows(batch)}
        assert {row[1] for row in ended.values()} == {"failed"}
        assert "cannot be written" in ended["a"][4]
        assert "Make room" in ended["a"][4]
        assert batch.status.startswith("Problem: ")
        assert "3 failed" in batch.status
    batch.context.logic.close()  # the worker keeps the limit it was started with
    batch.press("batchStartButton")
    test_batch.wait(batch)
    assert {row[0]: row[1] for row in test_batch.rows(batch)} == {"a": "done", "b": "done", "c": "failed"}
    with (tmp_path / "results é" / "results.csv").open(encoding="utf-8") as file:
        assert {row["case"]: row["status"] for row in csv.DictReader(file)} == {"a": "done", "b": "done", "c": "failed"}
