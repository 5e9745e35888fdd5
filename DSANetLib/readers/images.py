"""A folder of PNG, JPEG, TIFF, BMP or PGM frames, or one such file → DSARun."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError
from ..run import DSARun, LazyFrames
from .gaps import name_numbers, note_gaps
from .grey import to_grey
from .image_header import is_cut_off, read_header, tiff_pages

_BROKEN = "Export or copy it again"
_EVEN = "Keep the frames of one run, all of one size and bit depth, in a folder of their own"


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which ``f2`` comes before ``f10``.

    Examples
    --------
    >>> [p.name for p in sorted([Path("f10.png"), Path("f2.png")], key=natural_key)]
    ['f2.png', 'f10.png']
    """
    parts = re.split(r"(\d+)", path.name.casefold())
    return (*((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p), (2, 0, path.name))


def read_images(files: Sequence[Path], case_id: str, source: Path) -> DSARun:
    """Read frames that lie a file a frame, in the order given.

    Parameters
    ----------
    files
        Image files, one a frame; each is decoded when it is asked for, its header only is checked here.
    case_id
        Name of the case.
    source
        The folder (or single file) for messages.

    Returns
    -------
    DSARun
        uint8 or uint16 frames as stored, no times, no spacing (an image's dots per inch are the printer's);
        a warning where the numbers in the files' names have gaps.

    Raises
    ------
    RunError
        Frames that cannot be decoded, differ in size or bit depth, or are coloured; the odd file is named.
    """
    first = read_image(files[0])
    _check_even(files)
    warnings: list[str] = []
    note_gaps(name_numbers(files), warnings)
    return DSARun(
        frames=LazyFrames(
            (len(files), *first.shape), first.dtype, lambda i: _read_even(files[i], first.shape, first.dtype)
        ),
        case_id=case_id,
        bit_depth=_bits_used([first, *(read_image(files[i]) for i in {len(files) // 2, len(files) - 1} - {0})]),
        intensity="display",
        source=str(source),
        kind="images",
        warnings=tuple(warnings),
    )


def read_image_file(path: Path, case_id: str) -> DSARun:
    """Read one image file: a run of one frame, or of all frames of an animated GIF or a TIFF of many pages."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:3] == b"GIF":
        return _read_gif(path, case_id)
    if magic[:2] in (b"II", b"MM"):
        return _read_tiff(path, case_id)
    return read_images([path], case_id, path)


def read_image(path: Path) -> np.ndarray:
    """Return the (rows, columns) grey pixels of an image file, uint8 or uint16, as stored."""
    import cv2

    # Not cv2.imread: it fails on Windows where the path is not in the system's code page.
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise RunError(f"cannot be opened ({error.strerror})", "Check the path and its permissions", path) from None
    if not data.size:
        raise RunError("the file is empty", _BROKEN, path)
    # UNCHANGED keeps 16 bits and ignores EXIF rotation, which no angiograph writes.
    image = None if is_cut_off(data) else _quietly(lambda: cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    if image is None:
        raise RunError("the image is truncated or damaged", _BROKEN, path)
    return _grey_frame(image, str(path))


def _quietly(decode: Callable[[], Any]) -> Any:
    """Return what an OpenCV call returns, None where it fails, and keep its log off the user's screen."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return decode()
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _grey_frame(image: np.ndarray, where: str) -> np.ndarray:
    if image.dtype not in (np.uint8, np.uint16):
        raise RunError(f"the pixels are {image.dtype}", "Store the frames as 8 or 16 bit grey", where)
    return to_grey(image, where)


def _check_even(files: Sequence[Path]) -> None:
    """Compare the headers of all files; the one that differs from most is named."""
    headers = {path: header for path in files if (header := read_header(path)) is not None}
    if len(set(headers.values())) <= 1:
        return
    usual = Counter(headers.values()).most_common(1)[0][0]
    odd = next(path for path in files if path in headers and headers[path] != usual)
    raise RunError(f"the frame has {headers[odd]}, the others have {usual}", _EVEN, odd)


def _read_even(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    frame = read_image(path)
    if frame.shape != shape or frame.dtype != dtype:
        raise RunError(f"the frame is {frame.shape} {frame.dtype}, the first is {shape} {dtype}", _EVEN, path)
    return frame


def _bits_used(frames: Sequence[np.ndarray]) -> int:
    """Return 8, or the detector's likely depth where 10, 12 or 14 bits lie in 16."""
    if frames[0].dtype == np.uint8:
        return 8
    peak = max(int(frame.max()) for frame in frames)
    return next(bits for bits in (10, 12, 14, 16) if peak < 1 << bits)


def _read_gif(path: Path, case_id: str) -> DSARun:
    import cv2

    data = np.fromfile(path, np.uint8)
    result = None if is_cut_off(data) else _quietly(lambda: cv2.imdecodeanimation(data))
    if result is None or not result[0] or not result[1].frames:
        raise RunError("the GIF is truncated or damaged", _BROKEN, path)
    animation = result[1]
    frames = np.stack([_grey_frame(np.asarray(frame), str(path)) for frame in animation.frames])
    seconds = np.array(animation.durations, np.float64)[: len(frames)] / 1000
    times = np.concatenate([[0.0], np.cumsum(seconds)[:-1]])
    known = len(frames) > 1 and bool((seconds[:-1] > 0).all())
    return DSARun(
        frames, case_id, times_s=times if known else None, intensity="display", source=str(path), kind="images"
    )


def _read_tiff(path: Path, case_id: str) -> DSARun:
    """Read a TIFF of one page or many; pages are decoded when they are asked for."""
    import cv2

    # Mapped, not loaded: a stack of thousands of pages does not fit into memory.
    data = np.memmap(path, np.uint8, "r")

    def page(i: int) -> np.ndarray:
        done = _quietly(lambda: cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(i, i + 1)))
        if done is None or not done[0] or not done[1]:
            raise RunError(f"page {i + 1} is truncated or damaged", _BROKEN, path)
        return _grey_frame(done[1][0], f"{path}, page {i + 1}")

    count = tiff_pages(data)
    first = page(0)
    return DSARun(
        LazyFrames((max(count, 1), *first.shape), first.dtype, page),
        case_id,
        bit_depth=_bits_used([first]),
        intensity="display",
        source=str(path),
        kind="images",
    )
