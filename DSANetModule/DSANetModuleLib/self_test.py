"""The module's self-test: load, segment, correct, predict, save, reload, with the shipped models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from DSANetLib.mrml.choices import key_frame
from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.scene import find_cases, load_scene, save_scene
from DSANetLib.mrml.segmentation import read_labelled, read_masks, states
from DSANetLib.mrml.sequence import frame_array, show_frame
from DSANetLib.mrml.table import find_table, read_table
from DSANetLib.mrml.terminology import TUMOUR

from .logic import DSANetModuleLogic
from .sample_data import makeSample

_CORNER = slice(4, 12)


def runSelfTest(test: Any) -> None:
    """Go the whole way on the sample run and compare what is in the scene at each step.

    Parameters
    ----------
    test
        The test case: its assertions are used.
    """
    slicer.mrmlScene.Clear(False)
    logic = DSANetModuleLogic()
    try:
        with tempfile.TemporaryDirectory(prefix="dsanet-test-", ignore_cleanup_errors=True) as folder:
            case = _load(test, logic, Path(folder))
            _segment(test, logic, case)
            _correct(test, case)
            _predict(test, logic, case)
            _saveAndReload(test, case, Path(folder) / "self-test é.mrb")
    finally:
        logic.close()
        slicer.mrmlScene.Clear(False)


def _load(test: Any, logic: Any, folder: Path) -> Any:
    test.delayDisplay("Loading the sample run")
    case = logic.loadRun(next((makeSample(folder) / "runs").glob("*.dcm")))
    frames = case.run.sequence.GetNumberOfDataNodes()
    test.assertGreater(frames, 10)
    test.assertEqual(set(states(case.masks).values()), {"empty"})
    test.assertIsNotNone(key_frame(case.run))
    return case


def _segment(test: Any, logic: Any, case: Any) -> None:
    test.delayDisplay("Segmenting")
    logic.segment(case)
    key = key_frame(case.run)
    labelled = {frame for frame, state in states(case.masks).items() if state == "predicted"}
    test.assertIn(key, labelled)
    test.assertLessEqual(len(labelled), 3)
    masks = read_masks(case.masks, key)
    test.assertGreater(int(masks.liver.sum()), int(masks.tumour.sum()))
    test.assertGreater(int(masks.tumour.sum()), 0)


def _correct(test: Any, case: Any) -> None:
    """Paint as Slicer's Segment Editor does: into the segmentation that shows the frame."""
    test.delayDisplay("Correcting a mask")
    key = key_frame(case.run)
    show_frame(case.run, key)
    before = {frame: masks.tumour for frame, masks in read_labelled(case.masks).items()}
    painted = before[key].copy()
    painted[_CORNER, _CORNER] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        painted[None], editing(case.masks).nodes.segmentation, TUMOUR, case.run.volume
    )
    editing(case.masks).capture(key)
    after = read_labelled(case.masks)
    test.assertTrue(np.array_equal(after[key].tumour, painted))
    test.assertEqual(after[key].state, "edited")
    for frame in set(before) - {key}:
        test.assertTrue(np.array_equal(after[frame].tumour, before[frame]))


def _predict(test: Any, logic: Any, case: Any) -> None:
    test.delayDisplay("Predicting")
    logic.predict(case)
    (row,) = read_table(find_table("results"))
    test.assertEqual(row["case"], case.case_id)
    test.assertTrue(0.0 <= row["probability"] <= 1.0)
    test.assertEqual(row["masks"], "edited")
    test.assertFalse(logic.isStale(case))
    lesions = read_table(find_table("lesions", case.case_id))
    key = read_masks(case.masks, key_frame(case.run))
    test.assertEqual(sum(lesion["area_px"] for lesion in lesions), int(key.tumour.sum()))


def _saveAndReload(test: Any, case: Any, path: Path) -> None:
    test.delayDisplay("Saving and reloading")
    name, expected = case.case_id, read_labelled(case.masks)
    pixels = frame_array(case.run.sequence.GetNthDataNode(0)).copy()
    save_scene(path)
    slicer.mrmlScene.Clear(False)
    test.assertEqual(find_cases(), [])
    (again,) = load_scene(path)
    test.assertEqual(again.case_id, name)
    test.assertTrue(np.array_equal(frame_array(again.run.sequence.GetNthDataNode(0)), pixels))
    found = read_labelled(again.masks)
    test.assertEqual({f: m.state for f, m in found.items()}, {f: m.state for f, m in expected.items()})
    for frame, masks in expected.items():
        test.assertTrue(np.array_equal(found[frame].tumour, masks.tumour))
        test.assertTrue(np.array_equal(found[frame].liver, masks.liver))
