"""Section *Frames*: browsing, playing, the key frame, the strip; none of it touches a mask."""

from __future__ import annotations

import numpy as np
from conftest import put_case

from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.plots import find_plot
from DSANetLib.mrml.segmentation import read_masks, states
from DSANetLib.mrml.sequence import stored_frames


def everything(masks):
    """Masks and states of all frames, as bytes."""
    return {
        frame: (state, read_masks(masks, frame).liver.tobytes(), read_masks(masks, frame).tumour.tobytes())
        for frame, state in states(masks).items()
    }


def test_stepping_sliding_and_clicking_show_a_frame(panel, case):
    browser = case.run.browser
    panel.press("nextFrameButton")
    assert browser.GetSelectedItemNumber() == 1
    panel.press("previousFrameButton")
    panel.press("previousFrameButton")
    assert browser.GetSelectedItemNumber() == 0
    panel.find("frameSlider").value = 7
    assert browser.GetSelectedItemNumber() == 7
    panel.find("stateStrip").cellClicked.emit(0, 12)
    assert browser.GetSelectedItemNumber() == 12
    assert panel.find("frameLabel").text == "Frame 13 of 24, 6.00 s"
    browser.SetSelectedItemNumber(3)  # as Slicer's own sequence bar does
    assert panel.find("frameSlider").value == 3


def test_strip_shows_state_and_key_frame(panel, case):
    strip = panel.find("stateStrip")
    assert [strip.item(0, i).text() for i in (8, 9, 10)] == ["–", "P", "–"]
    assert strip.horizontalHeaderItem(9).text() == "10*"
    from DSANetLib.mrml.editing import editing

    editing(case.masks).accept(9)
    assert strip.item(0, 9).text() == "A"


def test_key_frame_is_moved_by_hand_shown_as_such_and_given_back(panel, case):
    assert panel.find("keyFrameLabel").text == "Key frame 10, chosen automatically"
    assert not panel.find("automaticKeyButton").enabled
    panel.context.setFrame(4)
    panel.press("setKeyFrameButton")
    assert fact(case.run.sequence, "UserKeyFrame") == "4"
    assert panel.find("keyFrameLabel").text == "Key frame 5, chosen by hand"
    panel.context.setFrame(0)
    panel.press("goToKeyButton")
    assert panel.context.frame == 4
    panel.press("automaticKeyButton")
    assert fact(case.run.sequence, "UserKeyFrame") is None
    assert panel.find("keyFrameLabel").text == "Key frame 10, chosen automatically"


def test_curve_stands_in_the_plot_view_with_key_and_shown_frame(panel, case, scene):
    plot = find_plot(case.run)
    assert scene.GetSingletonNode("PlotView1", "vtkMRMLPlotViewNode").GetPlotChartNodeID() == plot.chart.GetID()
    marks = plot.marks.GetTable()
    assert marks.GetColumnByName("key").GetValue(0) == 4.5
    panel.context.setFrame(6)
    assert marks.GetColumnByName("shown").GetValue(0) == 3.0
    panel.press("setKeyFrameButton")
    assert marks.GetColumnByName("key").GetValue(0) == 3.0
    assert find_plot(case.run).chart is plot.chart


def test_each_run_has_its_own_curve(panel, scene):
    first, second = put_case(panel, "first"), put_case(panel, "second")
    view = scene.GetSingletonNode("PlotView1", "vtkMRMLPlotViewNode")
    assert view.GetPlotChartNodeID() == find_plot(second.run).chart.GetID()
    panel.context.setCase(first)
    assert view.GetPlotChartNodeID() == find_plot(first.run).chart.GetID()


def test_playing_hides_the_masks_and_stopping_shows_them(panel, case):
    display = case.masks.segmentation.GetDisplayNode()
    panel.press("playButton")
    assert case.run.browser.GetPlaybackActive()
    assert not display.GetVisibility()
    case.run.browser.SetPlaybackActive(False)  # as Slicer's own sequence bar does
    assert display.GetVisibility()
    assert not panel.find("playButton").checked
    panel.find("hideMasksCheckBox").click()
    panel.press("playButton")
    assert display.GetVisibility()
    panel.widget.exit()
    assert not case.run.browser.GetPlaybackActive()


def test_browsing_and_playing_at_every_frame_change_no_mask_and_no_state(panel, case):
    before = everything(case.masks)
    for frame in stored_frames(case.run.sequence):
        panel.context.setFrame(frame)
        panel.find("playButton").click()
        panel.press("nextFrameButton")
        panel.press("previousFrameButton")
        panel.find("playButton").click()
        panel.press("goToKeyButton")
    panel.widget.exit()
    panel.widget.enter()
    assert everything(case.masks) == before
    assert np.array_equal(sorted(before), sorted(stored_frames(case.run.sequence)))


def test_playing_by_the_clock_through_every_frame_of_thirty_changes_no_byte(panel):
    """Played by Slicer's own sequence logic, whose clock chooses the frames.

    In Slicer a timer of the Sequences module calls `UpdateAllProxyNodes` every 20 ms; here a timer of ours does. The
    core draws no views, so what a redraw in between could do is not shown.
    """
    import time

    import qt
    import slicer
    from films import film_run

    from DSANetLib.mrml.editing import editing
    from DSANetLib.mrml.headless import logic
    from DSANetLib.mrml.scene import find_cases
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    rng = np.random.default_rng(0)
    masks = {frame: tuple((rng.random((48, 64)) < 0.3).astype(np.uint8) for _ in range(2)) for frame in (4, 15, 16, 29)}
    write_masks(write_run(film_run(count=30, rows=48, columns=64, case_id="thirty")), masks)
    panel.context.setCase(find_cases()[0])
    case = panel.context.case
    editing(case.masks).accept(15)
    panel.context.setFrame(0)
    before, browser, seen = everything(case.masks), case.run.browser, set()
    browser.SetPlaybackRateFps(40)
    browser.SetPlaybackItemSkippingEnabled(False)  # each frame is shown, on a slow machine too
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: (logic("sequences").UpdateAllProxyNodes(), seen.add(panel.context.frame)))
    panel.press("playButton")
    timer.start(20)
    end = time.monotonic() + 60
    while len(seen) < 30 and time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.002)
    timer.stop()
    panel.press("playButton")
    assert seen == set(range(30))
    assert not browser.GetPlaybackActive()
    assert everything(case.masks) == before


def test_saving_reopening_and_cancelling_at_every_frame_of_thirty_change_nothing(panel, tmp_path):
    """With work of the reader in it: an edited and an accepted frame beside the network's."""
    from films import film_run

    from DSANetLib.mrml.editing import editing
    from DSANetLib.mrml.scene import find_cases, load_scene, save_scene
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    rng = np.random.default_rng(0)
    masks = {frame: tuple((rng.random((48, 64)) < 0.3).astype(np.uint8) for _ in range(2)) for frame in (4, 15, 16, 29)}
    write_masks(write_run(film_run(count=30, rows=48, columns=64, case_id="thirty")), masks)
    panel.context.setCase(find_cases()[0])
    editing(panel.context.case.masks).accept(15)
    editing(panel.context.case.masks).propose(16, *masks[4], by="copy")
    before = everything(panel.context.case.masks)
    assert len(before) == 30
    for frame in range(30):
        panel.context.setFrame(frame)
        panel.press("applyButton")
        panel.press("cancelButton")
        panel.wait(5)
        (again,) = load_scene(save_scene(tmp_path / f"at {frame}.mrb"))
        panel.context.setCase(again)
        assert panel.context.frame == frame
        assert everything(panel.context.case.masks) == before, f"at frame {frame + 1}"
