"""Slicer's volume sequence file, ``.seq.nrrd``, without Slicer → DSARun."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError
from ..run import DSARun, PixelSpacing

_BROKEN = "Save or copy it again"
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
}
_VECTOR = re.compile(r"none|\([^)]*\)")
def read_sequence(path, case_id): raise NotImplementedError
