"""Which models there are, read once, and what the panel says of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from DSANetLib.errors import ModelError

if TYPE_CHECKING:
    from DSANetLib.models import ModelCard


@lru_cache(maxsize=32)
def _card(folder: str) -> ModelCard:
    from DSANetLib.models import read_card

    return read_card(folder)


@lru_cache(maxsize=1)
def _packages() -> tuple[Any, ...]:
    from DSANetLib.models import list_packages

    return tuple(list_packages())


def packagesOf(task: str, chosen: str) -> list[tuple[str, str]]:
    """Return (name or folder, text) of the models of a task; the chosen one also where it lies in another folder."""
    found = [(package.name, package.name) for package in _packages() if package.task == task]
    if chosen and chosen not in {name for name, _text in found} and Path(chosen).is_dir():
        found.append((chosen, Path(chosen).name))
    return found


def cardOf(name: str, task: str) -> ModelCard | None:
    """Return the card of a model by name or folder; None where it is not there.

    Raises
    ------
    ModelError
        Where a folder is given that holds no model of the task.
    """
    from DSANetLib.models.store import models_folder

    if not name:
        return None
    if Path(name).is_dir():
        card = _card(name)
        if card.task != task:
            raise ModelError(f"{card.name} is no model for {task}", "Choose another folder", name)
        return card
    folder = models_folder() / name
    return _card(str(folder)) if folder.is_dir() else None


def timeText(seconds: float | None) -> str:
    """Return how long a model took on this machine."""
    if seconds is None:
        return _("Not timed on this machine yet.")
    return _("Took {seconds:.1f} s on this machine.").format(seconds=seconds)
