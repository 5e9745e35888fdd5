"""Sections *Segment* and *Predict* with the shipped models in the worker process, and Load → Apply → Predict."""

from __future__ import annotations

import time

import numpy as np
import pytest
import slicer
from conftest import node_ids, put_case
from test_frames_section import everything

from DSANetLib.clinical import ClinicalRecord
from DSANetLib.flags import response_flags
from DSANetLib.mrml.attributes import fact, set_facts
from DSANetLib.mrml.choices import patient
from DSANetLib.mrml.clinical import read_clinical_node
from DSANetLib.mrml.editing import editing, write_from_network
from DSANetLib.mrml.plots import find_plot
from DSANetLib.mrml.scene import load_scene, save_scene
from DSANetLib.mrml.segmentation import read_masks, states
from DSANetLib.mrml.table import find_table, read_table


def result_row(case_id):
    return next(row for row in read_table(find_table("results")) if row["case"] == case_id)


def test_load_apply_predict_is_three_clicks(panel, film_file):
    import standins

    standins.FileDialog.answer = (str(film_file),)
    panel.press("loadFileButton")
    panel.wait()
    plot = find_plot(panel.context.case.run)
    assert slicer.mrmlScene.GetSingletonNode("PlotView1", "vtkMRMLPlotViewNode").GetPlotChartNode() is plot.chart
    panel.press("applyButton")
    assert panel.find("cancelButton").enabled
    assert not panel.find("applyButton").enabled
    panel.wait()
    case = panel.context.case
    labelled = [frame for frame, state in states(case.masks).items() if state == "predicted"]
    assert 2 <= len(labelled) <= 3
    assert panel.context.frame in labelled
    assert "ffs-phantom" in panel.find("segmentedLabel").text
    assert "onnxruntime" in panel.find("segmentedLabel").text
    assert "s on this machine the last time" in panel.find("modelLabel").text
    panel.press("predictButton")
    panel.wait()
    row = result_row(case.case_id)
    assert 0.0 <= row["probability"] <= 1.0
    assert f"{row['probability']:.2f}" in panel.find("probabilityLabel").text
    assert "from film alone" in panel.find("probabilityLabel").text
    assert panel.find("calibrationLabel").text
    assert "Research use only; phantom-trained" in panel.find("warningLabel").text
    assert panel.find("resultsTable").mrmlTableNode() is find_table("results")
    assert panel.find("lesionsTable").mrmlTableNode() is find_table("lesions", case.case_id)
    _threshold_and_preview(panel, case)
    _an_edit_makes_it_stale(panel, case)


def _threshold_and_preview(panel, case):
    """On the case that was just segmented: another threshold is shown without a network, and written on demand."""
    import slicer

    nodes, before = node_ids(slicer.mrmlScene), everything(case.masks)
    panel.find("thresholdSlider").value = 0.05
    panel.find("previewCheckBox").click()
    composite = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    preview = slicer.mrmlScene.GetNodeByID(composite.GetLabelVolumeID())
    shown = slicer.util.arrayFromVolume(preview)[0]
    assert np.array_equal(shown, panel.context.logic.thresholdMasks(case, panel.context.frame, 0.05)[0])
    assert everything(case.masks) == before
    panel.find("previewCheckBox").click()
    assert node_ids(slicer.mrmlScene) == nodes
    panel.press("thresholdButton")
    frame = panel.context.frame
    assert np.array_equal(read_masks(case.masks, frame).tumour, shown)
    assert fact(case.masks.sequence, "TumourThreshold") == "0.05"
    editing(case.masks).undo(frame)
    assert read_masks(case.masks, frame).tumour.tobytes() == before[frame][2]
    display = case.masks.segmentation.GetDisplayNode()
    panel.find("liverCheckBox").click()
    assert not display.GetSegmentVisibility("liver")
    panel.find("liverCheckBox").click()
    assert display.GetSegmentVisibility("liver")


def _an_edit_makes_it_stale(panel, case):
    import slicer

    key = panel.context.logic.keyFrame(case)
    panel.context.setFrame(key)
    mask = np.zeros((120, 150), np.uint8)
    mask[20:50, 20:60] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask[None], editing(case.masks).nodes.segmentation, "tumour", case.run.volume
    )
    assert not panel.find("staleLabel").isHidden()
    panel.press("predictButton")
    panel.wait()
    assert panel.find("staleLabel").isHidden()
    assert result_row(case.case_id)["masks"] == "edited"
    assert "Corrected masks" in panel.find("probabilityLabel").text


def test_a_probability_that_means_little_is_shown_with_the_reasons(panel, case):
    """A short run without a tumour: right under the probability, in the library's own words."""
    panel.press("predictButton")
    panel.wait()
    assert "means little" not in panel.find("probabilityLabel").text
    set_facts(case.masks.sequence, {"Flags": "short_run no_contrast early_end"})
    panel.context.setFrame(9)
    editing(case.masks).draw(9, read_masks(case.masks, 9).liver, np.zeros((120, 150), np.uint8))
    panel.press("predictButton")
    panel.wait()
    lines = panel.find("probabilityLabel").text.split("\n")
    library = {flag.text.rstrip("?.") for flag in response_flags([], False, False) if "means little" in flag.text}
    assert lines[0].startswith("Probability of response")
    assert {line.rstrip("?.") for line in lines[1:3]} == library
    assert lines[3:] == ["No contrast was seen; the key frame is arbitrary."]
    assert "means little" not in panel.find("calibrationLabel").text


def test_cancel_ends_the_work_within_a_second_and_changes_nothing(panel, case):
    before = everything(case.masks)
    panel.press("applyButton")
    assert panel.context.jobs.busy
    start = time.monotonic()
    panel.press("cancelButton")
    panel.wait(1.0)
    assert time.monotonic() - start < 1.0
    assert everything(case.masks) == before
    assert panel.find("applyButton").enabled
    assert panel.status.startswith("Cancelled"), "and not what was said at the start"


def test_removing_the_run_in_mid_work_leaves_a_usable_panel(panel, case):
    panel.press("applyButton")
    case.run.sequence.GetScene().RemoveNode(case.run.sequence)
    panel.wait()
    assert panel.context.case is None
    assert put_case(panel, "next") is not None
    assert panel.find("applyButton").enabled


def test_the_time_is_that_from_click_to_masks_and_outlasts_the_session(panel, case):
    """Not the sum of the worker's stages: starting the process, loading and handing over are waited for, too."""
    from DSANetModuleLib.waiting import secondsOf

    combo = panel.find("modelComboBox")
    assert "Not timed on this machine yet" in panel.find("modelLabel").text
    start = time.monotonic()
    panel.press("applyButton")
    panel.wait()
    slicer.app.processEvents()
    waited = time.monotonic() - start
    assert 0.5 * waited < secondsOf("ffs-phantom") <= waited + 0.01
    assert f"Took {secondsOf('ffs-phantom'):.1f} s on this machine" in panel.find("modelLabel").text
    combo.setCurrentIndex(1)
    assert "Not timed on this machine yet" in panel.find("modelLabel").text
    combo.setCurrentIndex(0)

    import DSANetModule

    again = DSANetModule.DSANetModuleWidget()  # another start of Slicer: nothing but its settings is left
    again.setup()
    try:
        (label,) = again.parent.findChildren(type(panel.find("modelLabel")), "modelLabel")
        assert f"Took {secondsOf('ffs-phantom'):.1f} s on this machine" in label.text
    finally:
        again.cleanup()
        again.parent.deleteLater()


def test_a_cancelled_apply_says_nothing_of_the_time(panel, case):
    panel.press("applyButton")
    panel.press("cancelButton")
    panel.wait()
    slicer.app.processEvents()
    assert "Not timed on this machine yet" in panel.find("modelLabel").text


@pytest.mark.parametrize("button", ["applyButton", "predictButton"])
def test_a_click_without_a_run_starts_nothing_and_shows_no_dialog(panel, button):
    """The button is disabled then; a click that was on its way, or a script, comes through all the same."""
    import standins

    slot = {"applyButton": "onApply", "predictButton": "onPredict"}[button]
    (section,) = [section for section in panel.context.sections if hasattr(section, slot)]
    getattr(section, slot)()
    assert not panel.context.jobs.busy
    assert standins.dialogs == []
    put_case(panel, "next")
    panel.press(button)
    panel.wait()
    assert not panel.status.startswith("Problem")


def test_model_and_its_threshold_follow_the_choice(panel, case):
    combo = panel.find("modelComboBox")
    assert [combo.itemText(i) for i in range(combo.count)] == ["ffs-phantom", "unet-phantom"]
    panel.context.parameters.tumourThreshold = 0.9
    combo.setCurrentIndex(1)
    from DSANetModuleLib.models_text import cardOf

    assert panel.context.parameters.model == "unet-phantom"
    assert panel.context.parameters.tumourThreshold == pytest.approx(cardOf("unet-phantom").tumour_threshold)
    assert "synthetic phantom" in panel.find("modelLabel").text
    panel.find("deviceComboBox").setCurrentIndex(1)
    assert panel.context.parameters.device == "cpu"


def test_a_folder_without_a_model_is_refused_in_a_sentence(panel, tmp_path):
    import standins

    standins.FileDialog.answer = str(tmp_path)
    before = panel.context.parameters.model
    panel.press("modelFolderButton")
    assert panel.status.startswith("Problem: ")
    assert panel.context.parameters.model == before


def test_a_key_frame_without_tumour_is_explained_by_who_left_it_empty(panel, case):
    assert "No tumour" not in panel.find("segmentedLabel").text
    panel.context.setFrame(9)
    panel.press("clearButton")
    assert not read_masks(case.masks, 9).tumour.any()
    text = panel.find("segmentedLabel").text
    assert "as corrected by hand" in text
    assert "threshold," not in text.split("frames")[1]
    panel.press("undoButton")
    assert "no tumour" not in panel.find("segmentedLabel").text
    write_from_network(case.masks, 9, None, np.zeros((120, 150), np.uint8), by="ffs-phantom")
    assert "try a lower threshold" in panel.find("segmentedLabel").text


def test_the_threshold_that_is_shown_is_the_one_that_is_used(panel, case):
    slider = panel.find("thresholdSlider")
    for value in (0.62, 0.3537):
        panel.context.parameters.tumourThreshold = value
        assert slider.value == pytest.approx(value, abs=0.005)
        assert panel.context.parameters.tumourThreshold == slider.value == round(value, 2)


def test_the_threshold_works_in_a_scene_that_was_loaded_again(panel, case, scene, tmp_path):
    panel.press("applyButton")
    panel.wait()
    frame = panel.context.frame
    wanted = panel.context.logic.thresholdMasks(panel.context.case, frame, 0.05)[0]
    assert wanted.any()
    save_scene(tmp_path / "week.mrb")
    scene.Clear(False)
    assert not panel.find("previewCheckBox").enabled
    panel.context.setCase(load_scene(tmp_path / "week.mrb", keep=True)[0])
    panel.context.setFrame(frame)
    before = everything(panel.context.case.masks)
    panel.find("thresholdSlider").value = 0.05
    panel.find("previewCheckBox").click()
    composite = scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    shown = slicer.util.arrayFromVolume(scene.GetNodeByID(composite.GetLabelVolumeID()))[0]
    assert np.array_equal(shown, wanted)
    assert everything(panel.context.case.masks) == before
    panel.press("thresholdButton")
    assert np.array_equal(read_masks(panel.context.case.masks, frame).tumour, wanted)
    panel.context.setFrame(0)
    assert not panel.find("previewCheckBox").enabled


def test_the_form_edits_the_row_of_the_patient(panel, case):
    assert panel.find("clinicalForm").isHidden()
    panel.press("clinicalNewButton")
    assert not panel.find("clinicalForm").isHidden()
    age = panel.find("clinical_age")
    age.text = "61"
    age.editingFinished.emit()
    panel.find("clinical_sex").setCurrentIndex(2)
    table = panel.context.parameters.clinical
    assert read_clinical_node(table) == {"film": ClinicalRecord("film", {"age": 61, "sex": "male"})}
    assert "1 to 120 years" in age.toolTip
    age.text = "900"
    age.editingFinished.emit()
    assert "age is 900, expected 1 to 120 years" in panel.status
    assert read_clinical_node(table)["film"].values["age"] == 61


def test_clinical_values_come_from_a_csv_file_and_a_wrong_one_changes_nothing(panel, case, tmp_path):
    import standins

    path = tmp_path / "clinical é.csv"
    path.write_text("patient,age,tbil [mg/dL]\nfilm,61,1.0\n", encoding="utf-8")
    standins.FileDialog.answer = str(path)
    panel.press("clinicalFileButton")
    assert panel.find("clinical_age").text == "61"
    assert panel.find("clinical_tbil").text == "17.1"
    path.write_text("patient,age\nfilm,abc\n", encoding="utf-8")
    panel.press("clinicalFileButton")
    assert "clinical é.csv, line 2" in panel.status
    assert panel.find("clinical_age").text == "61"


def test_runs_of_one_patient_give_one_result(panel):
    first, second = put_case(panel, "first"), put_case(panel, "second")
    edit = panel.find("patientEdit")
    for case in (first, second):
        panel.context.setCase(case)
        edit.text = "p1"
        edit.editingFinished.emit()
    assert patient(first.run) == patient(second.run) == "p1"
    assert panel.find("patientRunsLabel").text == "first, second"
    panel.press("predictButton")
    panel.wait()
    rows = [result_row("first"), result_row("second")]
    assert rows[0]["probability"] == rows[1]["probability"]
    assert {row["runs"] for row in rows} == {2}
    assert {row["patient"] for row in rows} == {"p1"}


def test_model_file_and_package_buttons_say_what_they_did(panel, tmp_path):
    import standins

    (tmp_path / "no model.zip").write_bytes(b"no zip")
    standins.FileDialog.answer = str(tmp_path / "no model.zip")
    panel.press("modelFileButton")
    assert panel.status.startswith("Problem: ")
    assert "no model.zip" in panel.status
    for button in ("installButton", "archiveButton"):  # nothing is missing where the tests run
        panel.context.tell("")
        panel.press(button)
        assert panel.status == "All packages are there."


def test_response_model_is_chosen_and_left_to_the_library_again(panel, case):
    combo = panel.find("responseModelComboBox")
    assert combo.itemText(0) == "automatic"
    combo.setCurrentIndex(combo.findData("response-film-phantom"))
    assert panel.context.parameters.responseModel == "response-film-phantom"
    combo.setCurrentIndex(0)
    assert panel.context.parameters.responseModel == ""
