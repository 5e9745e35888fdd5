"""What names say: the frame that a file belongs to, and the tissue that a label means."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from ..readers.images import natural_key

Tissue = Literal["tumour", "liver", "hole"]

_TUMOUR = re.compile(r"tumou?r|lesion|hcc|nodule|neoplas|metasta|carcinoma|\bmass\b|肿瘤|病灶", re.IGNORECASE)
_LIVER = re.compile(r"liver|hepar|leber|foie|hígado|肝", re.IGNORECASE)
_FRAME = re.compile(r"(?:frame|frm)[ _.:=-]*0*(\d+)", re.IGNORECASE)
_PICTURES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm"))


def tissue(label: str) -> Tissue | None:
    """Return what a label means: a hole, a tumour, the liver; None where it is none of them.

    Examples
    --------
    >>> tissue("Liver tumor 2"), tissue("Liver"), tissue("tumour hole"), tissue("catheter")
    ('tumour', 'liver', 'hole', None)
    """
    if re.search(r"\bhole\b|_hole\b|\bhole_", label, re.IGNORECASE):
        return "hole"
    return "tumour" if _TUMOUR.search(label) else "liver" if _LIVER.search(label) else None


def plain(text: str) -> str:
    """Return a name in small letters and digits, with one _ between its parts."""
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def stem(name: str) -> str:
    """Return a file's name without its suffix, also without .seg or .seq before it."""
    return re.sub(r"(\.(seq|seg))?\.[A-Za-z0-9]{1,5}$", "", name, flags=re.IGNORECASE)


def picture_of(document: dict[str, Any]) -> str:
    """Return the plain name of the picture that a LabelMe file was drawn on, after that of its folder."""
    picture = PureWindowsPath(str(document.get("imagePath") or ""))
    return plain("_".join((*picture.parts[-2:-1], stem(picture.name))))


def frame_in_name(name: str, run: Path | None = None) -> int | None:
    """Return the 0-based frame that a file's name holds, None where it holds none.

    Numbers count from 1: after the word frame (``frame_0014.png``), after the run's own name
    (``p1_run1_0014.json`` of ``p1_run1.avi``), or alone (``0014.png``).
    """
    stem = name.split(".")[0] if "." in name else name
    found = _FRAME.search(stem) or re.fullmatch(r"0*(\d+)", stem)
    if found is None and run is not None:
        own = run.name.split(".")[0]
        rest = stem[len(own) :] if stem.lower().startswith(own.lower()) else ""
        numbers = re.findall(r"(?<![^\W_])0*(\d+)(?![^\W_])", rest)
        found = re.match(r"[ _.-]+0*(\d+)(?![^\W_])", rest)
        # p1_run1_tumour_0014.png: one number alone can only be the frame.
        number = int(found[1]) if found else int(numbers[0]) if len(numbers) == 1 else 0
    else:
        number = int(found[1]) if found else 0
    return number - 1 if number > 0 else None


def named_frames(mask: Path, run: Path, document: dict[str, Any] | None = None) -> dict[str, int]:
    """Return where a mask's file names its frame → the 0-based frame, in the order of trust.

    Parameters
    ----------
    mask
        The file.
    run
        The run that it belongs to: where that is a folder of pictures, a picture's name gives its place.
    document
        Content of a LabelMe file: its flags (``frame 14``) and ``imagePath`` are looked at.
    """
    found: dict[str, int | None] = {}
    if document is not None:
        flags = document.get("flags")
        names = [f"{name} {value}" for name, value in flags.items() if value] if isinstance(flags, dict) else []
        found["flags"] = next((frame for name in names if (frame := frame_in_name(name)) is not None), None)
        picture = PureWindowsPath(str(document.get("imagePath") or "")).name
        found["imagePath"] = _place_of_picture(picture, run)
        if found["imagePath"] is None:
            found["imagePath"] = frame_in_name(picture, run)
    found["the file's name"] = frame_in_name(mask.name, run)
    return {place: frame for place, frame in found.items() if frame is not None}


def _place_of_picture(picture: str, run: Path) -> int | None:
    if not picture or not run.is_dir() or not (run / picture).is_file():
        return None
    pictures = sorted((p for p in run.iterdir() if p.suffix.lower() in _PICTURES), key=natural_key)
    names = [path.name for path in pictures]
    return names.index(picture) if picture in names else None
