"""Text that has to fit on the picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

LINES, WIDTH = 5, 108
"""Room for the flags: lines, and letters in each."""


def flag_lines(texts: Sequence[str]) -> list[str]:
    """Return flags in whole sentences, as many as there is room for, and how many more there are."""
    lines: list[str] = []
    for place, text in enumerate(texts):
        room = LINES - len(lines) - (place < len(texts) - 1)
        most = None if lines else room  # the first is cut where it is longer than all the room there is
        wrapped = textwrap.wrap(f"! {text}", WIDTH, subsequent_indent="   ", max_lines=most, placeholder=" …")
        if len(wrapped) > room:
            return [*lines, f"! {len(texts) - place} more notes in case.json, flag_texts"]
        lines += wrapped
    return lines


def shortened(text: str, most: int) -> str:
    """Return the text, or its beginning and … where it has more than `most` letters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
