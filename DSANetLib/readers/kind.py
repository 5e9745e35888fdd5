"""What a file is, told from its first bytes and never from its suffix."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

from ..errors import RunError

Kind = Literal["video", "image", "dicom", "nrrd", "other"]

_SNIFF_BYTES = 1024
_PREAMBLE = 128

# (offset, bytes, kind): only formats whose reader exists; everything else is "other".
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"II*\x00", "image"),
    (0, b"MM\x00*", "image"),
    (0, b"II+\x00", "image"),
    (0, b"MM\x00+", "image"),
    (0, b"GIF87a", "image"),
    (0, b"GIF89a", "image"),
    (0, b"\x00\x00\x00\x0cjP  ", "image"),
    (0, b"\xff\x4f\xff\x51", "image"),
    (0, b"NRRD000", "nrrd"),
    (4, b"ftyp", "video"),
    (4, b"moov", "video"),
    (4, b"mdat", "video"),
    (4, b"wide", "video"),
    (4, b"skip", "video"),
    (4, b"free", "video"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"),
    (0, b"\x00\x00\x01\xba", "video"),
    (0, b"\x00\x00\x01\xb3", "video"),
    (0, b"OggS", "video"),
    (0, b"FLV\x01", "video"),
)

# Files people offer by mistake: named, so that the message helps.
_NAMED: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a ZIP archive", "Unpack it and give the files inside"),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it and give the file inside"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and give the files inside"),
    (0, b"Rar!", "a RAR archive", "Unpack it and give the files inside"),
    (0, b"%PDF", "a PDF document", "Export the run from the viewer as DICOM, AVI or PNG"),
    (0, b"\x89HDF", "an HDF5 file", "Export the run as DICOM, AVI or PNG"),
    (344, b"n+1\x00", "a NIfTI volume", "Export the run as DICOM, AVI or PNG"),
)

_ACCEPTED = "Give an AVI, MP4, DICOM, .seq.nrrd file or a folder of PNG, JPEG, TIFF or BMP frames"


def file_kind(path: Path) -> Kind:
    """Tell what a file is from its first bytes.

    Parameters
    ----------
    path
        An existing file.

    Returns
    -------
    Kind
        The reader that takes it, or ``other``.

    Raises
    ------
    RunError
        Where the file is missing, empty or cannot be opened.
    """
    head = read_head(path)
    # First of all: a DICOM file may carry a TIFF header in its preamble, and NEMA's samples do.
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return "dicom"
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if _is_dicom_without_preamble(head):
        return "dicom"
    if head[:4] == b"RIFF":
        return {b"AVI ": "video", b"WEBP": "image"}.get(head[8:12], "other")  # type: ignore[return-value]
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\x00" * 4:
        return "image"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "image"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "video"
    return "other"


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; a name that no file system takes is none (``Path.is_dir`` would raise)."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_head(path: Path) -> bytes:
    """Return the first kilobyte of a file, or raise RunError where there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except FileNotFoundError:
        raise RunError("no such file or folder", "Check the path", path) from None
    except OSError as error:
        raise RunError(f"cannot be opened ({error.strerror})", "Check the path and its permissions", path) from None
    except ValueError:
        raise RunError("this is no path", "Check the path", repr(str(path))) from None
    if not head:
        raise RunError("the file is empty", "Export or copy it again", path)
    return head


def not_a_run(path: Path) -> RunError:
    """Return the error for a file of kind ``other``: says what it is, where that can be told."""
    head = read_head(path)
    for offset, magic, what, remedy in _NAMED:
        if head[offset : offset + len(magic)] == magic:
            return RunError(f"this is {what}, not an angiographic run", remedy, path)
    if not any(head):
        return RunError("the file begins with zeros and has no known format", "Export or copy it again", path)
    if _is_text(head):
        return RunError("this is a text file, not an angiographic run", _ACCEPTED, path)
    return RunError("the content is of no format that can be read", _ACCEPTED, path)


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    # A character cut in two at the end of the head is no sign of a binary file.
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")
    return "\ufffd" not in text and sum(c.isprintable() or c.isspace() for c in text) > 0.95 * len(text)


def _is_dicom_without_preamble(head: bytes) -> bool:
    """Old exports begin with the data set itself: a first element of group 0002 or 0008."""
    if len(head) < 16:
        return False
    for order in "<>":
        group, element = struct.unpack(order + "HH", head[:4])
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        explicit = head[4:6].isalpha() and head[4:6].isupper()
        length = struct.unpack(order + ("H" if explicit else "I"), head[6:8] if explicit else head[4:8])[0]
        if length <= 256:
            return True
    return False
