"""Bad input: one line that names file and remedy, exit code 1, all other cases done, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from run_files import write_avi, write_dicom, write_frames, write_png

ONLY_MASKS = ("--no-scene", "--no-picture")


def _zeros(folder, frames):
    return write_frames(folder / "zeros", np.zeros((100, 96, 128), np.uint8))


def _mixed(folder, frames):
    write_frames(folder / "mixed", frames)
    write_png(folder / "mixed" / "17.png", np.zeros((50, 60), np.uint8))
    return folder / "mixed"


def _truncated_avi(folder, frames):
    path = write_avi(folder / "cut.avi", frames)
    path.write_bytes(path.read_bytes()[:300])
    return path


def _truncated_dicom(folder, frames):
    path = write_dicom(folder / "cut.dcm", frames)
    path.write_bytes(path.read_bytes()[:-100_000])
    return path


def _truncated_png(folder, frames):
    write_frames(folder / "cut", frames)
    path = folder / "cut" / "9.png"
    path.write_bytes(path.read_bytes()[:500])
    return folder / "cut"


def _photographs(folder, frames):
    colours = np.random.default_rng(0).integers(0, 255, (4, 6, 8, 3), dtype=np.uint8)
    return write_frames(folder / "holiday", [np.kron(c, np.ones((16, 16, 1), np.uint8)) for c in colours])


def _ct(folder, frames):
    ct = "1.2.840.10008.5.1.4.1.1.2"
    return write_dicom(folder / "ct.dcm", frames, Modality="CT", SOPClassUID=ct)


def _text(folder, frames):
    (folder / "letter.avi").write_text("Dear colleague,")
    return folder / "letter.avi"


def _empty(folder, frames):
    (folder / "empty.avi").write_bytes(b"")
    return folder / "empty.avi"


def _empty_folder(folder, frames):
    (folder / "nothing").mkdir()
    return folder / "nothing"


def _missing(folder, frames):
    return folder / "missing.avi"


def _one_frame(folder, frames):
    return write_frames(folder / "single", frames[8:9])


BAD = {
    "one frame": _one_frame,
    "missing": _missing,
    "empty": _empty,
    "empty folder": _empty_folder,
    "text": _text,
    "truncated avi": _truncated_avi,
    "truncated dicom": _truncated_dicom,
    "truncated png": _truncated_png,
    "zeros": _zeros,
    "mixed sizes": _mixed,
    "photographs": _photographs,
    "wrong modality": _ct,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_run_is_one_line_and_the_others_are_done(dsanet, tmp_path, run_folder, stained_frames, name):
    (tmp_path / "bad").mkdir()
    bad = BAD[name](tmp_path / "bad", stained_frames)
    code, out, err = dsanet(bad, run_folder)
    assert code == 1
    assert len(err) == 1, err
    assert bad.name in err[0]
    assert err[0].endswith(".")
    assert err[0].count(". ") >= 1, f"no remedy: {err[0]}"
    assert [line.split(":")[0] for line in out] == ["good"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good", "patients.csv", "results.csv"]


@pytest.mark.parametrize(("value", "word"), [("50", "spacing"), ("0", "spacing"), ("nan", "spacing")])
def test_an_impossible_spacing_is_one_line(dsanet, run_folder, value, word):
    code, out, err = dsanet(run_folder, options=(*ONLY_MASKS, "--spacing", value))
    assert (code, out, len(err)) == (1, [], 1)
    assert "good" in err[0]
    assert any(w in err[0] for w in word.split("|"))


def test_an_impossible_spacing_in_a_file_does_not_end_the_batch(dsanet, tmp_path, run_folder, stained_frames):
    bad = write_dicom(tmp_path / "bad.dcm", stained_frames, PixelSpacing=[900.0, 900.0])
    code, out, err = dsanet(bad, run_folder)
    assert [line.split(":")[0] for line in out][-1] == "good"
    assert code in (0, 1)
    assert len(err) == code


def test_an_impossible_spacing_in_a_file_gives_way_to_a_stated_one(dsanet, tmp_path, stained_frames):
    spacing = {"PixelSpacing": [0.0, 0.0], "PixelSpacingCalibrationType": "GEOMETRY"}
    bad = write_dicom(tmp_path / "bad.dcm", stained_frames, **spacing)
    code, out, err = dsanet(bad)
    assert (code, out, len(err)) == (1, [], 1)
    assert "a pixel spacing of 0 mm is impossible" in err[0]
    assert "--spacing" in err[0]
    code, out, err = dsanet(bad, options=(*ONLY_MASKS, "--spacing", "0.3"))
    assert (code, len(out), err) == (0, 1, [])


CLINICAL_HEAD = "patient,age [years],afp [ng/mL]\n"


def _without_notes(err):
    """Leave out the remark that most variables have no column."""
    return [line for line in err if not line.startswith("Note: ")]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("patient,age [furlongs]\ngood,61\n", "furlongs"),
        (CLINICAL_HEAD + "good,sixty,3\n", "sixty"),
        (CLINICAL_HEAD + "good,61,3\ngood,62,3\n", "good"),
        (CLINICAL_HEAD + "good,-5,3\n", "-5"),
        ("", "clinical.csv"),
    ],
)
def test_a_wrong_clinical_table_stops_before_anything_is_written(dsanet, tmp_path, run_folder, text, word):
    table = tmp_path / "clinical.csv"
    table.write_text(text)
    code, out, err = dsanet(run_folder, options=(*ONLY_MASKS, "--clinical", table))
    err = _without_notes(err)
    assert (code, out, len(err)) == (1, [], 1)
    assert "clinical.csv" in err[0]
    assert word in err[0]
    # Where the models are fine it is the case that fails, and that is a row.
    left = ["results.csv"] if word in ("clinical", "17") else []
    assert [path.name for path in (tmp_path / "out").glob("*")] == left


def test_a_missing_clinical_table_is_one_line(dsanet, tmp_path, run_folder):
    code, _, err = dsanet(run_folder, options=(*ONLY_MASKS, "--clinical", tmp_path / "none.csv"))
    err = _without_notes(err)
    assert (code, len(err)) == (1, 1)
    assert "none.csv" in err[0]


@pytest.mark.parametrize("row", ["somebody else,50,1", "good,,"], ids=["no row", "an empty row"])
def test_an_unknown_patient_is_one_line_and_gets_a_prediction_from_film(
    dsanet, tmp_path, run_folder, stained_frames, row
):
    other = write_frames(tmp_path / "other", stained_frames)
    table = tmp_path / "clinical.csv"
    table.write_text(f"{CLINICAL_HEAD}other,61,3\n{row}\n")
    code, out, err = dsanet(run_folder, other, options=(*ONLY_MASKS, "--clinical", table))
    err = _without_notes(err)
    assert code == 1
    assert len(err) == 1
    assert err[0].startswith(f"{table}: no clinical values for patient good;")
    assert len(out) == 2
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert [row.split(",")[5:7] for row in rows[1:]] == [["response-film-phantom", "no"], ["response-phantom", "yes"]]


def test_a_result_is_never_overwritten_without_being_asked(dsanet, tmp_path, run_folder):
    assert dsanet(run_folder)[0] == 0
    before = (tmp_path / "out" / "good" / "case.json").stat().st_mtime_ns
    code, out, err = dsanet(run_folder, options=(*ONLY_MASKS, "--key-frame", "5"))
    assert (code, out, len(err)) == (1, [], 1)
    assert "--overwrite" in err[0]
    assert (tmp_path / "out" / "good" / "case.json").stat().st_mtime_ns == before
    assert dsanet(run_folder, options=(*ONLY_MASKS, "--overwrite"))[0] == 0
    assert (tmp_path / "out" / "good" / "case.json").stat().st_mtime_ns != before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--model", "no-such-model"), "no-such-model"),
        (("--model", "response-phantom"), "--model"),
        (("--response-model", "ffs-phantom"), "--response-model"),
        (("--response-model", "response-phantom"), "clinical"),
        (("--key-frame", "17"), "17"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(dsanet, tmp_path, run_folder, options, word):
    code, out, err = dsanet(run_folder, options=(*ONLY_MASKS, *options))
    assert (code, out, len(err)) == (1, [], 1)
    assert word in err[0]
    # Where the models are fine it is the case that fails, and that is a row.
    left = ["results.csv"] if word in ("clinical", "17") else []
    assert [path.name for path in (tmp_path / "out").glob("*")] == left


def test_an_unforeseen_error_in_one_case_does_not_end_the_batch(
    dsanet, tmp_path, run_folder, stained_frames, monkeypatch
):
    from DSANetLib.batch import models

    real = models.segment

    def fragile(run, *args, **kwargs):
        if run.case_id == "bad":
            raise ZeroDivisionError("somewhere deep")
        return real(run, *args, **kwargs)

    monkeypatch.setattr(models, "segment", fragile)
    bad = write_frames(tmp_path / "bad", stained_frames)
    code, out, err = dsanet(bad, run_folder)
    assert (code, len(out), len(err)) == (1, 1, 1)
    assert "unexpected ZeroDivisionError: somewhere deep. Run again with --verbose" in err[0]


def test_where_memory_is_short_the_line_says_so(dsanet, run_folder, monkeypatch):
    from DSANetLib.batch import models

    def greedy(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(models, "segment", greedy)
    code, _, err = dsanet(run_folder)
    assert (code, len(err)) == (1, 1)
    assert "memory is short" in err[0]


@pytest.mark.parametrize("step", ["segment", "write_masks"])
def test_ctrl_c_leaves_nothing_half_written(dsanet, tmp_path, run_folder, monkeypatch, step):
    from DSANetLib.batch import case, models

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    if step == "segment":
        monkeypatch.setattr(models, "segment", stop)
    else:
        monkeypatch.setattr(case, "_write_tables", stop)
    code, out, err = dsanet(run_folder)
    assert code == 130
    assert out == []
    assert err == ["Stopped; nothing half-written was left behind."]
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_ctrl_c_in_the_midst_of_c_code_is_still_a_stop(dsanet, run_folder, monkeypatch):
    from DSANetLib.batch import models

    def struck(*args, **kwargs):
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(models, "segment", struck)
    code, out, err = dsanet(run_folder)
    assert (code, out, err) == (130, [], ["Stopped; nothing half-written was left behind."])


def test_a_full_or_forbidden_place_is_one_line(dsanet, tmp_path, run_folder):
    (tmp_path / "out").write_text("a file where the folder should be")
    code, out, err = dsanet(run_folder)
    assert (code, out, len(err)) == (1, [], 1)
    assert "cannot be written" in err[0]


def test_from_a_shell_it_is_the_same(tmp_path, tiny_models, run_folder, repository):
    models = ["--model", tiny_models / "ffs-phantom", "--response-model", tiny_models / "response-film-phantom"]
    command = [sys.executable, "-m", "DSANetLib.cli", "run", tmp_path / "missing.dcm", run_folder]
    done = subprocess.run(
        [*map(str, [*command, "--out", tmp_path / "out", *models, *ONLY_MASKS])],
        capture_output=True, text=True, cwd=repository, env={**os.environ, "PYTHONPATH": str(repository)}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "missing.dcm" in done.stderr
    assert done.stdout.startswith("good: ")
