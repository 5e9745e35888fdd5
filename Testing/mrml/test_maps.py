from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import RunError, SceneError
from DSANetLib.maps import ParameterMap
from DSANetLib.mrml import headless
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.maps import OUTSIDE, find_map, map_array, remove_maps, write_map
from DSANetLib.mrml.ruler import calibrate_run, line_ends, uncalibrate_run
from DSANetLib.mrml.run_facts import spacing_of
from DSANetLib.mrml.scene import find_cases, load_scene, remove_case, save_scene
from DSANetLib.mrml.sequence import read_run, write_run
from DSANetLib.run import PixelSpacing


@pytest.fixture
def values(run):
    """A map that no flip maps onto itself, without values in one corner."""
    rows, columns = np.mgrid[: run.rows, : run.columns]
    made = (rows * 100 + columns).astype(np.float32)
    made[:7, :11] = np.nan
    return made


def found(values, kind="time_to_peak", unit="s"):
    return ParameterMap(kind, values, unit, 0.0, 12.5)


def line(run, *ends):
    """A line markup between (row, column) pixels of a run."""
    node = headless.scene().AddNewNodeByClass("vtkMRMLMarkupsLineNode", "L")
    matrix = to_ras(run.volume)
    for row, column in ends:
        node.AddControlPoint(matrix.MultiplyPoint([column, row, 0, 1])[:3])
    return node


def test_a_map_lies_on_its_frames_pixel_by_pixel(nodes, values):
    node = write_map(nodes, found(values))
    np.testing.assert_array_equal(map_array(node), values)
    for i, j in ((0, 0), (20, 50), (59, 0)):
        ours, frames = [0.0] * 4, [0.0] * 4
        node_to_ras, frame_to_ras = to_ras(node), to_ras(nodes.volume)
        node_to_ras.MultiplyPoint([j, i, 0, 1], ours)
        frame_to_ras.MultiplyPoint([j, i, 0, 1], frames)
        assert ours == frames
    # The first column is on the patient's right, which a screen shows on the left: RAS falls along rows and columns.
    assert to_ras(node).GetElement(0, 0) < 0 > to_ras(node).GetElement(1, 1)


def to_ras(volume):
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def test_a_map_is_shown_in_colour_and_hidden_where_it_has_no_value(nodes, values):
    node = write_map(nodes, found(values))
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 12.5)
    assert display.GetApplyThreshold() == 1
    assert display.GetLowerThreshold() > OUTSIDE
    early, late = [0.0] * 4, [0.0] * 4
    display.GetColorNode().GetColor(0, early)
    display.GetColorNode().GetColor(display.GetColorNode().GetNumberOfColors() - 1, late)
    assert early[0] > early[2]  # red, as on angiography consoles
    assert late[2] > late[1]
    assert (fact(node, "MapKind"), fact(node, "MapUnit")) == ("time_to_peak", "s")
    assert "[s]" in node.GetName()


def test_a_legend_says_which_colour_is_which_second(scene, nodes, values, tmp_path):
    def legends():
        return [node for node in scene.GetNodes() if node.GetClassName() == "vtkMRMLColorLegendDisplayNode"]

    node = write_map(nodes, found(values))
    write_map(nodes, found(values))
    (legend,) = legends()
    assert (legend.GetTitleText(), legend.GetLabelFormat()) == ("time to peak [s]", "%.1f")
    assert legend.GetPrimaryDisplayNode().GetID() == node.GetDisplayNode().GetID()
    assert legend.GetVisibility()
    save_scene(tmp_path / "a.mrb")
    headless.clear()
    (case,) = load_scene(tmp_path / "a.mrb")
    assert [each.GetTitleText() for each in legends()] == ["time to peak [s]"]
    remove_maps(case.run)
    assert legends() == []


def test_a_map_is_found_replaced_and_removed(scene, nodes, values):
    first = write_map(nodes, found(values))
    other = write_map(nodes, found(values, "peak", "grey units"))
    assert write_map(nodes, found(values + 1)).GetID() == first.GetID()
    np.testing.assert_array_equal(map_array(first), values + 1)
    assert find_map(nodes, "peak") is other
    assert find_map(nodes, "wash_in_slope") is None
    remove_maps(nodes)
    assert find_map(nodes, "peak") is None
    write_map(nodes, found(values))
    remove_case(find_cases()[0])
    assert not scene.GetNodesByClass("vtkMRMLScalarVolumeNode").GetNumberOfItems()


def test_a_map_survives_save_and_load(nodes, values, tmp_path):
    write_map(nodes, found(values))
    path = save_scene(tmp_path / "a.mrb")
    headless.clear()
    (case,) = load_scene(path)
    node = find_map(case.run, "time_to_peak")
    np.testing.assert_array_equal(map_array(node), values)
    assert node.GetDisplayNode().GetColorNode().GetName() == "Rainbow"


def test_a_map_of_another_run_is_refused(scene, nodes, values):
    before = scene.GetNumberOfNodes()
    with pytest.raises(SceneError, match="does not fit frames"):
        write_map(nodes, found(values[1:]))
    assert scene.GetNumberOfNodes() == before


def test_a_line_across_a_catheter_calibrates_the_run(nodes, run):
    # 6 French are 2 mm; pixels of 0.154 x 1/3 mm keep their shape: 13 rows down are 6.006 columns across.
    result = calibrate_run(nodes, line(nodes, (20, 30), (33, 30)), 6)
    spacing = read_run(nodes.sequence).spacing
    assert spacing == result.spacing
    assert spacing.calibration == "catheter"
    assert spacing.row_mm == pytest.approx(2 / 13)
    assert spacing.column_mm == pytest.approx(2 / 13 / 0.154 / 3)
    assert spacing.pixel_mm2 == pytest.approx(spacing.row_mm * spacing.column_mm)
    assert fact(nodes.sequence, "CatheterFrench") == "6.0"


def test_a_calibration_can_be_undone(nodes, run):
    calibrate_run(nodes, line(nodes, (20, 30), (33, 30)), 6)
    calibrate_run(nodes, line(nodes, (20, 30), (33, 34)), 5)
    assert uncalibrate_run(nodes)
    assert spacing_of(nodes.sequence) == run.spacing
    assert not uncalibrate_run(nodes)


def test_a_film_without_a_pixel_size_has_none_again(run):
    nodes = write_run(run.with_changes(spacing=None))
    calibrate_run(nodes, line(nodes, (20, 30), (20, 40)), 6)
    assert spacing_of(nodes.sequence) == PixelSpacing(0.2, 0.2, "catheter")
    assert uncalibrate_run(nodes)
    assert spacing_of(nodes.sequence) is None


def test_a_calibration_survives_save_and_load(nodes, tmp_path):
    stored = calibrate_run(nodes, line(nodes, (20, 30), (33, 30)), 6).spacing
    path = save_scene(tmp_path / "a.mrb")
    headless.clear()
    (case,) = load_scene(path)
    assert spacing_of(case.run.sequence) == stored
    assert uncalibrate_run(case.run)
    assert spacing_of(case.run.sequence).calibration == "detector"


def test_a_line_is_read_in_pixels_also_under_transforms(nodes):
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    drawn = line(nodes, (20, 30), (33.5, 31.25))
    assert np.array(line_ends(nodes, drawn)) == pytest.approx(np.array([(20, 30), (33.5, 31.25)]))
    transform = headless.scene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtkMatrix4x4()
    matrix.SetElement(0, 3, 250.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in (drawn, nodes.volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert np.array(line_ends(nodes, drawn)) == pytest.approx(np.array([(20, 30), (33.5, 31.25)]))


@pytest.mark.parametrize(
    ("ends", "french", "error", "words"),
    [
        ([(20, 30)], 6, SceneError, "L: has no two ends"),
        ([(20, 30), (20, 200)], 6, SceneError, "L: an end lies outside the frame"),
        ([(20, 30), (20, 31)], 6, RunError, "L: a catheter 1 pixels wide"),
        ([(20, 30), (20, 40)], 60, RunError, "L: a catheter of 60 French"),
    ],
)
def test_a_line_that_is_no_ruler_is_refused_and_changes_nothing(nodes, run, ends, french, error, words):
    with pytest.raises(error, match=words):
        calibrate_run(nodes, line(nodes, *ends), french)
    assert spacing_of(nodes.sequence) == run.spacing
    assert not uncalibrate_run(nodes)


def test_a_node_that_is_no_line_is_refused(nodes):
    with pytest.raises(SceneError, match="not a line"):
        calibrate_run(nodes, nodes.volume, 6)
