"""A model package on disk: {card.json, weights.safetensors, twin.onnx}, written whole, verified when read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ModelError, OutputError
from .card import ModelCard, Task
from .figures import Metric

CARD = "card.json"
WEIGHTS = "weights.safetensors"
TWIN = "twin.onnx"

_AGAIN = "Install the package again"


@dataclass(frozen=True)
class PackageSummary:
    """What a list of packages shows of one."""

    name: str
    task: Task
    summary: str
    size_mb: float
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            "name": self.name, "task": self.task, "summary": self.summary, "size_mb": self.size_mb,
            "folder": str(self.folder),
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name:24} {self.task:13} {self.size_mb:5.1f} MB  {self.summary}".rstrip()


def write_package(
    folder: str | Path, card: ModelCard, weights: bytes, twin: bytes | None, *, overwrite: bool = False
) -> Path:
    """Write a package, whole or not at all.

    Parameters
    ----------
    folder
        The package's folder, made here; its name is the model's.
    card
        Its checksums and library version are set here.
    weights
        A safetensors file.
    twin
        An ONNX file whose external data is the weights file, or None for a package that needs torch.
    overwrite
        Whether a package that is there is replaced.

    Returns
    -------
    pathlib.Path
        ``folder``.

    Raises
    ------
    OutputError
        Where the folder exists already, or cannot be written.
    """
    from .. import __version__

    folder = Path(folder)
    if folder.exists() and not (overwrite and (folder / CARD).is_file()):
        raise OutputError("is there already", "Name a new folder, or ask for overwriting a package", folder)
    files = {WEIGHTS: weights} if twin is None else {WEIGHTS: weights, TWIN: twin}
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    checksums["settings"] = card.settings_checksum()
    card = replace(card, checksums=checksums, library_version=__version__)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        for name, content in {**files, CARD: _card_bytes(card)}.items():
            (part / name).write_bytes(content)
        part.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(part, folder)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", "Check space and permissions", folder) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def update_metrics(
    folder: str | Path, metrics: Mapping[str, Metric], data: Mapping[str, Any] | None = None
) -> ModelCard:
    """Renew the figures in a package's card; weights and settings stay as they are.

    Parameters
    ----------
    folder
        The package.
    metrics
        Figures by name, added to those there are; same names are replaced.
    data
        Facts on the data, added likewise.

    Returns
    -------
    ModelCard
        The card as it was written.
    """
    folder = Path(folder)
    old = read_card(folder)
    card = replace(old, metrics={**old.metrics, **metrics}, data={**old.data, **(data or {})})
    part = folder / (CARD + ".part")
    part.write_bytes(_card_bytes(card))
    os.replace(part, folder / CARD)
    return card


def read_card(folder: str | Path) -> ModelCard:
    """Return a package's card, its settings checked against their checksum; files are checked by `verify_file`.

    Raises
    ------
    ModelError
        Where the card is missing, damaged, altered, or of another version.
    """
    path = Path(folder) / CARD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError("there is no model package here (no card.json)", "Check the folder's name", folder) from error
    except (OSError, ValueError) as error:
        raise ModelError("the card cannot be read", _AGAIN, path) from error
    try:
        card = ModelCard.from_dict(values)
    except ModelError as error:
        raise ModelError(error.problem, error.remedy, path) from error
    if card.checksums.get("settings") != card.settings_checksum():
        raise ModelError("the settings were altered after the package was written", _AGAIN, path)
    return card


def verify_file(folder: str | Path, card: ModelCard, name: str) -> Path:
    """Return the path of a package's file after checking its SHA-256.

    Raises
    ------
    ModelError
        Where the file is missing, damaged or altered.
    """
    path = Path(folder) / name
    if name not in card.checksums:
        raise ModelError(f"the package holds no {name}", "Use another runtime, or make the package anew", folder)
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{name} is missing or cannot be read", _AGAIN, folder) from error
    if found != card.checksums[name]:
        raise ModelError(f"{name} is damaged or was altered (checksum)", _AGAIN, folder)
    return path


def summarise(folder: Path) -> PackageSummary:
    """Return what a list shows of a package; ModelError where its card cannot be used."""
    card = read_card(folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6
    return PackageSummary(card.name, card.task, card.summary, round(size, 1), folder)


def _card_bytes(card: ModelCard) -> bytes:
    return (json.dumps(card.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
