"""Image frames: order, depth, grey content, and the odd file named."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from DSANetLib.errors import RunError
from DSANetLib.readers import read_run
from DSANetLib.readers.image_header import read_header
from DSANetLib.readers.images import natural_key

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "pgm", "webp"])
def test_lossless_frames_come_back_bit_for_bit_and_unflipped(
    tmp_path: Path, pictures: Pictures, write_images: Writer, suffix: str
) -> None:
    frames = pictures(12, 20, 33)
    if suffix == "webp":  # OpenCV writes lossless webp only at a quality above 100
        tmp_path.joinpath("run").mkdir()
        for i, frame in enumerate(frames, start=1):
            data = cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
            (tmp_path / "run" / f"f{i}.webp").write_bytes(data.tobytes())
    else:
        write_images(tmp_path / "run", frames, f"f{{}}.{suffix}")
    run = read_run(tmp_path / "run")
    np.testing.assert_array_equal(run.frames, frames)
    assert (run.kind, run.bit_depth, run.times_s, run.spacing) == ("images", 8, None, None)
    assert run.case_id == "run"


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_sixteen_bits_are_kept(tmp_path: Path, pictures: Pictures, write_images: Writer, suffix: str) -> None:
    frames = pictures(3, 20, 33, np.uint16, 12)
    run = read_run(write_images(tmp_path / "deep", frames, f"f{{}}.{suffix}"))
    np.testing.assert_array_equal(run.frames, frames)
    assert (run.bit_depth, run.frames.dtype) == (12, np.uint16)


def test_jpeg_frames_stay_close(tmp_path: Path, pictures: Pictures, write_images: Writer) -> None:
    frames = pictures(2, 40, 64)
    run = read_run(write_images(tmp_path / "run", frames, "f{}.jpg"))
    assert np.abs(run.frames[0].astype(int) - frames[0]).mean() < 4


def test_names_sort_as_people_count() -> None:
    names = ["Frame1.png", "frame2.png", "frame9.png", "frame10.png", "frame010b.png", "frame100.png", "x.png"]
    shuffled = names[:]
    random.Random(1).shuffle(shuffled)
    assert [p.name for p in sorted(map(Path, shuffled), key=natural_key)] == names


@pytest.mark.parametrize("folder", ["with space", "é", "łódź", "中文 run", "naïve é ł 中"])
def test_every_script_in_a_path_works(
    tmp_path: Path, pictures: Pictures, write_images: Writer, write_video: Writer, write_dicom: Writer, folder: str
) -> None:
    frames = pictures(3)
    assert read_run(write_images(tmp_path / folder, frames, "é 中 {}.png")).count == 3
    for path in (
        write_video(tmp_path / f"{folder}.avi", frames),
        write_dicom(tmp_path / f"{folder}.dcm", frames),
    ):
        np.testing.assert_array_equal(read_run(path).frames, frames)


def test_colour_with_grey_content_is_grey(tmp_path: Path, pictures: Pictures, write_images: Writer) -> None:
    frames = pictures(2)
    for name, channels in (("three", 3), ("alpha", 4)):
        colour = np.repeat(frames[..., None], channels, axis=3)
        colour[..., 3:] = 255
        run = read_run(write_images(tmp_path / name, colour))
        np.testing.assert_array_equal(run.frames, frames)
    deep = np.repeat(pictures(2, dtype=np.uint16)[..., None], 3, axis=3)
    np.testing.assert_array_equal(read_run(write_images(tmp_path / "deep", deep)).frames, deep[..., 0])


def test_a_small_coloured_mark_is_no_photograph(tmp_path: Path, pictures: Pictures, write_images: Writer) -> None:
    colour = np.repeat(pictures(2, 200, 200)[..., None], 3, axis=3)
    colour[:, :20, :20] = (0, 255, 255)
    assert read_run(write_images(tmp_path / "run", colour)).count == 2


def test_a_colour_photograph_is_refused_by_name(tmp_path: Path, pictures: Pictures, write_images: Writer) -> None:
    colour = np.repeat(pictures(3)[..., None], 3, axis=3)
    colour[1, ..., 2] //= 3
    run = read_run(write_images(tmp_path / "late", colour[:1]))
    assert run.count == 1
    with pytest.raises(RunError, match=r"f2\.png.*in colour"):
        np.asarray(read_run(write_images(tmp_path / "photo", colour)).frames)


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg", "tiff"])
def test_mixed_sizes_name_the_odd_file_before_anything_is_decoded(
    tmp_path: Path, pictures: Pictures, write_images: Writer, suffix: str
) -> None:
    folder = write_images(tmp_path / "run", pictures(5), f"f{{}}.{suffix}")
    write_images(tmp_path / "run", pictures(1, 24, 33), f"f{{}}.{suffix}")
    with pytest.raises(RunError, match=rf"f1\.{suffix}: the frame has 33 x 24 pixels .*others have 33 x 20"):
        read_run(folder)


def test_mixed_depth_and_formats_without_header_are_named_too(
    tmp_path: Path, pictures: Pictures, write_images: Writer
) -> None:
    folder = write_images(tmp_path / "run", pictures(3))
    write_images(folder, pictures(1, dtype=np.uint16), "odd{}.png")
    with pytest.raises(RunError, match=r"odd1\.png.*16 bits.*8 bits"):
        read_run(folder)
    late = write_images(tmp_path / "late", pictures(5), "f{}.pgm")
    write_images(tmp_path / "more", pictures(1, 8, 8), "f{}.pgm")
    (tmp_path / "more" / "f1.pgm").replace(late / "f2.pgm")
    with pytest.raises(RunError, match=r"f2\.pgm: the frame is"):
        np.asarray(read_run(late).frames)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tiff"])
def test_a_truncated_image_is_refused_without_noise(
    tmp_path: Path, write_images: Writer, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1, 64, 64)).astype(np.uint8)
    path = tmp_path / f"f1.{suffix}"
    if suffix == "gif":
        Image.fromarray(noise[0]).save(path)
    else:
        write_images(tmp_path, noise, f"f{{}}.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(RunError, match="truncated or damaged") as caught:
        read_run(path)
    assert path.name in str(caught.value)
    assert capfd.readouterr().err == ""


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "float.tiff"
    path.write_bytes(cv2.imencode(".tiff", np.zeros((8, 8), np.float32))[1].tobytes())
    with pytest.raises(RunError, match="pixels are float32"):
        read_run(path)


def test_a_tiff_of_many_pages_is_a_run(tmp_path: Path, pictures: Pictures) -> None:
    for dtype, bits in ((np.uint8, 8), (np.uint16, 16)):
        frames = pictures(7, 20, 33, dtype)
        path = tmp_path / f"stack{bits}.tif"
        assert cv2.imwritemulti(str(path), list(frames))
        run = read_run(path)
        np.testing.assert_array_equal(run.frames, frames)
        np.testing.assert_array_equal(run.frames[5], frames[5])
        assert run.bit_depth == bits
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match="truncated or damaged"):
        np.asarray(read_run(path).frames)


def test_headers_agree_with_the_decoder(tmp_path: Path, pictures: Pictures, write_images: Writer) -> None:
    for suffix in ("png", "bmp", "jpg", "tiff"):
        folder = write_images(tmp_path / suffix, pictures(1, 21, 34), f"f{{}}.{suffix}")
        assert read_header(folder / f"f1.{suffix}") == (21, 34, 8)
    colour = np.zeros((1, 21, 34, 3), np.uint16)
    assert read_header(write_images(tmp_path / "deep", colour, "f{}.tiff") / "f1.tiff") == (21, 34, 16)
    stub = tmp_path / "stub.png"
    for head in (b"\x89PNG\r\n\x1a\n\x00", b"\xff\xd8\xff\xe0\x00\x04\x00\x00\x00", b"II+\x00\x08\x00\x00\x00\x10"):
        stub.write_bytes(head)
        assert read_header(stub) is None
    big = tmp_path / "big.tiff"
    big.write_bytes(b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x02\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00")
    assert read_header(big) is None
