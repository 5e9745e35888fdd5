"""Model 1: the parts of FFS trained together, or another segmenter, all alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from ..errors import TrainingError
from ..networks.config import SegmenterConfig
from ..networks.factory import build_segmenter
from ..networks.segmenter import Segmenter
from .augment import augmented_sample
from .cases import TrainingPatient, TrainingRun
from .config import TrainingConfig
from .data import digest_of, load_patients, stored_patients
from .loop import Batch, Loop, Watch
from .objective import SegmenterLosses
from .order import Order
from .packages import check_free, training_folder, write_segmenter
from .pictures import draw
from .processes import silent, start, use_threads
from .reports import Reporter
from .starting import load_weights
from .validation import choose_thresholds, given_thresholds, held_out_dice, patient_dice, shows_tumour

log = logging.getLogger(__name__)

SAMPLES = 54_000
"""Where neither samples nor minutes are given: 95 minutes on one core for FFS at width 16 and 128 pixels."""
MONITORED = 32


def train_segmenter(
    config: TrainingConfig,
    out: Path,
    progress: Callable[[str], None] | None = None,
    stop_after: int | None = None,
    watch: Watch | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
) -> Path:
    """Train a segmenter and write its package; see :func:`DSANetLib.training.train`.

    Parameters
    ----------
    stop_after
        Stop at this step, as a kill would; no package is written then.
    watch
        See :class:`~DSANetLib.training.loop.Loop`.
    thresholds
        ``tumour`` and ``liver``: taken as they are instead of chosen.
    """
    check_free(out)
    if config.samples is None and config.minutes is None:
        config = config.with_changes(samples=SAMPLES)
    fabric = start(config)
    say = (progress or log.info) if fabric.is_global_zero else silent
    with fabric.rank_zero_first():
        stored = [stored_patients(config, part, say) for part in ("training", "validation", "held_out")]
    patients, held_out = load_patients(stored[0]), load_patients(stored[1]) if stored[1] else []
    if not held_out and (config.patience or given_thresholds(0, config, thresholds) is None):
        raise TrainingError("there are no validation patients to choose length and threshold", "Give some")
    with use_threads(config):
        loop = make_loop(config, training_folder(out), patients, held_out, say, fabric=fabric, data=digest_of(*stored))
        loop.watch = watch
        network = loop.run(stop_after)
        if not loop.ended:
            return loop.folder
        if fabric.is_global_zero:
            facts = choose_thresholds(network.cpu(), held_out, config, thresholds)
            if stored[2]:
                facts["metrics"] |= held_out_dice(network, load_patients(stored[2]), config, facts["tumour_threshold"])
            if held_out:
                say(f"validation: Dice {facts['dice']:.3f} at threshold {facts['tumour_threshold']:.2f}")
            write_segmenter(out, network, config, loop, facts)
    fabric.barrier()
    return out


def make_loop(
    config: TrainingConfig,
    folder: Path,
    patients: Sequence[TrainingPatient],
    held_out: Sequence[TrainingPatient],
    progress: Callable[[str], None],
    *,
    fabric: Fabric | None = None,
    data: str = "",
) -> Loop:
    """Return the loop, ready to run: a new network, or a checkpoint's."""
    shape = SegmenterConfig(config.model, config.width, config.cohort.preparation.frames, config.handover)  # type: ignore[arg-type]
    network = build_segmenter(shape, config.seed).to(memory_format=torch.channels_last)
    load_weights(network, config)
    batches = SegmenterBatches([run for patient in patients for run in patient.runs], config)
    # Those without tumour say nothing of Dice; without patience a few patients are enough to look at.
    few = [patient for patient in held_out if any(shows_tumour(run) for run in patient.runs)]
    few = few if config.patience else few[:MONITORED]
    if held_out and not few:
        raise TrainingError("no validation patient shows a tumour", "Give more validation patients")

    def monitor(averaged: nn.Module) -> dict[str, float]:
        return {"dice": float(np.mean(list(patient_dice(averaged, few, config, np.array([0.5]))["tumour"])))}

    picture = partial(draw, few, config)
    reporter = Reporter(
        folder, progress, monitor if few else None, picture if few else None, tensorboard=config.tensorboard
    )
    losses = SegmenterLosses(config)
    lrs = network.lrs if isinstance(network, Segmenter) and config.lrs_lr is not None else None
    return Loop(
        network, config, folder, batches, losses, fabric or start(config), reporter, data,
        slower=lrs, slower_from=losses.alone_steps,
    )  # fmt: skip


class SegmenterBatches:
    """Numbers of samples → batch of augmented samples, the same whoever asks and when."""

    def __init__(self, runs: Sequence[TrainingRun], config: TrainingConfig) -> None:
        self.runs, self.config = [run for run in runs if run.masked], config
        if not self.runs:
            raise TrainingError("no run of the training patients has a mask", "Annotate some frames")
        self.order = Order(len(self.runs), config.seed)

    def __call__(self, numbers: range) -> Batch:
        """Return frames, key, difference, liver, tumour, each (B, channels, S, S), and has_liver (B,)."""
        config = self.config
        samples = []
        for n in numbers:
            rng = np.random.default_rng([config.seed, 2, n])
            run = self.runs[self.order[n]]
            samples.append(augmented_sample(run, config.cohort.preparation, config.augmentation, rng, self.runs))
        batch = {"has_liver": torch.tensor([sample.has_liver for sample in samples])}
        for name in ("frames", "key", "difference", "liver", "tumour"):
            images = torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))
            images = images if images.ndim == 4 else images[:, None]
            batch[name] = images.contiguous(memory_format=torch.channels_last)
        return batch
