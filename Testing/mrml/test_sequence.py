from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import RunError, SceneError
from DSANetLib.mrml.sequence import (
    frame_array,
    frames_that_fit,
    items,
    read_run,
    show_frame,
    shown_frame,
    stored_frames,
    times_of,
    write_run,
)
from DSANetLib.run import DSARun, LazyFrames, PixelSpacing

FACTS = ("case_id", "spacing", "polarity", "subtracted", "bit_depth", "intensity", "mask")


def ras(volume, row, column):
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint((column, row, 0, 1))[:3]


def test_the_sequence_follows_slicers_conventions(nodes, run):
    sequence = nodes.sequence
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
    assert sequence.GetIndexType() == sequence.NumericIndex
    assert [float(sequence.GetNthIndexValue(i)) for i in range(run.count)] == list(run.times_s)
    assert nodes.browser.GetMasterSequenceNode() is sequence
    assert nodes.browser.GetPlaybackRateFps() == pytest.approx(3)
    assert all(item.IsA("vtkMRMLScalarVolumeNode") for item in items(sequence))
    assert not nodes.browser.GetSaveChanges(sequence), "frames are not the user's to change"


def test_pixels_stand_where_the_angiography_screen_shows_them(nodes, run):
    """Slicer's axial view has the patient's right (+R) on the left and anterior (+A) on top."""
    for item in (*items(nodes.sequence), nodes.volume):
        assert ras(item, 0, 1)[0] - ras(item, 0, 0)[0] == pytest.approx(-1 / 3, rel=1e-12)
        assert ras(item, 1, 0)[1] - ras(item, 0, 0)[1] == pytest.approx(-0.154, rel=1e-12)
        assert item.GetSpacing()[2] == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_a_run_comes_back_as_it_went_in(run, frames, dtype):
    given = run.with_changes(frames=frames.astype(dtype))
    back = read_run(write_run(given).sequence)
    assert back.frames.dtype == dtype
    assert back.frames[:].tobytes() == given.frames[:].tobytes()
    assert back.times_s.tobytes() == given.times_s.tobytes()
    assert all(getattr(back, name) == getattr(given, name) for name in FACTS)


def test_a_run_that_says_nothing_comes_back_saying_nothing(frames):
    given = DSARun(frames=frames, case_id="bare")
    nodes = write_run(given)
    assert list(times_of(nodes.sequence)) == [i / 2 for i in range(len(frames))]
    back = read_run(nodes.sequence)
    assert back.times_s is None
    assert back.spacing is None
    assert back.mask is None
    assert back.subtracted is None
    assert (back.polarity, back.intensity) == ("unknown", "unknown")


def test_the_chosen_frame_is_shown(nodes, frames):
    assert shown_frame(nodes) == 4
    for frame in (0, 11, 3):
        show_frame(nodes, frame)
        assert shown_frame(nodes) == frame
        assert np.array_equal(frame_array(nodes.volume), frames[frame])


def test_window_and_level_are_set_once_for_the_run(nodes, frames):
    display = nodes.volume.GetDisplayNode()
    before = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    assert -900 <= before[0] < before[1] <= 3000
    for frame in range(len(frames)):
        show_frame(nodes, frame)
        assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == before
    assert not display.GetAutoWindowLevel()


def test_the_window_comes_from_inside_the_shutter(frames):
    bright = frames.copy()
    visible = np.zeros(frames.shape[1:], bool)
    visible[10:50, 20:60] = True
    bright[:, ~visible] = 32767
    nodes = write_run(DSARun(frames=bright, case_id="shutter", visible=visible))
    assert nodes.volume.GetDisplayNode().GetWindowLevelMax() <= 3000


@pytest.mark.parametrize(
    ("said", "found", "table"),
    [
        ("bright_contrast", None, "InvertedGrey"),
        ("dark_contrast", None, "Grey"),
        ("unknown", "bright_contrast", "InvertedGrey"),
    ],
)
def test_contrast_is_dark_on_the_screen(run, said, found, table):
    nodes = write_run(run.with_changes(polarity=said), shown_polarity=found)
    assert nodes.volume.GetDisplayNode().GetColorNodeID() == f"vtkMRMLColorTableNode{table}"
    assert read_run(nodes.sequence).polarity == said


def test_a_flat_run_and_a_single_frame_can_be_shown():
    nodes = write_run(DSARun(frames=np.zeros((1, 4, 5), np.uint8), case_id="zeros"))
    assert nodes.volume.GetDisplayNode().GetWindowLevelMax() > nodes.volume.GetDisplayNode().GetWindowLevelMin()
    assert nodes.browser.GetPlaybackRateFps() == 1


def test_part_of_a_long_run_keeps_its_frame_numbers_and_times(run, frames):
    nodes = write_run(run, frames=[0, 3, 4, 5, 8], key_frame=5)
    assert stored_frames(nodes.sequence) == (0, 3, 4, 5, 8)
    assert list(times_of(nodes.sequence)) == [run.times_s[i] for i in (0, 3, 4, 5, 8)]
    assert np.array_equal(frame_array(nodes.volume), frames[5])
    back = read_run(nodes.sequence)
    assert np.array_equal(back.frames[2], frames[4])
    assert back.mask.frames == (0,), "mask frame 1 is not in the scene, frame 0 is its first item"
    with pytest.raises(SceneError, match=r"frame 7 is not in the scene"):
        show_frame(nodes, 6)


@pytest.mark.parametrize("limit", [1, 5, 7, 11, 12, 100])
def test_what_fits_holds_the_needed_frames_and_no_more_than_the_limit(run, limit):
    size = run.rows * run.columns * 2
    chosen = frames_that_fit(run, (7, 8, 9), limit * size)
    assert {7, 8, 9} <= set(chosen)
    assert len(chosen) <= max(limit, 4), "one evenly spaced frame besides is always kept"
    assert chosen == sorted(set(chosen))
    assert (limit >= run.count) == (chosen == list(range(run.count)))


def test_two_runs_of_one_name_live_in_one_scene(run, frames):
    first, second = write_run(run), write_run(run.with_changes(frames=frames[::-1].copy()))
    assert first.sequence.GetName() != second.sequence.GetName()
    show_frame(first, 2)
    show_frame(second, 9)
    assert np.array_equal(frame_array(first.volume), frame_array(second.volume))
    show_frame(first, 1)
    assert np.array_equal(frame_array(second.volume), frames[2])


def test_a_sequence_of_another_program_is_read(scene):
    from DSANetLib.mrml.headless import start
    from DSANetLib.mrml.sequence import frame_matrix, image_data

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "theirs")
    sequence.SetIndexType(sequence.NumericIndex)
    volume = start().vtkMRMLScalarVolumeNode()
    volume.SetIJKToRASMatrix(frame_matrix(PixelSpacing(0.2, 0.3)))
    for i in range(3):
        volume.SetAndObserveImageData(image_data(np.full((4, 5), i, np.uint8)))
        sequence.SetDataNodeAtValue(volume, str(i * 0.25))
    back = read_run(sequence)
    assert [int(f[0, 0]) for f in back.frames[:]] == [0, 1, 2]
    assert list(back.times_s) == [0, 0.25, 0.5]
    assert back.spacing == PixelSpacing(0.2, 0.3, "unknown")
    assert back.case_id == "theirs"


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (np.arange(3.0), "3 frame times for 12 frames"),
        (np.full(12, np.nan), "12 frame times"),
        (np.arange(12) * 0.001, "closer than 2 ms"),
    ],
)
def test_times_that_a_sequence_cannot_hold_are_refused(run, scene, times, words):
    before = scene.GetNumberOfNodes()
    with pytest.raises(SceneError, match=words):
        write_run(run, times)
    assert scene.GetNumberOfNodes() == before


@pytest.mark.parametrize("frames_chosen", [[], [3, 2], [1, 1], [-1, 0], [0, 12]])
def test_frames_that_are_none_of_the_run_are_refused(run, frames_chosen):
    with pytest.raises(SceneError, match="cannot be chosen of 12"):
        write_run(run, frames=frames_chosen)


def test_nodes_that_hold_no_run_are_refused(scene, nodes, masks):
    for node in (None, nodes.volume, scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")):
        with pytest.raises(SceneError, match="not a sequence of frames"):
            read_run(node)
    with pytest.raises(SceneError, match="other nodes than grey volumes"):
        read_run(masks.sequence)


def test_a_sequence_of_volumes_or_colours_is_refused(scene):
    from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR
    from vtkmodules.vtkCommonDataModel import vtkImageData

    from DSANetLib.mrml.headless import start

    for slices, components in ((2, 1), (1, 3)):
        image = vtkImageData()
        image.SetDimensions(4, 5, slices)
        image.AllocateScalars(VTK_UNSIGNED_CHAR, components)
        volume = start().vtkMRMLScalarVolumeNode()
        volume.SetAndObserveImageData(image)
        sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "theirs")
        sequence.SetDataNodeAtValue(volume, "0")
        with pytest.raises(SceneError, match="not a grey image of one slice"):
            read_run(sequence)


def test_numbers_that_cannot_be_read_count_as_not_said(nodes):
    nodes.sequence.SetAttribute("DSANet.SpacingRowMm", "wide")
    nodes.sequence.SetAttribute("DSANet.MaskFrames", "first")
    back = read_run(nodes.sequence)
    assert back.spacing is None
    assert back.mask.frames == ()


def test_frames_are_known_where_an_older_slicer_dropped_their_attributes(run):
    nodes = write_run(run, frames=[0, 3, 4, 5, 8])
    for item in items(nodes.sequence):
        item.SetAttribute("DSANet.Frame", None)
    assert stored_frames(nodes.sequence) == (0, 3, 4, 5, 8)
    assert read_run(nodes.sequence).mask.frames == (0,)
    nodes.sequence.SetAttribute("DSANet.Frames", None)
    with pytest.raises(SceneError, match=r"has no attribute DSANet\.Frame"):
        show_frame(nodes, 0)


def test_a_frame_that_cannot_be_decoded_leaves_no_half_a_run(scene, frames):
    def load(index):
        if index == 7:
            raise RunError("frame 8 is damaged")
        return frames[index].copy()

    before = scene.GetNumberOfNodes()
    with pytest.raises(RunError, match="frame 8 is damaged"):
        write_run(DSARun(frames=LazyFrames(frames.shape, frames.dtype, load), case_id="cut"))
    assert scene.GetNumberOfNodes() == before
