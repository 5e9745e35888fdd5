"""The training loop of both models on Lightning Fabric: batches made ahead, averaged weights, exact resumption."""

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

import torch
from lightning_fabric import Fabric
from torch import nn

from ..errors import TrainingError
from ..whole import remove_leftovers
from .config import TrainingConfig
from .journal import CHECKPOINT, LOG, identity, make_folder, read_checkpoint, trim_log, write_checkpoint
from .reports import REPORTS, Best, Reporter

log = logging.getLogger(__name__)

Batch = dict[str, torch.Tensor]
Losses = Callable[[nn.Module, Batch, int], dict[str, torch.Tensor]]
Watch = Callable[[int, int], None]
AHEAD = 2
UNTIMED, TIMED = 4, 12
"""Steps that `minutes` does not count, as the first are slow, and steps that it measures the speed on."""
STEEPEST = 5.0
"""Norm at which gradients are cut."""


class _Objective(nn.Module):
    """Network and losses as one module: what Fabric wraps has to be called as a whole."""

    def __init__(self, network: nn.Module, losses: Losses) -> None:
        super().__init__()
        self.network, self.losses = network, losses

    def forward(self, batch: Batch, step: int) -> dict[str, torch.Tensor]:
        return self.losses(self.network, batch, step)


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
        Numbers of samples to batch; called in a background thread, so it depends on nothing but the numbers.
    losses
        (network, batch, step) to named scalar tensors; ``total`` is minimised. Sets the network's training mode.
    fabric
        Started; of one process or several.
    reporter
        Progress, log, validation.
    data
        Digest of the patients where the configuration does not fix them.
    slower
        Part of the network with a rate of its own, ``config.lrs_lr``, from step `slower_from` on.
    watch
        Called after each step with steps done and steps in all; what it raises ends the training.
    """

    network: nn.Module
    config: TrainingConfig
    folder: Path
    make_batch: Callable[[range], Batch]
    losses: Losses
    fabric: Fabric
    reporter: Reporter
    data: str = ""
    slower: nn.Module | None = None
    slower_from: int = 0
    watch: Watch | None = None
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    averaged: nn.Module = field(init=False)
    best: Best = field(init=False)

    def __post_init__(self) -> None:
        """Make optimiser and average, and go on from a checkpoint where there is one."""
        config = self.config
        self.optimizer = torch.optim.AdamW(self._groups(), lr=config.lr, fused=True)
        self.model, self.stepper = self.fabric.setup(_Objective(self.network, self.losses), self.optimizer)
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.best = Best(config.patience)
        if config.samples is not None:
            self.steps = config.samples // config.batch
        elif config.minutes is None:
            raise TrainingError("the training has no end", "Give samples or minutes")
        make_folder(self.folder)
        remove_leftovers(self.folder)
        if self.checkpoint.exists():
            self._resume()
        if self.fabric.is_global_zero:
            trim_log(self.folder / LOG, self.step * config.batch)
        self.fabric.barrier()

    def _groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's groups: weights, which decay, and the rest; those of the slower part apart."""
        slow = set() if self.slower is None else {id(p) for p in self.slower.parameters()}
        groups = []
        for slower in (False, True):
            mine = [p for p in self.network.parameters() if (id(p) in slow) == slower]
            for decay, chosen in (
                (self.config.weight_decay, [p for p in mine if p.ndim > 1]), (0.0, [p for p in mine if p.ndim <= 1]),
            ):  # fmt: skip
                if chosen:
                    groups.append({"params": chosen, "weight_decay": decay, "slower": slower})
        return groups

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.folder / CHECKPOINT

    @property
    def samples(self) -> int:
        """Samples of the whole training; known once the speed is."""
        return (self.steps or 0) * self.config.batch

    @property
    def ended(self) -> bool:
        """Whether nothing is left to be trained."""
        return self.step == self.steps or self.best.over

    def run(self, stop_after: int | None = None) -> nn.Module:
        """Train to the end and return the network with averaged weights, in evaluation mode.

        Parameters
        ----------
        stop_after
            Stop at this step with a checkpoint, as a kill would; for tests and for training in pieces.
        """
        started = saved = timed_from = time.monotonic()
        before = self.seconds
        for step, parts in self._batches():
            self.reporter.count(self._one_step(parts))
            if self.watch is not None and self.steps is not None:
                self.watch(self.step, self.steps)
            now = time.monotonic()
            self.seconds = before + now - started
            if self.steps is None and step == UNTIMED - 1:
                timed_from = now
            if self.steps is None and step == UNTIMED + TIMED - 1:
                self._fix_length((now - timed_from) / TIMED)
            if self._reports_at(step):
                self._report()
            stop = self.ended or (stop_after is not None and self.step >= stop_after)
            if self.fabric.broadcast(stop or now - saved > self.config.checkpoint_s):
                self._save()
                saved = now
            if stop:
                break
        if self.best.over and self.step != self.steps:
            self.reporter.say_early(self.best, self.step, self.steps or 0, self.config.batch)
        return self.best.put_into(self.averaged) if self.ended else self.averaged

    def _one_step(self, parts: list[Batch]) -> dict[str, float]:
        config = self.config
        self._set_rates()
        self.optimizer.zero_grad()
        sums: dict[str, torch.Tensor] = {}
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            # Dropout draws from this seed: the same whether the training was interrupted or not.
            torch.manual_seed(config.seed * 1_000_003 + self.step + 7_919 * self.fabric.global_rank)
            for number, batch in enumerate(parts):
                with self.fabric.no_backward_sync(self.model, enabled=number + 1 < len(parts)):
                    losses = self.model(self.fabric.to_device(batch), self.step)
                    self.fabric.backward(losses["total"] / len(parts))
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value.detach() / len(parts)
        steep = self.fabric.clip_gradients(self.model, self.stepper, max_norm=STEEPEST, error_if_nonfinite=False)
        values = self._means(sums)
        for what, value in (("loss", values["total"]), ("gradient", float(steep or 0.0))):
            if not math.isfinite(value):
                kept = f"; the checkpoint in {self.folder} is of before" if self.checkpoint.exists() else ""
                raise TrainingError(
                    f"the {what} is {value} at step {self.step}{kept}", "Train with a lower rate or in float32"
                )
        self.stepper.step()
        self._average()
        self.step += 1
        return values

    def _means(self, losses: dict[str, torch.Tensor]) -> dict[str, float]:
        """Return the losses as numbers, means over the processes."""
        if self.fabric.world_size == 1:
            return {name: float(value) for name, value in losses.items()}
        mine = torch.stack([value.float() for value in losses.values()])
        together: Any = self.fabric.all_reduce(mine, reduce_op="mean")
        return dict(zip(losses, together.tolist(), strict=True))

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(1 - 1 / max(self.config.ema, 1.0), (1 + self.step) / (10 + self.step))
        mine, theirs = self.averaged.state_dict(), self.network.state_dict()
        names = [name for name in mine if mine[name].is_floating_point()]
        torch._foreach_lerp_([mine[n] for n in names], [theirs[n] for n in names], 1 - keep)

    def _set_rates(self) -> None:
        """Rise, then fall by a cosine or stay; while the length is unknown only the rise is reached."""
        config, sample = self.config, self.step * self.config.batch
        rise, share = max(config.warmup, (UNTIMED + TIMED) * config.batch), 1.0
        if self.steps is None or sample < rise:
            share = min(1.0, (sample + config.batch) / rise)
        elif config.decay == "cosine":
            share = 0.5 * (1 + math.cos(math.pi * min((sample - rise) / max(self.samples - rise, 1), 1.0)))
        slow = config.lr if config.lrs_lr is None or self.step < self.slower_from else config.lrs_lr
        for group in self.optimizer.param_groups:
            group["lr"] = share * (slow if group["slower"] else config.lr)

    def _fix_length(self, seconds: float) -> None:
        seconds = self.fabric.broadcast(seconds)
        budget = (self.config.minutes or 0.0) * 60 - self.fabric.broadcast(self.seconds)
        self.steps = self.step + max(1, int(budget / seconds))
        rate = self.config.batch / seconds
        self.reporter.say(
            f"{rate:.1f} samples a second: {self.samples} samples, about {self.steps * seconds / 60:.1f} min. "
            f"Give samples={self.samples} to repeat this training exactly."
        )

    def _batches(self) -> Iterator[tuple[int, list[Batch]]]:
        """Yield step and batch, in parts, of this process; the next ones are made meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[tuple[int, Future[list[Batch]]]] = deque()
            following = self.step
            try:
                while not self.ended:
                    while len(waiting) <= AHEAD and (self.steps is None or following < self.steps):
                        waiting.append((following, pool.submit(self._parts, following)))
                        following += 1
                    step, batch = waiting.popleft()
                    yield step, batch.result()
            finally:
                for _, batch in waiting:
                    batch.cancel()

    def _parts(self, step: int) -> list[Batch]:
        """Return the samples of a step that are this process's, in as many parts as gradients are accumulated in."""
        config, world = self.config, self.fabric.world_size
        size = config.batch // (world * config.accumulate)
        first = step * config.batch + self.fabric.global_rank * size
        starts = [first + number * world * size for number in range(config.accumulate)]
        return [self.make_batch(range(start, start + size)) for start in starts]

    def _reports_at(self, step: int) -> bool:
        if self.steps is None:
            return False
        every = max(1, self.steps // REPORTS)
        return (step + 1) % every == 0 or step + 1 == self.steps

    def _report(self) -> None:
        """Validate in the first process, for all."""
        judged = math.nan
        if self.fabric.is_global_zero:
            judged = self.reporter.report(self.averaged, self.step * self.config.batch, self.samples, self.seconds)
        self.best.judge(self.fabric.broadcast(judged), self.step, self.averaged)

    def _save(self) -> None:
        state = {
            "config": identity(self.config, self.data),
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best.state(),
            "unreported": self.reporter.state(),
        }
        write_checkpoint(self.fabric, self.checkpoint, state)

    def _resume(self) -> None:
        state = read_checkpoint(self.fabric, self.checkpoint, identity(self.config, self.data))
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best.restore(state["best"])
        self.reporter.restore(state["unreported"])
        self.step, self.steps, self.seconds = state["step"], state["steps"], state["seconds"]
        self.reporter.say(f"going on from sample {self.step * self.config.batch}")
