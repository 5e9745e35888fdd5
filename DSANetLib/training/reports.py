"""What a training says of itself as it goes: progress, log, pictures, and whether it still improves."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import DependencyError
from .journal import LOG, add_row

log = logging.getLogger(__name__)

REPORTS = 20
"""Lines of progress and rows of the log in a training."""
PICTURED = 5
"""Every so many reports a picture."""


def board_writer() -> Any:
    """Return the class that writes TensorBoard's files.

    Raises
    ------
    DependencyError
        Without its package.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DependencyError("the log for TensorBoard needs its package", "pip install tensorboard") from error
    return SummaryWriter


@dataclass
class Reporter:
    """Progress and log of a training.

    Parameters
    ----------
    folder
        Of the log.
    progress
        Called with one line of text.
    monitor
        Averaged network to named numbers, called at every report; the first is what "better" means.
    picture
        Averaged network and file: draws what it does on validation patients.
    tensorboard
        Whether the rows are also written for TensorBoard.
    """

    folder: Path
    progress: Callable[[str], None] = log.info
    monitor: Callable[[nn.Module], dict[str, float]] | None = None
    picture: Callable[[nn.Module, Path], None] | None = None
    tensorboard: bool = False
    _sums: dict[str, float] = field(default_factory=dict)
    _counted: int = 0
    _reports: int = 0
    _board: Any = None

    def __post_init__(self) -> None:
        """Open TensorBoard's file."""
        if self.tensorboard:
            self._board = board_writer()(str(self.folder / "tensorboard"))

    def say(self, line: str) -> None:
        """Say one line."""
        self.progress(line)

    def say_early(self, best: Best, step: int, steps: int, batch: int) -> None:
        """Say that a training ended before its `steps`, of `batch` samples each."""
        self.say(
            f"stopped early, after {step * batch} of {steps * batch} samples: {best.waited} reports without a better "
            f"validation; the weights of sample {best.step * batch} are taken"
        )

    def count(self, losses: Mapping[str, float]) -> None:
        """Take the losses of a step into the means of the next report."""
        self._counted += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def report(self, network: nn.Module, samples: int, of: int, seconds: float) -> float:
        """Write a row, say it, and return the number that is judged; NaN where there is none."""
        found = self.monitor(network) if self.monitor else {}
        values = {name: value / self._counted for name, value in self._sums.items()} | found
        row = {"samples": samples, "seconds": round(seconds, 1)} | {n: round(v, 5) for n, v in values.items()}
        add_row(self.folder / LOG, row)
        self._sums, self._counted = {}, 0
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, samples)
            self._board.flush()
        if self.picture is not None and self._reports % PICTURED == 0:
            self.picture(network, self.folder / f"validation-{samples:08d}.png")
        self._reports += 1
        rate, left = samples / max(seconds, 1e-9), seconds / samples * (of - samples)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        self.say(f"{samples} of {of}: {shown}; {rate:.1f} a second, {left / 60:.1f} min left")
        return next(iter(found.values()), math.nan)

    def state(self) -> dict[str, Any]:
        """Return what the next report needs, so that the log of a stopped training is that of a whole one."""
        return {"sums": dict(self._sums), "counted": self._counted, "reports": self._reports}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._sums, self._counted, self._reports = dict(state["sums"]), state["counted"], state["reports"]


class Best:
    """The best weights so far by validation, and whether they have stood for too long; without patience nothing.

    Parameters
    ----------
    patience
        Reports without improvement after which it is over; None never ends it and keeps no weights.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.value, self.step, self.waited = -math.inf, 0, 0
        self.weights: dict[str, torch.Tensor] | None = None

    @property
    def over(self) -> bool:
        """Whether the training has stopped to improve."""
        return self.patience is not None and self.waited >= self.patience

    def judge(self, value: float, step: int, network: nn.Module) -> None:
        """Take a report's value; higher is better."""
        if self.patience is None:
            return
        if value > self.value:
            self.value, self.step, self.waited = value, step, 0
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        else:
            self.waited += 1

    def put_into(self, network: nn.Module) -> nn.Module:
        """Return the network with the best weights, where some were kept."""
        if self.weights is not None:
            network.load_state_dict(self.weights)
        return network

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes."""
        return {"value": self.value, "step": self.step, "waited": self.waited, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.value, self.step, self.waited = state["value"], state["step"], state["waited"]
        self.weights = state["weights"]
