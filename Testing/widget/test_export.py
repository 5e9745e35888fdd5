"""The section Export: the button's effect on the disk."""

from __future__ import annotations

import json

import numpy as np
import pytest


def add_case(panel, case_id):
    """Put a run with one labelled frame into the scene and choose it."""
    from DSANetLib.mrml.scene import find_cases
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run
    from DSANetLib.run import DSARun

    frames = np.random.default_rng(3).integers(0, 255, (6, 40, 56), dtype=np.uint8)
    run = write_run(DSARun(frames, case_id, times_s=np.arange(6) / 2, polarity="dark_contrast", subtracted=True))
    tumour = np.zeros((40, 56), np.uint8)
    tumour[10:20, 25:50] = 1
    write_masks(run, {2: (None, tumour)}, facts={"Model": "ffs"})
    panel.context.setCase(find_cases()[-1])
    return find_cases()[-1]


@pytest.fixture
def case(panel, tmp_path):
    """A chosen case and a chosen folder."""
    made = add_case(panel, "case é 中")
    panel.find("exportFolderEdit").currentPath = str(tmp_path / "out")
    return made


def listed(panel):
    box = panel.find("exportList")
    return [box.item(i).text() for i in range(box.count)]


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_without_case_or_folder_nothing_is_offered(panel, tmp_path):
    assert not panel.find("exportButton").enabled
    add_case(panel, "a")
    assert not panel.find("exportButton").enabled
    panel.find("exportFolderEdit").currentPath = str(tmp_path)
    assert panel.find("exportButton").enabled


def test_what_is_ticked_is_written_and_told(panel, case, tmp_path):
    panel.press("exportButton")
    written = names(tmp_path / "out")
    assert "scene.mrb" in written
    assert "case é 中/masks/frame_0003_labels.png" in written
    assert "case é 中/masks/frame_0003.seg.nrrd" in written
    assert "case é 中/frames.seq.nrrd" not in written
    assert panel.status == f"Exported 1 to {tmp_path / 'out'}."
    assert any(line.startswith("case é 中: ") and " files in " in line for line in listed(panel))
    facts = json.loads((tmp_path / "out" / "case é 中" / "export.json").read_text(encoding="utf-8"))
    assert facts["frames"] == {"3": "predicted"}


def test_exporting_changes_no_mask_and_no_state(panel, case, tmp_path):
    import slicer

    from DSANetLib.mrml.segmentation import read_masks, states

    panel.context.setFrame(2)
    before = states(case.masks), read_masks(case.masks, 2).tumour.tobytes()
    panel.press("exportButton")
    slicer.app.processEvents()
    assert (states(case.masks), read_masks(case.masks, 2).tumour.tobytes()) == before


def test_each_box_decides_over_its_files(panel, case, tmp_path):
    for name in ("exportMasksCheckBox", "exportTablesCheckBox", "exportPictureCheckBox", "exportSceneCheckBox"):
        panel.find(name).setChecked(False)
    panel.find("exportFramesCheckBox").setChecked(True)
    panel.press("exportButton")
    assert names(tmp_path / "out") == {"case é 中/frames.seq.nrrd", "case é 中/export.json"}
    parameters = panel.context.parameters
    assert (parameters.exportMasks, parameters.exportFrames) == (False, True)


def test_all_cases_are_written_and_one_that_fails_keeps_none_from_it(panel, case, tmp_path):
    add_case(panel, "second")
    (tmp_path / "out" / "case é 中").mkdir(parents=True)
    (tmp_path / "out" / "case é 中" / "mine.txt").write_text("keep", encoding="utf-8")
    panel.find("exportAllCheckBox").setChecked(True)
    panel.press("exportButton")
    assert names(tmp_path / "out" / "case é 中") == {"mine.txt"}
    assert "second/masks/frame_0003_labels.png" in names(tmp_path / "out")
    assert any("no export of DSANet" in line for line in listed(panel))
    assert panel.status == "Problem: 1 could not be exported; see the list."


def test_an_earlier_export_is_replaced_only_when_asked(panel, case, tmp_path):
    panel.press("exportButton")
    marker = tmp_path / "out" / "case é 中" / "export.json"
    marker.write_text("{}", encoding="utf-8")
    panel.press("exportButton")
    assert marker.read_text(encoding="utf-8") == "{}"
    assert sum("there already" in line or "exists already" in line for line in listed(panel)) == 2
    panel.find("exportOverwriteCheckBox").setChecked(True)
    panel.press("exportButton")
    assert marker.read_text(encoding="utf-8") != "{}"
    assert panel.status.startswith("Exported 1")


def test_a_file_where_the_folder_should_be_is_a_sentence(panel, case, tmp_path):
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    panel.press("exportButton")
    assert panel.status == "Problem: 2 could not be exported; see the list."
    assert all("cannot be written" in line for line in listed(panel))
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a file"
