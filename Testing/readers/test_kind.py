"""The content tells the kind, the suffix never; what is no run is named in one line."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.errors import RunError
from DSANetLib.readers import read_run
from DSANetLib.readers.kind import file_kind

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]


def test_the_suffix_may_lie(
    tmp_path: Path,
    pictures: Pictures,
    write_images: Writer,
    write_video: Writer,
    write_dicom: Writer,
    write_sequence: Writer,
) -> None:
    frames = pictures(3)
    truth = {
        "video": write_video(tmp_path / "v.avi", frames),
        "dicom": write_dicom(tmp_path / "d.dcm", frames),
        "sequence": write_sequence(tmp_path / "s.seq.nrrd", frames),
        "images": write_images(tmp_path / "i", frames[:1]) / "f1.png",
    }
    for kind, path in truth.items():
        for name in ("x.png", "x.avi", "x.dcm", "x.txt", "x"):
            lying = tmp_path / name
            lying.write_bytes(path.read_bytes())
            run = read_run(lying)
            assert run.kind == kind
            np.testing.assert_array_equal(run.frames, frames[: run.count])


def test_a_dicom_file_with_a_tiff_preamble_is_dicom(tmp_path: Path, pictures: Pictures, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "dual.tif", pictures(2))
    data = bytearray(path.read_bytes())
    data[:4] = b"II*\x00"
    path.write_bytes(data)
    assert read_run(path).kind == "dicom"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_dicom_file_without_preamble_is_dicom(
    tmp_path: Path, pictures: Pictures, dicom_dataset: Callable[..., object], implicit: bool
) -> None:
    import pydicom

    dataset = dicom_dataset(pictures(2))
    del dataset.file_meta  # type: ignore[attr-defined]
    path = tmp_path / "old"
    pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True)  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_run(path).frames, pictures(2))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x00\x00\x00\x18ftypmp42", "video"),
        (b"\x1a\x45\xdf\xa3" + bytes(40), "video"),
        (b"\x47" + b"\x00" * 187 + b"\x47" + b"\x00" * 187 + b"\x47" + bytes(20), "video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "other"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image"),
        (b"BM" + bytes(30), "image"),
        (b"BM is how this text begins, of an angiogram", "other"),
        (b"P5\n3 3\n255\n", "image"),
        (b"Patient notes", "other"),
        (b"NRRD0005\n", "nrrd"),
    ],
)
def test_first_bytes_tell_the_kind(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert file_kind(path) == kind


def _bad_inputs(folder: Path) -> dict[str, tuple[Path, str]]:
    cases: dict[str, tuple[Path, str]] = {"missing": (folder / "missing.avi", "no such file")}

    cases["endless"] = (folder / ("x" * 400), "cannot be opened")

    def add(name: str, data: bytes, message: str) -> None:
        (folder / name).write_bytes(data)
        cases[name] = (folder / name, message)

    add("empty.dcm", b"", "empty")
    add("text.avi", "Röntgen: Bericht, é ł 中\n".encode() * 60, "text file")
    add("zeros.dcm", bytes(5000), "zeros")
    add("noise.mp4", np.random.default_rng(0).integers(128, 255, 4000).astype(np.uint8).tobytes(), "no format")
    add("run.avi", gzip.compress(b"x" * 500), "gzip")
    add("report.png", b"%PDF-1.7\n", "PDF")
    with zipfile.ZipFile(folder / "run.zip", "w") as archive:
        archive.writestr("a", "b")
    cases["zip"] = (folder / "run.zip", "ZIP")
    (folder / "hollow").mkdir()
    cases["hollow"] = (folder / "hollow", "holds no run")
    (folder / "notes").mkdir()
    (folder / "notes" / "read.txt").write_text("hello")
    cases["notes"] = (folder / "notes", "holds no run")
    add("half.avi", b"RIFF\x00\x10\x00\x00AVI LIST", "cannot be opened|no readable frame|no video")
    add("half.dcm", bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00", "header|damaged")
    add("half.png", b"\x89PNG\r\n\x1a\n\x00\x00", "truncated")
    add("half.nrrd", b"NRRD0004\ntype: uchar\n", "no end")
    add("half.gif", b"GIF89a\x00", "truncated")
    add("half.tif", b"II*\x00\x08\x00", "truncated")
    return cases


def test_bad_input_ends_in_one_line_that_names_file_and_remedy(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, (path, message) in _bad_inputs(tmp_path).items():
        with pytest.raises(RunError, match=message) as caught:
            read_run(path)
        line = str(caught.value)
        assert "\n" not in line, name
        assert str(path) in line, name
        assert caught.value.remedy, name
        # A library's own traceback would stand above ours.
        assert caught.value.__suppress_context__ or caught.value.__context__ is None, name
    assert capfd.readouterr() == ("", "")


def test_stated_facts_replace_the_files_own(tmp_path: Path, pictures: Pictures, write_video: Writer) -> None:
    path = write_video(tmp_path / "run.avi", pictures(3))
    run = read_run(path, case_id="case-7", frame_times_s=[0, 1, 3], spacing_mm=0.3)
    assert run.case_id == "case-7"
    np.testing.assert_array_equal(run.times_s, [0, 1, 3])
    assert run.spacing is not None
    assert (run.spacing.row_mm, run.spacing.column_mm, run.spacing.calibration) == (0.3, 0.3, "calibrated")
    pair = read_run(path, spacing_mm=(0.3, 0.4)).spacing
    assert pair is not None
    assert (pair.row_mm, pair.column_mm) == (0.3, 0.4)
    assert read_run(path, spacing_mm=pair).spacing == pair


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"frame_rate": 0}, "frame rate of 0"),
        ({"frame_rate": float("nan")}, "impossible"),
        ({"frame_rate": 2, "frame_times_s": [0, 1, 2]}, "Give one of the two"),
        ({"frame_times_s": [0, 1]}, "2 frame times for 3 frames"),
        ({"frame_times_s": [0, 2, 1]}, "do not increase"),
        ({"spacing_mm": 0}, "impossible"),
        ({"spacing_mm": 40}, "impossible"),
        ({"spacing_mm": "wide"}, "no size in mm"),
        ({"spacing_mm": (1, 2, 3)}, "no size in mm"),
    ],
)
def test_impossible_statements_are_refused(
    tmp_path: Path, pictures: Pictures, write_video: Writer, facts: dict[str, object], message: str
) -> None:
    path = write_video(tmp_path / "run.avi", pictures(3))
    with pytest.raises(RunError, match=message) as caught:
        read_run(path, **facts)  # type: ignore[arg-type]
    assert str(path) in str(caught.value)
