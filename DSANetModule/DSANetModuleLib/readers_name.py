"""Who edits: the name that the reader gave in the panel, else Slicer's user information."""

from __future__ import annotations

import qt
import slicer

SETTING = "DSANet/Reader"


def readerName() -> str:
    """Return the reader's name, empty where none is known. Kept in Slicer's settings, never in a scene."""
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
