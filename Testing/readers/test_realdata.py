"""Every real file opens with the frames, sizes and pixels that its manifest states, or ends in one clear line."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DSANetLib.errors import RunError
from DSANetLib.readers import find_runs, read_run

_FOLDER = Path(os.environ.get("DSANET_REALDATA", Path(__file__).parents[3] / "shared" / "realdata"))
_MANIFEST = _FOLDER / "MANIFEST.json"
_ENTRIES: list[dict[str, Any]] = json.loads(_MANIFEST.read_text("utf-8"))["files"] if _MANIFEST.is_file() else []


def _cases(*kinds: str) -> list[Any]:
    chosen = [pytest.param(e, id=e["file"]) for e in _ENTRIES if e["kind"] in kinds]
    # Without the files one test remains, which the fixture skips with its reason.
    return chosen or [pytest.param({}, id="absent")]


def _sha(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@pytest.mark.parametrize("entry", _cases("dicom", "dicom-derived"))
def test_dicom_files_give_the_pixels_and_facts_of_the_manifest(realdata: Path, entry: dict[str, Any]) -> None:
    run = read_run(realdata / entry["file"])
    assert (run.count, run.rows, run.columns) == (entry["frames"], entry["rows"], entry["columns"])
    assert run.kind == "dicom"
    assert str(run.frames.dtype) == entry["dtype"]
    assert run.bit_depth == entry["bits_stored"]
    assert _sha(np.asarray(run.frames)) == entry["pixel_sha256"]
    if entry["frame_time_ms"]:
        np.testing.assert_allclose(run.times_s, np.arange(run.count) * entry["frame_time_ms"] / 1000)
    if "frame_time_vector_ms" in entry:
        np.testing.assert_allclose(run.times_s, np.cumsum(entry["frame_time_vector_ms"]) / 1000)
    assert (run.spacing is None) == (entry["pixel_spacing"] is None and entry["imager_pixel_spacing"] is None)
    assert run.polarity != "dark_contrast" or entry["photometric"] == "MONOCHROME2"


def test_facts_of_the_subtraction_are_read(realdata: Path) -> None:
    averaged = read_run(realdata / "derived/xa_mf_12bit_mono2_frametimevector_avgsub.dcm")
    assert averaged.mask is not None
    assert (averaged.mask.operation, averaged.mask.frames) == ("AVG_SUB", (0, 1))
    assert averaged.subtracted is False
    assert averaged.intensity == "log"
    assert averaged.spacing is not None
    assert averaged.spacing.calibration == "detector"
    assert read_run(realdata / "derived/xa_mf_signed16_presubtracted.dcm").subtracted is True
    none = read_run(realdata / "dicom/xa_coronary_96f_8bit_jpegbaseline_maskmodule.dcm").mask
    assert none is not None
    assert (none.operation, none.frames) == ("NONE", ())


def test_a_magnification_brings_detector_spacing_to_the_patient(realdata: Path) -> None:
    spacing = read_run(realdata / "dicom/xa_phantom_ge_im6_jpegll.dcm").spacing
    assert spacing is not None
    assert spacing.row_mm == pytest.approx(0.390625 / 1.30417)
    assert spacing.calibration == "calibrated"


def test_shutters_are_seen(realdata: Path) -> None:
    visible = read_run(realdata / "dicom/rf_liver_cholangiogram_1f_8bit.dcm").visible
    assert visible is not None
    # Circle of radius 470 about row and column 480, within 10..950, counted from 1.
    assert visible.mean() == pytest.approx(np.pi * 470**2 / 1024**2, rel=0.01)
    assert visible[479, 479]
    assert not visible[479, 960]
    assert not visible[20, 20]


@pytest.mark.parametrize("entry", _cases("video-derived"))
def test_videos_give_the_frames_of_the_manifest(realdata: Path, entry: dict[str, Any]) -> None:
    import av
    import cv2

    run = read_run(realdata / entry["file"])
    assert (run.count, run.rows, run.columns) == (entry["frames"], entry["rows"], entry["columns"])
    np.testing.assert_allclose(run.times_s, np.arange(run.count) * entry["frame_time_ms"] / 1000, atol=1e-3)
    frames = np.asarray(run.frames)
    if entry["container_fourcc"] == "ffv1":
        assert _sha(np.repeat(frames[..., None], 3, axis=3)) == entry["decoded_bgr_sha256"]
        dicom = read_run(realdata / "dicom/xa_coronary_96f_8bit_jpegbaseline_maskmodule.dcm")
        np.testing.assert_array_equal(frames, dicom.frames[::8])
        return
    # The same FFmpeg gives the manifest's colours bit for bit; our grey may differ from them by three levels.
    with av.open(str(realdata / entry["file"])) as container:
        colour = np.stack([frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)])
    assert _sha(colour) == entry["decoded_bgr_sha256"]
    for frame, shown in zip(frames, colour, strict=True):
        assert np.abs(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY).astype(int) - frame).max() <= 3


@pytest.mark.parametrize("entry", _cases("frame", "frame-derived"))
def test_image_files_give_the_pixels_of_the_manifest(realdata: Path, entry: dict[str, Any]) -> None:
    run = read_run(realdata / entry["file"])
    assert (run.count, run.rows, run.columns) == (1, *entry["shape"][:2])
    assert any("one frame" in warning for warning in run.warnings)
    frame = run.frames[0]
    pixels = frame if len(entry["shape"]) == 2 else np.repeat(frame[..., None], 3, axis=2)
    assert str(pixels.dtype) == entry["dtype"]
    assert _sha(pixels) == entry["pixel_sha256"]


@pytest.mark.parametrize("entry", _cases("gif"))
def test_an_animated_gif_opens_with_its_times(realdata: Path, entry: dict[str, Any]) -> None:
    run = read_run(realdata / entry["file"])
    assert (run.count, run.rows, run.columns) == (entry["frames"], entry["rows"], entry["columns"])
    np.testing.assert_allclose(np.diff(run.times_s), entry["frame_time_ms"] / 1000, atol=1e-6)


@pytest.mark.parametrize("entry", _cases("annotation", "annotation-derived"))
def test_annotations_are_refused_in_one_line(realdata: Path, entry: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="text file") as caught:
        read_run(realdata / entry["file"])
    assert "\n" not in str(caught.value)
    assert Path(entry["file"]).name in str(caught.value)


def test_the_manifest_knows_no_kind_that_is_not_tested(realdata: Path) -> None:
    entries = json.loads((realdata / "MANIFEST.json").read_text("utf-8"))["files"]
    known = {"dicom", "dicom-derived", "video-derived", "frame", "frame-derived", "gif", "annotation"}
    assert {entry["kind"] for entry in entries} <= known | {"annotation-derived"}
    held = {str(path.relative_to(realdata)) for path in realdata.rglob("*") if path.is_file()}
    assert {entry["file"] for entry in entries} == held - {"MANIFEST.json", "README.md"}


def test_frame_folders_come_in_natural_order(realdata: Path) -> None:
    run = read_run(realdata / "derived/coro_rca_png8")
    for number in (1, 2, 9, 10, 12):
        single = read_run(realdata / f"derived/coro_rca_png8/f{number}.png")
        np.testing.assert_array_equal(run.frames[number - 1], single.frames[0])
    deep = read_run(realdata / "derived/coro_rca_png16")
    assert (deep.count, deep.bit_depth, deep.frames.dtype) == (12, 12, np.uint16)


def test_the_whole_folder_is_found_run_by_run(realdata: Path) -> None:
    sources = find_runs(realdata)
    assert len({source.case_id for source in sources}) == len(sources)
    for source in sources:
        assert read_run(source).case_id == source.case_id
