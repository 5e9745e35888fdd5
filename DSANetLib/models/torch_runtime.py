"""The network itself in torch, for machines that have the extra ``dsanet[train]`` or a CUDA device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, ModelError
from ..networks.config import SegmenterConfig
from .card import ModelCard

_INSTALL = "pip install 'dsanet[train]', or use the runtime onnx"


class TorchRuntime:
    """A package's network in torch, float32.

    Parameters
    ----------
    weights
        The verified safetensors file.
    card
        Its network's configuration is built.
    device
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda``, ``cuda:1``, ….
    threads
        CPU threads of one call; None leaves torch's own number.
    """

    def __init__(self, weights: Path, card: ModelCard, device: str = "auto", threads: int | None = None) -> None:
        torch = _torch()
        from .export import twin_module

        self._device = _device(torch, device)
        self._threads = threads
        self._module = twin_module(_filled_network(weights, card)).eval().to(self._device)
        version = torch.__version__.split("+")[0]
        self.name = f"torch {version} ({self._device})"

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute; float32 arrays by name in and out."""
        torch = _torch()
        with torch.inference_mode(), _threads(torch, self._threads):
            arrays = [torch.from_numpy(inputs[name]).to(self._device) for name in self._module.inputs]
            out = self._module(*arrays)
            return {name: value.cpu().numpy() for name, value in zip(self._module.outputs, out, strict=True)}


def _filled_network(weights: Path, card: ModelCard) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ..networks.factory import build_response, build_segmenter

    network: Any
    if isinstance(card.network, SegmenterConfig):
        network = build_segmenter(card.network)
    else:
        network = build_response(card.network)
    try:
        state = {name: value.float() for name, value in load_file(weights).items()}
        # Counters of batches seen are whole numbers and not stored: they play no part in prediction.
        counters = {name: v for name, v in network.state_dict().items() if not v.is_floating_point()}
        network.load_state_dict({**counters, **state})
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"weights and card do not fit ({reason})", "Install the package again", weights) from error
    return network


def _torch() -> Any:
    try:
        import monai  # noqa: F401 - the networks are made of its blocks
        import torch
    except ImportError as error:
        raise DependencyError("torch or MONAI is not installed", _INSTALL) from error
    return torch


def _device(torch: Any, device: str) -> Any:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"there is no device {device!r}", "Use cpu, auto or cuda") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("torch finds no CUDA device", "Use the device cpu or auto")
    return found


@contextmanager
def _threads(torch: Any, threads: int | None) -> Iterator[None]:
    """Set torch's threads for one call: the setting is the whole process's."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
