"""Which models there are, read once, and what the panel says of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from DSANetLib.errors import ModelError

if TYPE_CHECKING:
    from DSANetLib.models import ModelCard


@lru_cache(maxsize=1)
def _packages() -> tuple[Any, ...]:
    from DSANetLib.models import list_packages

    return tuple(list_packages())


@lru_cache(maxsize=32)
def _card(folder: str) -> ModelCard:
    from DSANetLib.models import read_card

    return read_card(folder)


def packagesOf(task: str) -> list[tuple[str, str]]:
    """Return (name, text) of the models of a task: those of DSANet, and the user's own."""
    return [(package.name, _listed(package.name)) for package in _packages() if package.task == task]


def _listed(name: str) -> str:
    """Return a model's name, and what it comes from where somebody fine-tuned it on a cohort."""
    card = cardOf(name)
    origin = card.training.get("from_package") if card else None
    runs = card.data.get("training", {}).get("runs") if card else None
    if not origin or runs is None:  # on the phantom patients are counted, not runs
        return name
    return _("{name} (fine-tuned from {origin} on {runs} corrected runs, not for diagnosis)").format(
        name=name, origin=origin["name"], runs=runs
    )


def cardOf(name: str) -> ModelCard | None:
    """Return the card of a model; None where there is none of this name, or it cannot be read any more."""
    folder = next((package.folder for package in _packages() if package.name == name), None)
    try:
        return None if folder is None else _card(str(folder))
    except ModelError:
        return None


def summaryOf(card: ModelCard) -> str:
    """Return what a model is, without what its warning says once more: the two stand one after the other."""
    summary = card.summary.rstrip(".")
    first, _sign, last = summary.rpartition("; ")
    return first if first and card.warning.casefold().startswith(last.casefold()) else summary


def importModel(source: str) -> str:
    """Copy a model package (folder or ZIP file) to the user's own and return its name.

    Raises
    ------
    DSANetError
        Where there is no package, or it is damaged, or there already.
    """
    from DSANetLib.models import import_package

    name = str(import_package(source).name)
    forgetModels()
    return name


def forgetModels() -> None:
    """Look anew which models there are, the next time somebody asks."""
    _packages.cache_clear()
    _card.cache_clear()
