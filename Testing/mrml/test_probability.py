"""Probability maps kept with a run: hidden, exact, there again after loading, gone with it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from DSANetLib.errors import SceneError
from DSANetLib.mrml.attributes import set_facts
from DSANetLib.mrml.headless import clear, scene
from DSANetLib.mrml.owned import owned
from DSANetLib.mrml.probability import PROBABILITY, kept_frames, read_probability, write_probability
from DSANetLib.mrml.scene import find_cases, load_scene, remove_case, save_scene
from DSANetLib.mrml.sequence import write_run
from DSANetLib.postprocessing import PostProcessing
from DSANetLib.preparation import prepare
from DSANetLib.results import Segmentation

SIZE = 64


@pytest.fixture
def found(run):
    """Smooth maps of two frames, the liver on one of them."""
    prepared = prepare(run)
    size = prepared.geometry.size
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    blobs = [np.exp(-((y - c) ** 2 + (x - 0.5) ** 2) / 0.02).astype(np.float32) for c in (0.3, 0.5)]
    return Segmentation(
        prepared=prepared,
        model="ffs",
        runtime="torch",
        tumour_threshold=0.5,
        liver_threshold=0.45,
        tumour_maps={2: blobs[0], 3: blobs[1]},
        liver_maps={3: np.sqrt(blobs[1])},
        difference=None,
        masks={},
        lesions=(),
        postprocessing=PostProcessing.recommended(),
    )


def test_maps_come_back_from_a_file_and_give_the_same_masks(run, found, tmp_path):
    nodes = write_run(run)
    write_probability(nodes, found)
    before = read_probability(nodes)
    save_scene(tmp_path / "a é.mrb")
    clear()
    load_scene(tmp_path / "a é.mrb")
    (case,) = find_cases()
    after = read_probability(case.run)
    assert kept_frames(case.run) == (2, 3)
    assert (after.model, after.geometry, after.liver_threshold) == ("ffs", found.prepared.geometry, 0.45)
    assert after.postprocessing == PostProcessing.recommended()
    assert sorted(after.liver) == [3]
    for frame in (2, 3):
        assert after.tumour[frame].dtype == np.float32
        assert np.array_equal(after.tumour[frame], before.tumour[frame])
        assert np.array_equal(after.tumour[frame], found.tumour_maps[frame])
    assert np.array_equal(after.liver[3], found.liver_maps[3])
    areas = [int(after.masks(3, threshold).tumour.sum()) for threshold in (0.05, 0.35, 0.8)]
    assert areas == [int(before.masks(3, threshold).tumour.sum()) for threshold in (0.05, 0.35, 0.8)]
    assert areas[0] > areas[1] > areas[2] > 0
    assert after.on_source(2)[1] is None


def test_the_node_is_hidden_named_for_its_run_and_goes_with_it(run, found):
    nodes = write_run(run)
    node = write_probability(nodes, found)
    assert node.GetHideFromEditors()
    assert node.GetName() == f"{run.case_id} probability maps"
    assert node.GetImageData().GetScalarTypeAsString() == "float"
    write_probability(nodes, dataclasses.replace(found, tumour_maps={2: found.tumour_maps[2]}, liver_maps={}))
    assert kept_frames(nodes) == (2,)
    assert len(owned(nodes, PROBABILITY)) == 1
    write_probability(nodes, dataclasses.replace(found, tumour_maps={}, liver_maps={}))
    assert read_probability(nodes) is None
    write_probability(nodes, found)
    remove_case(find_cases()[0])
    assert scene().GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_a_node_that_was_changed_is_named(run, found):
    nodes = write_run(run)
    node = write_probability(nodes, found)
    set_facts(node, {"Frames": (2, 3, 4, 5)})
    with pytest.raises(SceneError, match=r"probability maps: cannot be read.*Segment the run again"):
        read_probability(nodes)
    node.SetAndObserveImageData(None)
    with pytest.raises(SceneError, match="cannot be read"):
        read_probability(nodes)
