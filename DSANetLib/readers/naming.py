"""Names of cases: from files and folders, made neutral, safe for file systems and unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from .kind import is_folder

_SUFFIXES = re.compile(r"(\.seq)?\.[A-Za-z0-9]{1,5}$", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[^\w.+-]+")
_MAX_LENGTH = 80


def case_name(path: Path) -> str:
    """Return a case name from a file's or folder's name: without suffix, safe as a file name on every system.

    Letters of every script stay; spaces and punctuation become hyphens.

    Examples
    --------
    >>> case_name(Path("Run é 3.seq.nrrd"))
    'Run-é-3'
    """
    name = path.name or path.resolve().name
    if not is_folder(path):
        name = _SUFFIXES.sub("", name) or name
    name = _FORBIDDEN.sub("-", unicodedata.normalize("NFC", name)).strip("-.")
    return name[:_MAX_LENGTH] or "case"


def reveals(text: str, identifiers: Iterable[str]) -> bool:
    """Tell whether a text holds a part of a patient's name, a number, a date or a UID.

    Parts of three letters or more are found anywhere, in any writing of accents and separators; those of two
    letters (Li, Ng) only as a word of their own.
    """
    folded = _fold(text)
    words = {_fold(word) for word in re.split(r"[\W_]+", text)}
    parts = (_fold(part) for value in identifiers for part in re.split(r"[\^=\s,_-]+", value))
    return any(part in folded if len(part) >= 3 else part in words for part in parts if len(part) >= 2)


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())


def unique_names(names: Sequence[str], parents: Sequence[str]) -> list[str]:
    """Make names unique: first by the parent folder's name, then by a number."""
    chosen = [
        f"{parent}-{name}" if list(names).count(name) > 1 and parent else name
        for name, parent in zip(names, parents, strict=True)
    ]
    taken: set[str] = set()
    result = []
    for name in chosen:
        candidate, number = name, 2
        while candidate.casefold() in taken:
            candidate, number = f"{name}-{number}", number + 1
        taken.add(candidate.casefold())
        result.append(candidate)
    return result
