"""Masks arrive in steps, and the user may do anything between two of them: nothing of theirs is lost, nothing half."""

from __future__ import annotations

import time

import numpy as np
import pytest
import slicer
from test_deleting import settle, stored

from DSANetLib.mrml.editing import editing
from DSANetLib.mrml.segmentation import read_masks, states


@pytest.fixture
def stepping(panel, case):
    """The panel between two steps of an answer: the first of three frames is written."""
    jobs = panel.context.jobs
    panel.press("applyButton")
    jobs._timer.stop()
    end = time.monotonic() + 60
    while jobs._running["panel"].steps is None:
        assert time.monotonic() < end
        jobs.poll()
        jobs._timer.stop()
        time.sleep(0.005)
    jobs.poll()
    jobs._timer.stop()
    return panel


def arrive(panel):
    """Let the rest of the steps come, as the timer does."""
    panel.context.jobs._timer.start()
    panel.wait()
    settle()


def network_frames(masks):
    return [frame for frame, state in states(masks).items() if state == "predicted" and frame != 9]


def test_what_the_user_edits_or_accepts_between_two_steps_stays(stepping, case):
    (first,) = network_frames(case.masks)
    mine = np.zeros((120, 150), np.uint8)
    mine[80:90, 100:130] = 1
    stepping.context.setFrame(first + 1)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mine[None], case.masks.segmentation, "tumour", case.run.volume)
    editing(case.masks).accept(first + 2)
    arrive(stepping)
    assert np.array_equal(read_masks(case.masks, first + 1).tumour, mine)
    assert (states(case.masks)[first + 1], states(case.masks)[first + 2]) == ("edited", "accepted")
    assert not read_masks(case.masks, first + 2).tumour.any()


def test_masks_deleted_between_two_steps_are_not_made_in_part(stepping, case, scene):
    scene.RemoveNode(case.masks.sequence)
    arrive(stepping)
    assert stepping.context.case.masks is None
    assert "Press Apply for new ones" in stepping.status
    stepping.press("applyButton")
    stepping.wait()
    assert len(network_frames(stepping.context.case.masks)) == 3


def test_a_scene_closed_between_two_steps_is_no_problem(stepping, scene):
    scene.Clear(False)
    settle()
    assert not stepping.context.jobs.busy
    assert not stepping.status.startswith("Problem")
    assert stepping.context._held is None


def test_the_sections_are_told_once_after_the_last_step(stepping, case, monkeypatch):
    told = []
    (section,) = [section for section in stepping.context.sections if section.uiName == "Frames"]
    update = section.update
    monkeypatch.setattr(section, "update", lambda: (told.append(len(network_frames(case.masks))), update()))
    arrive(stepping)
    assert set(told) == {3}
    assert stepping.context.frame in network_frames(case.masks)
    before = stored(case.masks)
    for frame in range(24):
        stepping.context.setFrame(frame)
    assert stored(case.masks) == before


def test_a_cancel_between_two_steps_says_that_it_comes_too_late(stepping, case):
    stepping.press("workCancelButton")
    arrive(stepping)
    assert len(network_frames(case.masks)) == 3
    assert "Too late to cancel" in stepping.status
