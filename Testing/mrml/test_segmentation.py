from __future__ import annotations

import json

import numpy as np
import pytest

from DSANetLib.errors import SceneError
from DSANetLib.mrml import headless
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.scene import save_scene
from DSANetLib.mrml.segmentation import (
    STATES,
    find_masks,
    read_labelled,
    read_masks,
    segment_array,
    set_masks,
    set_state,
    states,
    write_masks,
)
from DSANetLib.mrml.sequence import items, show_frame, write_run
from DSANetLib.mrml.terminology import SEGMENTS


def everything(masks):
    """All bytes and states of a mask sequence."""
    found = [read_masks(masks, frame) for frame in states(masks)]
    return [(m.liver.tobytes(), m.tumour.tobytes(), m.state) for m in found]


def paint(masks, segment_id, array):
    """What the Segment Editor does in the end: a new labelmap on the segment that is shown."""
    import slicer.util

    slicer.util.updateSegmentBinaryLabelmapFromArray(array[None], masks.segmentation, segment_id, masks.run.volume)


def test_every_frame_has_its_item_made_in_advance(masks, run):
    assert states(masks) == {i: "predicted" if i in (4, 5) else "empty" for i in range(run.count)}
    for image, mask in zip(items(masks.run.sequence), items(masks.sequence), strict=True):
        assert list(mask.GetSegmentation().GetSegmentIDs()) == ["liver", "tumour"]
        assert fact(mask, "Frame") == fact(image, "Frame")
    indexes = [[s.GetNthIndexValue(i) for i in range(run.count)] for s in (masks.run.sequence, masks.sequence)]
    assert indexes[0] == indexes[1]


def test_masks_come_back_bit_by_bit_where_they_overlap_too(masks, liver, tumour):
    assert (liver & tumour).any()
    four, five = read_masks(masks, 4), read_masks(masks, 5)
    assert np.array_equal(four.liver, liver)
    assert np.array_equal(four.tumour, tumour)
    assert four.liver.dtype == np.uint8
    assert not five.liver.any()
    assert np.array_equal(five.tumour, tumour)
    assert set(read_labelled(masks)) == {4, 5}


def test_changes_are_saved_for_the_masks_alone(masks):
    browser = masks.run.browser
    assert browser.GetSaveChanges(masks.sequence)
    assert browser.IsSynchronizedSequenceNode(masks.sequence, False)
    assert not browser.GetSaveChanges(masks.run.sequence)


def test_browsing_playing_and_saving_change_no_mask_and_no_state(masks, run, tmp_path):
    before = everything(masks)
    browser = masks.run.browser
    for frame in (*range(run.count), 4, 0, 5):
        show_frame(masks.run, frame)
        assert masks.segmentation.GetAttribute("DSANet.FrameState") == states(masks)[frame]
    browser.SetPlaybackActive(True)
    for _ in range(2 * run.count):
        browser.SelectNextItem()
        headless.logic("sequences").UpdateAllProxyNodes()
    browser.SetPlaybackActive(False)
    for frame in range(run.count):
        show_frame(masks.run, frame)
        save_scene(tmp_path / f"{frame}.mrb")
    assert everything(masks) == before
    assert masks.sequence.GetNumberOfDataNodes() == run.count


def test_an_edit_lands_on_the_frame_that_is_shown_and_on_no_other(masks, run, liver):
    before = everything(masks)
    show_frame(masks.run, 9)
    paint(masks, "tumour", liver[::-1])
    for frame in (0, 9, 4, 11):
        show_frame(masks.run, frame)
    after = everything(masks)
    assert [i for i in range(run.count) if after[i] != before[i]] == [9]
    assert np.array_equal(read_masks(masks, 9).tumour, liver[::-1])


@pytest.mark.parametrize("shown", [7, 2])
def test_a_network_writes_one_frame_whichever_is_shown(masks, run, shown, liver, tumour):
    show_frame(masks.run, shown)
    before = everything(masks)
    set_masks(masks, 7, tumour, liver, "predicted")
    after = everything(masks)
    assert [i for i in range(run.count) if after[i] != before[i]] == [7]
    assert np.array_equal(read_masks(masks, 7).tumour, liver)
    show_frame(masks.run, 7)
    assert np.array_equal(segment_array(masks.segmentation, "liver", liver.shape), tumour)
    assert masks.segmentation.GetAttribute("DSANet.FrameState") == "predicted"


def test_a_mask_is_taken_away_by_none(masks):
    set_masks(masks, 4, None, None, "rejected")
    found = read_masks(masks, 4)
    assert (found.liver.any(), found.tumour.any(), found.state) == (False, False, "rejected")


@pytest.mark.parametrize("state", STATES)
def test_a_state_survives_the_next_edit_of_the_shown_frame(masks, state, liver):
    show_frame(masks.run, 4)
    set_state(masks, 4, state)
    paint(masks, "liver", liver[::-1])
    show_frame(masks.run, 0)
    assert states(masks)[4] == state
    assert np.array_equal(read_masks(masks, 4).liver, liver[::-1])


def test_masks_are_written_right_after_saving_put_both_into_one_labelmap(nodes, tmp_path, run):
    left, right = np.zeros((2, run.rows, run.columns), np.uint8)
    left[2:9, 3:20], right[30:50, 40:60] = 1, 1
    masks = write_masks(nodes, {4: (left, right)}, state={4: "edited"})
    save_scene(tmp_path / "a.mrb")
    item = masks.sequence.GetNthDataNode(4).GetSegmentation()
    assert item.GetNumberOfLayers() == 1, "else this test shows nothing"
    assert np.array_equal(read_masks(masks, 4).liver, left)
    assert np.array_equal(read_masks(masks, 4).tumour, right)
    set_masks(masks, 4, left, left | right, "edited")
    assert np.array_equal(read_masks(masks, 4).liver, left)
    assert np.array_equal(read_masks(masks, 4).tumour, left | right)


def test_a_labelmap_larger_than_the_frame_is_cut_to_it(masks, run):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR

    image = headless.start().vtkOrientedImageData()
    image.SetExtent(-3, run.columns + 4, -2, run.rows + 6, -1, 1)
    image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(3, run.rows + 9, run.columns + 8)
    pixels[:] = 1
    pixels[1] = 0
    pixels[1, 2, 3] = pixels[1, 12, 23] = 1
    segment = masks.sequence.GetNthDataNode(0).GetSegmentation().GetSegment("tumour")
    segment.AddRepresentation("Binary labelmap", image)
    assert sorted(map(tuple, np.argwhere(read_masks(masks, 0).tumour))) == [(0, 0), (10, 20)]


def test_the_masks_of_a_run_are_found_again(masks, nodes, run):
    assert find_masks(nodes).sequence is masks.sequence
    assert find_masks(write_run(run)) is None


def test_facts_are_kept_with_the_masks(masks):
    assert fact(masks.sequence, "Model") == "ffs"
    assert float(fact(masks.sequence, "TumourThreshold")) == 0.35


def test_segments_carry_codes_and_slicers_colours_on_every_frame(masks):
    for item in (*items(masks.sequence), masks.segmentation):
        for meaning in SEGMENTS:
            segment = item.GetSegmentation().GetSegment(meaning.identifier)
            assert segment.GetName() == meaning.name
            assert tuple(round(255 * part) for part in segment.GetColor()) == meaning.colour
            assert segment.GetTerminology() == meaning.entry()


def test_the_terminology_file_says_the_same_and_opens_in_slicer(repository):
    path = repository / "Resources" / "Terminologies" / "SegmentationCategoryTypeModifier-DSANet.term.json"
    slicer = headless.start()
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    content = json.loads(path.read_text(encoding="utf-8"))
    assert logic.LoadTerminologyFromFile(str(path)) == content["SegmentationCategoryTypeContextName"]
    offered = {
        (category["CodeValue"], kind["CodeValue"]): tuple(kind["recommendedDisplayRGBValue"])
        for category in content["SegmentationCodes"]["Category"]
        for kind in category["Type"]
    }
    entry = slicer.vtkSlicerTerminologyEntry()
    for meaning in SEGMENTS:
        assert offered[meaning.category.value, meaning.kind.value] == meaning.colour
        assert logic.DeserializeTerminologyEntry(meaning.entry(), entry)
        assert entry.GetTypeObject().GetCodeValue() == meaning.kind.value
    assert entry.GetAnatomicRegionObject().GetCodeMeaning() == "Liver"
    assert ("49755003", "25370001") in offered, "hepatocellular carcinoma can be chosen"


def test_what_does_not_fit_is_refused_before_anything_is_written(nodes, masks, scene, run, liver, tumour):
    before = everything(masks), scene.GetNumberOfNodes()
    with pytest.raises(SceneError, match="has masks already"):
        write_masks(nodes)
    with pytest.raises(SceneError, match=r"the tumour mask of frame 4 has shape \(3, 3\)"):
        set_masks(masks, 3, liver, np.ones((3, 3), np.uint8), "edited")
    with pytest.raises(SceneError, match="'done' is no state"):
        set_masks(masks, 3, liver, tumour, "done")
    with pytest.raises(SceneError, match="'done' is no state"):
        set_state(masks, 3, "done")
    with pytest.raises(SceneError, match="frame 13 is not in the scene"):
        set_masks(masks, 12, liver, tumour, "edited")
    other = write_run(run)
    count = scene.GetNumberOfNodes()
    with pytest.raises(SceneError, match="frame 31 is not in the scene"):
        write_masks(other, {30: (liver, tumour)})
    assert scene.GetNumberOfNodes() == count
    assert everything(masks) == before[0]


def test_a_deleted_segment_and_a_foreign_state_are_named(masks):
    masks.sequence.GetNthDataNode(3).GetSegmentation().RemoveSegment("tumour")
    with pytest.raises(SceneError, match="the segment 'tumour' was deleted"):
        read_masks(masks, 3)
    set_masks(masks, 3, None, None, "empty")
    assert not read_masks(masks, 3).tumour.any(), "writing the frame mends it"
    masks.sequence.GetNthDataNode(2).SetAttribute("DSANet.FrameState", "finished")
    with pytest.raises(SceneError, match="'finished' is no state"):
        states(masks)
