"""Lightning Fabric as a training uses it: one process, or those of torchrun (``docs/decisions/0006-fabric.md``)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision, Precision, TorchCheckpointIO
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import distributed

from ..errors import TrainingError
from .config import TrainingConfig

PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one, which makes the cache that all read."""


def start(config: TrainingConfig) -> Fabric:
    """Return Fabric, started: of one device, or of this process among those of torchrun.

    Raises
    ------
    TrainingError
        Where a batch cannot be shared out evenly.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would announce itself on stderr
    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    precision = Precision() if config.precision == "float32" else HalfWhereItIsSafe("bf16-mixed", device)
    settings: dict[str, Any] = {"accelerator": device, "plugins": [WholeCheckpoints(), precision]}
    if "TORCHELASTIC_RUN_ID" in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        # TDL and LRS alone leave FFS without a gradient, which DDP has to be told of.
        strategy = DDPStrategy(timeout=PATIENCE, find_unused_parameters=config.alone > 0)
        settings |= {"devices": here, "num_nodes": int(os.environ["WORLD_SIZE"]) // here, "strategy": strategy}
    else:
        settings["devices"] = 1
    try:
        fabric = Fabric(**settings)
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"training cannot start on {config.device}: {error}", "Choose another device") from error
    if config.batch % (fabric.world_size * config.accumulate):
        raise TrainingError(
            f"a batch of {config.batch} cannot be shared by {fabric.world_size} processes in {config.accumulate} parts",
            "Choose a batch that can be divided by both",
        )
    return fabric


def total(value: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes, with its gradient; the value itself where there is one process."""
    return value if processes() == 1 else _Sum.apply(value)


class _Sum(torch.autograd.Function):
    """Sum over processes; torch's own with a gradient is deprecated in favour of a private one."""

    @staticmethod
    def forward(_ctx: Any, value: torch.Tensor) -> torch.Tensor:
        summed = value.detach().clone()
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _Sum.apply(gradient)


def processes() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


class HalfWhereItIsSafe(MixedPrecision):
    """Fabric's mixed precision, which would also round the true masks to bfloat16 before the loss sees them."""

    def convert_input(self, data: Any) -> Any:
        """Leave all as it is: autocast rounds what the convolutions take."""
        return data


class WholeCheckpoints(TorchCheckpointIO):
    """Fabric's checkpoints, written whole or not at all: its own way goes through another folder and copies."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:  # noqa: ARG002
        """Write over the last one in one step."""
        path = Path(path)
        temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
        try:
            with open(temporary, "wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def use_threads(config: TrainingConfig) -> Iterator[None]:
    """Let torch use the configuration's number of threads."""
    before = torch.get_num_threads()
    try:
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        yield
    finally:
        torch.set_num_threads(before)


def silent(_line: str) -> None:
    """Say nothing: of several processes one speaks."""
