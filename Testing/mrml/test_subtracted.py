"""An unsubtracted run is shown with its mask taken off, beside the frames as stored."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.mrml.scene import find_cases, load_scene, remove_case, save_scene
from DSANetLib.mrml.sequence import items, read_run, show_frame, write_run
from DSANetLib.mrml.subtracted import viewed_volume, write_subtracted
from DSANetLib.preparation import prepare
from DSANetLib.run import DSARun, MaskSubtraction, PixelSpacing

from .conftest import node_names


@pytest.fixture
def raw_run():
    """Eight frames of a pattern that stays; from the fifth on a vessel takes half of the rays; frames 1 and 2 mask."""
    y, x = np.mgrid[:64, :80]
    frames = np.tile((2000 + 15 * x + 10 * y).astype(np.uint16), (8, 1, 1))
    frames[4:, 20:30, 10:70] //= 2
    mask = MaskSubtraction("AVG_SUB", (0, 1))
    return DSARun(
        frames, "raw é", times_s=np.arange(8) / 2, spacing=PixelSpacing(0.3, 0.4), polarity="dark_contrast",
        subtracted=False, bit_depth=12, intensity="linear", mask=mask,
    )  # fmt: skip


@pytest.fixture
def shown(raw_run):
    nodes = write_run(raw_run)
    write_subtracted(nodes, prepare(raw_run))
    return nodes


def _pixels(volume):
    from DSANetLib.mrml.sequence import frame_array

    return np.array(frame_array(volume), np.float64) / 10


def test_what_stays_is_grey_and_the_vessel_is_dark_by_the_logarithm_of_its_absorption(shown):
    show_frame(shown, 6)
    grey = _pixels(viewed_volume(shown))
    vessel = np.zeros((64, 80), bool)
    vessel[20:30, 10:70] = True
    assert np.abs(grey[~vessel] - 127.5).max() <= 0.06
    assert grey[vessel] == pytest.approx(127.5 + 127.5 * np.log(0.5), abs=0.2)


def test_frames_as_stored_stay_bit_by_bit(shown, raw_run):
    assert np.array_equal(read_run(shown.sequence).frames[:], raw_run.frames)


def test_both_follow_the_same_slider_at_the_same_place(shown):
    volume = viewed_volume(shown)
    for frame in (1, 5):
        show_frame(shown, frame)
        assert volume.GetAttribute("DSANet.Frame") == shown.volume.GetAttribute("DSANet.Frame") == str(frame)
    assert volume.GetSpacing() == shown.volume.GetSpacing()
    assert np.array_equal(np.array(volume.GetImageData().GetDimensions()), (80, 64, 1))


def test_another_mask_replaces_the_view_and_leaves_no_node_behind(shown, raw_run, scene):
    before = len(node_names(scene))
    write_subtracted(shown, prepare(raw_run, mask_frame=6))
    assert len(node_names(scene)) == before
    show_frame(shown, 6)
    assert np.abs(_pixels(viewed_volume(shown)) - 127.5).max() <= 0.06


def test_same_mask_again_changes_nothing(shown, raw_run):
    view = viewed_volume(shown)
    sequence = write_subtracted(shown, prepare(raw_run))
    assert viewed_volume(shown) is view
    assert write_subtracted(shown, prepare(raw_run)) is sequence


def test_mask_of_a_run_stored_in_part_has_to_be_stored(raw_run):
    nodes = write_run(raw_run, frames=[0, 1, 5])
    write_subtracted(nodes, prepare(raw_run))
    show_frame(nodes, 5)
    assert _pixels(viewed_volume(nodes))[25, 40] < 60
    without = write_run(raw_run.with_changes(case_id="other"), frames=[0, 5])
    assert write_subtracted(without, prepare(raw_run)) is None


def test_run_that_came_subtracted_is_shown_as_it_is(raw_run):
    subtracted = raw_run.with_changes(subtracted=True, mask=None)
    nodes = write_run(subtracted)
    assert write_subtracted(nodes, prepare(subtracted)) is None
    assert viewed_volume(nodes) is nodes.volume


def test_view_is_saved_with_the_scene_and_removed_with_the_case(shown, tmp_path, scene):
    save_scene(tmp_path / "raw.mrb")
    (case,) = load_scene(tmp_path / "raw.mrb")
    show_frame(case.run, 6)
    assert viewed_volume(case.run) is not case.run.volume
    assert _pixels(viewed_volume(case.run))[25, 40] < 60
    assert len(find_cases()) == 1
    remove_case(case)
    assert items_of(scene, "vtkMRMLScalarVolumeNode") + items_of(scene, "vtkMRMLSequenceNode") == []


def items_of(scene, name):
    return [scene.GetNthNodeByClass(i, name) for i in range(scene.GetNumberOfNodesByClass(name))]


def test_items_hold_whole_numbers_of_two_bytes(shown):
    from DSANetLib.mrml.sequence import frame_array

    view = next(n for n in items_of_browser(shown) if n is not shown.sequence)
    assert {frame_array(item).dtype for item in items(view)} == {np.dtype(np.int16)}


def items_of_browser(nodes):
    from vtkmodules.vtkCommonCore import vtkCollection

    found = vtkCollection()
    nodes.browser.GetSynchronizedSequenceNodes(found, True)
    return [found.GetItemAsObject(i) for i in range(found.GetNumberOfItems())]
