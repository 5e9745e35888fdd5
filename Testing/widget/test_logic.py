"""The logic: what a script does with nodes, what the panel does through jobs; the same results as the command line."""

from __future__ import annotations

import csv
import gc
import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from run_files import write_avi, write_frames

from DSANetLib.errors import ClinicalError, DSANetError, ModelError, RunError, SceneError, WorkerError
from DSANetLib.flags import WARNING_CODES
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.choices import choose_subtracted
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.scene import find_cases, load_scene, remove_case, save_scene
from DSANetLib.mrml.segmentation import read_masks, states
from DSANetLib.mrml.sequence import items, show_frame
from DSANetLib.mrml.table import find_table, read_table


@pytest.fixture(scope="module")
def logic():
    """One logic for all tests, with one worker process; none is left behind."""
    from DSANetModuleLib.logic import DSANetModuleLogic

    made = DSANetModuleLogic()
    yield made
    made.close()
    assert worker_threads() == 0


def worker_threads():
    """Threads of ours; others, as of a progress bar, are none of the logic's."""
    return sum(thread.name.startswith("dsanet") for thread in threading.enumerate())


@pytest.fixture
def film(tmp_path, stained_frames):
    """A run as a user has it: a video with a border, whose frame times and polarity are not said."""
    frames = np.pad(stained_frames, ((0, 0), (8, 8), (16, 16)))
    return write_avi(tmp_path / "film é ł 中.avi", frames)


@pytest.fixture
def case(logic, film, use_tiny_models):
    """The run, loaded."""
    return logic.loadRun(film)


def everything(scene):
    """All nodes with their attributes, as text."""
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    return {node.GetID(): [(name, node.GetAttribute(name)) for name in node.GetAttributeNames()] for node in nodes}


def row_of(case):
    """The row of a case in the results table."""
    (row,) = [row for row in read_table(find_table("results")) if row["case"] == case.case_id]
    return row


def paint(case, frame, rows=slice(40, 50), columns=slice(40, 60)):
    """Edit the tumour of a frame as Slicer's editor does: in the shown segmentation, with its event."""
    from DSANetLib.mrml.labelmap import fill

    show_frame(case.run, frame)
    stored = read_masks(case.masks, frame)
    stored.tumour[rows, columns] = 1
    segmentation = editing(case.masks).nodes.segmentation.GetSegmentation()
    fill(segmentation, case.run.sequence.GetNthDataNode(0), stored.liver, stored.tumour)
    segmentation.Modified()
    editing(case.masks).capture(frame)


def test_a_loaded_run_has_masks_curve_and_facts(logic, case, scene):
    assert case.case_id.startswith("film")
    assert set(states(case.masks).values()) == {"empty"}
    assert len(states(case.masks)) == 16
    assert logic.keyFrame(case) == int(fact(case.run.sequence, "KeyFrame"))
    assert fact(case.run.sequence, "FoundPolarity") == "dark_contrast"
    assert fact(case.run.sequence, "TimesFrom") in ("source", "assumed")
    assert not any("film é" in str(value) and os.sep in str(value) for value in everything(scene).values())


@pytest.mark.parametrize("subtracted", [True, False])
def test_the_users_word_on_subtraction_goes_before_the_guess_and_stays_with_the_run(
    logic, case, film, subtracted, tmp_path, scene
):
    guessed = fact(case.run.sequence, "SubtractedHere")
    other = logic.loadRun(film, subtracted=subtracted)
    assert fact(other.run.sequence, "SubtractedHere") == str(int(not subtracted))
    assert fact(case.run.sequence, "SubtractedHere") == guessed
    assert not {"taken_as_subtracted", "subtracted_here"} & warned(other)
    assert fact(other.run.sequence, "Subtracted") is None, "what the file says is another thing"
    save_scene(tmp_path / "week.mrb")
    scene.Clear(False)
    again = next(found for found in load_scene(tmp_path / "week.mrb") if found.case_id == other.case_id)
    again = logic.segment(again)
    assert fact(again.run.sequence, "SubtractedHere") == str(int(not subtracted))
    choose_subtracted(again.run, None)
    assert fact(logic.segment(again).run.sequence, "SubtractedHere") == guessed


def warned(case):
    """Codes of what was said of a run."""
    texts = (fact(case.run.sequence, "Warnings") or "").split(" | ")
    return {code for start, code in WARNING_CODES.items() for text in texts if text.startswith(start)}


def test_what_is_neither_yes_nor_no_is_refused_in_a_sentence(logic, film, scene):
    with pytest.raises(SceneError, match="'no' does not say whether the run is subtracted"):
        logic.loadRun(film, subtracted="no")
    assert find_cases() == []


def test_two_loads_of_a_file_are_two_cases(logic, case, film):
    other = logic.loadRun(film)
    assert other.case_id == f"{case.case_id}-2"
    assert [found.case_id for found in find_cases()] == [case.case_id, other.case_id]
    remove_case(other)
    assert [found.case_id for found in find_cases()] == [case.case_id]


@pytest.mark.parametrize("with_clinical", [False, True])
def test_process_gives_what_the_command_gives_bit_for_bit(
    logic, film, tmp_path, use_tiny_models, with_clinical, capsys
):
    from DSANetLib.cli import main
    from DSANetLib.tables import LESION_COLUMNS, RESULT_COLUMNS, to_csv

    options = ["--no-scene", "--no-picture", "--threads", "1", "--spacing", "0.3"]
    values = tmp_path / "values.csv"
    values.write_text("patient,age [years],sex\nfilm-é-ł-中,61,male\n", encoding="utf-8")
    clinical = values if with_clinical else None
    assert (
        main(
            [
                "run",
                str(film),
                "--out",
                str(tmp_path / "out"),
                *options,
                *(["--clinical", str(values)] if clinical else []),
            ]
        )
        == 0
    )
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    made = logic.process(film, clinical, spacing_mm=0.3, threads=1)
    assert to_csv(RESULT_COLUMNS, [row_of(made)]) == (folder / "results.csv").read_text(encoding="utf-8")
    assert to_csv(LESION_COLUMNS, read_table(made.lesions)) == (folder / "lesions.csv").read_text(encoding="utf-8")
    pictures = sorted((folder / "masks").glob("*_labels.png"))
    labelled = [frame for frame, state in states(made.masks).items() if state != "empty"]
    assert [int(path.name.split("_")[1]) - 1 for path in pictures] == labelled
    for path, frame in zip(pictures, labelled, strict=True):
        stored = read_masks(made.masks, frame)
        labels = np.where(stored.tumour > 0, 2, stored.liver)
        assert np.array_equal(labels, cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED))
    import json

    probability = json.loads((folder / "case.json").read_text(encoding="utf-8"))["probability"]
    assert row_of(made)["probability"] == probability
    assert row_of(made)["runtime"].startswith("onnxruntime")


def test_a_scene_that_was_saved_and_loaded_gives_the_same(logic, case, tmp_path):
    first = logic.predict(logic.segment(case))
    before = read_table(first)
    masks = {frame: read_masks(case.masks, frame) for frame in states(case.masks)}
    save_scene(tmp_path / "scene.mrb")
    (again,) = load_scene(tmp_path / "scene.mrb")
    assert not logic.isStale(again)
    logic.predict(logic.segment(again))
    assert read_table(find_table("results")) == before
    for frame, stored in masks.items():
        now = read_masks(find_cases()[0].masks, frame)
        assert np.array_equal(now.tumour, stored.tumour)
        assert np.array_equal(now.liver, stored.liver)


def test_a_corrected_mask_is_used_and_said_and_makes_a_prediction_stale(logic, case):
    case = logic.segment(case)
    logic.predict(case)
    network = row_of(case)
    assert (network["masks"], "stale" in network["flags"].split()) == ("predicted", False)
    key = logic.keyFrame(case)
    paint(case, key)
    logic.updateTables(case)
    edited = row_of(case)
    assert logic.isStale(case)
    assert (edited["masks"], edited["flags"].split()[-1]) == ("edited", "stale")
    assert edited["tumour_area_px"] != network["tumour_area_px"]
    assert edited["tumour_area_px"] == int(read_masks(case.masks, key).tumour.sum())
    assert edited["tumour_area_px"] == sum(
        lesion["area_px"] for lesion in read_table(find_table("lesions", case.case_id))
    )
    assert edited["probability"] == network["probability"]
    logic.predict(case)
    again = row_of(case)
    assert not logic.isStale(case)
    assert again["probability"] != network["probability"]
    assert fact(case.masks.sequence, "ResponseMasks") == "edited"
    # Undone, the masks are the network's again, and the prediction from the edited ones is stale.
    editing(case.masks).undo(key)
    logic.updateTables(case)
    assert (row_of(case)["masks"], logic.isStale(case)) == ("predicted", True)
    editing(case.masks).redo(key)
    assert not logic.isStale(case)


def test_a_network_leaves_what_a_person_did_and_can_be_undone(logic, case):
    case = logic.segment(case)
    key = logic.keyFrame(case)
    paint(case, key)
    mine = read_masks(case.masks, key).tumour
    editing(case.masks).accept(key + 1)
    case = logic.segment(case)
    assert np.array_equal(read_masks(case.masks, key).tumour, mine)
    assert [states(case.masks)[frame] for frame in (key - 1, key, key + 1)] == ["predicted", "edited", "accepted"]
    case = logic.segment(case, frames=[key, 2])
    assert states(case.masks)[key] == states(case.masks)[2] == "predicted"
    assert states(case.masks)[key + 1] == "accepted"
    assert not np.array_equal(read_masks(case.masks, key).tumour, mine)
    editing(case.masks).undo(key)
    assert np.array_equal(read_masks(case.masks, key).tumour, mine)
    assert states(case.masks)[key] == "edited"
    editing(case.masks).undo(2)
    assert states(case.masks)[2] == "empty"


def test_the_users_frames_are_used_and_kept_with_the_run(logic, case):
    case = logic.segment(case, keyFrame=5)
    assert [frame for frame, state in states(case.masks).items() if state == "predicted"] == [4, 5, 6]
    assert (row_of(case)["key_frame"], row_of(case)["key_frame_by"]) == (6, "user")
    assert "user_key_frame" in row_of(case)["flags"]
    case = logic.segment(case)
    assert row_of(case)["key_frame"] == 6


def test_several_runs_of_a_patient_give_one_result(logic, case, film):
    other = logic.loadRun(film)
    cases = [logic.segment(case), logic.segment(other, keyFrame=6)]
    alone = []
    for one in cases:
        logic.predict(one)
        alone.append(row_of(one)["probability"])
    table = logic.predict(cases)
    rows = read_table(table)
    assert [row["runs"] for row in rows] == [2, 2]
    assert [row["probability"] for row in rows] == [pytest.approx(np.mean(alone), rel=1e-12)] * 2
    assert alone[0] != alone[1]
    paint(cases[1], 6)
    logic.updateTables(cases[1])
    assert [row["flags"].split()[-1] for row in read_table(table)] == ["stale", "stale"]
    assert logic.isStale(cases[0])
    remove_case(cases[1])
    assert logic.isStale(cases[0])


def test_clinical_values_come_as_mapping_or_table(logic, case, tmp_path):
    case = logic.segment(case)
    logic.predict(case, {"age": 61, "sex": "male"})
    by_mapping = row_of(case)
    assert (by_mapping["clinical_used"], by_mapping["response_model"]) == ("yes", "response-phantom")
    table = tmp_path / "values.csv"
    table.write_text(f"patient,age [years],sex\nother,20,female\n{case.case_id},61,male\n", encoding="utf-8")
    logic.predict(case, table)
    assert row_of(case)["probability"] == by_mapping["probability"]
    table.write_text("patient,age [years]\nother,20\n", encoding="utf-8")
    with pytest.raises(ClinicalError, match=r"values\.csv: has no row for film"):
        logic.predict(case, table)
    with pytest.raises(ClinicalError, match="furlongs"):
        logic.predict(case, {"furlongs": 3})


def test_another_threshold_needs_no_network(logic, case, monkeypatch):
    case = logic.segment(case)
    key = logic.keyFrame(case)
    own = float(fact(case.masks.sequence, "TumourThreshold"))
    masks = read_masks(case.masks, key)
    tumour, liver = logic.thresholdMasks(case, key, own)
    assert np.array_equal(tumour, masks.tumour)
    assert np.array_equal(liver, masks.liver)
    tumour_map, _ = logic.probabilityMap(case, key)
    assert (tumour_map.shape, tumour_map.dtype) == (masks.tumour.shape, np.float32)
    assert logic.probabilityMap(case, 0) is None
    client = logic.client()
    monkeypatch.setattr(client, "submit", lambda task: pytest.fail("the worker was asked"))
    logic.applyThreshold(case, 0.999)
    assert read_masks(case.masks, key).tumour.sum() == 0
    assert "no_tumour" in row_of(case)["flags"].split()
    assert fact(case.masks.sequence, "TumourThreshold") == "0.999"
    editing(case.masks).undo(key)
    assert np.array_equal(read_masks(case.masks, key).tumour, masks.tumour)
    for wrong in (0, 1, float("nan")):
        with pytest.raises(SceneError, match="no threshold"):
            logic.applyThreshold(case, wrong)


def foreign_sequence(scene, frames, dimensions=2, kind="vtkMRMLScalarVolumeNode", unit="s"):
    """A run as Slicer's own XA reader leaves it: no attribute of ours, index text with three digits, with browser."""
    import slicer
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "5: Fluoro DSA")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit(unit)
    for number, frame in enumerate(frames):
        volume = getattr(slicer, kind)()
        image = vtk.vtkImageData()
        depth = 1 if dimensions == 2 else 3
        image.SetDimensions(frame.shape[1], frame.shape[0], depth)
        colours = frame.shape[2] if frame.ndim == 3 else 1
        flat = np.repeat(frame.reshape(1, -1, colours), depth, 0).reshape(-1, colours)
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(flat), deep=True))
        volume.SetAndObserveImageData(image)
        volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        sequence.SetDataNodeAtValue(volume, f"{number * 0.5:.3f}")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.AddSynchronizedSequenceNode(sequence)
    return sequence, browser


def test_a_run_that_slicers_reader_loaded_becomes_a_case(logic, scene, stained_frames, use_tiny_models):
    sequence, browser = foreign_sequence(scene, stained_frames)
    before = [volume.GetImageData().GetMTime() for volume in items(sequence)]
    case = logic.segment(browser.GetProxyNode(sequence))
    assert case.run.sequence is sequence
    assert (case.run.browser, case.case_id, sequence.GetName()) == (browser, "run-1", "5: Fluoro DSA")
    assert sorted(states(case.masks).values()).count("predicted") == 3
    assert [volume.GetImageData().GetMTime() for volume in items(sequence)] == before
    logic.predict(sequence)
    assert row_of(case)["probability"] is not None
    assert "times_assumed" not in row_of(case)["flags"]
    assert logic.adoptRun(browser).run.sequence is sequence
    other, _ = foreign_sequence(scene, stained_frames, unit="")
    assert "times_assumed" in row_of(logic.segment(other))["flags"]


def test_what_is_no_run_is_refused_with_a_sentence(logic, scene, stained_frames, use_tiny_models):
    import slicer

    frames = stained_frames[:3]
    colours = np.stack([frames] * 3, -1)
    labels, _ = foreign_sequence(scene, frames)
    for item in items(labels):
        item.SetAndObserveImageData(None)
    wrong = {
        "3-D volumes": foreign_sequence(scene, frames, dimensions=3)[0],
        "colour frames": foreign_sequence(scene, colours, kind="vtkMRMLVectorVolumeNode")[0],
        "1 frame": foreign_sequence(scene, frames[:1])[0],
        "the type": foreign_sequence(scene, frames.astype(np.float64))[0],
        "different sizes": foreign_sequence(scene, [frames[0], frames[1][:50]])[0],
        "other nodes": labels,
        "no sequence": scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "alone"),
        "no run is chosen": None,
    }
    removed = slicer.vtkMRMLSequenceNode()
    before = everything(scene)
    for words, node in {**wrong, "removed": removed}.items():
        with pytest.raises(SceneError, match=words) as caught:
            logic.segment(node)
        assert str(caught.value).count(". ") >= 1, f"no remedy: {caught.value}"
    assert everything(scene) == before


def test_a_failure_leaves_the_scene_as_it_was(logic, case, scene, tmp_path):
    before = everything(scene)
    for error, call in {
        RunError: lambda: logic.loadRun(tmp_path / "missing.avi"),
        ModelError: lambda: logic.segment(case, model="no-such-model"),
        SceneError: lambda: logic.segment(case, frames=[99]),
        DSANetError: lambda: logic.segment(case, keyFrame=99),
    }.items():
        with pytest.raises(error):
            call()
    with pytest.raises(SceneError, match=r"has no mask to predict from. Segment the run"):
        logic.predict(case)
    with pytest.raises(RunError):
        logic.process(tmp_path / "missing.avi")
    film = write_avi(tmp_path / "one.avi", np.full((1, 96, 128), 9, np.uint8))
    with pytest.raises(RunError, match="one frame"):
        logic.process(film)
    assert everything(scene) == before


def test_a_run_removed_in_mid_work_is_said_and_nothing_is_written(logic, case, scene):
    job = logic.segmentJob(case)
    answer = logic.client().wait(job.task)
    remove_case(case)
    before = everything(scene)
    with pytest.raises(SceneError, match=r"removed.* Load it again"):
        job.apply(answer)
    assert everything(scene) == before


def test_a_batch_goes_on_and_leaves_the_scene_alone(logic, case, scene, tmp_path, stained_frames, tiny_models):
    for name, frames in (("a", stained_frames), ("b", stained_frames[:1]), ("c", stained_frames[:, ::-1])):
        write_frames(tmp_path / "in" / name, frames)
    before, outcomes, seen = everything(scene), [], []
    options = {
        "model": tiny_models / "ffs-phantom",
        "response_model": tiny_models / "response-film-phantom",
        "scene": False,
        "picture": False,
    }
    for _ in range(2):
        table = logic.processBatch(
            tmp_path / "in", tmp_path / "out", outcome=outcomes.append, progress=seen.append, **options
        )
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert {name: row["status"] for name, row in rows.items()} == {"a": "done", "b": "failed", "c": "done"}
    assert "one frame" in rows["b"]["reason"]
    assert [(outcome.case_id, outcome.done_before) for outcome in outcomes[3:]] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]
    assert (seen[0].detail, seen[-1].detail, seen[-1].fraction) == ("0 of 3", "3 of 3", 1.0)
    assert everything(scene) == before


def pump(jobs, lane="panel", seconds=120):
    """Run the event loop until a lane is free."""
    import time

    import slicer

    end = time.monotonic() + seconds
    while jobs.isBusy(lane):
        slicer.app.processEvents()
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def jobs(logic):
    """Jobs over the same logic; what is left is cancelled."""
    from DSANetModuleLib.jobs import Jobs

    made = Jobs(logic, lambda: said.append((made.stage, made.fraction)))
    said = made.said = []
    yield made
    made.cancel()
    pump(made)


def test_jobs_do_the_same_and_say_how_far_they_are(logic, jobs, film, use_tiny_models):
    done = []
    jobs.load(film, done=done.append)
    assert (jobs.busy, jobs.stage) == (True, "Starting")
    with pytest.raises(WorkerError, match="under way"):
        jobs.load(film)
    pump(jobs)
    jobs.segment(done[0], done=done.append)
    pump(jobs)
    jobs.predict(done[-1], done=done.append)
    pump(jobs)
    assert states(done[1].masks)[logic.keyFrame(done[1])] == "predicted"
    assert done[2] is find_table("results")
    stages = [stage for stage, _ in jobs.said]
    assert {"Reading the file", "Preparing the frames", "Segmenting", "Predicting"} <= set(stages)
    assert stages[-1] == ""
    assert jobs.secondsLeft is None


def test_a_failed_job_is_told_and_never_raised(jobs, case, tmp_path):
    failed = []
    jobs.load(tmp_path / "missing.avi", failed=failed.append)
    pump(jobs)
    jobs.segment(None, failed=failed.append)
    jobs.predict(case, failed=failed.append)
    assert [type(error) for error in failed] == [RunError, SceneError, SceneError]
    assert not jobs.busy


def test_a_cancelled_job_writes_nothing(jobs, case, scene):
    before = everything(scene)
    told = []
    jobs.start(jobs._logic.segmentJob(case), done=told.append, cancelled=lambda: told.append("cancelled"))
    jobs.cancel()
    assert jobs.stage == "Cancelling"
    pump(jobs)
    assert told == ["cancelled"]
    assert everything(scene) == before


def memory_mb(pid):
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory where Linux shows it")
def test_fifty_runs_leave_nothing_behind(logic, scene, tmp_path, stained_frames, use_tiny_models):
    film = write_avi(tmp_path / "film.avi", stained_frames)
    kept = logic.process(film)
    before, threads, pid = set(everything(scene)), worker_threads(), logic.client().pid
    memory = {}
    for number in range(50):
        remove_case(logic.process(film))
        if number in (9, 49):
            gc.collect()
            memory[number] = memory_mb(os.getpid()), memory_mb(pid)
    assert set(everything(scene)) == before
    assert worker_threads() == threads
    assert logic.client().pid == pid
    assert logic.keptFrames(kept)
    # A run with its masks is 3 MB; forty of them kept would be 120.
    for earlier, later in zip(memory[9], memory[49], strict=True):
        assert later - earlier < 12, memory
