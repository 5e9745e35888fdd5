"""A part of a run is deleted by hand, as in Slicer's module Data: no remains, nothing lost, and it is said."""

from __future__ import annotations

import pytest
from conftest import node_ids, put_case

from DSANetLib.mrml.owned import own
from DSANetLib.mrml.segmentation import read_masks, states


def settle():
    import slicer

    for _round in range(3):
        slicer.app.processEvents()


def classes(scene):
    """Classes of all nodes but the storage nodes that Slicer makes."""
    names = [scene.GetNthNode(i).GetClassName() for i in range(scene.GetNumberOfNodes())]
    return sorted(name for name in names if not name.endswith("StorageNode"))


def stored(masks):
    """Bytes and states of all frames."""
    found = {frame: read_masks(masks, frame) for frame in states(masks)}
    return {frame: (one.liver.tobytes(), one.tumour.tobytes(), one.state) for frame, one in found.items()}


def test_a_deleted_sequence_takes_along_what_was_made_for_its_run_and_no_more(panel, scene):
    other = put_case(panel, "other")
    own(scene.AddNewNodeByClass("vtkMRMLTextNode", "note"), other.run, "helper", hidden=True)
    stranger = scene.AddNewNodeByClass("vtkMRMLTableNode", "the user's own film")
    settle()
    before = node_ids(scene)
    case = put_case(panel, "film")
    panel.context.logic.updateTables(case)
    panel.context.tell("Segmented film.")
    settle()
    scene.RemoveNode(case.run.sequence)
    settle()
    left = [scene.GetNodeByID(i).GetName() for i in node_ids(scene) - before]
    assert not [name for name in left if "film" in name], left
    assert before - node_ids(scene) <= {"vtkMRMLSegmentEditorNode1"}, "the panel's own, while a run is chosen"
    assert stranger.GetScene() is scene
    assert panel.status.startswith("film was deleted")


def test_a_run_of_another_program_leaves_its_own_browser_and_volume_behind(panel, scene):
    from films import film_run

    from DSANetLib.mrml.sequence import write_run

    nodes = write_run(film_run(case_id="film"))
    for node in (nodes.sequence, nodes.browser):
        for name in node.GetAttributeNames():
            node.RemoveAttribute(name)
    settle()
    before = node_ids(scene)
    panel.context.setCase(panel.context.logic.adoptRun(nodes.sequence))
    scene.RemoveNode(nodes.sequence)
    settle()
    assert node_ids(scene) == before - {nodes.sequence.GetID()}
    assert nodes.volume.GetScene() is scene
    assert nodes.browser.GetScene() is scene


@pytest.mark.parametrize("part", ["browser", "volume"])
def test_a_deleted_browser_or_volume_is_made_again_and_no_mask_is_lost(panel, case, scene, part):
    panel.context.setFrame(9)
    display = case.run.volume.GetDisplayNode()
    display.SetWindowLevelMinMax(12.0, 99.0)
    before, count = stored(case.masks), classes(scene)
    scene.RemoveNode(getattr(case.run, part))
    settle()
    again = panel.context.case
    assert "was deleted" in panel.status
    assert again.run.sequence is case.run.sequence
    assert panel.context.frame == 9
    assert again.run.volume.GetDisplayNode().GetWindowLevelMax() == 99.0
    assert stored(again.masks) == before
    for frame in (0, 9, 23):
        panel.context.setFrame(frame)
    assert stored(again.masks) == before
    assert classes(scene) == count
    panel.press("removeRunButton")
    assert not [n for n in scene.GetNodes() if "film" in (n.GetName() or "")]


def test_all_parts_deleted_at_once_are_not_made_again(panel, case, scene):
    for node in (case.run.browser, case.run.volume, case.masks.segmentation, case.run.sequence, case.masks.sequence):
        scene.RemoveNode(node)
    settle()
    assert panel.context.case is None
    assert not [n for n in scene.GetNodes() if "film" in (n.GetName() or "")]


def test_deleted_masks_take_along_what_shows_them(panel, case, scene):
    scene.RemoveNode(case.masks.sequence)
    settle()
    assert case.masks.segmentation.GetScene() is None
    assert panel.context.case.masks is None
    assert "Press Apply" in panel.status
