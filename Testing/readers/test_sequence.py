"""`.seq.nrrd`: what Slicer writes comes back, times and spacing with it, without Slicer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.errors import RunError
from DSANetLib.readers import read_run, sequence

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("list_first", [False, True])
def test_frames_times_and_spacing_come_back(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer, dtype: type, packed: bool, list_first: bool
) -> None:
    frames = pictures(5, 20, 33, dtype)
    times = [1.0, 1.25, 1.5, 2.0, 3.0]
    path = write_sequence(tmp_path / "Fall 3.seq.nrrd", frames, times, gzip=packed, list_first=list_first)
    run = read_run(path)
    np.testing.assert_array_equal(run.frames, frames)
    np.testing.assert_allclose(run.times_s, np.array(times) - 1)
    assert run.spacing is not None
    assert (run.spacing.row_mm, run.spacing.column_mm, run.spacing.calibration) == (0.3, 0.4, "unknown")
    assert (run.kind, run.case_id, run.frames.dtype) == ("sequence", "Fall-3", dtype)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("list_first", [False, True])
def test_blocks_of_any_size_and_the_temporary_file_change_nothing(
    tmp_path: Path,
    pictures: Pictures,
    write_sequence: Writer,
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,
    list_first: bool,
) -> None:
    frames = pictures(5, 20, 33, np.uint16)
    path = write_sequence(tmp_path / "run.seq.nrrd", frames, gzip=packed, list_first=list_first)
    monkeypatch.setattr(sequence, "_BLOCK", 77)
    monkeypatch.setattr(sequence, "_MAX_IN_MEMORY", 10)
    np.testing.assert_array_equal(read_run(path).frames, frames)


def test_big_endian_and_windows_lines_and_plain_stacks(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer
) -> None:
    frames = pictures(4, 20, 33, np.uint16)
    swapped = write_sequence(tmp_path / "big.seq.nrrd", frames, endian="big")
    head, _ = swapped.read_bytes().split(b"\n\n", 1)
    swapped.write_bytes(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + frames.astype(">u2").tobytes())
    run = read_run(swapped)
    np.testing.assert_array_equal(run.frames, frames)
    assert run.times_s is None
    stack = tmp_path / "stack.nrrd"
    stack.write_bytes(
        b"NRRD0004\ntype: uint16\ndimension: 3\nsizes: 33 20 4\nspacings: 0.4 0.3 1\nencoding: raw\n\n"
        + frames.tobytes()
    )
    run = read_run(stack)
    np.testing.assert_array_equal(run.frames, frames)
    assert run.spacing is not None
    assert run.spacing.row_mm == 0.3


def test_what_slicer_itself_writes_is_read(tmp_path: Path, pictures: Pictures) -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    frames = pictures(4, 20, 33, np.uint16)
    np.save(tmp_path / "frames.npy", frames)
    done = subprocess.run(
        [sys.executable, "-c", _SLICER, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("raw", "gzip"):
        run = read_run(tmp_path / f"{name}.seq.nrrd")
        np.testing.assert_array_equal(run.frames, frames)
        np.testing.assert_allclose(run.times_s, np.arange(4) * 0.25)
        assert run.spacing is not None
        assert (run.spacing.row_mm, run.spacing.column_mm) == pytest.approx((0.3, 0.4))


_SLICER = """
import sys
import numpy as np
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
folder, scene = sys.argv[1], slicer.vtkMRMLScene()
frames = np.load(folder + "/frames.npy")
sequence = slicer.vtkMRMLSequenceNode()
sequence.SetIndexName("time"); sequence.SetIndexUnit("s"); scene.AddNode(sequence)
for i, frame in enumerate(frames):
    image = vtk.vtkImageData()
    image.SetDimensions(frame.shape[1], frame.shape[0], 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_SHORT, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = frame.ravel()
    volume = slicer.vtkMRMLScalarVolumeNode()
    volume.SetAndObserveImageData(image)
    volume.SetSpacing(0.4, 0.3, 1)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    sequence.SetDataNodeAtValue(volume, str(i * 0.25))
for name, packed in (("raw", 0), ("gzip", 1)):
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(f"{folder}/{name}.seq.nrrd")
    storage.SetUseCompression(packed)
    assert storage.WriteData(sequence)
"""


def test_a_spacing_of_one_is_slicers_none_and_ms_are_ms(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer
) -> None:
    fields = {"space directions": "(1,0,0) (0,1,0) (0,0,1) none", "units": '"" "" "" "ms"'}
    run = read_run(write_sequence(tmp_path / "a.seq.nrrd", pictures(2), [0, 500], **fields))
    assert run.spacing is None
    np.testing.assert_allclose(run.times_s, [0, 0.5])


@pytest.mark.parametrize("times", [[0, 0], [1, 0], [0], ["a", "b"]])
def test_times_that_are_none_are_left_out_with_a_word(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer, times: list[object]
) -> None:
    run = read_run(write_sequence(tmp_path / "a.seq.nrrd", pictures(2), times))
    assert run.times_s is None
    assert any("left out" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "float"}, "pixels are float"),
        ({"type": "int8"}, "pixels are int8"),
        ({"encoding": "ascii"}, "encoding ascii"),
        ({"sizes": ""}, "no sizes"),
        ({"sizes": "33 20 2 2"}, "no sequence of grey frames"),
        ({"kinds": "domain domain list domain"}, "no sequence of grey frames"),
        ({"kinds": "domain domain domain domain"}, "no sequence of grey frames"),
        ({"data file": "x.raw"}, "another file"),
        ({"space directions": "(40,0,0) (0,40,0) (0,0,1) none"}, "impossible"),
    ],
)
def test_other_nrrd_files_are_refused_in_one_line(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer, fields: dict[str, str], message: str
) -> None:
    path = write_sequence(tmp_path / "a.seq.nrrd", pictures(2), **fields)
    with pytest.raises(RunError, match=message) as caught:
        read_run(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("directions", "value"), [("(40,0,0) (0,40,0) (0,0,1) none", "40"), ("(0,0,0) (0,0,0) (0,0,1) none", "0")]
)
def test_an_impossible_spacing_gives_way_to_a_stated_one(
    tmp_path: Path, pictures: Pictures, write_sequence: Writer, directions: str, value: str
) -> None:
    path = write_sequence(tmp_path / "a.seq.nrrd", pictures(2), **{"space directions": directions})
    with pytest.raises(RunError, match=rf"a pixel spacing of {value} mm is impossible.*--spacing"):
        read_run(path)
    run = read_run(path, spacing_mm=0.3)
    assert run.spacing is not None
    assert (run.spacing.row_mm, run.spacing.column_mm, run.spacing.calibration) == (0.3, 0.3, "calibrated")
    np.testing.assert_array_equal(run.frames, pictures(2))


def test_odd_spacing_text_is_passed_over(tmp_path: Path, pictures: Pictures, write_sequence: Writer) -> None:
    path = write_sequence(tmp_path / "a.seq.nrrd", pictures(2), **{"space directions": "(a,0,0) (0,1,0) (0,0,1) none"})
    assert read_run(path).spacing is None


@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_sequence_says_how_much_could_be_read(tmp_path: Path, write_sequence: Writer, packed: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 64, 64)).astype(np.uint8)
    path = write_sequence(tmp_path / "a.seq.nrrd", noise, gzip=packed)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(RunError, match="truncated: 5 of 10 frames could be read"):
        read_run(path)


def test_damaged_compression_is_told(tmp_path: Path, write_sequence: Writer) -> None:
    noise = np.random.default_rng(0).integers(0, 9, (10, 64, 64)).astype(np.uint8)
    path = write_sequence(tmp_path / "a.seq.nrrd", noise, gzip=True)
    data = bytearray(path.read_bytes())
    data[3000:3200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"damaged|truncated"):
        read_run(path)
