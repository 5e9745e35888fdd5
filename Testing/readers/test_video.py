"""Video: exact frames, times and widths; sequential without seeks; damage told in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.errors import RunError
from DSANetLib.readers import read_run

Writer = Callable[..., Path]
Pictures = Callable[..., np.ndarray]

_LOSSY = [("mjpeg", "yuvj420p", "avi"), ("mpeg4", "yuv420p", "avi"), ("libx264", "yuv420p", "mp4")]


@pytest.mark.parametrize("suffix", ["avi", "mkv"])
def test_lossless_video_comes_back_bit_for_bit_and_unflipped(
    tmp_path: Path, pictures: Pictures, write_video: Writer, suffix: str
) -> None:
    frames = pictures(5, 48, 63)
    run = read_run(write_video(tmp_path / f"run.{suffix}", frames))
    np.testing.assert_array_equal(run.frames, frames)
    np.testing.assert_allclose(run.times_s, np.arange(5) / 4, atol=1e-3)
    assert (run.kind, run.bit_depth, run.polarity, run.subtracted) == ("video", 8, "unknown", None)


@pytest.mark.parametrize(("codec", "pix_fmt", "suffix"), _LOSSY)
def test_lossy_video_keeps_the_papers_odd_width_and_stays_close(
    tmp_path: Path, pictures: Pictures, write_video: Writer, codec: str, pix_fmt: str, suffix: str
) -> None:
    frames = pictures(3, 788, 1021)
    pix_fmt = "yuv444p" if codec == "libx264" else pix_fmt  # x264 itself refuses an odd width in 4:2:0
    run = read_run(write_video(tmp_path / f"odd.{suffix}", frames, codec, pix_fmt))
    assert (run.count, run.rows, run.columns) == (3, 788, 1021)
    difference = np.abs(run.frames[1].astype(int) - frames[1])
    assert difference.mean() < 3
    # The last column, which OpenCV's writer drops, holds pixels and not a border.
    assert difference[:, -1].mean() < 6


def test_sixteen_and_twelve_bits_are_kept(tmp_path: Path, pictures: Pictures, write_video: Writer) -> None:
    frames = pictures(3, 32, 41, np.uint16)
    run = read_run(write_video(tmp_path / "deep.avi", frames, "ffv1", "gray16le"))
    np.testing.assert_array_equal(run.frames, frames)
    assert (run.bit_depth, run.frames.dtype) == (16, np.uint16)
    twelve = read_run(write_video(tmp_path / "twelve.mkv", frames, "ffv1", "gray12le"))
    assert twelve.bit_depth == 12
    assert np.abs(twelve.frames[0].astype(int) - (frames[0] >> 4)).max() <= 1
    ten = read_run(write_video(tmp_path / "ten.mkv", frames, "ffv1", "yuv422p10le"))
    assert ten.bit_depth == 10


def test_colour_video_with_grey_content_is_grey_and_with_colour_is_refused(
    tmp_path: Path, pictures: Pictures, write_video: Writer
) -> None:
    frames = pictures(3, 48, 64)
    grey = np.repeat(frames[..., None], 3, axis=3)
    run = read_run(write_video(tmp_path / "grey.avi", grey, "ffv1", "bgr0"))
    np.testing.assert_array_equal(run.frames, frames)
    coloured = grey.copy()
    coloured[..., 0] = 255 - coloured[..., 0]
    for name, codec, pix_fmt in (("rgb.avi", "ffv1", "bgr0"), ("yuv.avi", "mjpeg", "yuvj420p")):
        path = write_video(tmp_path / name, coloured, codec, pix_fmt)
        with pytest.raises(RunError, match="in colour") as caught:
            read_run(path)
        assert name in str(caught.value)
    late = np.concatenate([grey[:1].repeat(20, axis=0), coloured])
    with pytest.raises(RunError, match="frame 23: the picture is in colour"):
        np.asarray(read_run(write_video(tmp_path / "late.avi", late, "mjpeg", "yuvj420p")).frames)


@pytest.mark.parametrize(("codec", "pix_fmt", "suffix"), [*_LOSSY, ("ffv1", "gray", "avi")])
def test_any_order_of_access_gives_the_same_frames(
    tmp_path: Path, pictures: Pictures, write_video: Writer, codec: str, pix_fmt: str, suffix: str
) -> None:
    frames = pictures(130, 32, 64)
    run = read_run(write_video(tmp_path / f"run.{suffix}", frames, codec, pix_fmt, g="25", bf="0"))
    in_order = np.stack([run.frames[i] for i in range(run.count)])
    for i in np.random.default_rng(3).permutation(130)[:40]:
        np.testing.assert_array_equal(run.frames[int(i)], in_order[i])


def test_reading_forwards_never_seeks(tmp_path: Path, pictures: Pictures, write_video: Writer) -> None:
    from DSANetLib.readers import video

    run = read_run(write_video(tmp_path / "run.avi", pictures(40, 16, 16)))
    decoder = run.frames._load.__self__  # type: ignore[attr-defined]
    assert isinstance(decoder, video._Decoder)
    run.frames[0]
    seeks: list[int] = []
    original = decoder._seek
    decoder._seek = lambda i: (seeks.append(i), original(i))[1]  # type: ignore[method-assign]
    for i in range(40):
        run.frames[i]
    assert seeks in ([], [0], [1])


def test_where_the_containers_index_misleads_frames_are_counted(
    tmp_path: Path, pictures: Pictures, write_video: Writer
) -> None:
    import dataclasses

    from DSANetLib.readers import video

    path = write_video(tmp_path / "run.avi", pictures(80, 16, 16))
    index = video._scan(path)
    for changed in (
        dataclasses.replace(index, seekable=False),
        dataclasses.replace(index, pts=index.pts + 1000),  # no decoded frame carries these stamps
        dataclasses.replace(index, pts=index.pts - 1000),
    ):
        decoder = video._Decoder(path, changed)
        for i in (70, 3, 79, 0):
            np.testing.assert_array_equal(decoder.frame(i), pictures(80, 16, 16)[i])
    decoder = video._Decoder(path, dataclasses.replace(index, pts=np.arange(90), seekable=False))
    with pytest.raises(RunError, match="ends after 80 of 90 frames"):
        decoder.frame(85)


def test_times_that_stand_still_are_left_out_and_wide_pixels_are_told(
    tmp_path: Path, pictures: Pictures, write_video: Writer
) -> None:
    from DSANetLib.readers import video

    warnings: list[str] = []
    assert video._times(video._Index(np.array([0, 5, 5]), 0.1, False, ()), warnings) is None
    assert "do not increase" in warnings[0]
    path = tmp_path / "wide.mkv"
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=4)
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for picture in pictures(3, 32, 64):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        container.mux(stream.encode())
    assert any("taken as square" in warning for warning in read_run(path).warnings)


def test_frame_times_may_change_within_a_run(tmp_path: Path, pictures: Pictures) -> None:
    import av

    stamps = [0, 1000, 2000, 2250, 2500, 3500]
    with av.open(str(tmp_path / "vfr.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=1000)
        stream.height, stream.width, stream.pix_fmt = 20, 33, "gray"
        stream.codec_context.time_base = Fraction(1, 1000)
        for stamp, picture in zip(stamps, pictures(6), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "gray")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    run = read_run(tmp_path / "vfr.mkv")
    np.testing.assert_allclose(run.times_s, np.array(stamps) / 1000, atol=1e-3)


def test_a_players_rate_is_doubted_and_a_stated_one_is_not(
    tmp_path: Path, pictures: Pictures, write_video: Writer
) -> None:
    path = write_video(tmp_path / "fast.avi", pictures(6), rate=25)
    assert any("player's rate" in warning for warning in read_run(path).warnings)
    stated = read_run(path, frame_rate=2)
    assert stated.warnings == ()
    np.testing.assert_allclose(stated.times_s, np.arange(6) / 2)


@pytest.mark.parametrize(("codec", "suffix", "kept"), [("ffv1", "avi", 0.6), ("mjpeg", "avi", 0.5)])
def test_a_truncated_video_says_how_many_frames_could_be_read(
    tmp_path: Path, write_video: Writer, codec: str, suffix: str, kept: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (12, 128, 128)).astype(np.uint8)
    pix_fmt = "gray" if codec == "ffv1" else "yuvj420p"
    path = write_video(tmp_path / f"whole.{suffix}", noise, codec, pix_fmt)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(RunError, match=r"truncated: \d+ of 12 frames could be read") as caught:
        read_run(cut)
    readable = int(re.search(r"(\d+) of 12", str(caught.value))[1])  # type: ignore[index]
    assert abs(readable - 12 * kept) <= 2
    assert str(cut) in str(caught.value)


def test_a_truncated_mp4_is_refused_and_nothing_reaches_the_screen(
    tmp_path: Path, pictures: Pictures, write_video: Writer, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_video(tmp_path / "whole.mp4", pictures(12, 64, 64), "mpeg4", "yuv420p")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunError, match="cannot be opened"):
        read_run(cut)
    fast = write_video(
        tmp_path / "fast.mp4", np.random.default_rng(0).integers(0, 255, (12, 64, 64), np.uint8), "mpeg4", "yuv420p"
    )
    data = bytearray(fast.read_bytes())
    data[200:260] = b"\xff" * 60
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    with pytest.raises(RunError, match="frame 1 "):
        np.asarray(read_run(broken).frames)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_sound_alone_is_no_run(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "sound.avi"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(RunError, match="no video stream"):
        read_run(tmp_path / "sound.avi")


_MEMORY = """
import resource, sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from DSANetLib.readers import read_run
run = read_run(sys.argv[1])
run.frames[0]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(int(run.frames[i][0, 0]) for i in range(run.count))
print(run.count, run.frames.shape, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read by resource, which Windows lacks")
def test_two_thousand_frames_stream_in_little_memory(tmp_path: Path, write_video: Writer, repository: Path) -> None:
    # 2,000 frames of 256² are 125 MiB: a reader that keeps them shows it at once.
    frames = np.broadcast_to(np.zeros((1, 256, 256), np.uint8), (2000, 256, 256))
    path = write_video(tmp_path / "long.avi", frames, "mpeg4", "yuv420p")
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(path), str(repository)], capture_output=True, text=True, check=True
    )
    count, *_, grown = done.stdout.replace("(", "").replace(")", "").replace(",", "").split()
    assert int(count) == 2000
    assert int(grown) < 25
