from __future__ import annotations

import json

import numpy as np
import pytest

from DSANetLib.correction.export import MANIFEST, export_training
from DSANetLib.correction.provenance import read_corrections
from DSANetLib.correction.work import read_work_list, readers_of
from DSANetLib.errors import OutputError, SceneError
from DSANetLib.mrml import headless
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.scene import find_cases, save_scene
from DSANetLib.mrml.segmentation import read_masks, states, write_masks
from DSANetLib.mrml.sequence import show_frame, write_run
from DSANetLib.mrml.table import find_table, read_table, write_table
from DSANetLib.mrml.work import close_item, copy_to_neighbour, open_item, save_item
from DSANetLib.readers import read_run
from DSANetLib.tables import RESULT_COLUMNS


def paint(case, array):
    import slicer.util

    slicer.util.updateSegmentBinaryLabelmapFromArray(array[None], case.masks.segmentation, "tumour", case.run.volume)


@pytest.fixture
def results(run, liver, tumour, tmp_path):
    """Three cases as `dsanet run` leaves them: sure, unsure, and without a tumour."""
    out = tmp_path / "out"
    for case_id, uncertainty, flags in (
        ("sure", 0.05, ""),
        ("unsure é", 0.6, "early_end"),
        ("none", None, "no_tumour"),
    ):
        folder = out / case_id
        folder.mkdir(parents=True)
        facts = {"case": case_id, "patient": f"p-{case_id}", "flags": flags, "uncertainty": uncertainty}
        (folder / "case.json").write_text(json.dumps(facts), encoding="utf-8")
        write_masks(write_run(run.with_changes(case_id=case_id)), {4: (liver, tumour)}, facts={"Model": "ffs"})
        row = {"case": case_id, "probability": 0.25}
        write_table(RESULT_COLUMNS, [row], "DSANet results", role="results")
        save_scene(folder / "scene.mrb")
        headless.clear()
    return out


def items_of(folder, reader="A", **options):
    return {item.case_id: item for item in read_work_list(folder, reader, **options)}


def test_the_worst_come_first_and_what_is_done_last(results, liver):
    assert list(items_of(results)) == ["none", "unsure é", "sure"]
    assert list(items_of(results, order="flags")) == ["none", "unsure é", "sure"]
    item = items_of(results)["none"]
    case = open_item(item, "A")
    paint(case, liver)
    save_item(case, item.folder, "A", with_scene=False)
    assert [(i.case_id, i.state) for i in read_work_list(results, "A")] == [
        ("unsure é", "new"), ("sure", "new"), ("none", "done"),
    ]  # fmt: skip
    assert {i.state for i in read_work_list(results, "B")} == {"new"}


def test_a_corrected_mask_comes_back_with_its_provenance(results, liver, tumour):
    item = items_of(results)["sure"]
    case = open_item(item, "Zoë")
    assert headless.scene() is case.run.sequence.GetScene()
    paint(case, liver)
    editing(case.masks).accept(4)
    files = save_item(case, item.folder, "Zoë")
    assert [path.name for path in files] == ["corrections-Zoë.json", "scene-Zoë.mrb"]
    assert editing(case.masks).unsaved() == []
    close_item(case)
    assert find_cases() == []
    again = open_item(item, "Zoë")
    assert np.array_equal(read_masks(again.masks, 4).tumour, liver)
    assert states(again.masks)[4] == "accepted"
    record = editing(again.masks).record(4)
    assert (record.reader, record.proposed_by, record.state) == ("Zoë", "ffs", "accepted")
    assert record == read_corrections(files[0]).of(4)
    expected = 2 * int((liver & tumour).sum()) / (int(liver.sum()) + int(tumour.sum()))
    assert record.dice_tumour == pytest.approx(expected)
    editing(again.masks).revert(4)
    assert np.array_equal(read_masks(again.masks, 4).tumour, tumour), "the network's mask is still known"


def test_the_result_of_the_network_is_never_touched(results, liver):
    item = items_of(results)["sure"]
    before = {path.name: path.read_bytes() for path in item.folder.iterdir()}
    case = open_item(item, "A")
    paint(case, liver)
    save_item(case, item.folder, "A")
    assert {name: (item.folder / name).read_bytes() for name in before} == before


def test_a_second_reader_does_not_see_the_first(results, liver, tumour):
    item = items_of(results)["sure"]
    case = open_item(item, "A")
    paint(case, liver)
    save_item(case, item.folder, "A", with_scene=False)
    close_item(case)
    hidden = open_item(item, "B", hide_others=True)
    assert np.array_equal(read_masks(hidden.masks, 4).tumour, tumour)
    assert editing(hidden.masks).record(4).reader is None
    close_item(hidden)
    seen = open_item(item, "B")
    assert np.array_equal(read_masks(seen.masks, 4).tumour, liver)
    assert readers_of(list(items_of(results).values())) == ["A"]


def test_skipping_is_kept_with_its_reason(results):
    item = items_of(results)["unsure é"]
    case = open_item(item, "A")
    save_item(case, item.folder, "A", with_scene=False, skipped="breathing")
    last = read_work_list(results, "A")[-1]
    assert (last.case_id, last.state, last.note) == ("unsure é", "skipped", "breathing")
    assert open_item(last, "A").case_id, "it can be opened again all the same"


def test_one_case_after_another_leaves_nothing_behind(results, scene):
    items = list(items_of(results).values())
    open_item(items[0], "A")  # the user's own, all the while
    close_item(open_item(items[1], "A"))
    before = scene.GetNumberOfNodes()
    for item in items[1:] * 3:
        close_item(open_item(item, "A"))
    assert scene.GetNumberOfNodes() == before


def test_a_scene_keeps_one_table_of_results_with_a_row_a_case(results, scene):
    items = items_of(results)
    open_item(items["sure"], "A")
    second = open_item(items["none"], "A")
    assert [row["case"] for row in read_table(find_table("results"))] == ["sure", "none"]
    close_item(second)
    assert [(row["case"], row["probability"]) for row in read_table(find_table("results"))] == [("sure", 0.25)]
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1


def test_a_damaged_case_stays_in_the_list_and_blocks_nothing(results):
    (results / "sure" / "case.json").write_text("{", encoding="utf-8")
    (results / "none" / "scene.mrb").unlink()
    items = items_of(results)
    assert len(items) == 3
    assert "case.json cannot be read" in items["sure"].note
    for name in ("sure", "none"):
        with pytest.raises(OutputError, match=r"cannot be read|has no scene"):
            open_item(items[name], "A")
    assert open_item(items["unsure é"], "A")


def test_runs_without_results_are_worked_on_too(run, tmp_path, liver):
    from DSANetLib.mrml.scene import save_run

    (tmp_path / "runs").mkdir()
    save_run(write_run(run.with_changes(case_id="plain")), tmp_path / "runs" / "plain.seq.nrrd")
    headless.clear()
    (item,) = read_work_list(tmp_path / "runs", "A")
    case = open_item(item, "A")
    assert set(states(case.masks).values()) == {"empty"}
    show_frame(case.run, 3)
    paint(case, liver)
    save_item(case, item.folder, "A")
    close_item(case)
    (item,) = read_work_list(tmp_path / "runs", "A")
    assert item.state == "done"
    assert np.array_equal(read_masks(open_item(item, "A").masks, 3).tumour, liver)


def test_an_empty_or_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="holds neither results nor runs"):
        read_work_list(tmp_path, "A")
    with pytest.raises(OutputError, match="is no folder"):
        read_work_list(tmp_path / "none", "A")


def test_a_copy_is_a_proposal_with_its_origin_named(masks, tumour):
    edits = editing(masks)
    edits.reader = "Zoë"
    copy_to_neighbour(masks, 5, 6)
    assert states(masks)[6] == "predicted"
    record = edits.record(6)
    assert (record.proposed_by, record.reader) == ("copy of frame 6 by Zoë", None)
    assert np.array_equal(read_masks(masks, 6).tumour, tumour), "frames of noise do not move"
    assert edits.undo(6) == "proposal"
    assert states(masks)[6] == "empty"
    with pytest.raises(SceneError, match="frame 1 has no mask to copy"):
        copy_to_neighbour(masks, 0, 1)


def test_the_export_holds_what_was_corrected_and_our_readers_open_it(results, run, liver, tumour, tmp_path):
    import cv2

    item = items_of(results)["unsure é"]
    case = open_item(item, "A")
    paint(case, liver)
    save_item(case, item.folder, "A", with_scene=False)
    close_item(case)
    other = items_of(results)["sure"]
    case = open_item(other, "A")
    editing(case.masks).reject(4)
    save_item(case, other.folder, "A", with_scene=False)
    target = tmp_path / "training"
    assert export_training(list(items_of(results).values()), target) == (1, [], [])
    header, row = (target / MANIFEST).read_text(encoding="utf-8").splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["patient"], found["case"], found["frame"], found["state"], found["reader"]) == (
        "p-unsure é", "unsure é", "5", "edited", "A",
    )  # fmt: skip
    image = cv2.imdecode(np.frombuffer((target / found["tumour_mask"]).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(image, liver * 255)
    again = read_run(target / found["path"])
    assert np.array_equal(np.asarray(again.frames), np.asarray(run.frames))
    assert np.allclose(again.times_s, run.times_s)


def test_an_export_of_two_readers_takes_frame_by_frame_and_says_what_gave_way(results, liver, tumour, tmp_path):
    (item,) = [one for one in items_of(results).values() if one.case_id == "sure"]
    for reader, drawn, accepted in (("A", liver, True), ("B", tumour, False)):
        case = open_item(item, reader)
        paint(case, drawn)
        if accepted:
            editing(case.masks).accept(editing(case.masks).frame)
        save_item(case, item.folder, reader, with_scene=False)
        close_item(case)
    found = export_training([item], tmp_path / "training")
    assert (found.frames, found.left_out) == (1, [])
    assert found.passed_over == [
        "1 of B's judgements gave way to another reader's, adjudicated, accepted or later: left-out.csv."
    ]
    header, row = (tmp_path / "training" / "left-out.csv").read_text(encoding="utf-8").splitlines()
    told = dict(zip(header.split(","), row.split(","), strict=True))
    assert (told["case"], told["reader"], told["state"], told["taken"], told["reason"]) == (
        "sure", "B", "edited", "A", "accepted",
    )  # fmt: skip
    assert export_training([item], tmp_path / "of-b", reader="B") == (1, [], [])
    assert not (tmp_path / "of-b" / "left-out.csv").exists()


def test_an_export_replaces_only_an_export_and_only_when_asked(results, liver, tmp_path):
    items = list(items_of(results).values())
    with pytest.raises(OutputError, match="no frame was edited or accepted"):
        export_training(items, tmp_path / "training")
    assert not (tmp_path / "training").exists()
    case = open_item(items[0], "A")
    paint(case, liver)
    save_item(case, items[0].folder, "A", with_scene=False)
    export_training(items, tmp_path / "training")
    with pytest.raises(OutputError, match="holds an earlier export"):
        export_training(items, tmp_path / "training")
    export_training(items, tmp_path / "training", overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="is left alone"):
        export_training(items, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_the_examples_of_the_documentation_run(results, repository, monkeypatch, tmp_path):
    import re

    (tmp_path / "work").mkdir()
    results.rename(tmp_path / "work" / "results")
    monkeypatch.chdir(tmp_path / "work")
    text = (repository / "docs" / "correction.md").read_text(encoding="utf-8")
    read_file, script = re.findall(r"```python\n(.*?)```", text, re.S)
    found = {}
    exec(script, found)
    (saved,) = (tmp_path / "work" / "results").glob("*/corrections-Anna.json")
    assert (tmp_path / "work" / "training" / MANIFEST).is_file()
    monkeypatch.chdir(saved.parent)
    exec(read_file, found)
    assert np.array_equal(found["mask"], read_corrections(saved).of(4).masks.unpack()[1])
