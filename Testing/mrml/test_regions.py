from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import SceneError
from DSANetLib.maps import RegionCurve
from DSANetLib.mrml import headless
from DSANetLib.mrml.pixels import inside_polygon
from DSANetLib.mrml.regions import region_masks, remove_region_curves, write_region_curves
from DSANetLib.mrml.scene import find_cases, remove_case
from DSANetLib.mrml.segmentation import copy_frame
from DSANetLib.mrml.sequence import show_frame, write_run
from DSANetLib.mrml.table import read_columns, read_table


def ras(run, row, column):
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    run.volume.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint([column, row, 0, 1])[:3]


def closed_curve(run, *corners):
    node = headless.scene().AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", "R 1")
    node.SetCurveTypeToLinear()
    for corner in corners:
        node.AddControlPoint(ras(run, *corner))
    return node


def region(values, unit="s"):
    curve = np.linspace(0, 1, 12)
    return RegionCurve(curve, np.arange(12.0), unit, 7, values)


def test_segments_of_the_shown_frame_are_regions(masks, liver, tumour):
    show_frame(masks.run, 4)
    found = region_masks(masks.run, masks.segmentation)
    assert list(found) == ["Liver", "Tumour"]
    np.testing.assert_array_equal(found["Liver"], liver > 0)
    np.testing.assert_array_equal(found["Tumour"], tumour > 0)
    show_frame(masks.run, 5)
    assert list(region_masks(masks.run, masks.segmentation)) == ["Tumour"]
    show_frame(masks.run, 0)
    with pytest.raises(SceneError, match=r"holds no pixel.*Paint"):
        region_masks(masks.run, masks.segmentation)


def test_a_segmentation_of_another_geometry_is_brought_to_the_frame(masks, run, tumour):
    """The same tumour on a run of the same frames, read from the scene of the first: bit by bit the same."""
    other = write_run(run.with_changes(case_id="other"))
    copy = headless.scene().AddNode(copy_frame(masks, 4))
    np.testing.assert_array_equal(region_masks(other, copy)["Tumour"], tumour > 0)


def test_a_closed_curve_holds_the_pixels_whose_centres_it_surrounds(nodes, run):
    node = closed_curve(nodes, (9.5, 19.5), (9.5, 39.5), (29.5, 39.5), (29.5, 19.5))
    expected = np.zeros((run.rows, run.columns), bool)
    expected[10:30, 20:40] = True
    found = region_masks(nodes, node)
    assert list(found) == ["R 1"]
    # Slicer samples the curve, and draws its corners a little short.
    assert np.count_nonzero(found["R 1"] != expected) <= 4


def test_a_box_holds_its_pixels(nodes, run):
    node = headless.scene().AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    first, last = np.array(ras(nodes, 9.5, 19.5)), np.array(ras(nodes, 29.5, 49.5))
    node.SetCenter((first + last) / 2)
    node.SetSize(*(np.abs(last - first)[:2]), 5.0)
    expected = np.zeros((run.rows, run.columns), bool)
    expected[10:30, 20:50] = True
    np.testing.assert_array_equal(region_masks(nodes, node)["box"], expected)


@pytest.mark.parametrize("kind", ["vtkMRMLMarkupsLineNode", "vtkMRMLScalarVolumeNode"])
def test_what_is_no_region_is_refused(nodes, kind):
    with pytest.raises(SceneError, match="no region"):
        region_masks(nodes, headless.scene().AddNewNodeByClass(kind))
    with pytest.raises(SceneError, match="no region"):
        region_masks(nodes, None)


def test_a_curve_of_two_points_has_no_area(nodes):
    with pytest.raises(SceneError, match="R 1: has no area"):
        region_masks(nodes, closed_curve(nodes, (9, 9), (20, 20)))


def test_a_polygon_is_filled_by_its_centres():
    triangle = np.array([(0.5, 0.5), (0.5, 8.5), (8.5, 0.5)])
    rows, columns = np.mgrid[:10, :12]
    expected = (rows > 0.5) & (columns > 0.5) & (rows + columns < 9)
    np.testing.assert_array_equal(inside_polygon(triangle, (10, 12)), expected)
    beyond = np.array([(-5.0, -5.0), (-5.0, 30.0), (30.0, 30.0), (30.0, -5.0)])
    assert inside_polygon(beyond, (10, 12)).all()


def test_curves_of_regions_become_plot_and_table_with_units(scene, nodes):
    values = {"time_to_peak": 2.5, "peak": 60.0, "area_under_curve": 120.0, "wash_in_slope": 40.0}
    plot, table = write_region_curves(nodes, {"liver": region(values), "R 1": region(values)}, key_frame=3)
    assert read_table(table)[1] == {"region": "R 1", "pixels": 7, **values}
    units = {column.name: column.unit for column in read_columns(table)}
    assert units["time_to_peak"] == "s"
    assert units["wash_in_slope"] == "grey units / s"
    assert plot.chart.GetNumberOfPlotSeriesNodes() == 3
    count = scene.GetNumberOfNodes()
    write_region_curves(nodes, {"liver": region(values), "R 1": region(values)}, key_frame=3)
    assert scene.GetNumberOfNodes() == count
    remove_region_curves(nodes)
    assert not scene.GetNodesByClass("vtkMRMLTableNode").GetNumberOfItems()
    write_region_curves(nodes, {"liver": region(values)})
    remove_case(find_cases()[0])
    assert not scene.GetNodesByClass("vtkMRMLTableNode").GetNumberOfItems()
