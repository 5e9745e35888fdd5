"""Slicer's volume sequence file, ``.seq.nrrd``, without Slicer → DSARun.

Read with numpy alone: the format is a text header and one block of numbers (https://teem.sourceforge.net/nrrd/format.html),
and pynrrd would load the block whole.
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RunError
from ..run import DSARun, PixelSpacing

_BROKEN = "Save or copy it again"
_SAVE_AGAIN = "Save the sequence from Slicer as .seq.nrrd"
NRRD_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
}
_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "": 1.0, "ms": 1e-3, "millisecond": 1e-3}
_MAX_HEADER = 1 << 22
_BLOCK = 1 << 24
# Unpacked runs above this go to a temporary file, so that 2,000 frames at 1024² fit into a small memory.
_MAX_IN_MEMORY = 256 << 20


@dataclass(frozen=True)
class _Layout:
    """Axes of the block: frames first (``listed_first``) or last, columns before rows, one slice."""

    count: int
    rows: int
    columns: int
    listed_first: bool
    list_axis: int


def read_sequence(path: Path, case_id: str, *, header_spacing: bool = True) -> DSARun:
    """Read a volume sequence as Slicer writes it, raw or gzip.

    Pixels stay in stored (IJK) order: the first column and row are index 0. A spacing of exactly 1 mm counts as
    not given, since Slicer writes it where there is none; what Slicer does store says nothing of calibration.

    Parameters
    ----------
    path
        File that begins with ``NRRD000``.
    case_id
        Name of the case.
    header_spacing
        Whether the header's spacing is taken; not where the user states one: an impossible one ends the reading.

    Raises
    ------
    RunError
        Not a sequence of single grey slices, truncated, a type or encoding that is not read, impossible spacing.
    """
    fields, start = nrrd_header(path)
    layout = _layout(fields, path)
    kind = NRRD_TYPES.get(fields.get("type", "").lower())
    if kind is None or kind == "i1":
        raise RunError(f"the pixels are {fields.get('type')}", "Store them as uint8, uint16 or int16", path)
    dtype = np.dtype((">" if fields.get("endian", "little") == "big" else "<") + kind)
    frames = _frames(path, fields, start, layout, dtype)
    warnings: list[str] = []
    return DSARun(
        frames=frames,
        case_id=case_id,
        times_s=_times(fields, layout, warnings),
        spacing=_spacing(fields, layout, path) if header_spacing else None,
        bit_depth=8 * dtype.itemsize,
        source=str(path),
        kind="sequence",
        warnings=tuple(warnings),
    )


def nrrd_header(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields of an NRRD file's header (names in lower case), and where its numbers begin.

    Raises
    ------
    RunError
        Where the header has no end, or the numbers lie in another file.
    """
    with path.open("rb") as file:
        head = file.read(_MAX_HEADER)
    end, gap = min(
        ((at, len(mark)) for mark in (b"\n\n", b"\r\n\r\n") if (at := head.find(mark)) >= 0), default=(-1, 0)
    )
    if end < 0:
        raise RunError("the NRRD header has no end", _BROKEN, path)
    fields = {}
    for line in head[:end].decode("utf-8", "replace").splitlines()[1:]:
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            # "name: value" is the format's own field, "name:=value" the writer's.
            fields[name.strip().lower()] = value.removeprefix("=").strip()
    if "data file" in fields or "datafile" in fields:
        raise RunError("the pixels lie in another file", _SAVE_AGAIN, path)
    return fields, end + gap


def _layout(fields: dict[str, str], path: Path) -> _Layout:
    wrong = RunError("this NRRD file is no sequence of grey frames", _SAVE_AGAIN, path)
    try:
        sizes = [int(s) for s in fields["sizes"].split()]
    except (KeyError, ValueError):
        raise RunError("the NRRD header has no sizes", _BROKEN, path) from None
    kinds = fields.get("kinds", "").lower().split()
    lists = [i for i, kind in enumerate(kinds) if kind in ("list", "time")]
    if not lists and len(sizes) == 3 and not any("color" in k or "vector" in k for k in kinds):
        axis = 2  # Frames as the slices of a volume.
    elif len(lists) == 1 and len(kinds) == len(sizes) and lists[0] in (0, len(sizes) - 1):
        axis = lists[0]
    else:
        raise wrong
    image = sizes[:axis] + sizes[axis + 1 :]
    if len(image) not in (2, 3) or image[2:] not in ([], [1]) or min(sizes) < 1:
        raise wrong
    return _Layout(sizes[axis], image[1], image[0], axis == 0, axis)


def _frames(path: Path, fields: dict[str, str], start: int, layout: _Layout, dtype: np.dtype) -> np.ndarray:
    shape = (layout.count, layout.rows, layout.columns)
    encoding = fields.get("encoding", "raw").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise RunError(f"the NRRD encoding {encoding} is not read", "Save it as raw or gzip", path)
    needed = layout.count * layout.rows * layout.columns * dtype.itemsize
    native = dtype.newbyteorder("=")
    if encoding == "raw":
        held = path.stat().st_size - start
        if held < needed:
            raise _truncated(held, needed, layout, path)
        if not layout.listed_first and dtype == native:
            return np.memmap(path, dtype, "r", start, shape)
    out = _room(shape, native)
    target = out.reshape(layout.count, -1)
    # In a file with frames first, a pixel's values of all frames lie together; else a frame's pixels.
    unit = layout.count if layout.listed_first else 1
    flat, done, total = target.reshape(-1), 0, needed // dtype.itemsize
    for values in _values(path, start, encoding != "raw", dtype, unit):
        values = values[: total - done]
        if layout.listed_first:
            pixels = values.reshape(-1, layout.count)
            target[:, done // unit : done // unit + len(pixels)] = pixels.T
        else:
            flat[done : done + len(values)] = values
        done += len(values)
        if done == total:
            return out
    raise _truncated(done * dtype.itemsize, needed, layout, path)


def _truncated(held: int, needed: int, layout: _Layout, path: Path) -> RunError:
    whole = 0 if layout.listed_first else held * layout.count // needed
    return RunError(f"the file is truncated: {whole} of {layout.count} frames could be read", _BROKEN, path)


def _room(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array for the unpacked run: in memory, or in a temporary file that goes with it."""
    if int(np.prod(shape)) * dtype.itemsize <= _MAX_IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def _values(path: Path, start: int, packed: bool, dtype: np.dtype, unit: int) -> Iterator[np.ndarray]:
    """Yield the block's values in order, whole units at a time."""
    rest = b""
    size = unit * dtype.itemsize
    for data in _inflated(path, start) if packed else _raw(path, start):
        data = rest + data
        whole = len(data) // size * size
        rest = data[whole:]
        if whole:
            yield np.frombuffer(data, dtype, whole // dtype.itemsize)


def _raw(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while data := file.read(_BLOCK):
            yield data


def _inflated(path: Path, start: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for data in _raw(path, start):
            pending = data
            while pending and not unpacker.eof:
                # Bounded output: a run compresses a hundredfold where it is black.
                yield unpacker.decompress(pending, _BLOCK)
                pending = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error:
        raise RunError("the compressed pixels are damaged", _BROKEN, path) from None


def _times(fields: dict[str, str], layout: _Layout, warnings: list[str]) -> np.ndarray | None:
    values = fields.get(f"axis {layout.list_axis} index values")
    if values is None or fields.get(f"axis {layout.list_axis} index type", "numeric").lower() != "numeric":
        return None
    units = re.findall(r'"([^"]*)"', fields.get("units", ""))
    unit = units[layout.list_axis] if layout.list_axis < len(units) else ""
    try:
        times = np.array([float(v) for v in values.split()]) * _SECONDS[unit.strip().lower()]
    except (ValueError, KeyError):
        warnings.append("The sequence's index is no time in s or ms; frame times were left out.")
        return None
    if len(times) != layout.count or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        warnings.append("The sequence's index values do not increase; frame times were left out.")
        return None
    return times - times[0]


def _spacing(fields: dict[str, str], layout: _Layout, path: Path) -> PixelSpacing | None:
    lengths = []
    for vector in re.findall(r"none|\([^)]*\)", fields.get("space directions", "")):
        if vector != "none":
            try:
                lengths.append(float(np.linalg.norm([float(v) for v in vector.strip("()").split(",")])))
            except ValueError:
                return None
    if not lengths and "spacings" in fields:
        numbers = [float(v) for i, v in enumerate(fields["spacings"].split()) if i != layout.list_axis]
        lengths = [abs(v) for v in numbers]
    if len(lengths) < 2 or lengths[:2] == [1.0, 1.0] or not np.isfinite(lengths[:2]).all():
        return None
    try:
        return PixelSpacing(lengths[1], lengths[0], "unknown")
    except RunError as error:
        raise RunError(error.problem, f"{error.remedy}, or state the true one (--spacing)", path) from None
