"""The panel as a whole: it opens, follows the scene's events, and gives back what it took."""

from __future__ import annotations


def test_panel_opens_with_its_sections_in_the_order_of_work(panel):
    names = [section.widget.name for section in panel.context.sections]
    order = ["runSection", "framesSection", "segmentSection", "correctSection", "worklistSection", "predictSection"]
    assert [name for name in order if name in names] == [name for name in names if name in order]
    assert len(names) == len(set(names))


def test_layout_is_taken_on_opening_and_given_back_on_leaving(panel, scene):
    from DSANetModuleLib.layout import LAYOUT_ID

    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert node.GetViewArrangement() == LAYOUT_ID
    assert 'singletontag="PlotView1"' in node.GetLayoutDescription(LAYOUT_ID)
    panel.widget.exit()
    before = node.GetViewArrangement()
    assert before != LAYOUT_ID
    node.SetViewArrangement(before + 1)
    panel.widget.enter()
    assert node.GetViewArrangement() == LAYOUT_ID
    panel.widget.exit()
    assert node.GetViewArrangement() == before + 1


def test_closing_the_scene_lets_go_of_its_nodes_and_starts_anew(panel, scene):
    first = panel.context.parameters.parameterNode
    scene.Clear(False)
    assert panel.context.case is None
    assert panel.context.parameters is not None
    assert panel.context.parameters.parameterNode.GetScene() is scene
    assert first is not None


def test_what_was_said_of_a_run_goes_with_its_scene(panel, case, scene):
    panel.context.tell("Segmented film.")
    panel.context.changed("case")
    assert panel.status == "Segmented film."
    scene.Clear(False)
    assert panel.status == ""


def test_the_view_stays_upright_on_the_frame_and_keeps_zoom_and_shift(panel, case, scene):
    """Tilted or moved off its plane, a stroke would miss the frame."""
    view = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    frame = case.run.volume.GetOrigin()[2]

    def spoil():
        view.SetOrientation("Coronal")
        view.GetSliceToRAS().SetElement(0, 1, 0.3)
        view.UpdateMatrices()
        view.SetSliceOffset(40.0)

    def is_upright():
        return view.GetOrientation() == "Axial" and abs(view.GetSliceOffset() - frame) <= 0.5

    assert is_upright()
    spoil()
    assert not is_upright()
    panel.context.setFrame(3)
    assert is_upright()
    panel.widget.exit()
    spoil()
    panel.context.setFrame(4)
    assert not is_upright(), "outside the panel the view is the user's"
    panel.widget.enter()
    assert is_upright()
    view.SetFieldOfView(30.0, 20.0, 1.0)
    view.GetSliceToRAS().SetElement(0, 3, 12.0)
    view.UpdateMatrices()
    panel.context.setFrame(5)
    assert view.GetFieldOfView()[:2] == (30.0, 20.0)
    assert view.GetSliceToRAS().GetElement(0, 3) == 12.0


def test_a_scene_read_beside_a_run_leaves_the_masks_that_the_run_shows(panel, scene, tmp_path):
    """Both scenes number their nodes from 1: Slicer's core takes the one's shown masks for the other's."""
    from conftest import put_case

    from DSANetLib.mrml.attributes import fact
    from DSANetLib.mrml.labelmap import segment_array
    from DSANetLib.mrml.scene import load_scene, save_scene
    from DSANetLib.mrml.segmentation import read_masks

    put_case(panel, "other")
    panel.context.setFrame(3)
    path = save_scene(tmp_path / "other.mrb")
    for read in (lambda: load_scene(path, keep=True), lambda: scene.ReadFromMRB(str(path), False, None)):
        scene.Clear(False)
        mine = put_case(panel, "mine")
        panel.context.setFrame(9)
        read()
        assert len(panel.context.cases) == 2
        stored, shown = read_masks(mine.masks, 9), mine.masks.segmentation
        assert fact(shown, "Frame") == "9"
        assert stored.tumour.sum() == 30 * 40
        assert (segment_array(shown, "tumour", stored.tumour.shape) == stored.tumour).all()
