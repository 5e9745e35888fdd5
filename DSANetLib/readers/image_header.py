"""Size and bit depth of an image file from its header, so that a folder is checked without decoding it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

_HEAD = 65536
_TIFF_ROWS, _TIFF_COLUMNS, _TIFF_BITS = 257, 256, 258
# Start-of-frame markers of JPEG: FFC0-FFCF without DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class ImageHeader(NamedTuple):
    """Size in pixels and bits of a channel as a decoder hands them out (8 or 16)."""

    rows: int
    columns: int
    bits: int

    def __str__(self) -> str:
        return f"{self.columns} x {self.rows} pixels of {self.bits} bits"


def read_header(path: Path) -> ImageHeader | None:
    """Return the header of a PNG, BMP, JPEG or TIFF file, None where it cannot be told without decoding."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        if head[:4] == b"\x89PNG":
            columns, rows, bits = struct.unpack(">IIB", head[16:25])
        elif head[:2] == b"BM":
            columns, rows = struct.unpack("<ii", head[18:26])
            rows, bits = abs(rows), 8
        elif head[:2] == b"\xff\xd8":
            return _jpeg(head)
        elif head[:2] in (b"II", b"MM"):
            return _tiff(head)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return ImageHeader(rows, columns, 16 if bits > 8 else 8)


def _jpeg(head: bytes) -> ImageHeader | None:
    at = 2
    while head[at] == 0xFF:
        marker, length = head[at + 1], struct.unpack(">H", head[at + 2 : at + 4])[0]
        if marker in _JPEG_FRAMES:
            bits, rows, columns = struct.unpack(">BHH", head[at + 4 : at + 9])
            return ImageHeader(rows, columns, 16 if bits > 8 else 8)
        at += 2 + length
    return None


def _tiff(head: bytes) -> ImageHeader | None:
    order = "<" if head[:2] == b"II" else ">"
    version, start = struct.unpack(order + "HI", head[2:8])
    if version != 42:
        return None
    tags = {}
    for i in range(struct.unpack(order + "H", head[start : start + 2])[0]):
        entry = head[start + 2 + 12 * i : start + 14 + 12 * i]
        tag, kind, count = struct.unpack(order + "HHI", entry[:8])
        # A SHORT lies left in the four bytes; several of them lie elsewhere in the file.
        tags[tag] = struct.unpack(order + ("H" if kind == 3 else "I"), entry[8 : 10 if kind == 3 else 12])[0]
        if tag == _TIFF_BITS and count > 2:
            tags[tag] = struct.unpack(order + "H", head[tags[tag] : tags[tag] + 2])[0]
    if _TIFF_ROWS not in tags or _TIFF_COLUMNS not in tags:
        return None
    return ImageHeader(tags[_TIFF_ROWS], tags[_TIFF_COLUMNS], 16 if tags.get(_TIFF_BITS, 8) > 8 else 8)


def tiff_pages(data: np.ndarray) -> int:
    """Return the number of pages of a TIFF file, given as (n,) uint8: the length of its chain of directories."""
    order = "<" if data[0] == ord("I") else ">"
    big = struct.unpack(order + "H", data[2:4].tobytes())[0] == 43
    width, count_code, entry = (8, "Q", 20) if big else (4, "H", 12)
    count_size, offset_code = struct.calcsize(count_code), "Q" if big else "I"
    at = width
    pages: set[int] = set()
    try:
        while (start := struct.unpack(order + offset_code, data[at : at + width].tobytes())[0]) and start not in pages:
            pages.add(start)
            entries = struct.unpack(order + count_code, data[start : start + count_size].tobytes())[0]
            at = start + count_size + entries * entry
    except struct.error:
        pass  # The chain leads out of the file; decoding the page that is cut off says so.
    return len(pages)


def is_cut_off(data: np.ndarray) -> bool:
    """Tell whether an encoded image, as (n,) uint8, lacks its end.

    Decoders fill what is missing with grey and say so only on stderr: on an angiogram that looks like a collimator.
    """
    head, whole = data[:12].tobytes(), data.data
    if head[:4] == b"\x89PNG":
        return bytes(whole).rfind(b"IEND") < 0
    if head[:2] == b"\xff\xd8":
        raw = bytes(whole)
        return raw.rfind(b"\xff\xd9") < raw.rfind(b"\xff\xda")
    if head[:2] == b"BM":
        return len(data) < struct.unpack("<I", head[2:6])[0]
    if head[:3] == b"GIF":
        return not bytes(data[-64:]).rstrip(b"\x00").endswith(b";")
    return False
