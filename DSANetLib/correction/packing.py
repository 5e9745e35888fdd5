"""Masks of a frame in a few hundred bytes, to keep many of them and to store them as text."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import OutputError


@dataclass(frozen=True)
class PackedMasks:
    """Liver and tumour of one frame, compressed without loss.

    Parameters
    ----------
    shape
        (rows, columns) of the frame.
    liver, tumour
        zlib over ``numpy.packbits`` of the mask, row by row. Equal masks give equal bytes within a process.
    """

    shape: tuple[int, int]
    liver: bytes
    tumour: bytes

    def unpack(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (liver, tumour), uint8 (rows, columns), 0 or 1."""
        return _unpack(self.liver, self.shape), _unpack(self.tumour, self.shape)

    def to_text(self) -> str:
        """Return one word of ASCII that `from_text` reads: ``ROWSxCOLUMNS:base64:base64``."""
        liver, tumour = (base64.b64encode(part).decode("ascii") for part in (self.liver, self.tumour))
        return f"{self.shape[0]}x{self.shape[1]}:{liver}:{tumour}"


def pack(liver: np.ndarray | None, tumour: np.ndarray | None, shape: tuple[int, int]) -> PackedMasks:
    """Pack two masks, non-zero = inside; None is an empty one."""
    return PackedMasks((int(shape[0]), int(shape[1])), _pack(liver, shape), _pack(tumour, shape))


def from_text(text: str) -> PackedMasks:
    """Read what `PackedMasks.to_text` wrote.

    Raises
    ------
    OutputError
        Where the text is damaged.
    """
    try:
        size, liver, tumour = text.split(":")
        rows, columns = (int(part) for part in size.split("x"))
        found = PackedMasks(
            (rows, columns), base64.b64decode(liver, validate=True), base64.b64decode(tumour, validate=True)
        )
        found.unpack()
    except (ValueError, binascii.Error, zlib.error) as error:
        raise OutputError(f"a stored mask is damaged ({error})", "Use a copy of the file") from error
    return found


def _pack(mask: np.ndarray | None, shape: tuple[int, int]) -> bytes:
    inside = np.zeros(shape, bool) if mask is None else np.asarray(mask) != 0
    if inside.shape != tuple(shape):
        raise ValueError(f"a mask of {inside.shape} on a frame of {shape}")
    return zlib.compress(np.packbits(inside).tobytes(), 1)


def _unpack(packed: bytes, shape: tuple[int, int]) -> np.ndarray:
    count = shape[0] * shape[1]
    bits = np.frombuffer(zlib.decompress(packed), np.uint8)
    if bits.size != -(-count // 8):
        raise ValueError(f"{bits.size} bytes for {count} pixels")
    return np.unpackbits(bits, count=count).reshape(shape)
