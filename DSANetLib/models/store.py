"""Find model packages and load them."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Literal, get_args

from ..errors import ModelError
from .card import ModelCard
from .folders import models_folder, user_models_folder
from .model import ResponseModel, Runtime, SegmentationModel
from .package import CARD, TWIN, WEIGHTS, PackageSummary, read_card, summarise, verify_file

log = logging.getLogger(__name__)

RuntimeChoice = Literal["auto", "onnx", "torch"]


def list_packages(folder: str | Path | None = None) -> list[PackageSummary]:
    """Return the usable packages in a folder, by name; a damaged one is logged and left out.

    Parameters
    ----------
    folder
        Folder of packages; by default those of DSANet itself, then the user's own (`import_package`).
    """
    found: dict[str, PackageSummary] = {}
    for root in _folders(folder):
        for card in sorted(root.glob(f"*/{CARD}")):
            if card.parent.name.startswith("."):
                continue
            try:
                found.setdefault(card.parent.name, summarise(card.parent))
            except ModelError as error:
                log.warning("%s", error)
    return list(found.values())


def _folders(folder: str | Path | None) -> list[Path]:
    return [models_folder(), user_models_folder()] if folder is None else [Path(folder)]


def load_model(
    name_or_path: str | Path,
    *,
    runtime: RuntimeChoice = "auto",
    device: str = "cpu",
    threads: int | None = None,
    folder: str | Path | None = None,
) -> SegmentationModel | ResponseModel:
    """Load a model package, its files verified.

    Parameters
    ----------
    name_or_path
        A name that `list_packages` shows, or the folder of a package.
    runtime
        ``onnx``: the exported twin. ``torch``: the network itself. ``auto``: the twin, unless the package has none
        or `device` asks for CUDA.
    device
        ``cpu``; ``cuda``, ``cuda:1``, …, for the torch runtime; ``auto``: CUDA where torch computes and
        finds it.
    threads
        CPU threads of one call; None leaves it to the runtime. The twin's results do not depend on it.
    folder
        Where names are looked up; by default DSANet's own packages, then the user's.

    Raises
    ------
    ModelError
        Where the package is missing, damaged, altered, or does not fit the request.
    DependencyError
        Where the runtime asked for is not installed.

    Examples
    --------
    >>> from DSANetLib.models import load_model
    >>> model = load_model("ffs-phantom")                     # doctest: +SKIP
    >>> maps = model.segment(frames, keys)                    # doctest: +SKIP
    """
    if runtime not in get_args(RuntimeChoice):
        raise ModelError(f"there is no runtime {runtime!r}", f"Use {', '.join(get_args(RuntimeChoice))}")
    if threads is not None and threads < 1:
        raise ModelError(f"{threads} threads cannot compute", "Use 1 or more")
    package = find_package(name_or_path, folder)
    card = read_card(package)
    computes = _make_runtime(package, card, runtime, device, threads)
    return (SegmentationModel if card.task == "segmentation" else ResponseModel)(card, computes)


def find_package(name_or_path: str | Path, folder: str | Path | None = None) -> Path:
    """Return the folder of a package by the name that `list_packages` shows, or by its path; else `ModelError`."""
    for candidate in (*(root / name_or_path for root in _folders(folder)), Path(name_or_path)):
        if (candidate / CARD).is_file():
            return candidate
    if (path := Path(name_or_path)).is_dir():
        raise ModelError("there is no model package here (no card.json)", "Name the package's own folder", path)
    names = ", ".join(package.name for package in list_packages(folder)) or "none"
    raise ModelError(
        f"there is no model package {str(name_or_path)!r}",
        f"Packages here: {names}; or give a folder",
        _folders(folder)[0],
    )


def _make_runtime(package: Path, card: ModelCard, runtime: RuntimeChoice, device: str, threads: int | None) -> Runtime:
    cuda = device.startswith("cuda")
    if runtime == "auto":
        has_twin = TWIN in card.checksums and importlib.util.find_spec("onnxruntime") is not None
        runtime = "onnx" if has_twin and not cuda else "torch"
    weights = verify_file(package, card, WEIGHTS)
    if runtime == "torch":
        from .torch_runtime import TorchRuntime

        return TorchRuntime(weights, card, device, threads)
    if device not in ("cpu", "auto"):
        raise ModelError(f"the runtime onnx computes on the CPU, not on {device}", "Use the device cpu, or torch")
    from .onnx_runtime import OnnxRuntime

    return OnnxRuntime(verify_file(package, card, TWIN), threads)
