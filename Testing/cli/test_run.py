"""``dsanet run``: what it writes, what it says, which patient a run belongs to, and what it keeps to itself."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zipfile

import cv2
import numpy as np
import pytest
from run_files import write_avi, write_dicom, write_frames

ONLY_MASKS = ("--no-scene", "--no-picture")


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _hashes(folder, but=()):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in but
    }


@pytest.fixture
def scene_core():
    return pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')


def test_a_case_gets_scene_masks_tables_and_picture(dsanet, tmp_path, run_folder, scene_core):
    code, out, err = dsanet(run_folder, options=("--frame-rate", "2"))
    assert code == 0
    assert all("left out" in line for line in err)  # where the system cannot render
    folder = tmp_path / "out" / "good"
    row = _rows(folder / "results.csv")[0]
    key = int(row["key_frame"])
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    expected = {"case.json", "curve.csv", "lesions.csv", "picture.png", "results.csv", "scene.mrb", "slice_view.png"}
    for frame in (key - 1, key, key + 1):
        expected |= {f"masks/frame_{frame:04d}{end}" for end in ("_labels.png", "_view.png", ".seg.nrrd")}
    assert names == (expected if not err else expected - {"slice_view.png"})
    assert zipfile.ZipFile(folder / "scene.mrb").testzip() is None
    assert _rows(tmp_path / "out" / "results.csv") == [row | {"status": "done", "reason": ""}]
    assert out == [
        f"good: {row['lesions']} lesion{'s' if row['lesions'] != '1' else ''} on key frame {key}, "
        f"response probability {float(row['probability']):.2f} ({row['class']})"
        f"{' [' + row['flags'] + ']' if row['flags'] else ''} -> {folder}"
    ]


def test_label_images_hold_the_masks_on_the_source_pixels(dsanet, tmp_path, run_folder):
    from DSANetLib.models import load_model
    from DSANetLib.pipeline import segment
    from DSANetLib.readers import read_run

    dsanet(run_folder)
    result = segment(read_run(run_folder), load_model("ffs-phantom"))
    for frame, masks in result.masks.items():
        data = (tmp_path / "out" / "good" / "masks" / f"frame_{frame + 1:04d}_labels.png").read_bytes()
        labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, masks.labels())
        assert set(np.unique(labels)) == {0, 1, 2}


def test_the_same_input_gives_the_same_files(dsanet, tmp_path, run_folder, scene_core):
    dsanet(run_folder, options=())
    first = _hashes(tmp_path / "out", but=(".mrb",))
    dsanet(run_folder, options=("--overwrite",))
    assert _hashes(tmp_path / "out", but=(".mrb",)) == first
    assert len(first) >= 15


def test_tables_agree_with_the_masks(dsanet, tmp_path, run_folder):
    dsanet(run_folder, options=(*ONLY_MASKS, "--spacing", "0.5"))
    folder = tmp_path / "out" / "good"
    row = _rows(folder / "results.csv")[0]
    name = f"frame_{int(row['key_frame']):04d}_labels.png"
    labels = cv2.imread(str(folder / "masks" / name), cv2.IMREAD_UNCHANGED)
    tumour = int((labels == 2).sum())
    lesions = _rows(folder / "lesions.csv")
    assert int(row["tumour_area_px"]) == tumour == sum(int(lesion["area_px"]) for lesion in lesions)
    assert float(row["tumour_area_mm2"]) == pytest.approx(tumour / 4)
    assert int(row["lesions"]) == len(lesions)
    curve = _rows(folder / "curve.csv")
    assert len(curve) == 16
    assert [int(point["frame"]) for point in curve if point["key_frame"] == "1"] == [int(row["key_frame"])]
    facts = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    assert facts["probability"] == pytest.approx(float(row["probability"]), rel=1e-5)
    assert facts["note"] == "Research use only; phantom-trained"
    assert facts["key_frame"] == int(row["key_frame"])


def test_json_lines_are_for_machines(dsanet, tmp_path, run_folder):
    code, out, err = dsanet(run_folder, tmp_path / "missing.avi", options=(*ONLY_MASKS, "--json"))
    assert code == 1
    done, failed = map(json.loads, out)
    assert (done["status"], done["case"], done["key_frame_by"]) == ("ok", "good", "automatic")
    assert done["tumour_area_mm2"] is None
    assert "taken_as_subtracted" in done["flags"].split()  # a guess is told …
    assert set(done["timings_s"]) == {"reading", "preparation", "network", "masks", "writing"}
    assert failed == {"status": "failed", "input": str(tmp_path / "missing.avi"), "error": err[0]}


def test_the_users_key_frame_is_counted_from_one(dsanet, tmp_path, run_folder):
    code, out, _ = dsanet(run_folder, options=(*ONLY_MASKS, "--key-frame", "5", "--subtracted", "yes", "--json"))
    row = json.loads(out[0])
    assert (code, row["key_frame"], row["key_frame_by"], row["flags"].split()[0]) == (0, 5, "user", "user_key_frame")
    assert "taken_as_subtracted" not in row["flags"].split()  # … and what was said is no guess
    names = sorted(path.name for path in (tmp_path / "out" / "good" / "masks").glob("*_labels.png"))
    assert names == ["frame_0004_labels.png", "frame_0005_labels.png", "frame_0006_labels.png"]


def test_the_mask_frame_is_counted_from_one(dsanet, tmp_path, stained_frames):
    raw = write_dicom(
        tmp_path / "raw.dcm", stained_frames, ImageType=["ORIGINAL", "PRIMARY"], PixelIntensityRelationship="LIN"
    )
    dsanet(raw, options=(*ONLY_MASKS, "--mask-frame", "2"))
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    facts = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    assert facts["subtracted_here"]
    assert facts["mask_frames"] == [2]


def test_a_key_frame_for_several_runs_is_wrong_usage(dsanet, tmp_path, run_folder, stained_frames):
    other = write_frames(tmp_path / "other", stained_frames)
    code, out, err = dsanet(run_folder, other, options=("--key-frame", "5"))
    assert (code, out, len(err)) == (2, [], 1)
    assert "2 were found" in err[0]


def test_runs_of_one_patient_give_one_result(dsanet, tmp_path, stained_frames):
    for name, frames in (("a", stained_frames), ("b", stained_frames[:, ::-1]), ("c", stained_frames[:, :, ::-1])):
        write_frames(tmp_path / "in" / name, frames)
    table = tmp_path / "patients.csv"
    table.write_text("case,patient\na,P1\nb,P1\n")
    code, _, err = dsanet(tmp_path / "in", options=(*ONLY_MASKS, "--patients", table))
    assert (code, err) == (0, [])
    rows = {row["case"]: row for row in _rows(tmp_path / "out" / "results.csv")}
    assert [rows[name]["patient"] for name in "abc"] == ["P1", "P1", "c"]
    assert [rows[name]["runs"] for name in "abc"] == ["2", "2", "1"]
    assert rows["a"]["probability"] == rows["b"]["probability"] != rows["c"]["probability"]
    facts = json.loads((tmp_path / "out" / "a" / "case.json").read_text(encoding="utf-8"))
    assert facts["probability"] == pytest.approx(np.mean(list(facts["run_probabilities"].values())))
    assert list(facts["run_probabilities"]) == ["a", "b"]
    patients = {row["patient"]: row for row in _rows(tmp_path / "out" / "patients.csv")}
    assert (patients["P1"]["cases"], patients["P1"]["runs"]) == ("a b", "2")


def test_a_failing_run_does_not_take_its_patient_along(dsanet, tmp_path, stained_frames):
    write_frames(tmp_path / "in" / "p" / "a", stained_frames)
    (tmp_path / "in" / "p" / "b.avi").write_bytes(b"")
    code, out, err = dsanet(tmp_path / "in", options=(*ONLY_MASKS, "--patients", "folders"))
    assert (code, len(out), len(err)) == (1, 1, 1)
    (row,) = _rows(tmp_path / "out" / "patients.csv")
    assert (row["patient"], row["runs"], row["cases"]) == ("p", "1", "a")


def test_two_runs_never_share_a_folder(dsanet, tmp_path, stained_frames):
    first = write_dicom(tmp_path / "Doe1.dcm", stained_frames)
    second = write_dicom(tmp_path / "Doe2.dcm", stained_frames)  # the same pixels: the same pseudonym
    code, out, err = dsanet(first, second)
    assert (code, err, len(out)) == (0, [], 2)
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert len(folders) == 2
    assert folders[1] == folders[0] + "-2"


def test_nothing_written_or_said_names_the_patient(dsanet, tmp_path, stained_frames, scene_core, caplog):
    folder = tmp_path / "in"
    folder.mkdir()
    source = write_dicom(folder / "DOE_JANE_20210322.dcm", stained_frames)
    code, out, err = dsanet(source, options=("--patients", "folders", "--json"))
    assert code == 0
    again, failed, line = dsanet(source, options=("--json", "--key-frame", "99", "--overwrite"))
    assert again == 1
    out, err = out + failed, err + line
    # The patient's number may stand within one that Slicer draws by chance for a scene.
    number = rb"(?<![0-9a-f.])4711(?![0-9a-f])"
    secrets = re.compile(rb"(?<![a-z])doe(?![a-z])|jane|20210322|19601224|" + number, re.IGNORECASE)
    assert not secrets.search("\n".join(out + err).encode())
    for path in (tmp_path / "out").rglob("*"):
        assert not secrets.search(path.relative_to(tmp_path).as_posix().encode())
        if path.suffix == ".mrb":
            with zipfile.ZipFile(path) as bundle:
                for name in bundle.namelist():
                    assert not secrets.search(name.encode())
                    assert name.endswith((".nrrd", ".png")) or not secrets.search(bundle.read(name)), name
        elif path.is_file() and path.suffix != ".png":
            assert not secrets.search(path.read_bytes().split(b"\n\n")[0]), path


def test_a_patient_folder_of_a_real_name_is_not_repeated(dsanet, tmp_path, stained_frames):
    folder = tmp_path / "Doe Jane"
    folder.mkdir()
    write_dicom(folder / "run1.dcm", stained_frames)
    dsanet(folder, options=(*ONLY_MASKS, "--patients", "folders"))
    (row,) = _rows(tmp_path / "out" / "results.csv")
    assert row["patient"] == row["case"]
    assert "Doe" not in row["patient"]


def test_a_phantom_cohort_is_read_by_its_manifest_with_its_clinical_values(dsanet, tmp_path):
    from DSANetLib.cli import main

    cohort = tmp_path / "cohort"
    assert main(["phantom", str(cohort), "--patients", "1", "--seed", "5", "--format", "avi", "--quiet"]) == 0
    code, out, err = dsanet(cohort, options=(*ONLY_MASKS, "--clinical", cohort / "clinical.csv", "--json"))
    assert (code, err) == (0, [])
    manifest = _rows(cohort / "manifest.csv")
    rows = list(map(json.loads, out))
    assert [row["case"] for row in rows] == list(dict.fromkeys(line["case"] for line in manifest))
    assert {row["patient"] for row in rows} == {manifest[0]["patient"]}
    assert {row["clinical_used"] for row in rows} == {"yes"}
    assert {row["response_model"] for row in rows} == {"response-phantom"}


def test_without_clinical_values_the_film_only_model_is_used_and_said(dsanet, run_folder):
    _, out, _ = dsanet(run_folder, options=(*ONLY_MASKS, "--json"))
    row = json.loads(out[0])
    assert (row["response_model"], row["clinical_used"]) == ("response-film-phantom", "no")
    assert "film_only" in row["flags"].split()


def test_a_model_without_liver_keeps_the_first_key_frame(dsanet, run_folder):
    code, out, _ = dsanet(run_folder, options=("--no-scene", "--model", "unet-phantom", "--json"))
    row = json.loads(out[0])
    assert (code, row["model"], row["liver_area_px"]) == (0, "unet-phantom", None)


def test_without_slicers_core_everything_else_is_made_and_said_once(dsanet, tmp_path, run_folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "slicer", None)
    write_avi(run_folder.parent / "second.avi", np.stack([np.roll(f, 3) for f in _read(run_folder)]))
    code, out, err = dsanet(run_folder.parent, options=("--no-picture",))
    assert (code, len(out), len(err)) == (0, 2, 1)
    assert "the Slicer scene was left out" in err[0]
    assert "slicer-core" in err[0]
    assert not list((tmp_path / "out").rglob("*.mrb"))
    assert len(list((tmp_path / "out").rglob("*_labels.png"))) == 6


def _read(folder):
    from DSANetLib.readers import read_run

    return read_run(folder).frames[:]


def test_where_nothing_can_be_rendered_the_slice_view_alone_is_left_out(
    dsanet, tmp_path, run_folder, scene_core, monkeypatch
):
    monkeypatch.setattr("DSANetLib.mrml.render.missing_libraries", lambda: ("libegl1",))
    write_avi(run_folder.parent / "second.avi", _read(run_folder))
    code, out, err = dsanet(run_folder.parent, options=("--no-picture",))
    assert (code, len(out), len(err)) == (0, 2, 1)
    assert "slice view was left out" in err[0]
    assert "apt-get install libegl1" in err[0]
    assert (tmp_path / "out" / "good" / "scene.mrb").is_file()


def test_quiet_says_nothing_when_all_is_well(dsanet, run_folder):
    assert dsanet(run_folder, options=(*ONLY_MASKS, "--quiet")) == (0, [], [])


def test_a_missing_frame_is_a_flag_in_table_picture_and_case(dsanet, run_folder, tmp_path, monkeypatch):
    from DSANetLib.batch import picture

    told = []
    monkeypatch.setattr(picture, "flag_lines", lambda texts: told.extend(texts) or [])
    (run_folder / "6.png").unlink()
    code, out, _ = dsanet(run_folder, options=("--no-scene",))
    assert code == 0
    assert "frames_missing" in out[0]
    (row,) = csv.DictReader((tmp_path / "out" / "results.csv").open(encoding="utf-8"))
    assert "frames_missing" in row["flags"].split()
    text = "Among the numbered files, frame 6 is missing: times and result may be wrong"
    case = json.loads((tmp_path / "out" / "good" / "case.json").read_text(encoding="utf-8"))
    assert case["flag_texts"]["frames_missing"] == text
    assert text in told
