"""What names say: the frame that a file belongs to, and the tissue that a label means."""

from __future__ import annotations

import re
from pathlib import Path


def frame_of_mask(mask: Path, run: Path) -> int | None:  # noqa: ARG001
    """Return the 0-based frame that a mask's file names, None where it names none."""
    return frame_in_name(mask.name)


def frame_in_name(name: str) -> int | None:
    """Return the 0-based frame of ``…frame_0014.png``: the number after the word counts from 1."""
    found = re.search(r"(?:frame|frm)[ _.-]*0*(\d+)", name, re.IGNORECASE)
    return int(found[1]) - 1 if found and int(found[1]) > 0 else None
