"""AVI, MP4 and every other container and codec that FFmpeg reads → DSARun, decoded frame by frame.

PyAV and not OpenCV: docs/decisions/0003-video-decoder.md has the measurement.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError
from ..run import DSARun, LazyFrames
from .grey import to_grey

_BROKEN = "Copy or export the file again"
# DSA is acquired at 0.5-7.5 frames/s (cardiac runs at 15 and 30); exports often carry the rate of the player instead.
_PLAYBACK_RATE = 12.0
# Grey is read from the luma plane; whether there is colour beside it is looked up in every so many frames.
_CHECK_EVERY = 16


def read_video(path: Path, case_id: str) -> DSARun:
    """Read a video file lazily; only its packet headers are read here, and the first frame decoded.

    Parameters
    ----------
    path
        A video file of any name.
    case_id
        Name of the case.

    Returns
    -------
    DSARun
        uint8 frames, or uint16 where the codec stores more than 8 bits; times from the container.

    Raises
    ------
    RunError
        Not readable, truncated (with the number of frames that could be read), no frames, or coloured.
    """
    index = _scan(path)
    decoder = _Decoder(path, index)
    first = decoder.frame(0)
    count = len(index.pts)
    warnings = list(index.warnings)
    times = _times(index, warnings)
    return DSARun(
        frames=LazyFrames((count, *first.shape), first.dtype, decoder.frame),
        case_id=case_id,
        times_s=times,
        bit_depth=decoder.bit_depth,
        intensity="display",
        source=str(path),
        kind="video",
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Index:
    """What the container says without decoding: a time stamp for every frame, in display order."""

    pts: np.ndarray
    time_base: float
    seekable: bool
    warnings: tuple[str, ...]


def _open(path: Path) -> Any:
    import av

    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise RunError(f"the video cannot be opened ({_reason(error)})", _BROKEN, path) from None
    if not container.streams.video:
        container.close()
        raise RunError("the file holds no video stream", "Give the video of the run", path)
    return container


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.split(":")[0].strip().lower()


def _scan(path: Path) -> _Index:
    """Read the packet headers: frame count, times and whether the file is whole."""
    import av

    with _open(path) as container:
        stream = container.streams.video[0]
        stamps, usable, repeats, exact = [], 0, 0, True
        try:
            for packet in container.demux(stream):
                if packet.pts is None and packet.dts is None:
                    continue
                if not packet.size:
                    repeats += 1
                elif not packet.is_corrupt:
                    usable += 1
                    exact &= packet.pts is not None
                    stamps.append(packet.pts if packet.pts is not None else packet.dts)
        except av.error.FFmpegError as error:
            raise RunError(f"reading stops after {usable} frames ({_reason(error)})", _BROKEN, path) from None
        promised = stream.frames
        if not usable:
            raise RunError("the video holds no readable frame", _BROKEN, path)
        if promised and usable + repeats < promised:
            raise RunError(f"the file is truncated: {usable} of {promised} frames could be read", _BROKEN, path)
        warnings = []
        ratio = stream.sample_aspect_ratio
        if ratio and ratio != 1:
            warnings.append(f"The video states pixels of {float(ratio):.3g}:1; they were taken as square.")
        pts = np.sort(np.array(stamps, dtype=np.int64))
        seekable = exact and bool((np.diff(pts) > 0).all())
        return _Index(pts, float(stream.time_base or 0), seekable, tuple(warnings))


def _times(index: _Index, warnings: list[str]) -> np.ndarray | None:
    """Return (F,) seconds from the first frame, None where the container has no usable times."""
    times = (index.pts - index.pts[0]) * index.time_base
    if len(times) == 1:
        return times
    if not (np.diff(times) > 0).all():
        warnings.append("The video's frame times do not increase; they were left out.")
        return None
    rate = 1 / float(np.median(np.diff(times)))
    if rate > _PLAYBACK_RATE:
        warnings.append(
            f"The video plays {rate:.3g} frames/s, which may be the player's rate and not the acquisition's;"
            " state the frame rate if you know it."
        )
    return times


class _Decoder:
    """Frames of a video by index: forwards without a seek, else from the nearest key frame before."""

    def __init__(self, path: Path, index: _Index) -> None:
        self._path = path
        self._index = index
        self._lock = threading.Lock()
        self._container: Any = None
        self._frames: Any = None
        self._next = 0
        self.bit_depth = 8

    def frame(self, i: int) -> np.ndarray:
        """Return frame ``i`` as (rows, columns) uint8 or uint16."""
        with self._lock:
            decoded = None
            if self._frames is None or i < self._next or self._is_far_ahead(i):
                decoded = self._seek(i)
            while decoded is None:
                candidate = self._decode_next(i)
                if candidate is None:
                    count = len(self._index.pts)
                    raise RunError(f"the video ends after {self._next} of {count} frames", _BROKEN, self._path)
                self._next += 1
                decoded = candidate if self._next == i + 1 else None
            if decoded.is_corrupt:
                # FFmpeg paints over what it cannot decode; painted tissue is no finding.
                raise RunError(f"frame {i + 1} is damaged", _BROKEN, self._path)
            return self._grey(decoded, i)

    def _is_far_ahead(self, i: int) -> bool:
        # Decoding a few dozen frames costs less than a seek that may land on the key frame behind us.
        return self._index.seekable and i - self._next > 50

    def _seek(self, i: int) -> Any:
        """Go to frame ``i`` and return it, or go to the start and return None where that is not exact."""
        if i and self._index.seekable and self._container is not None and self._jump(i):
            target = int(self._index.pts[i])
            while (decoded := self._decode_next(i)) is not None and decoded.pts is not None and decoded.pts <= target:
                if decoded.pts == target:
                    self._next = i + 1
                    return decoded
        # At the start, or the container's index misleads: count frames from the first.
        self.close()
        self._container = _open(self._path)
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self._frames = self._container.decode(stream)
        self._next = 0
        return None

    def _jump(self, i: int) -> bool:
        """Move to the key frame before frame ``i``; False where the container cannot."""
        import av

        stream = self._container.streams.video[0]
        try:
            self._container.seek(int(self._index.pts[i]), stream=stream, backward=True)
        except av.error.FFmpegError:
            return False
        self._frames = self._container.decode(stream)
        return True

    def _decode_next(self, i: int) -> Any:
        import av

        try:
            return next(self._frames, None)
        except av.error.FFmpegError as error:
            self.close()
            raise RunError(f"frame {i + 1} cannot be decoded ({_reason(error)})", _BROKEN, self._path) from None

    def _grey(self, decoded: Any, i: int) -> np.ndarray:
        name = decoded.format.name
        bits = decoded.format.components[0].bits
        if name.startswith("gray") and "f" not in name:
            self.bit_depth = bits
            return _plane(decoded, bits)
        if name.startswith(("yuv", "nv")):
            if i % _CHECK_EVERY == 0 or i == len(self._index.pts) - 1:
                to_grey(decoded.to_ndarray(format="bgr24"), f"{self._path}, frame {i + 1}")
            if bits > 8 and name.startswith("yuv"):
                self.bit_depth = bits
                return _plane(decoded, bits)
            return np.ascontiguousarray(decoded.to_ndarray(format="gray"))
        return to_grey(decoded.to_ndarray(format="bgr24"), f"{self._path}, frame {i + 1}")

    def close(self) -> None:
        """Release the file."""
        if self._container is not None:
            self._container.close()
        self._container = self._frames = None

    def __del__(self) -> None:
        self.close()


def _plane(decoded: Any, bits: int) -> np.ndarray:
    """Return the first plane as it is stored: FFmpeg's own conversion would rescale 10 and 12 bits to 16."""
    plane = decoded.planes[0]
    order = ">" if decoded.format.name.endswith("be") else "<"
    dtype = np.dtype(np.uint8 if bits <= 8 else order + "u2")
    rows = np.frombuffer(plane, dtype).reshape(decoded.height, plane.line_size // dtype.itemsize)
    return rows[:, : decoded.width].astype(dtype.newbyteorder("="))
