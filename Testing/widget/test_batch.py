"""The section Batch: real runs through the real worker process, a row a case."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))


@pytest.fixture
def folder(tmp_path):
    """Two runs and a file that is none, in a folder with blanks and letters of many lands."""
    from films import film_run
    from run_files import write_avi

    runs = tmp_path / "runs é ł 中"
    runs.mkdir()
    for seed, name in enumerate(("a", "b")):
        write_avi(runs / f"{name}.avi", film_run(rows=96, columns=112, seed=seed).frames)
    (runs / "c.avi").write_bytes(b"this is no film")
    return runs


@pytest.fixture
def batch(panel, folder, tmp_path):
    """The section with both folders chosen, without scenes and pictures, which take most of the time."""
    panel.find("batchSceneCheckBox").setChecked(False)
    panel.find("batchPictureCheckBox").setChecked(False)
    panel.find("batchInputEdit").currentPath = str(folder)
    panel.find("batchOutputEdit").currentPath = str(tmp_path / "results é")
    return panel


def wait(panel, until=None, seconds=120.0):
    """Run the event loop until the batch has ended, or until something holds."""
    import slicer

    end = time.monotonic() + seconds
    while panel.context.jobs.isBusy("batch") and not (until and until()):
        slicer.app.processEvents()
        assert time.monotonic() < end, "the batch does not end"
        time.sleep(0.005)
    slicer.app.processEvents()


def rows(panel):
    table = panel.find("batchTable")
    return [[table.item(r, c).text() for c in range(table.columnCount)] for r in range(table.rowCount)]


def results(tmp_path):
    with (tmp_path / "results é" / "results.csv").open(encoding="utf-8") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def test_nothing_is_offered_without_folders(panel):
    assert not panel.find("batchStartButton").enabled
    assert not panel.find("batchStopButton").enabled


def test_models_are_listed_when_the_section_is_opened(panel):
    box = panel.find("batchModelComboBox")
    assert box.count == 0
    panel.find("batchSection").collapsed = False
    assert "ffs-phantom" in [box.itemText(i) for i in range(box.count)]
    assert "response-phantom" not in [box.itemText(i) for i in range(box.count)]
    assert box.currentText == panel.context.parameters.model


def test_every_case_is_a_row_on_screen_and_on_disk_and_the_scene_is_not_touched(batch, scene, tmp_path):
    nodes = scene.GetNumberOfNodes()
    batch.press("batchStartButton")
    assert not batch.find("batchStartButton").enabled
    assert batch.find("batchStopButton").enabled
    wait(batch)
    shown = {row[0]: row for row in rows(batch)}
    stored = results(tmp_path)
    assert set(shown) == {"a", "b", "c"}
    for case in ("a", "b"):
        assert shown[case][1] == "done"
        assert shown[case][2] == stored[case]["lesions"]
        assert stored[case]["flags"]
        assert shown[case][4] == ", ".join(stored[case]["flags"].split()).replace("_", " ")  # all, in words
        assert shown[case][3].startswith(f"{float(stored[case]['probability']):.2f}")
    assert shown["c"][1] == "failed"
    assert shown["c"][4].startswith("c.avi: ")
    assert batch.find("batchRemarkLabel").text == shown["c"][4]  # the first failure is explained without a click
    batch.find("batchTable").setCurrentCell([row[0] for row in rows(batch)].index("a"), 0)
    assert batch.find("batchRemarkLabel").text == shown["a"][4]
    assert "results.csv" in batch.status
    assert scene.GetNumberOfNodes() == nodes


def test_stopped_and_resumed_it_repeats_nothing(batch, tmp_path):
    batch.press("batchStartButton")
    wait(batch, until=lambda: any(row[1] == "done" for row in rows(batch)))
    batch.press("batchStopButton")
    wait(batch)
    assert "stopped" in batch.status
    first = next(row[0] for row in rows(batch) if row[1] == "done")
    written = (tmp_path / "results é" / first / "case.json").stat().st_mtime_ns
    assert batch.find("batchStartButton").text == "Resume"
    batch.press("batchStartButton")
    wait(batch)
    ended = {row[0]: row[1] for row in rows(batch)}
    assert ended[first] == "done before"
    assert set(ended.values()) <= {"done", "done before", "failed"}
    assert set(results(tmp_path)) >= {"a", "b"}
    assert (tmp_path / "results é" / first / "case.json").stat().st_mtime_ns == written


def test_a_folder_that_is_not_there_is_a_sentence(batch, tmp_path):
    import standins

    batch.find("batchInputEdit").currentPath = str(tmp_path / "nowhere")
    batch.press("batchStartButton")
    said = " ".join([*standins.dialogs, batch.status])
    assert "nowhere: is not there. Choose the folder of the runs." in said
    assert not batch.context.jobs.isBusy("batch")
    assert not (tmp_path / "results é").exists()


def test_a_clinical_table_that_cannot_be_read_ends_with_a_sentence(batch, tmp_path):
    (tmp_path / "clinical.csv").write_text("patient,age\n1,old\n", encoding="utf-8")
    batch.find("batchClinicalEdit").currentPath = str(tmp_path / "clinical.csv")
    batch.press("batchStartButton")
    wait(batch)
    assert "clinical.csv" in batch.status
    assert rows(batch) == []
    assert batch.find("batchStartButton").enabled
