"""Keys of the panel: there while the module is open, and gone when another one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer


class Shortcuts:
    """Keys of the whole window.

    Where a text field has the focus, letters go into the text: Qt asks the field first.

    Parameters
    ----------
    fallback
        Widget whose window gets the keys where Slicer has no main window.
    actions
        Key as Qt names it (``"Left"``, ``"A"``, ``"Ctrl+Z"``) → what it does.
    """

    def __init__(self, fallback: Any, actions: Mapping[str, Callable[[], None]]) -> None:
        self._fallback = fallback
        self._actions = dict(actions)
        self._installed: list[Any] = []

    def install(self) -> None:
        """Take the keys; nothing happens where they are taken already."""
        if self._installed:
            return
        window = slicer.util.mainWindow() or self._fallback
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.connect("activated()", action)
            self._installed.append(shortcut)

    def remove(self) -> None:
        """Give the keys back."""
        for shortcut in self._installed:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._installed.clear()

    @property
    def keys(self) -> list[str]:
        """The keys that are installed now."""
        return [shortcut.key.toString() for shortcut in self._installed]
