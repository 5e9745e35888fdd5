"""Section *Run*: each button and field, and its effect on the scene."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import put_case

from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.choices import mask_choice
from DSANetLib.mrml.owned import owned
from DSANetLib.mrml.scene import find_cases


def nodes_of(scene, class_name):
    return [scene.GetNthNodeByClass(i, class_name).GetName() for i in range(scene.GetNumberOfNodesByClass(class_name))]


def test_load_files_puts_a_run_with_empty_masks_into_the_scene_and_chooses_it(panel, film_file, scene):
    import standins

    standins.FileDialog.answer = (str(film_file),)
    panel.press("loadFileButton")
    assert panel.context.jobs.busy
    panel.wait()
    case = panel.context.case
    assert case.run.sequence.GetNumberOfDataNodes() == 24
    assert panel.context.parameters.run is case.run.sequence
    assert panel.find("runSelector").currentNode() is case.run.sequence
    assert "24 of 150 × 120 px, 11.5 s" in panel.find("framesValue").text
    assert "subtracted already" in panel.find("subtractionValue").text
    assert panel.find("applyButton").enabled
    assert not {"Doe", "Jane", "4711"} & {
        part for name in nodes_of(scene, "vtkMRMLNode") for part in (name or "").split()
    }


def test_a_wrong_guess_of_the_subtraction_is_put_right_in_the_panel_that_says_it(panel, film_file):
    panel.context.sections[0].load([film_file])
    panel.wait()
    combo, warnings, value = (
        panel.find(f"{name}") for name in ("subtractedComboBox", "warningsLabel", "subtractionValue")
    )
    sequence = panel.context.case.run.sequence
    label = panel.find("labelSubtractedComboBox").text.rstrip(":")
    assert f"choose 'not subtracted' under Advanced > {label}" in warnings.text
    assert "--" not in warnings.text
    assert [combo.itemText(i) for i in (1, 2)] == ["subtracted", "not subtracted"]
    combo.setCurrentIndex(2)
    assert "Taken as subtracted" not in warnings.text
    assert value.text == "not subtracted, by your word; used at the next Apply"
    panel.press("applyButton")
    panel.wait()
    assert fact(sequence, "SubtractedHere") == "1"
    assert owned(panel.context.case.run, "subtracted")
    assert value.text.startswith("not subtracted, by your word; mask frames ")
    other = put_case(panel, "other")
    assert combo.currentIndex == 0, "the choice is that of its run"
    panel.find("runSelector").setCurrentNode(sequence)
    assert combo.currentIndex == 2
    combo.setCurrentIndex(1)
    assert value.text == "came subtracted, by your word; used at the next Apply"
    combo.setCurrentIndex(0)
    panel.press("applyButton")
    panel.wait()
    assert fact(sequence, "SubtractedHere") == "0"
    assert not owned(panel.context.case.run, "subtracted")
    assert "Taken as subtracted" in warnings.text
    assert other.run.sequence is not sequence


def test_a_frame_that_is_missing_in_a_folder_is_said_in_the_panel(panel, stained_frames, tmp_path):
    from run_files import write_frames

    folder = write_frames(tmp_path / "frames", stained_frames)
    (folder / "6.png").unlink()
    panel.context.sections[0].load([folder])
    panel.wait()
    said = "• Among the numbered files, frame 6 is missing: times and result may be wrong."
    assert said in panel.find("warningsLabel").text.split("\n")
    panel.press("applyButton")
    panel.wait()
    panel.press("predictButton")
    panel.wait()
    assert said in panel.find("warningsLabel").text.split("\n")
    assert "frames_missing" in (fact(panel.context.case.masks.sequence, "Flags") or "").split()
    assert "Frames are missing among the files: times and result may be wrong" in panel.find("probabilityLabel").text


def test_what_cannot_be_read_is_said_in_one_sentence_and_the_panel_goes_on(panel, tmp_path):
    import standins

    (tmp_path / "note.txt").write_text("no film")
    standins.FileDialog.answer = (str(tmp_path / "note.txt"),)
    panel.press("loadFileButton")
    panel.wait()
    assert panel.status.startswith("Problem: ")
    assert "note.txt" in panel.status
    assert panel.context.case is None
    assert panel.find("loadFileButton").enabled


def test_refused_packages_leave_a_usable_panel(panel, film_file, monkeypatch):
    import standins
    from DSANetModuleLib import packages

    from DSANetLib.errors import DependencyError

    def refuse(*_args, **_kwargs):
        raise DependencyError("onnxruntime is not installed", "Press Install packages")

    standins.FileDialog.answer = (str(film_file),)
    with monkeypatch.context() as patch:
        patch.setattr(packages, "ensure", refuse)
        panel.press("loadFileButton")
        assert "onnxruntime is not installed. Press Install packages." in panel.status
        assert not panel.context.jobs.busy
    panel.press("loadFileButton")
    panel.wait()
    assert panel.context.case is not None


def test_dropped_files_are_loaded(panel, film_file):
    import qt

    class Drop:
        accepted = False

        def type(self):
            return qt.QEvent.Drop

        def mimeData(self):
            data = qt.QMimeData()
            data.setUrls([qt.QUrl.fromLocalFile(str(film_file))])
            return data

        def acceptProposedAction(self):
            self.accepted = True

    section, event = panel.context.sections[0], Drop()
    assert section.widget.acceptDrops
    assert section._drops.eventFilter(section.widget, event)
    assert event.accepted
    panel.wait()
    assert panel.context.case.run.sequence.GetNumberOfDataNodes() == 24


def test_choosing_another_run_shows_that_one_and_two_runs_keep_their_choices(panel):
    first = put_case(panel, "first")
    panel.find("maskByHandCheckBox").click()
    panel.find("maskFrameSpinBox").value = 3
    panel.find("shiftRowsSpinBox").value = 1.5
    put_case(panel, "second")
    assert not panel.find("maskByHandCheckBox").checked
    panel.find("runSelector").setCurrentNode(first.run.sequence)
    assert panel.context.case.case_id == "first"
    assert mask_choice(panel.context.case.run) == (2, (1.5, 0.0))
    assert panel.find("maskFrameSpinBox").value == 3
    assert "mask frame 3" in panel.find("subtractionValue").text
    panel.find("maskByHandCheckBox").click()
    assert mask_choice(panel.context.case.run) is None


def test_a_sequence_of_another_kind_is_refused_in_a_sentence(panel, scene):
    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "transforms")
    node.SetDataNodeAtValue(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode"), "0")
    panel.find("runSelector").setCurrentNode(node)
    assert panel.status.startswith("Problem: ")
    assert "transforms" in panel.status
    assert panel.context.case is None


def test_a_sequence_that_another_module_loaded_becomes_a_run(panel, scene, case):
    """A plain sequence of grey one-slice volumes, without any attribute of ours."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "theirs")
    node.SetIndexUnit("s")
    for i in range(6):
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetAndObserveImageData(case.run.sequence.GetNthDataNode(i).GetImageData())
        node.SetDataNodeAtValue(volume, str(i * 0.5))
    panel.find("runSelector").setCurrentNode(node)
    assert panel.context.case is not None, panel.status
    assert panel.context.case.run.sequence is node
    assert {panel.find("stateStrip").item(0, i).text() for i in range(6)} == {"–"}


def test_remove_run_takes_all_that_belongs_to_it_and_nothing_else(panel, scene):
    other = put_case(panel, "other")
    before = set(nodes_of(scene, "vtkMRMLNode"))
    put_case(panel, "gone")
    panel.press("removeRunButton")
    assert [found.case_id for found in find_cases()] == ["other"]
    assert panel.context.case.run.sequence is other.run.sequence
    assert set(nodes_of(scene, "vtkMRMLNode")) == before


def test_deleting_a_run_in_the_data_module_leaves_a_usable_panel(panel, scene, case):
    scene.RemoveNode(case.run.sequence)
    assert panel.context.case is None
    assert panel.find("framesValue").text == "–"
    assert not panel.find("applyButton").enabled
    assert put_case(panel, "next") is not None


def test_a_catheter_gives_the_pixel_size_and_undo_takes_it_back(panel, scene, case):
    assert not panel.find("calibrateButton").enabled
    panel.press("drawLineButton")
    (line,) = owned(case.run, "ruler")
    panel.find("frenchSpinBox").value = 6.0
    panel.press("calibrateButton")
    assert panel.status.startswith("Problem: "), "a line without ends is refused"
    line.AddControlPoint(-50.0, -40.0, 0.0)
    line.AddControlPoint(-58.0, -40.0, 0.0)
    panel.press("calibrateButton")
    assert fact(case.run.sequence, "SpacingCalibration") == "catheter"
    assert float(fact(case.run.sequence, "SpacingColumnMm")) == pytest.approx(2.0 / 8.0)
    assert "catheter of 6.0 F" in panel.find("spacingValue").text
    panel.press("uncalibrateButton")
    assert fact(case.run.sequence, "SpacingCalibration") is None
    assert not panel.find("uncalibrateButton").enabled


def test_closing_the_scene_in_mid_load_leaves_nothing(panel, film_file, scene):
    from pathlib import Path

    panel.context.sections[0].load([Path(film_file)])
    scene.Clear(False)
    panel.wait()
    assert find_cases() == []
    assert panel.find("loadFileButton").enabled
    assert np.array_equal([panel.context.jobs.busy], [False])
