"""Pixels of a DICOM file, a frame at a time: nothing but the frame asked for is read and decoded."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import RunError
from .grey import to_grey

_BROKEN = "Export or copy the file again"
_UNCOMPRESS = "Export the run uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE"
_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
# First bytes of a compressed frame: JPEG and JPEG-LS (SOI), JPEG 2000 code stream.
_FRAME_STARTS = (b"\xff\xd8", b"\xff\x4f")


class Span(NamedTuple):
    """Where bytes lie in a file."""

    offset: int
    length: int


def read_dataset(path: Path) -> tuple[Any, int]:
    """Read everything of a DICOM file that lies before its pixels.

    Returns
    -------
    tuple
        The pydicom ``Dataset`` and the offset of the pixel data element in the file (0 where deflated).

    Raises
    ------
    RunError
        Where the header cannot be read.
    """
    import pydicom

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            dataset.decode()
            offset = file.tell()
    except Exception as error:  # pydicom raises nearly every class there is on a damaged header
        raise RunError("the DICOM header is damaged", _BROKEN, path) from error
    if "SOPClassUID" not in dataset and "Rows" not in dataset:
        raise RunError("the file has no DICOM image header", "Give a DICOM XA or RF file", path)
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax is not None and syntax.is_deflated:
        offset = 0
    return dataset, offset


def holds_pixels(path: Path, dataset: Any, offset: int) -> bool:
    """Tell whether a file has pixel data, whatever its header says of rows and columns; as `read_dataset` gives it."""
    if not offset:  # Deflated: nothing lies where it would in the file.
        import pydicom

        try:
            return "PixelData" in pydicom.dcmread(path)
        except Exception:  # noqa: BLE001 - damaged: it stays in the list, and its reader says so
            return True
    order = "<" if dataset.original_encoding[1] else ">"
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(4) == struct.pack(order + "HH", 0x7FE0, 0x0010)
    except OSError:
        return True


class DicomPixels:
    """Frames of one DICOM file by index.

    Parameters
    ----------
    path, dataset, offset
        As ``read_dataset`` gives them.

    Raises
    ------
    RunError
        No pixels, truncated (with the number of whole frames), or an encoding without decoder.
    """

    def __init__(self, path: Path, dataset: Any, offset: int) -> None:
        self._path = path
        self._dataset = dataset
        self.count = max(1, int(dataset.get("NumberOfFrames") or 1))
        self.rows, self.columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
        self.bits_allocated = int(dataset.get("BitsAllocated") or 0)
        self.bits_stored = int(dataset.get("BitsStored") or self.bits_allocated)
        self._check_header()
        self._decode = self._decoder()
        self._memory = None if offset else self._inflate()
        with self._open() as file:
            self._spans, self._vr = self._find_frames(file, offset)

    @property
    def dtype(self) -> np.dtype:
        """Stored dtype: uint8, uint16 or int16."""
        if self.bits_allocated == 8 and not self._signed:
            return np.dtype(np.uint8)
        return np.dtype(np.int16 if self._signed else np.uint16)

    @property
    def _signed(self) -> bool:
        return int(self._dataset.get("PixelRepresentation") or 0) == 1

    def frame(self, i: int) -> np.ndarray:
        """Return the stored values of frame ``i`` (0-based), (rows, columns), before any window or inversion."""
        with self._open() as file:
            fragments = []
            for span in self._spans[i]:
                file.seek(span.offset)
                fragments.append(file.read(span.length))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = self._decode(fragments, self._vr)
        except Exception as error:  # decoders raise nearly every class there is on damaged data
            why = self._reason(error)
            raise RunError(f"frame {i + 1} of {self.count} cannot be decoded: {why}", _BROKEN, self._path) from error
        grey = to_grey(image[..., ::-1], f"{self._path}, frame {i + 1}") if image.ndim == 3 else image
        return np.array(grey, dtype=self.dtype)

    def _reason(self, error: Exception) -> str:
        """Return in words why a frame's bytes gave no picture."""
        said = " ".join(str(error).split())
        # What pydicom says of the header names the element, "(0028,0101) 'Bits Stored'", and what is wrong with it.
        if isinstance(error, ValueError) and "(0028," in said:
            return said.rstrip(".")
        if self.encapsulated:
            return "its compressed pixels are damaged, or are not of the encoding, size or depth that the header states"
        return "its pixels do not fit the size and depth that the header states"

    def _check_header(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise RunError(
                "the DICOM object holds no image, or does not say how many rows and columns it has",
                "Give the file of the run itself, or export it again",
                self._path,
            )
        if self.bits_allocated not in (8, 16):
            raise RunError(f"pixels of {self.bits_allocated} bits are not read", "Export 8 to 16 bits", self._path)

    def _open(self) -> BinaryIO:
        import io

        try:
            return self._path.open("rb") if self._memory is None else io.BytesIO(self._memory)
        except OSError as error:
            raise RunError(f"cannot be opened ({error.strerror})", "Check the path", self._path) from None

    def _inflate(self) -> bytes:
        """Return the element's bytes of a deflated data set, whose pixels have no place in the file."""
        import pydicom

        try:
            return bytes(pydicom.dcmread(self._path).PixelData)
        except Exception as error:  # as above
            raise RunError("the deflated part of the file is damaged", _BROKEN, self._path) from error

    def _decoder(self) -> Callable[[list[bytes], str], np.ndarray]:
        from pydicom.encaps import encapsulate
        from pydicom.pixels import apply_color_lut, get_decoder
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

        dataset = self._dataset
        syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
        if syntax is None:
            syntax = ImplicitVRLittleEndian if dataset.original_encoding[0] else ExplicitVRLittleEndian
        try:
            decoder = get_decoder(syntax)
        except NotImplementedError:
            name = syntax.name if syntax.is_transfer_syntax else str(syntax)
            raise RunError(f"the encoding {name} is not read", _UNCOMPRESS, self._path) from None
        if not decoder.is_available:
            raise RunError(
                f"no decoder for {syntax.name} is installed", "Install it: pip install python-gdcm", self._path
            )
        # One decoder for all JPEG families, so that every installation gives the same pixels.
        plugin = "gdcm" if "gdcm" in decoder.available_plugins else ""
        palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
        options = {
            "rows": self.rows,
            "columns": self.columns,
            "number_of_frames": 1,
            "samples_per_pixel": int(dataset.get("SamplesPerPixel") or 1),
            "photometric_interpretation": dataset.get("PhotometricInterpretation") or "MONOCHROME2",
            "pixel_representation": int(self._signed),
            "bits_allocated": self.bits_allocated,
            "bits_stored": self.bits_stored,
            "planar_configuration": int(dataset.get("PlanarConfiguration") or 0),
            "pixel_keyword": "PixelData",
        }
        self.encapsulated = bool(syntax.is_encapsulated)

        def decode(fragments: list[bytes], vr: str) -> np.ndarray:
            joined = b"".join(fragments)
            data = encapsulate([joined], has_bot=False) if self.encapsulated else joined
            image, _ = decoder.as_array(data, decoding_plugin=plugin, pixel_vr=vr, **options)
            return np.asarray(apply_color_lut(image, dataset) if palette else image)

        return decode

    def _find_frames(self, file: BinaryIO, offset: int) -> tuple[list[list[Span]], str]:
        order = "<" if self._dataset.original_encoding[1] else ">"
        vr, length = "OW", _UNDEFINED if self.encapsulated else len(self._memory or b"")
        if self._memory is None:
            file.seek(offset)
            head = file.read(12)
            if len(head) < 8 or struct.unpack(order + "HH", head[:4]) != (0x7FE0, 0x0010):
                raise RunError("the DICOM object holds no pixels", "Give the file of the run itself", self._path)
            if self._dataset.original_encoding[0]:
                length = struct.unpack(order + "I", head[4:8])[0]
                file.seek(offset + 8)
            else:
                vr, length = head[4:6].decode("ascii", "replace"), struct.unpack(order + "I", head[8:12])[0]
        if self.encapsulated:
            return self._group(file, self._fragments(file)), vr
        return self._native(file, length), vr

    def _native(self, file: BinaryIO, length: int) -> list[list[Span]]:
        start = file.tell()
        samples = int(self._dataset.get("SamplesPerPixel") or 1)
        size = self.rows * self.columns * samples * self.bits_allocated // 8
        if self._dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
            size = size * 2 // 3
        held = file.seek(0, 2) - start
        self._check_whole(min(held, length) // size)
        return [[Span(start + i * size, size)] for i in range(self.count)]

    def _check_whole(self, whole: int) -> None:
        if whole < self.count:
            raise RunError(f"the file is truncated: {whole} of {self.count} frames could be read", _BROKEN, self._path)

    def _fragments(self, file: BinaryIO) -> list[Span]:
        """Return all items of the encapsulated pixel data; the first is the basic offset table."""
        start = file.tell()
        end = file.seek(0, 2)
        spans: list[Span] = []
        at = start
        while at + 8 <= end:
            file.seek(at)
            group, element, length = struct.unpack("<HHI", file.read(8))
            tag = group << 16 | element
            if tag == _DELIMITER:
                break
            if tag != _ITEM or at + 8 + length > end:
                break  # Cut off or damaged: what lies before is counted.
            spans.append(Span(at + 8, length))
            at += 8 + length
        return spans

    def _group(self, file: BinaryIO, spans: Sequence[Span]) -> list[list[Span]]:
        """Put fragments together to frames: by one a frame, by the offset table, or by the codec's start bytes."""
        items = [span for span in spans[1:] if span.length]
        if self.count == 1:
            self._check_whole(1 if items else 0)
            return [items]
        if len(items) == self.count:
            return [[span] for span in items]
        starts = self._table(file, spans[0]) if spans else set()
        if len(starts) != self.count and len(items) > self.count:
            starts = set()
            for span in items:
                file.seek(span.offset)
                if file.read(2) in _FRAME_STARTS:
                    starts.add(span.offset)
        frames: list[list[Span]] = []
        for span in items:
            if not frames or not starts or span.offset in starts:
                frames.append([])
            frames[-1].append(span)
        self._check_whole(len(frames))
        return frames[: self.count]

    def _table(self, file: BinaryIO, table: Span) -> set[int]:
        """Return the offsets in the file at which frames start, from the basic or extended offset table."""
        first = table.offset + table.length
        extended = self._dataset.get("ExtendedOffsetTable")
        file.seek(table.offset)
        raw = bytes(extended) if extended else file.read(table.length)
        code = "<u8" if extended else "<u4"
        return {first + int(offset) + 8 for offset in np.frombuffer(raw, code)}
