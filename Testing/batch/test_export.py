"""A case of the scene as files; the scene is real."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')

from disks import full_disk

from DSANetLib.batch.export import PARTS, export_case
from DSANetLib.errors import OutputError
from DSANetLib.mrml import headless, render
from DSANetLib.mrml.plots import write_curve
from DSANetLib.mrml.render import missing_libraries
from DSANetLib.mrml.scene import find_cases, load_masks
from DSANetLib.mrml.segmentation import set_state, write_masks
from DSANetLib.mrml.sequence import write_run
from DSANetLib.mrml.table import write_table
from DSANetLib.readers import read_run
from DSANetLib.run import DSARun
from DSANetLib.tables import LESION_COLUMNS, RESULT_COLUMNS

ROWS, COLUMNS = 40, 56


@pytest.fixture
def case():
    """A case with masks on two frames that no flip maps onto themselves, a row of two, and lesions."""
    headless.clear()
    frames = np.random.default_rng(3).integers(0, 255, (6, ROWS, COLUMNS), dtype=np.uint8)
    run = DSARun(frames, "case é 中", times_s=np.arange(6) / 2, polarity="dark_contrast", subtracted=True)
    nodes = write_run(run, key_frame=2)
    liver, tumour = np.zeros((2, ROWS, COLUMNS), np.uint8)
    liver[3:30, 5:40], tumour[10:20, 25:50] = 1, 1
    masks = write_masks(nodes, {2: (liver, tumour), 3: (None, tumour)}, facts={"Model": "ffs", "KeyFrame": 2})
    set_state(masks, 3, "edited")
    rows = [{"case": name, "probability": 0.5, "key_frame": 3} for name in (run.case_id, "another")]
    write_table(RESULT_COLUMNS, rows, "DSANet results", role="results")
    write_table(LESION_COLUMNS, [{"case": run.case_id, "lesion": 1}], "lesions", role="lesions", case_id=run.case_id)
    yield find_cases()[0]
    headless.clear()


def png(path):
    import cv2

    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)


def test_the_curve_of_the_plot_is_written_as_a_table(case, tmp_path):
    write_curve(case.run, np.arange(6, dtype=float))
    done = export_case(case, tmp_path, ["tables"])
    with (done.folder / "curve.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert done.notes == ()
    assert [(float(row["time"]), float(row["opacification"])) for row in rows] == [(i / 2, i) for i in range(6)]


def test_everything_is_written_and_says_what_stands_in_the_scene(case, tmp_path):
    done = export_case(case, tmp_path, PARTS)
    assert done.folder == tmp_path / "case é 中"
    names = {path.relative_to(done.folder).as_posix() for path in done.files}
    expected = {"export.json", "frames.seq.nrrd", "results.csv", "lesions.csv"}
    expected |= {f"masks/frame_000{n}{end}" for n in (3, 4) for end in ("_labels.png", ".seg.nrrd")}
    expected |= set() if missing_libraries() else {"slice_view.png"}
    assert names == expected
    labels = png(done.folder / "masks" / "frame_0003_labels.png")
    assert (labels.shape, labels[5, 10], labels[12, 30], labels[12, 45], labels[35, 50]) == (
        (ROWS, COLUMNS),
        1,
        2,
        2,
        0,
    )
    back = load_masks(done.folder / "masks" / "frame_0004.seg.nrrd", (ROWS, COLUMNS))
    assert (back.state, int(back.tumour.sum()), int(back.liver.sum())) == ("edited", 250, 0)
    assert read_run(done.folder / "frames.seq.nrrd").count == 6
    with (done.folder / "results.csv").open(encoding="utf-8") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["case é 中"]
    facts = json.loads((done.folder / "export.json").read_text(encoding="utf-8"))
    assert (facts["key_frame"], facts["model"], facts["frames"]) == (3, "ffs", {"3": "predicted", "4": "edited"})
    assert done.notes == ("the case has no table of curve yet",)


def test_nothing_is_overwritten_without_asking(case, tmp_path):
    first = export_case(case, tmp_path, ["tables"])
    (first.folder / "results.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="there already"):
        export_case(case, tmp_path, ["tables"])
    assert (first.folder / "results.csv").read_text(encoding="utf-8") == "mine"
    export_case(case, tmp_path, ["tables"], overwrite=True)
    assert (first.folder / "results.csv").read_text(encoding="utf-8").startswith("case,")


def test_a_folder_of_somebody_else_is_never_replaced(case, tmp_path):
    (tmp_path / case.case_id).mkdir()
    (tmp_path / case.case_id / "notes.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match="no export of DSANet"):
        export_case(case, tmp_path, overwrite=True)
    assert [path.name for path in (tmp_path / case.case_id).iterdir()] == ["notes.txt"]


def test_a_failure_leaves_nothing_behind(case, tmp_path):
    case.masks.sequence.GetNthDataNode(2).GetSegmentation().RemoveSegment("tumour")
    with pytest.raises(Exception, match="tumour"):
        export_case(case, tmp_path, ["masks"])
    assert list(tmp_path.iterdir()) == []


def needs_graphics():
    if missing_libraries():
        pytest.skip("no graphics library to render with")


@pytest.mark.parametrize(
    ("part", "file"), [("picture", "slice_view.png"), ("frames", "frames.seq.nrrd")], ids=["picture", "frames"]
)
def test_a_full_disk_leaves_nothing_and_names_the_file_that_had_no_room(case, tmp_path, part, file):
    if part == "picture":
        needs_graphics()
    with full_disk(room=2000), pytest.raises(OutputError) as error:
        export_case(case, tmp_path, ["tables", part])
    assert list(tmp_path.iterdir()) == []
    assert str(error.value).startswith(f"{tmp_path / case.case_id / file}: ")
    assert "cannot be written" in str(error.value)
    done = export_case(case, tmp_path, ["tables", part])
    assert (done.folder / file).is_file()


def test_a_machine_that_cannot_render_exports_the_rest_and_says_what_to_install(case, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "missing_libraries", lambda: ("libegl1",))
    done = export_case(case, tmp_path, ["picture"])
    assert [path.name for path in done.files] == ["export.json"]
    assert done.notes == (
        "the picture was left out: no picture can be rendered without a graphics library. "
        "sudo apt-get install libegl1.",
    )


def test_a_case_without_masks_says_so(case, tmp_path):
    for frame in (2, 3):
        set_state(case.masks, frame, "empty")
    done = export_case(case, tmp_path, ["masks"])
    assert done.notes == ("no frame is labelled: no masks were written",)
    assert [path.name for path in done.files] == ["export.json"]


def test_an_unknown_part_is_refused(case, tmp_path):
    with pytest.raises(OutputError, match="films cannot be exported"):
        export_case(case, tmp_path, ["films"])
