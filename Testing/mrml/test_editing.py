from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from DSANetLib.errors import SceneError
from DSANetLib.mrml import editing as module
from DSANetLib.mrml import headless
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.editing import Editing, editing, write_from_network
from DSANetLib.mrml.mending import mend
from DSANetLib.mrml.scene import load_scene, remove_case, save_scene
from DSANetLib.mrml.segmentation import find_masks, read_masks, states, write_masks
from DSANetLib.mrml.sequence import items, show_frame, write_run


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def edits(masks, clock):
    made = Editing(masks, clock=clock)
    yield made
    made.close()


def everything(masks):
    found = [read_masks(masks, frame) for frame in states(masks)]
    return [(m.liver.tobytes(), m.tumour.tobytes(), m.state) for m in found]


def paint(masks, segment_id, array):
    """What the Segment Editor does in the end: a new labelmap on the segment that is shown."""
    import slicer.util

    shown = masks.run.browser.GetProxyNode(masks.sequence)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array[None], shown, segment_id, masks.run.volume)


def test_browsing_playing_saving_and_reopening_thirty_frames_change_no_byte_and_no_state(run, tumour, liver, tmp_path):
    frames = np.random.default_rng(1).integers(0, 255, (30, run.rows, run.columns)).astype(np.uint8)
    long = run.with_changes(frames=frames, times_s=np.arange(30) / 3, mask=None, bit_depth=8)
    masks = write_masks(write_run(long), {9: (liver, tumour), 14: (None, liver)}, state={9: "edited", 14: "predicted"})
    before = everything(masks)
    edits = editing(masks)
    for frame in (*range(30), *reversed(range(30))):
        show_frame(masks.run, frame)
    masks.run.browser.SetPlaybackActive(True)
    for _ in range(60):
        masks.run.browser.SelectNextItem()
        headless.logic("sequences").UpdateAllProxyNodes()
    masks.run.browser.SetPlaybackActive(False)
    for frame in range(30):
        show_frame(masks.run, frame)
        save_scene(tmp_path / "a.mrb", overwrite=True)
    assert everything(masks) == before
    assert edits.unsaved() == []
    for _ in range(2):
        (case,) = load_scene(tmp_path / "a.mrb")
        again = editing(case.masks)
        for frame in range(30):
            show_frame(case.run, frame)
        assert everything(again.nodes) == before
        assert again.notes == []


@pytest.mark.parametrize(("frame", "state"), [(4, "predicted"), (9, "empty")])
def test_a_stroke_makes_the_shown_frame_edited_and_no_other(edits, masks, liver, frame, state):
    before = states(masks)
    assert before[frame] == state
    show_frame(masks.run, frame)
    paint(masks, "tumour", liver[::-1])
    assert states(masks) == {**before, frame: "edited"}
    assert masks.segmentation.GetAttribute("DSANet.FrameState") == "edited"
    assert edits.unsaved() == [frame]
    show_frame(masks.run, 0)
    assert states(masks) == {**before, frame: "edited"}


def test_an_edit_takes_an_acceptance_back(edits, masks, liver):
    edits.accept(4)
    assert states(masks)[4] == "accepted"
    show_frame(masks.run, 4)
    paint(masks, "liver", liver[::-1])
    assert states(masks)[4] == "edited"
    assert edits.undo(4) == "edit"
    assert states(masks)[4] == "accepted"


def test_undo_and_redo_outlive_a_change_of_frame(edits, masks, clock, liver, tumour):
    show_frame(masks.run, 4)
    for drawing in (liver[::-1], tumour[::-1], liver[:, ::-1]):
        clock.now += 1
        paint(masks, "tumour", drawing)
    for frame in (0, 7, 5):
        show_frame(masks.run, frame)
    assert edits.next_undo(5) is None
    assert edits.undo(5) is None
    assert [edits.undo(4) for _ in range(4)] == ["edit", "edit", "edit", None]
    assert np.array_equal(read_masks(masks, 4).tumour, tumour)
    assert states(masks)[4] == "predicted"
    assert [edits.redo(4) for _ in range(2)] == ["edit", "edit"]
    assert np.array_equal(read_masks(masks, 4).tumour, tumour[::-1])
    assert states(masks)[4] == "edited"


def test_one_stroke_over_both_segments_is_one_step(edits, masks, liver, tumour):
    show_frame(masks.run, 4)
    paint(masks, "tumour", tumour[::-1])
    paint(masks, "liver", liver[::-1])
    assert edits.undo(4) == "edit"
    assert edits.next_undo(4) is None
    assert np.array_equal(read_masks(masks, 4).liver, liver)


def test_a_network_writes_one_frame_and_can_be_undone_and_reverted_to(masks, liver, tumour):
    edits = editing(masks)
    show_frame(masks.run, 4)
    paint(masks, "tumour", liver)
    before = everything(masks)
    write_from_network(masks, 4, None, tumour[::-1], by="unet-phantom")
    after = everything(masks)
    assert [i for i in range(len(after)) if after[i] != before[i]] == [4]
    assert states(masks)[4] == "predicted"
    assert edits.undo(4) == "network"
    assert everything(masks) == before
    edits.redo(4)
    paint(masks, "tumour", liver)
    edits.revert(4)
    assert states(masks)[4] == "predicted"
    assert np.array_equal(read_masks(masks, 4).tumour, tumour[::-1])
    assert not read_masks(masks, 4).liver.any()


def test_revert_knows_the_network_of_a_scene_that_was_saved_after_editing(masks, liver, tumour, tmp_path):
    edits = editing(masks)
    edits.reader = "Zoë"
    show_frame(masks.run, 4)
    paint(masks, "tumour", liver)
    save_scene(tmp_path / "a.mrb")
    (case,) = load_scene(tmp_path / "a.mrb")
    record = editing(case.masks).record(4)
    assert (record.state, record.reader, record.proposed_by) == ("edited", "Zoë", "ffs")
    assert record.dice_tumour == pytest.approx(2 * (liver & tumour).sum() / (int(liver.sum()) + int(tumour.sum())))
    editing(case.masks).revert(4)
    assert np.array_equal(read_masks(case.masks, 4).tumour, tumour)
    assert editing(case.masks).record(4).reader is None


def test_without_a_network_revert_says_so_and_changes_nothing(edits, masks, liver):
    show_frame(masks.run, 9)
    paint(masks, "tumour", liver)
    with pytest.raises(SceneError, match="nothing was proposed for frame 10"):
        edits.revert(9)
    assert np.array_equal(read_masks(masks, 9).tumour, liver)


def test_a_proposal_never_overwrites_what_a_person_did(edits, masks, liver, tumour):
    edits.propose(9, None, liver, by="copy of frame 5")
    assert edits.record(9).proposed_by == "copy of frame 5"
    assert states(masks)[9] == "predicted"
    edits.accept(9)
    with pytest.raises(SceneError, match="frame 10 is accepted already"):
        edits.propose(9, None, tumour, by="copy of frame 9")
    assert np.array_equal(read_masks(masks, 9).tumour, liver)
    assert not edits.corrected(9)
    show_frame(masks.run, 9)
    paint(masks, "tumour", tumour)
    assert edits.corrected(9)


def test_seconds_go_to_the_frame_that_was_shown_and_a_pause_counts_a_minute(edits, masks, clock, liver):
    show_frame(masks.run, 9)
    clock.now += 7
    paint(masks, "tumour", liver)
    clock.now += 5
    show_frame(masks.run, 4)
    clock.now += 3600
    edits.accept(4)
    edits.pause()
    clock.now += 100
    edits.resume()
    clock.now += 2
    show_frame(masks.run, 9)
    assert edits.seconds(9) == 12
    assert edits.seconds(4) == 62
    assert float(fact(masks.sequence.GetNthDataNode(4), "Seconds")) == 60


def test_a_segment_deleted_on_one_frame_comes_back_empty_and_undo_brings_its_pixels(edits, masks, tumour):
    show_frame(masks.run, 4)
    masks.segmentation.GetSegmentation().RemoveSegment("tumour")
    for item in items(masks.sequence):
        assert list(item.GetSegmentation().GetSegmentIDs()) in (["liver", "tumour"], ["tumour", "liver"])
    assert not read_masks(masks, 4).tumour.any()
    assert edits.notes == ["A segment of frame 5 had been deleted and was made anew"]
    edits.undo(4)
    assert np.array_equal(read_masks(masks, 4).tumour, tumour)


def test_the_shown_segmentation_can_be_deleted_and_edits_go_on(edits, masks, liver):
    show_frame(masks.run, 4)
    before = everything(masks)
    headless.scene().RemoveNode(masks.segmentation)
    headless.logic("sequences").UpdateAllProxyNodes()
    show_frame(masks.run, 9)
    assert edits.nodes.segmentation.GetScene() is not None
    assert everything(masks) == before
    paint(masks, "tumour", liver)
    assert states(masks)[9] == "edited"
    assert edits.undo(9) == "edit"


def test_mending_touches_nothing_that_is_right_and_repairs_the_rest(masks, tumour, run):
    before = everything(masks)
    again, notes = mend(masks)
    assert (again, notes) == (masks, [])
    browser = masks.run.browser
    show_frame(masks.run, 0)
    browser.SetSaveChanges(masks.sequence, False)
    masks.sequence.RemoveDataNodeAtValue(masks.sequence.GetNthIndexValue(7))
    item = masks.sequence.GetNthDataNode(4)
    other = item.GetSegmentation().GetSegment("tumour")
    item.GetSegmentation().RemoveSegment("tumour")
    item.GetSegmentation().AddSegment(other, "Segment_1")
    masks.sequence.GetNthDataNode(5).SetAttribute("DSANet.FrameState", None)
    mended, notes = mend(find_masks(masks.run))
    assert everything(mended) == before
    assert browser.GetSaveChanges(masks.sequence)
    assert notes == [
        "Frame 8 had no mask of its own and was given an empty one",
        "A segment of frame 1 had been deleted and was made anew",  # Slicer empties what is shown when it is unticked
        "A segment of frame 5 had been renamed and was made anew",
        "The state of frame 6 was unknown and is now 'predicted'",
        "Changes of masks were not saved into their frames; now they are",
    ]
    assert mend(mended)[1] == []


def test_unticking_save_changes_loses_nothing(edits, masks):
    before = everything(masks)
    masks.run.browser.SetSaveChanges(masks.sequence, False)
    for frame in (4, 0, 5, 4):
        show_frame(masks.run, frame)
    assert everything(edits.nodes) == before
    assert masks.run.browser.GetSaveChanges(masks.sequence)
    assert edits.undo(4) is None


def test_a_foreign_segment_with_pixels_is_left_alone_and_named(masks, tumour):
    masks.segmentation.GetSegmentation().AddEmptySegment("Segment_1", "mine")
    paint(masks, "Segment_1", tumour)
    _, notes = mend(masks)
    assert notes == ["Frame 5 has a segment 'Segment_1' that is no part of its masks and is left alone"]
    masks.segmentation.GetSegmentation().AddEmptySegment("Segment_2", "nothing")
    assert "An empty segment 'Segment_2' was removed from frame 5" in mend(masks)[1]
    assert masks.segmentation.GetSegmentation().GetSegment("Segment_1") is not None


def test_nothing_is_watched_once_the_case_is_gone(masks, scene, run, liver):
    editing(masks)
    (case,) = load_cases()
    remove_case(case)
    assert module._open == {}
    other = write_masks(write_run(run))
    editing(other)
    headless.clear()
    assert module._open == {}


def test_a_closed_case_is_freed_at_once_with_its_frames(run):
    """Not when Python next looks for circles: a run may be a gigabyte."""
    nodes = write_run(run)
    known = weakref.ref(editing(write_masks(nodes, {})))
    gc.collect()
    gc.disable()
    try:
        remove_case(load_cases()[0])
        assert known() is None
    finally:
        gc.enable()


def load_cases():
    from DSANetLib.mrml.scene import find_cases

    return find_cases()


def test_two_runs_in_one_scene_keep_their_own_history(masks, run, liver, tumour):
    other = write_masks(write_run(run), {4: (None, liver)})
    first, second = editing(masks), editing(other)
    assert first is not second
    assert editing(masks) is first
    second.reject(4)
    assert (states(masks)[4], states(other)[4]) == ("predicted", "rejected")
    assert first.undo(4) is None
    assert second.undo(4) == "reject"
    assert states(other)[4] == "predicted"


def test_callers_are_told_which_frame_changed(edits, masks, liver):
    told = []
    edits.changed.append(told.append)
    show_frame(masks.run, 7)
    assert told == []
    paint(masks, "liver", liver)
    edits.accept(5)
    assert set(told) == {7, 5}


@pytest.mark.parametrize("frame", [4, 5])
def test_saving_with_a_labelled_frame_in_view_is_no_edit(masks, tmp_path, frame):
    """Slicer packs the segments of the shown frame anew while it saves."""
    from DSANetLib.mrml.scene import save_scene

    show_frame(masks.run, frame)
    edited = editing(masks)
    before = states(masks), read_masks(masks, frame).tumour.tobytes(), read_masks(masks, frame).liver.tobytes()
    for name in ("a.mrb", "b.mrb"):
        save_scene(tmp_path / name)
        after = states(masks), read_masks(masks, frame).tumour.tobytes(), read_masks(masks, frame).liver.tobytes()
        assert after == before
    assert edited.next_undo(frame) is None
    assert edited.unsaved() == []
