from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest

from DSANetLib.errors import OutputError, SceneError
from DSANetLib.mrml import headless
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.scene import (
    find_cases,
    load_masks,
    load_run,
    load_scene,
    load_table,
    remove_case,
    save_masks,
    save_run,
    save_scene,
    save_table,
)
from DSANetLib.mrml.segmentation import read_masks, set_masks, states, write_masks
from DSANetLib.mrml.sequence import read_run, show_frame, shown_frame, write_run
from DSANetLib.mrml.table import read_columns, read_table, write_table
from DSANetLib.tables import LESION_COLUMNS

ROWS = [
    {"case": "a, b", "lesion": 1, "frame": 5, "row": 0.25, "column": 123.5, "area_px": 2**30 + 1, "area_mm2": None,
     "longest_diameter_px": 12.125, "longest_diameter_mm": None},
]  # fmt: skip


def contents(path):
    """Every member of an ``.mrb``, bundles inside it opened too, without names that count how often was saved."""
    found = {}
    with zipfile.ZipFile(path) as bundle:
        for name in bundle.namelist():
            data = bundle.read(name)
            if name.endswith(".mrb"):
                inner = contents(io.BytesIO(data))
                found.update({f"{name}/{part}": value for part, value in inner.items()})
            else:
                found[name] = re.sub(rb'name="Sequence(_\d+)?"', b"", data) if name.endswith(".mrml") else data
    return found


@pytest.fixture
def lesions(run):
    return write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions", case_id=run.case_id)


def test_a_saved_scene_comes_back_bit_by_bit(masks, lesions, run, liver, tumour, tmp_path):
    set_masks(masks, 9, liver[::-1], None, "accepted")
    show_frame(masks.run, 9)
    path = save_scene(tmp_path / "a b é 中.mrb")
    headless.clear()
    assert find_cases() == []
    (case,) = load_scene(path)
    assert case.case_id == run.case_id
    assert shown_frame(case.run) == 9
    back = read_run(case.run.sequence)
    assert back.frames[:].tobytes() == run.frames[:].tobytes()
    assert back.times_s.tobytes() == run.times_s.tobytes()
    assert (back.spacing, back.mask, back.polarity) == (run.spacing, run.mask, run.polarity)
    found = {4: "predicted", 5: "predicted", 9: "accepted"}
    assert states(case.masks) == {i: found.get(i, "empty") for i in range(run.count)}
    assert read_masks(case.masks, 4).liver.tobytes() == liver.tobytes()
    assert read_masks(case.masks, 4).tumour.tobytes() == tumour.tobytes()
    assert read_masks(case.masks, 9).liver.tobytes() == liver[::-1].tobytes()
    assert not read_masks(case.masks, 0).tumour.any()
    assert fact(case.masks.sequence, "Model") == "ffs"
    assert read_table(case.lesions) == ROWS
    assert read_columns(case.lesions) == LESION_COLUMNS


def test_a_scene_that_was_opened_can_be_corrected_and_saved_again(masks, run, liver, tumour, tmp_path):
    show_frame(masks.run, 4)
    path = save_scene(tmp_path / "a.mrb")
    (case,) = load_scene(path)
    # The shown segmentation is the item: what the Segment Editor changes is what will be saved.
    item = case.masks.sequence.GetNthDataNode(4)
    assert case.masks.segmentation.GetSegmentation() is item.GetSegmentation()
    set_masks(case.masks, 4, None, liver, "edited")
    for frame in (0, 4, 11):
        show_frame(case.run, frame)
    save_scene(path, overwrite=True)
    (again,) = load_scene(path)
    found = read_masks(again.masks, 4)
    assert (found.liver.any(), found.tumour.tobytes(), found.state) == (False, liver.tobytes(), "edited")
    assert read_masks(again.masks, 5).tumour.tobytes() == tumour.tobytes()


def test_saving_twice_gives_the_same_scene(masks, lesions, tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    first, second = (contents(save_scene(tmp_path / folder / "a.mrb")) for folder in ("first", "second"))
    assert len(first) > 15
    assert first == second


def test_the_same_case_written_anew_gives_the_same_scene(run, liver, tumour, tmp_path):
    found = []
    for folder in ("first", "second"):
        headless.clear()
        (tmp_path / folder).mkdir()
        write_masks(write_run(run, key_frame=4), {4: (liver, tumour)})
        found.append(contents(save_scene(tmp_path / folder / "a.mrb")))
    assert found[0] == found[1]


def test_no_file_names_a_person_or_a_place(masks, lesions, run, tmp_path):
    write_run(run.with_changes(source="/home/somebody/Doe^Jane.dcm", case_id="second"))
    data = b"".join(contents(save_scene(tmp_path / "a.mrb")).values())
    assert b"Doe" not in data
    assert str(tmp_path).encode() not in data


def test_cases_can_be_added_to_an_open_scene(masks, run, tmp_path):
    path = save_scene(tmp_path / "a.mrb")
    assert [c.case_id for c in load_scene(path, keep=True)] == [run.case_id]
    assert len(find_cases()) == 2
    assert len(load_scene(path)) == 1
    assert len(find_cases()) == 1


def test_a_run_file_holds_frames_times_spacing_and_facts(nodes, run, tmp_path):
    back = read_run(load_run(save_run(nodes, tmp_path / "a b é.seq.nrrd")))
    assert back.frames[:].tobytes() == run.frames[:].tobytes()
    assert back.times_s.tobytes() == run.times_s.tobytes()
    assert (back.spacing, back.mask, back.case_id, back.bit_depth) == (run.spacing, run.mask, run.case_id, 12)


def test_a_run_file_can_be_read_without_slicer(nodes, run, tmp_path):
    readers = pytest.importorskip("DSANetLib.readers")
    back = readers.read_run(save_run(nodes, tmp_path / "a.seq.nrrd"))
    assert back.frames[:].tobytes() == run.frames[:].tobytes()
    assert np.allclose(back.times_s, run.times_s, atol=1e-9)
    assert (back.spacing.row_mm, back.spacing.column_mm) == pytest.approx((run.spacing.row_mm, run.spacing.column_mm))


@pytest.mark.parametrize("frame", [0, 4, 5])
def test_a_mask_file_holds_one_frame(masks, frame, tmp_path, run):
    before = read_masks(masks, frame)
    path = save_masks(masks, frame, tmp_path / "key.seg.nrrd")
    back = load_masks(path, (run.rows, run.columns))
    assert back.liver.tobytes() == before.liver.tobytes()
    assert back.tumour.tobytes() == before.tumour.tobytes()
    assert back.state == before.state


def test_saving_a_mask_leaves_the_scene_as_it_was(masks, tmp_path):
    items = [masks.sequence.GetNthDataNode(i) for i in range(12)]
    before = [item.GetSegmentation().GetNumberOfLayers() for item in items]
    save_masks(masks, 4, tmp_path / "key.seg.nrrd")
    assert [item.GetSegmentation().GetNumberOfLayers() for item in items] == before
    assert not items[4].GetSegmentation().GetSegment("tumour").HasTag("DSANet.Frame")


def test_a_table_file_comes_back_with_types_units_and_descriptions(lesions, tmp_path):
    path = save_table(lesions, tmp_path / "a.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.schema.csv"]
    node = load_table(path, role="lesions")
    assert read_table(node) == ROWS
    assert read_columns(node) == LESION_COLUMNS


def test_an_empty_cell_of_a_table_file_is_no_zero(lesions, tmp_path):
    path = save_table(lesions, tmp_path / "a.csv")
    text = path.read_text(encoding="utf-8")
    assert text.count("nan") == 2
    path.write_text(text.replace("nan", ""), encoding="utf-8")
    assert read_table(load_table(path)) == ROWS


def test_the_same_nodes_give_the_same_files(masks, nodes, lesions, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_run(nodes, tmp_path / folder / "a.seq.nrrd")
        save_masks(masks, 4, tmp_path / folder / "a.seg.nrrd")
        save_table(lesions, tmp_path / folder / "a.csv")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_removing_a_case_leaves_no_node_and_no_other_case_touched(scene, run, liver, tumour):
    keep = write_masks(write_run(run.with_changes(case_id="keep")), {4: (liver, tumour)})
    before = {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}
    for _ in range(3):
        masks = write_masks(write_run(run), {4: (liver, tumour)})
        write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions", case_id=run.case_id)
        for frame in range(run.count):
            show_frame(masks.run, frame)
        case = find_cases()[-1]
        assert (case.case_id, case.lesions is None) == (run.case_id, False)
        remove_case(case)
        assert {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())} == before
        remove_case(case)  # once more does no harm
    assert np.array_equal(read_masks(keep, 4).tumour, tumour)
    assert [c.case_id for c in find_cases()] == ["keep"]


def test_a_browser_of_another_program_is_no_case(scene, nodes):
    scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "theirs")
    assert [case.case_id for case in find_cases()] == [fact(nodes.sequence, "CaseId")]
    assert find_cases()[0].masks is None


@pytest.mark.parametrize(
    ("save", "name"),
    [
        (lambda _masks, _table, path, **k: save_scene(path, **k), "a.mrb"),
        (lambda masks, _table, path, **k: save_run(masks.run, path, **k), "a.seq.nrrd"),
        (lambda masks, _table, path, **k: save_masks(masks, 4, path, **k), "a.seg.nrrd"),
        (lambda _masks, table, path, **k: save_table(table, path, **k), "a.csv"),
    ],
)
class TestBadTargets:
    def test_what_is_there_is_kept(self, masks, lesions, save, name, tmp_path):
        (tmp_path / name).write_text("mine")
        with pytest.raises(SceneError, match="exists already"):
            save(masks, lesions, tmp_path / name)
        assert (tmp_path / name).read_text() == "mine"
        save(masks, lesions, tmp_path / name, overwrite=True)
        assert (tmp_path / name).stat().st_size > 20

    def test_another_suffix_is_refused(self, masks, lesions, save, name, tmp_path):
        with pytest.raises(SceneError, match="does not end with"):
            save(masks, lesions, tmp_path / f"{name}.txt")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written_to_is_named(self, masks, lesions, save, name, tmp_path):
        (tmp_path / "file").write_text("")
        for folder in (tmp_path / "none", tmp_path / "file"):
            with pytest.raises(OutputError, match=r"cannot be written \(N"):
                save(masks, lesions, folder / name)

    def test_a_folder_of_that_name_is_not_replaced(self, masks, lesions, save, name, tmp_path):
        (tmp_path / name).mkdir()
        with pytest.raises(OutputError):
            save(masks, lesions, tmp_path / name, overwrite=True)
        assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
        assert (tmp_path / name).is_dir()


def test_nothing_is_left_of_a_table_that_cannot_be_written(nodes, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_table(nodes.volume, tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_opening_leaves_the_open_scene_alone(masks, run, tmp_path):
    good = save_scene(tmp_path / "good.mrb").read_bytes()
    with zipfile.ZipFile(tmp_path / "other.mrb", "w") as bundle:
        bundle.writestr("readme.txt", "no scene")
    (tmp_path / "empty.mrb").write_bytes(b"")
    cuts = [f"cut{percent}.mrb" for percent in range(4, 100, 4)]
    for name in cuts:
        (tmp_path / name).write_bytes(good[: len(good) * int(name[3:-4]) // 100])
    (tmp_path / "flipped.mrb").write_bytes(good[:5000] + bytes(b ^ 255 for b in good[5000:5100]) + good[5100:])
    for name, words in (
        ("none.mrb", "is not there"),
        ("empty.mrb", "not a Slicer scene bundle"),
        *((name, "not a Slicer scene bundle|truncated") for name in cuts),
        ("flipped.mrb", "damaged|not a Slicer scene bundle"),
        ("other.mrb", "no .mrml inside"),
    ):
        with pytest.raises(SceneError, match=words) as caught:
            load_scene(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert [case.case_id for case in find_cases()] == [run.case_id]


def test_a_bundle_whose_scene_is_no_scene_is_refused(nodes, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.mrb", "w") as bundle:
        bundle.writestr("a/a.mrml", "<MRML><Sequence")
    with pytest.raises(SceneError, match="cannot be read"):
        load_scene(tmp_path / "a.mrb")
    assert find_cases() == []


def test_files_that_are_not_what_they_claim_are_refused(scene, tmp_path):
    bad = tmp_path / "a.seq.nrrd"
    bad.write_bytes(b"NRRD0004\nnonsense\n\n")
    (tmp_path / "a.seg.nrrd").write_bytes(b"nothing")
    (tmp_path / "a.csv").mkdir()
    before = scene.GetNumberOfNodes()
    with pytest.raises(SceneError, match="cannot be read"):
        load_run(bad)
    with pytest.raises(SceneError, match="no readable segmentation"):
        load_masks(tmp_path / "a.seg.nrrd", (3, 4))
    with pytest.raises(SceneError, match="is not there"):
        load_table(tmp_path / "a.csv")
    for name in ("b.txt.gz", "b.csv", "b.schema.csv"):
        (tmp_path / name).write_bytes(b"x\n1\n")
    for name in ("b.txt.gz", "b.csv"):
        with pytest.raises(SceneError, match="no readable table"):
            load_table(tmp_path / name)
    assert scene.GetNumberOfNodes() == before
