"""Who edits: the name that the reader gave in the panel, else Slicer's user information; and whether others are hidden.

In Slicer's settings, never in a scene: one that is passed on to a second reader must bring neither along.
"""

from __future__ import annotations

import qt
import slicer

SETTING, HIDE = "DSANet/Reader", "DSANet/HideOtherReaders"


def readerName() -> str:
    """Return the reader's name, empty where none is known."""
    return givenName() or userName()


def givenName() -> str:
    """Return the name that was given in the panel."""
    return str(qt.QSettings().value(SETTING) or "").strip()


def userName() -> str:
    """Return the name in Slicer's user information."""
    information = slicer.app.applicationLogic().GetUserInformation()
    return str(information.GetName() or "").strip() if information is not None else ""


def setReaderName(name: str) -> None:
    """Keep the reader's name; empty goes back to Slicer's user information."""
    qt.QSettings().setValue(SETTING, name.strip())


def othersHidden() -> bool:
    """Return whether what other readers did is kept out of sight."""
    return str(qt.QSettings().value(HIDE)).lower() in ("1", "true")


def hideOthers(on: bool) -> None:
    """Keep what other readers did out of sight."""
    qt.QSettings().setValue(HIDE, bool(on))
