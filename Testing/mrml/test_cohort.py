"""What Slicer writes, read in as a cohort: the export of corrected cases, and Slicer's own segmentation files."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.cohort import AnnotatedFrame, frame_masks, read_cohort
from DSANetLib.correction.export import export_training
from DSANetLib.correction.work import read_work_list
from DSANetLib.mrml.scene import save_scene
from DSANetLib.mrml.segmentation import write_masks
from DSANetLib.mrml.sequence import write_run
from DSANetLib.mrml.work import open_item, save_item
from DSANetLib.readers import read_run


@pytest.fixture
def exported(run, liver, tumour, tmp_path):
    """A case whose masks were accepted on two frames, exported for training."""
    import json

    from DSANetLib.mrml import headless
    from DSANetLib.mrml.editing import editing

    folder = tmp_path / "out" / "a"
    folder.mkdir(parents=True)
    facts = {"case": "a", "patient": "p é"}
    (folder / "case.json").write_text(json.dumps(facts), encoding="utf-8")
    masks = {4: (liver, tumour), 5: (None, tumour)}
    write_masks(write_run(run.with_changes(case_id="a")), masks, facts={"Model": "ffs"})
    save_scene(folder / "scene.mrb")
    headless.clear()
    (item,) = read_work_list(tmp_path / "out", "A")
    case = open_item(item, "A")
    for frame in masks:
        editing(case.masks).accept(frame)
    save_item(case, item.folder, "A", with_scene=False)
    export_training([item], tmp_path / "training")
    return tmp_path / "training"


def test_the_export_of_corrected_cases_reads_in_without_a_hand(exported, run, liver, tumour):
    cohort = read_cohort(exported)
    ((patient,), (made,)) = cohort.patients, cohort.patients[0].runs
    assert (patient.patient, made.case_id, made.key_frame) == ("p é", "a", 5)
    again = read_run(made.path, case_id=made.case_id)
    assert np.array_equal(np.asarray(again.frames), np.asarray(run.frames))
    first, second = (frame_masks(frame, again.rows, again.columns) for frame in made.frames)
    assert np.array_equal(first.tumour, tumour > 0) and np.array_equal(first.liver, liver > 0)
    assert np.array_equal(second.tumour, tumour > 0) and second.liver is None


@pytest.mark.parametrize("cropped", [False, True])
def test_segmentation_saved_by_slicer_is_neither_flipped_nor_moved(run, liver, tumour, tmp_path, cropped):
    masks = write_masks(write_run(run), {4: (liver, tumour)}, facts={"Model": "ffs"})
    from DSANetLib.mrml.sequence import show_frame

    show_frame(masks.run, 4)
    node = masks.segmentation
    node.CreateDefaultStorageNode()
    storage = node.GetStorageNode()
    storage.SetCropToMinimumExtent(cropped)
    path = tmp_path / "masks.seg.nrrd"
    storage.SetFileName(str(path))
    assert storage.WriteData(node)
    found = frame_masks(AnnotatedFrame(4, path, None), run.rows, run.columns)
    assert np.array_equal(found.tumour, tumour > 0)
    assert np.array_equal(found.liver, liver > 0)
