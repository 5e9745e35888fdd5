"""The section Explore: every button, on a film whose curves are known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

ROWS, COLUMNS, BEFORE = 60, 90, 4
FIRST, SECOND = (slice(6, 24), slice(50, 80)), (slice(36, 54), slice(12, 40))
EARLY, LATE = [0, 40, 80, 60, 20, 0, 0, 0, 0, 0], [0, 0, 10, 20, 40, 60, 30, 10, 0, 0]


def film(case_id="made", times=True):
    """A run of two patches that no flip maps onto each other: early and strong top right, late bottom left."""
    from DSANetLib.run import DSARun

    frames = np.full((BEFORE + len(EARLY), ROWS, COLUMNS), 200, np.uint8)
    for patch, curve in ((FIRST, EARLY), (SECOND, LATE)):
        frames[BEFORE:, patch[0], patch[1]] -= np.array(curve, np.uint8)[:, None, None]
    # A vessel that fills at once: the arrival of contrast is found on thin structures.
    frames[BEFORE:, 4:56, 44:46] -= np.array([90, 90, 60, 30, 0, 0, 0, 0, 0, 0], np.uint8)[:, None, None]
    seconds = np.arange(len(frames)) / 2 if times else None
    return DSARun(frames, case_id, times_s=seconds, polarity="dark_contrast", subtracted=True)


def add_case(panel, **settings):
    """Put the film into the scene with a tumour on the late patch of frame 9, and choose it."""
    from DSANetLib.mrml.scene import find_cases
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import show_frame, write_run

    run = write_run(film(**settings))
    tumour = np.zeros((ROWS, COLUMNS), np.uint8)
    tumour[40:50, 16:36] = 1
    write_masks(run, {9: (None, tumour)})
    panel.context.setCase(find_cases()[-1])
    show_frame(run, 9)
    return run


@pytest.fixture
def run(panel):
    return add_case(panel)


def shown_map(scene):
    from DSANetModuleLib.layout import SLICE_VIEW

    composite = scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode")
    identifier = composite.GetForegroundVolumeID()
    return scene.GetNodeByID(identifier) if identifier else None


def shown_chart(scene):
    from DSANetModuleLib.layout import PLOT_VIEW

    return scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").GetPlotChartNode()


def classes(scene):
    """Class name to how many nodes of it the scene holds."""
    return Counter(node.GetClassName() for node in scene.GetNodes())


def test_without_a_case_nothing_is_offered(panel):
    for name in ("showMapButton", "hideMapButton", "curvesButton", "removeButton"):
        assert not panel.find(name).enabled


@pytest.mark.parametrize(
    ("chosen", "early", "late", "unit"),
    [
        ("time to peak", 1.0, 2.5, "[s]"),
        ("peak", 80, 60, "[grey units]"),
        ("area under the curve", 100, 85, "[grey units x s]"),
        ("wash-in slope", 80, 40, "[grey units / s]"),
    ],
)
def test_a_map_is_laid_over_the_frame_with_its_unit(panel, scene, run, chosen, early, late, unit):
    from DSANetLib.mrml.maps import map_array

    panel.find("mapComboBox").setCurrentText(chosen)
    assert panel.context.parameters.exploreMap == chosen
    panel.press("showMapButton")
    panel.wait()
    node = shown_map(scene)
    assert unit in node.GetName()
    values = map_array(node)
    # Arrival is found on the film, a frame or so beside the true one; the difference is exact.
    shift = values[15, 65] - early if chosen == "time to peak" else 0
    assert abs(shift) <= 0.5
    assert (values[15, 65] - shift, values[45, 26] - shift) == pytest.approx((early, late), rel=1e-2)
    assert unit in panel.find("mapValueLabel").text
    assert panel.find("hideMapButton").enabled


def test_frames_are_the_unit_where_no_times_are_known(panel, scene):
    add_case(panel, times=False)
    panel.press("showMapButton")
    panel.wait()
    assert "[frames]" in shown_map(scene).GetName()
    assert "[frames]" in panel.status


def test_opacity_is_that_of_the_view(panel, scene, run):
    from DSANetModuleLib.layout import SLICE_VIEW

    panel.press("showMapButton")
    panel.wait()
    panel.find("opacitySlider").setValue(0.25)
    assert scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode").GetForegroundOpacity() == 0.25
    assert panel.context.parameters.exploreOpacity == 0.25


def test_a_map_is_hidden_and_shown_again_without_a_second_node(panel, scene, run):
    panel.press("showMapButton")
    panel.wait()
    count = scene.GetNumberOfNodes()
    panel.press("hideMapButton")
    assert shown_map(scene) is None
    assert not panel.find("hideMapButton").enabled
    panel.press("showMapButton")
    panel.wait()
    assert shown_map(scene) is not None
    assert scene.GetNumberOfNodes() == count


def test_curves_of_the_masks_stand_in_plot_and_table(panel, scene, run):
    from DSANetLib.mrml.table import read_table

    panel.press("curvesButton")
    panel.wait()
    chart = shown_chart(scene)
    assert chart.GetNthPlotSeriesNode(0).GetName() == "Tumour"
    table = panel.find("valuesTable").mrmlTableNode()
    (row,) = read_table(table)
    assert (row["region"], row["pixels"]) == ("Tumour", 200)
    assert (row["peak"], row["wash_in_slope"]) == pytest.approx((60, 40), rel=1e-2)


def test_curves_of_a_markup_follow_the_shown_frame(panel, scene, run):
    from DSANetLib.mrml.plots import REGIONS, find_plot
    from DSANetLib.mrml.sequence import frame_matrix, show_frame
    from DSANetLib.mrml.table import read_table

    node = scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", "R é")
    node.SetCurveTypeToLinear()
    matrix = frame_matrix(None)
    for row, column in ((9, 54), (9, 76), (21, 76), (21, 54)):
        node.AddControlPoint(matrix.MultiplyPoint([column, row, 0, 1])[:3])
    panel.find("regionSelector").setCurrentNode(node)
    panel.press("curvesButton")
    panel.wait()
    plot = find_plot(run, REGIONS)
    (row,) = read_table(panel.find("valuesTable").mrmlTableNode())
    assert (row["region"], row["peak"]) == ("R é", pytest.approx(80, rel=1e-2))
    show_frame(run, 2)
    assert plot.marks.GetTable().GetColumnByName("shown").GetValue(0) == pytest.approx(1.0)


def test_a_frame_without_segments_is_a_sentence(panel, scene, run):
    from DSANetLib.mrml.sequence import show_frame

    show_frame(run, 0)
    panel.press("curvesButton")
    panel.wait()
    assert "holds no pixel of the frame" in panel.status
    assert shown_chart(scene) is None or not shown_chart(scene).GetName().endswith("regions chart")


def test_remove_takes_maps_and_curves_out_of_the_scene(panel, scene, run):
    left = []
    for _again in range(2):
        for name in ("showMapButton", "curvesButton"):
            panel.press(name)
            panel.wait()
        before = classes(scene)
        panel.press("removeButton")
        left.append(classes(scene))
    gone = {name: count - left[-1].get(name, 0) for name, count in before.items() if count != left[-1].get(name, 0)}
    assert left[0] == left[1]
    assert gone == {
        "vtkMRMLScalarVolumeNode": 1,
        "vtkMRMLScalarVolumeDisplayNode": 1,
        "vtkMRMLColorLegendDisplayNode": 1,
        "vtkMRMLPlotChartNode": 1,
        "vtkMRMLPlotSeriesNode": 3,
        "vtkMRMLTableNode": 3,
    }
    assert shown_map(scene) is None
    assert panel.find("valuesTable").mrmlTableNode() is None
    assert not panel.find("removeButton").enabled


def test_exploring_changes_no_mask_and_no_state(panel, scene, run):
    from DSANetLib.mrml.segmentation import find_masks, read_masks, states

    masks = find_masks(run)
    before = states(masks), read_masks(masks, 9).tumour.tobytes()
    for name in ("showMapButton", "curvesButton", "hideMapButton", "removeButton"):
        panel.press(name)
        panel.wait()
    assert (states(masks), read_masks(masks, 9).tumour.tobytes()) == before


def test_two_runs_keep_their_own_maps(panel, scene, run):
    from DSANetLib.mrml.maps import find_map
    from DSANetLib.mrml.scene import find_cases, remove_case

    panel.press("showMapButton")
    panel.wait()
    other = add_case(panel, case_id="other")
    assert find_map(other, "time_to_peak") is None
    panel.press("showMapButton")
    panel.wait()
    assert shown_map(scene) is find_map(other, "time_to_peak")
    remove_case(find_cases()[-1])
    assert find_map(run, "time_to_peak") is not None
    assert not panel.find("hideMapButton").enabled


def test_the_run_removed_in_mid_work_leaves_nothing(panel, scene, run):
    from DSANetLib.mrml.scene import find_cases, remove_case

    panel.press("showMapButton")
    remove_case(find_cases()[0])
    panel.wait()
    assert not scene.GetNodesByClass("vtkMRMLScalarVolumeNode").GetNumberOfItems()
    assert not panel.find("showMapButton").enabled
