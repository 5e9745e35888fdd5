from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import SceneError
from DSANetLib.mrml import headless
from DSANetLib.mrml.owned import owned
from DSANetLib.mrml.plots import REGIONS, find_plot, mark_frames, remove_plot, write_curve, write_plot
from DSANetLib.mrml.scene import find_cases, load_scene, remove_case, save_scene
from DSANetLib.mrml.sequence import write_run
from DSANetLib.mrml.table import read_table


@pytest.fixture
def curve(run):
    return np.linspace(0, 1, run.count) ** 2


def column(table, name):
    return [row[name] for row in read_table(table)]


def lines(plot):
    """Name of each series in the chart to its points, as Slicer's plot view draws them."""
    found = {}
    for i in range(plot.chart.GetNumberOfPlotSeriesNodes()):
        series = plot.chart.GetNthPlotSeriesNode(i)
        table = series.GetTableNode()
        points = zip(column(table, series.GetXColumnName()), column(table, series.GetYColumnName()), strict=True)
        found[series.GetName()] = list(points)
    return found


def ids(scene):
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def test_the_curve_stands_in_seconds_with_both_frames_marked(nodes, run, curve):
    plot = write_curve(nodes, curve, key_frame=8, shown_frame=2)
    drawn = lines(plot)
    assert list(drawn) == ["opacification", "shown frame", "key frame"]
    assert np.array(drawn["opacification"]) == pytest.approx(np.stack([run.times_s, curve], 1), abs=1e-12)
    for name, frame in (("key frame", 8), ("shown frame", 2)):
        assert np.array(drawn[name]) == pytest.approx(np.array([(run.times_s[frame], 0), (run.times_s[frame], 1)]))
    assert plot.chart.GetXAxisTitle() == "time [s]"
    assert column(plot.table, "frame") == list(range(1, run.count + 1))
    assert plot.table.GetColumnUnitLabel("time") == "s"


def test_frames_count_where_no_times_are_known(run, curve):
    nodes = write_run(run.with_changes(times_s=None))
    plot = write_curve(nodes, curve, key_frame=8)
    assert plot.chart.GetXAxisTitle() == "frame"
    assert list(read_table(plot.table)[0]) == ["frame", "opacification"]
    assert [x for x, _ in lines(plot)["opacification"]] == list(range(1, 13))
    assert [x for x, _ in lines(plot)["key frame"]] == [9, 9]


def test_marks_move_and_go(nodes, run, curve):
    plot = write_curve(nodes, curve, key_frame=8, shown_frame=2)
    before = ids(headless.scene())
    mark_frames(nodes, plot, key_frame=3, shown_frame=11)
    assert lines(plot)["key frame"][0][0] == pytest.approx(run.times_s[3])
    assert lines(plot)["shown frame"][0][0] == pytest.approx(run.times_s[11])
    mark_frames(nodes, plot, key_frame=3)
    assert list(lines(plot)) == ["opacification", "key frame"]
    mark_frames(nodes, plot, shown_frame=5)
    assert lines(plot)["shown frame"][0][0] == pytest.approx(run.times_s[5])
    mark_frames(nodes, plot, shown_frame=99)  # not in the run: no mark, no complaint while browsing
    assert list(lines(plot)) == ["opacification"]
    assert ids(headless.scene()) == before


def test_a_new_curve_replaces_the_old_one_in_the_same_chart(nodes, curve):
    first = write_curve(nodes, curve, key_frame=8)
    count = len(ids(headless.scene()))
    second = write_curve(nodes, -curve, key_frame=8)
    assert second.chart.GetID() == first.chart.GetID()  # a view that shows it goes on showing it
    assert len(ids(headless.scene())) == count
    assert [y for _, y in lines(second)["key frame"]] == [-1.0, pytest.approx(1e-6)]


def test_regions_have_a_chart_of_their_own(nodes, curve):
    write_curve(nodes, curve)
    plot = write_plot(nodes, {"liver": curve, "R 1": 1 - curve}, role=REGIONS, title="Regions", shown_frame=0)
    assert list(lines(plot)) == ["liver", "R 1", "shown frame"]
    colours = [plot.chart.GetNthPlotSeriesNode(i).GetColor() for i in range(2)]
    assert colours[0] != colours[1]
    remove_plot(nodes, REGIONS)
    assert find_plot(nodes, REGIONS) is None
    assert find_plot(nodes) is not None


def test_a_curve_over_more_frames_than_the_scene_holds_needs_times(run):
    nodes = write_run(run, frames=[0, 4, 8])
    with pytest.raises(SceneError, match="12 values for 3 frames"):
        write_curve(nodes, np.ones(12))
    plot = write_curve(nodes, np.arange(12.0), times_s=run.times_s, key_frame=7)
    assert lines(plot)["key frame"][0][0] == pytest.approx(run.times_s[7])
    assert [x for x, _ in lines(write_curve(nodes, np.arange(3.0)))["opacification"]] == pytest.approx(
        run.times_s[[0, 4, 8]]
    )


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"a": np.ones(12), "b": np.ones(11)}, "different lengths"),
        ({"a": np.full(12, np.nan)}, "without values"),
        ({"time": np.ones(12)}, "cannot be called"),
        ({}, "different lengths"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(nodes, curves, words):
    before = ids(headless.scene())
    with pytest.raises(SceneError, match=words):
        write_plot(nodes, curves, role=REGIONS, title="x")
    assert ids(headless.scene()) == before


def test_a_plot_survives_save_and_load_and_can_be_moved_on(nodes, run, curve, tmp_path):
    before = lines(write_curve(nodes, curve, key_frame=8, shown_frame=2))
    path = save_scene(tmp_path / "a b é.mrb")
    headless.clear()
    (case,) = load_scene(path)
    plot = find_plot(case.run)
    after = lines(plot)
    assert list(after) == list(before)
    for name, points in before.items():
        assert np.array(after[name]) == pytest.approx(np.array(points), rel=1e-5)
    assert plot.marks.GetHideFromEditors()
    count = len(ids(headless.scene()))
    mark_frames(case.run, plot, key_frame=1, shown_frame=2)
    assert lines(plot)["key frame"][0][0] == pytest.approx(run.times_s[1])
    assert len(ids(headless.scene())) == count


def test_a_plot_goes_with_its_case_and_with_no_other(scene, run, curve):
    empty = ids(scene)
    # Two runs of the same name: what belongs to whom is no matter of names.
    first, second = write_run(run), write_run(run)
    write_curve(first, curve, key_frame=1)
    write_curve(second, curve, key_frame=1)
    count = len(owned(second))
    remove_case(find_cases()[0])
    assert len(owned(second)) == count
    remove_case(find_cases()[0])
    assert ids(scene) == empty


def test_a_mark_moved_while_the_plot_is_removed_leaves_nothing(scene, nodes, curve):
    """As a panel does that looks at its plot whenever a node goes."""
    before = ids(scene)
    plot = write_curve(nodes, curve, key_frame=1)
    tag = scene.AddObserver(scene.NodeRemovedEvent, lambda *_: mark_frames(nodes, plot, key_frame=2, shown_frame=3))
    remove_plot(nodes)
    scene.RemoveObserver(tag)
    assert ids(scene) == before
