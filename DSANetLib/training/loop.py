"""The training loop of both models: batches made ahead, averaged weights, and checkpoints that resume exactly."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import TrainingError
from .config import TrainingConfig
from .journal import add_row, identity, make_folder, read_checkpoint, trim_log, write_checkpoint

log = logging.getLogger(__name__)

Batch = dict[str, torch.Tensor]
AHEAD = 2
UNTIMED, TIMED = 4, 12
"""Steps that `minutes` does not count, as the first are slow, and steps that it measures the speed on."""
REPORTS = 20
"""Lines of progress and rows of the log in a training."""


@dataclass
class Loop:
    """One training from weights to weights.

    Parameters
    ----------
    network
        Trained in place.
    config
        Samples, batch, rates, precision.
    folder
        Checkpoint and log; a checkpoint of the same configuration is gone on from.
    make_batch
        Step number to batch; called in a background thread, so it depends on nothing but the number.
    losses
        (network, batch, step) to named scalar tensors; ``total`` is minimised.
    monitor
        Averaged network to named numbers, called at every report; they go into the log.
    progress
        Called with one line of text.
    """

    network: nn.Module
    config: TrainingConfig
    folder: Path
    make_batch: Callable[[int], Batch]
    losses: Callable[[nn.Module, Batch, int], dict[str, torch.Tensor]]
    monitor: Callable[[nn.Module], dict[str, float]] | None = None
    progress: Callable[[str], None] = log.info
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    averaged: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        """Make optimiser and average, and go on from a checkpoint where there is one."""
        config = self.config
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(False)
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.lr, fused=True)
        if config.samples is not None:
            self.steps = config.samples // config.batch
        elif config.minutes is None:
            raise TrainingError("the training has no end", "Give samples or minutes")
        make_folder(self.folder)
        if self.checkpoint.exists():
            self._resume()
        trim_log(self.log_file, self.step * config.batch)

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.folder / "checkpoint.pt"

    @property
    def log_file(self) -> Path:
        """Where the log lies: a CSV with a row a report."""
        return self.folder / "log.csv"

    @property
    def samples(self) -> int:
        """Samples of the whole training; known once the speed is."""
        return (self.steps or 0) * self.config.batch

    def run(self, stop_after: int | None = None) -> nn.Module:
        """Train to the end and return the network with averaged weights, in evaluation mode.

        Parameters
        ----------
        stop_after
            Stop at this step with a checkpoint, as a kill would; for tests and for training in pieces.
        """
        started = saved = time.monotonic()
        before = self.seconds
        timed_from = started
        sums: dict[str, float] = {}
        counted = 0
        for step, batch in self._batches():
            values = self._one_step(batch)
            counted += 1
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value
            now = time.monotonic()
            self.seconds = before + now - started
            if self.steps is None and step == UNTIMED - 1:
                timed_from = now
            if self.steps is None and step == UNTIMED + TIMED - 1:
                self._fix_length((now - timed_from) / TIMED)
            if self._reports_at(step):
                self._report({name: value / counted for name, value in sums.items()})
                sums, counted = {}, 0
            stop = stop_after is not None and self.step >= stop_after
            if stop or now - saved > self.config.checkpoint_s or self.step == self.steps:
                self._save()
                saved = now
            if stop or self.step == self.steps:
                break
        return self.averaged

    def _one_step(self, batch: Batch) -> dict[str, float]:
        config = self.config
        rate = config.lr * self._rate(self.step * config.batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            # Dropout draws from this seed: the same whether the training was interrupted or not.
            torch.manual_seed(config.seed * 1_000_003 + self.step)
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                losses = self.losses(self.network, batch, self.step)
            self.optimizer.zero_grad()
            losses["total"].backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        values = {name: float(value.detach()) for name, value in losses.items()}
        if not math.isfinite(values["total"]):
            raise TrainingError(
                f"the loss is {values['total']} at step {self.step}", "Train with a lower rate or in float32"
            )
        self.optimizer.step()
        self._average()
        self.step += 1
        return values

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(1 - 1 / max(self.config.ema, 1.0), (1 + self.step) / (10 + self.step))
        mine, theirs = self.averaged.state_dict(), self.network.state_dict()
        names = [name for name in mine if mine[name].is_floating_point()]
        torch._foreach_lerp_([mine[n] for n in names], [theirs[n] for n in names], 1 - keep)

    def _rate(self, sample: int) -> float:
        """Rise, then fall by a cosine; while the length is unknown only the rise is reached."""
        rise = max(self.config.warmup, (UNTIMED + TIMED) * self.config.batch)
        if self.steps is None or sample < rise:
            return min(1.0, (sample + self.config.batch) / rise)
        part = (sample - rise) / max(self.samples - rise, 1)
        return 0.5 * (1 + math.cos(math.pi * min(part, 1.0)))

    def _fix_length(self, seconds: float) -> None:
        budget = (self.config.minutes or 0.0) * 60 - self.seconds
        self.steps = self.step + max(0, int(budget / seconds))
        if self.steps == self.step:
            self.steps += 1
        rate = self.config.batch / seconds
        self.progress(
            f"{rate:.1f} samples a second: {self.samples} samples, about {self.steps * seconds / 60:.1f} min. "
            f"Give samples={self.samples} to repeat this training exactly."
        )

    def _batches(self) -> Iterator[tuple[int, Batch]]:
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[tuple[int, Future[Batch]]] = deque()
            following = self.step
            try:
                while self.steps is None or self.step < self.steps:
                    while len(waiting) <= AHEAD and (self.steps is None or following < self.steps):
                        waiting.append((following, pool.submit(self.make_batch, following)))
                        following += 1
                    step, batch = waiting.popleft()
                    yield step, batch.result()
            finally:
                for _, batch in waiting:
                    batch.cancel()

    def _reports_at(self, step: int) -> bool:
        if self.steps is None:
            return False
        every = max(1, self.steps // REPORTS)
        return (step + 1) % every == 0 or step + 1 == self.steps

    def _report(self, means: dict[str, float]) -> None:
        row = {"samples": self.step * self.config.batch, "seconds": round(self.seconds, 1)}
        values = means | (self.monitor(self.averaged) if self.monitor else {})
        row |= {name: round(value, 5) for name, value in values.items()}
        add_row(self.log_file, row)
        left = self.seconds / self.step * ((self.steps or self.step) - self.step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        rate = row["samples"] / max(self.seconds, 1e-9)
        self.progress(f"{row['samples']} of {self.samples}: {shown}; {rate:.1f} a second, {left / 60:.1f} min left")

    def _save(self) -> None:
        state = {
            "config": identity(self.config),
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_checkpoint(self.checkpoint, state)

    def _resume(self) -> None:
        state = read_checkpoint(self.checkpoint, identity(self.config))
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.steps, self.seconds = state["step"], state["steps"], state["seconds"]
        self.progress(f"going on from sample {self.step * self.config.batch}")


class Order:
    """Which of `count` items is the n-th sample: shuffled anew at every pass, from the seed alone."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._epoch, self._order = -1, np.empty(0, int)

    def __getitem__(self, sample: int) -> int:
        epoch, place = divmod(sample, self.count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, 1, epoch]).permutation(self.count)
        return int(self._order[place])


def use_threads(config: TrainingConfig) -> Any:
    """Return a context in which torch uses the configuration's number of threads."""
    return _Threads(config.threads)


class _Threads:
    def __init__(self, threads: int | None) -> None:
        self.threads, self.before = threads, torch.get_num_threads()

    def __enter__(self) -> None:
        if self.threads is not None:
            torch.set_num_threads(self.threads)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)
