"""Sections Correct and Work list: every button and key, by its effect on the scene and on the disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

ROWS, COLUMNS = 40, 56


@pytest.fixture
def run():
    from DSANetLib.run import DSARun

    frames = np.random.default_rng(3).integers(0, 255, (8, ROWS, COLUMNS)).astype(np.uint8)
    return DSARun(frames=frames, case_id="film", times_s=np.arange(8) / 2)


@pytest.fixture
def tumour():
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[5:15, 8:30] = 1
    return mask


@pytest.fixture
def case(panel, run, tumour):
    """A case with masks on frames 3 and 5 (0-based 2 and 4), chosen in the panel; frame 3 is shown."""
    from DSANetLib.mrml.scene import CaseNodes
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    nodes = write_run(run, key_frame=2)
    masks = write_masks(nodes, {2: (tumour, tumour), 4: (None, tumour)}, facts={"Model": "ffs-phantom"})
    made = CaseNodes(nodes, masks)
    panel.context.setCase(made)
    return made


def paint(case, array, segment="tumour"):
    import slicer.util

    slicer.util.updateSegmentBinaryLabelmapFromArray(array[None], case.masks.segmentation, segment, case.run.volume)


def state(case, frame):
    from DSANetLib.mrml.segmentation import states

    return states(case.masks)[frame]


def mask(case, frame):
    from DSANetLib.mrml.segmentation import read_masks

    return read_masks(case.masks, frame)


def section(panel, name):
    (found,) = [each for each in panel.context.sections if each.widget.name == name]
    return found


def key(panel, name):
    """Press a key as Qt does: by its shortcut."""
    (found,) = [s for s in section(panel, "correctSection").shortcuts._installed if s.key.toString() == name]
    found.activated.emit()


def test_the_editor_is_set_up_on_the_masks_and_images_that_are_shown(panel, case):
    editor = section(panel, "correctSection").editor
    assert editor.widget.segmentationNode() is case.masks.segmentation
    assert editor.widget.sourceVolumeNode() is case.run.volume
    assert editor.widget.currentSegmentID() == "tumour"
    assert "Fill between slices" not in editor.widget.effects
    assert {"Paint", "Erase", "Draw", "Threshold", "Scissors"} <= set(editor.widget.effects)
    node = editor.widget.mrmlSegmentEditorNode()
    assert node.GetOverwriteMode() == node.OverwriteNone, "painting a tumour leaves the liver"
    assert not node.GetSaveWithScene()


def test_leaving_gives_keys_back_and_closing_the_scene_leaves_no_node(panel, case, scene):
    correct = section(panel, "correctSection")
    assert {"A", "R", "C", "N", "P", "Left", "Right", "Space", "Ctrl+Z"} <= set(correct.shortcuts.keys)
    panel.widget.exit()
    assert correct.shortcuts.keys == []
    panel.widget.enter()
    assert len(correct.shortcuts.keys) == len(set(correct.shortcuts.keys))
    scene.Clear(False)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentEditorNode") == 0
    assert panel.find("frameStateLabel").text == "No run is chosen."


def test_accept_reject_and_revert(panel, case, tumour):
    panel.press("acceptButton")
    assert state(case, 2) == "accepted"
    panel.press("rejectButton")
    assert state(case, 2) == "rejected"
    paint(case, tumour[::-1])
    assert state(case, 2) == "edited"
    assert "edited" in panel.find("frameStateLabel").text
    panel.press("revertButton")
    assert state(case, 2) == "predicted"
    assert np.array_equal(mask(case, 2).tumour, tumour)
    assert state(case, 4) == "predicted"


def test_undo_and_redo_of_the_shown_frame_by_button_and_key(panel, case, tumour):
    paint(case, tumour[::-1])
    assert panel.find("undoButton").text == "Undo: edit"
    panel.context.setFrame(4)
    assert not panel.find("undoButton").enabled
    panel.context.setFrame(2)
    panel.press("undoButton")
    assert np.array_equal(mask(case, 2).tumour, tumour)
    panel.press("redoButton")
    assert np.array_equal(mask(case, 2).tumour, tumour[::-1])
    key(panel, "Ctrl+Z")
    assert (state(case, 2), panel.find("undoButton").enabled) == ("predicted", False)
    key(panel, "Ctrl+Y")
    assert state(case, 2) == "edited"


def test_clear_empties_the_chosen_segment_on_this_frame_only(panel, case, tumour):
    panel.press("clearButton")
    assert not mask(case, 2).tumour.any()
    assert np.array_equal(mask(case, 2).liver, tumour)
    assert np.array_equal(mask(case, 4).tumour, tumour)
    assert state(case, 2) == "edited"
    panel.press("undoButton")
    assert np.array_equal(mask(case, 2).tumour, tumour)


def test_copy_proposes_for_the_neighbour_and_goes_there(panel, case, tumour):
    panel.press("copyNextButton")
    assert panel.context.frame == 3
    assert (state(case, 3), mask(case, 3).tumour.any()) == ("predicted", True)
    assert "copy of frame 3" in panel.find("frameStateLabel").text
    panel.context.setFrame(2)
    panel.press("copyPreviousButton")
    assert panel.context.frame == 1
    panel.press("acceptButton")
    panel.context.setFrame(2)
    panel.press("copyPreviousButton")
    assert "frame 2 is accepted already" in panel.status
    assert state(case, 1) == "accepted"


def test_copy_is_offered_only_where_there_is_a_neighbour(panel, case):
    for frame, previous, following in ((0, False, True), (3, True, True), (7, True, False)):
        panel.context.setFrame(frame)
        assert panel.find("copyPreviousButton").enabled is previous, frame
        assert panel.find("copyNextButton").enabled is following, frame
    key(panel, "C")
    assert "no frame on that side" in panel.status
    assert panel.context.frame == 7


def test_keys_for_frames_and_judgements(panel, case):
    moves = [("Right", 3), ("Right", 4), ("Left", 3), ("P", 2), ("N", 4), ("N", 4), ("P", 2), ("P", 2)]
    for name, frame in moves:
        key(panel, name)
        assert panel.context.frame == frame, name
    key(panel, "A")
    assert state(case, 2) == "accepted"
    key(panel, "R")
    assert state(case, 2) == "predicted"
    key(panel, "C")
    assert (panel.context.frame, state(case, 3)) == (3, "predicted")
    key(panel, "Space")
    assert case.run.browser.GetPlaybackActive()
    key(panel, "Space")
    assert not case.run.browser.GetPlaybackActive()
    editor = section(panel, "correctSection").editor
    key(panel, "3")
    assert editor.widget.active == "Erase"
    key(panel, "Esc")
    assert editor.widget.active == ""


def test_without_a_case_keys_and_buttons_do_nothing_and_say_so(panel):
    for shortcut in list(section(panel, "correctSection").shortcuts._installed):
        shortcut.activated.emit()
    assert not panel.find("acceptButton").enabled
    assert panel.find("frameStateLabel").text == "No run is chosen."


def test_a_case_removed_while_it_is_edited_leaves_the_panel_usable(panel, case, run, tumour):
    from DSANetLib.mrml.scene import remove_case

    paint(case, tumour[::-1])
    remove_case(case)
    assert not panel.find("acceptButton").enabled
    key(panel, "A")
    key(panel, "Right")


@pytest.fixture
def folder(panel, run, tumour, tmp_path):
    """Two cases as `dsanet run` leaves them."""
    return make_folder(panel, run, tumour, tmp_path)


def make_folder(panel, run, tumour, tmp_path):
    """Write two cases as `dsanet run` leaves them, and list them for the reader Anna."""
    from DSANetLib.mrml import headless
    from DSANetLib.mrml.scene import save_scene
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    for case_id, uncertainty in (("sure", 0.1), ("unsure", 0.7)):
        place = tmp_path / "out é" / case_id
        place.mkdir(parents=True)
        facts = {"case": case_id, "patient": case_id, "flags": "", "uncertainty": uncertainty}
        (place / "case.json").write_text(json.dumps(facts), encoding="utf-8")
        write_masks(write_run(run.with_changes(case_id=case_id)), {2: (None, tumour)}, facts={"Model": "ffs-phantom"})
        save_scene(place / "scene.mrb")
        headless.clear()
    panel.find("saveSceneCheckBox").checked = False
    panel.find("readerEdit").text = "Anna"
    panel.find("readerEdit").editingFinished.emit()
    panel.find("workFolderEdit").currentPath = str(tmp_path / "out é")
    panel.press("listButton")
    return tmp_path / "out é"


def cell(panel, row, column):
    return panel.find("workTable").item(row, column).text()


def open_row(panel, row):
    panel.find("workTable").selectRow(row)
    panel.press("openButton")
    return panel.context.case


def test_the_list_shows_the_worst_first_and_opens_a_case_with_its_mask(panel, folder, tumour):
    assert [cell(panel, row, 0) for row in range(2)] == ["unsure", "sure"]
    case = open_row(panel, 0)
    assert case.case_id == "unsure"
    assert np.array_equal(mask(case, 2).tumour, tumour)
    assert section(panel, "correctSection").editor.widget.segmentationNode() is case.masks.segmentation


def test_save_is_not_next_and_next_closes_the_last_case(panel, folder, tumour):
    from DSANetLib.correction.provenance import read_corrections

    case = open_row(panel, 0)
    paint(case, tumour[::-1])
    panel.press("acceptButton")
    panel.press("saveButton")
    assert panel.context.case.case_id == "unsure"
    work = read_corrections(folder / "unsure" / "corrections-Anna.json")
    assert (work.reader, work.of(2).state, work.of(2).reader) == ("Anna", "accepted", "Anna")
    panel.press("nextButton")
    assert [each.case_id for each in panel.context.cases] == ["sure"]
    assert panel.context.case.case_id == "sure"


def test_the_scene_is_saved_too_where_it_is_wanted(panel, folder, tumour):
    panel.find("saveSceneCheckBox").checked = True
    case = open_row(panel, 0)
    panel.press("acceptButton")
    before = (folder / "unsure" / "scene.mrb").read_bytes()
    panel.press("saveButton")
    assert (folder / "unsure" / "scene-Anna.mrb").is_file()
    assert (folder / "unsure" / "scene.mrb").read_bytes() == before
    assert case.case_id == "unsure"


@pytest.mark.parametrize(
    ("answer", "stays", "saved"), [("Cancel", True, False), ("Discard", False, False), ("Save", False, True)]
)
def test_unsaved_changes_are_asked_about(panel, folder, tumour, answer, stays, saved, monkeypatch):
    import qt
    import standins

    paint(open_row(panel, 0), tumour[::-1])
    monkeypatch.setattr(standins.MessageBox, "answer", getattr(qt.QMessageBox, answer))
    panel.press("nextButton")
    assert "not saved" in standins.dialogs[-1]
    assert (panel.context.case.case_id == "unsure") is stays
    assert (folder / "unsure" / "corrections-Anna.json").exists() is saved


def test_skip_needs_a_reason_and_goes_on(panel, folder):
    open_row(panel, 0)
    panel.press("skipButton")
    assert "a reason is needed" in panel.status
    panel.find("skipReasonEdit").text = "breathing"
    panel.press("skipButton")
    assert panel.context.case.case_id == "sure"
    assert (cell(panel, 1, 0), cell(panel, 1, 1), cell(panel, 1, 4)) == ("unsure", "skipped", "breathing")


def test_a_damaged_case_is_named_and_the_open_one_stays(panel, folder):
    open_row(panel, 0)
    (folder / "sure" / "scene.mrb").write_bytes(b"PK")
    open_row(panel, 1)
    assert "scene.mrb" in panel.status
    assert panel.context.case.case_id == "unsure"


def test_two_readers_tables_and_adjudication(panel, folder, tumour, scene):
    from DSANetLib.mrml.table import find_table, read_table

    half = tumour.copy()
    half[10:] = 0  # 110 of 220 px: Dice 2 * 110 / 330
    for reader, drawing in (("Anna", tumour[::-1]), ("Ben", half)):
        panel.find("readerEdit").text = reader
        panel.find("readerEdit").editingFinished.emit()
        panel.find("hideReadersCheckBox").checked = True
        case = open_row(panel, [cell(panel, row, 0) for row in range(2)].index("unsure"))
        assert np.array_equal(mask(case, 2).tumour, tumour), "the other reader's mask is hidden"
        paint(case, drawing)
        panel.press("saveButton")
    assert not panel.find("takeButton").enabled
    panel.find("hideReadersCheckBox").checked = False
    assert "3 (" in panel.find("disagreementLabel").text
    panel.press("tablesButton")
    rows = {row["reader"]: row for row in read_table(find_table("corrections"))}
    assert rows["Ben"]["dice_tumour"] == pytest.approx(2 / 3)
    assert rows["Ben"]["tumour_px"] == 110
    assert rows["Anna"]["state"] == "edited"
    assert (folder / "dsanet-agreement.csv").read_text(encoding="utf-8").startswith("case,frame,first,second")
    panel.find("readerEdit").text = "Chief"
    panel.find("readerEdit").editingFinished.emit()
    panel.find("hideReadersCheckBox").checked = True
    case = open_row(panel, [cell(panel, row, 0) for row in range(2)].index("unsure"))
    panel.find("hideReadersCheckBox").checked = False
    combo = panel.find("takeComboBox")
    combo.setCurrentIndex(combo.findData("either"))
    panel.press("takeButton")
    assert np.array_equal(mask(case, 2).tumour, half | tumour[::-1])
    assert state(case, 2) == "predicted"


def test_export_for_training_writes_what_was_corrected(panel, folder, tumour, tmp_path):
    paint(open_row(panel, 0), tumour[::-1])
    panel.press("saveButton")
    panel.find("trainingFolderEdit").currentPath = str(tmp_path / "train")
    panel.press("exportTrainingButton")
    assert "1 frames written" in panel.status
    assert len((tmp_path / "train" / "manifest.csv").read_text(encoding="utf-8").splitlines()) == 2
    panel.press("exportTrainingButton")
    assert "holds an earlier export" in panel.status


def test_runs_without_results_are_opened_in_the_background(panel, run, tumour, tmp_path):
    from DSANetLib.mrml import headless
    from DSANetLib.mrml.scene import save_run
    from DSANetLib.mrml.sequence import write_run

    save_run(write_run(run.with_changes(case_id="plain")), tmp_path / "plain.seq.nrrd")
    headless.clear()
    panel.find("workFolderEdit").currentPath = str(tmp_path)
    panel.press("listButton")
    panel.press("nextButton")
    panel.wait()
    case = panel.context.case
    assert case.case_id == "plain"
    panel.context.setFrame(3)
    paint(case, tumour)
    panel.press("saveButton")
    (saved,) = (tmp_path / "dsanet-corrections" / "plain").glob("corrections-*.json")
    assert saved.is_file()
    assert cell(panel, 0, 1) == "done"


def test_an_empty_folder_is_named(panel, tmp_path):
    panel.press("listButton")
    assert "no folder is chosen" in panel.status
    panel.find("workFolderEdit").currentPath = str(tmp_path)
    panel.press("listButton")
    assert "holds neither results nor runs" in panel.status
