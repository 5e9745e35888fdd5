"""Model 1: TDL, LRS and FFS trained together, or the U-Net on the key frame, alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..errors import TrainingError
from ..evaluation.statistics import bootstrap_mean
from ..models import Metric
from ..networks.config import LossConfig, SegmenterConfig
from ..networks.factory import build_segmenter
from ..networks.losses import difference_loss, joint_loss, mask_loss
from ..networks.segmenter import Segmenter, SegmenterOutput
from .augment import augmented_sample, plain_sample
from .cases import TrainingPatient, TrainingRun
from .config import TrainingConfig
from .data import load_cohort
from .loop import Batch, Loop, Order, use_threads

log = logging.getLogger(__name__)

SAMPLES = 54_000
"""Where neither samples nor minutes are given: 95 minutes on one core for FFS at width 16 and 128 pixels."""
THRESHOLDS = np.round(np.arange(0.1, 0.91, 0.05), 2)
MONITORED = 32
HALF = 128
"""A pixel is tumour where half of it is covered, of 255."""
LOSS = LossConfig()


def train_segmenter(
    config: TrainingConfig, out: Path, progress: Callable[[str], None] | None = None, stop_after: int | None = None
) -> Path:
    """Train a segmenter on phantom patients and write its package; see :func:`DSANetLib.training.train`.

    Parameters
    ----------
    stop_after
        Stop at this step, as a kill would; no package is written then.
    """
    from .packages import check_free, write_segmenter

    check_free(out)
    if config.samples is None and config.minutes is None:
        config = config.with_changes(samples=SAMPLES)
    say = progress or log.info
    patients = load_cohort(config.training_seeds, config.cohort, progress)
    held_out = load_cohort(config.validation_seeds, config.cohort, progress)
    with use_threads(config):
        loop = make_loop(config, out.with_name(out.name + ".training"), patients, held_out, say)
        network = loop.run(stop_after)
        if stop_after is not None and loop.step != loop.steps:
            return loop.folder
        facts = choose_thresholds(network, held_out, config)
    say(f"validation: Dice {facts['dice']:.3f} at threshold {facts['tumour_threshold']:.2f}")
    return write_segmenter(out, network, config, loop.samples, loop.seconds, facts)


def make_loop(
    config: TrainingConfig,
    folder: Path,
    patients: Sequence[TrainingPatient],
    held_out: Sequence[TrainingPatient],
    progress: Callable[[str], None],
) -> Loop:
    """Return the loop, ready to run: a new network, or a checkpoint's."""
    shape = SegmenterConfig(kind=_kind(config), width=config.width, frames=config.cohort.preparation.frames)
    network = build_segmenter(shape, config.seed).to(memory_format=torch.channels_last)
    batches = SegmenterBatches([run for patient in patients for run in patient.runs], config)
    few = list(held_out)[:MONITORED]

    def monitor(averaged: nn.Module) -> dict[str, float]:
        return {"dice": float(np.mean(list(patient_dice(averaged, few, config, np.array([0.5]))["tumour"])))}

    return Loop(network, config, folder, batches, Losses(config), monitor, progress)


def _kind(config: TrainingConfig) -> Any:
    return config.model


class SegmenterBatches:
    """Step number → batch of augmented samples, the same whoever asks and when."""

    def __init__(self, runs: Sequence[TrainingRun], config: TrainingConfig) -> None:
        self.runs, self.config = runs, config
        self.order = Order(len(runs), config.seed)

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step: frames, key, difference, liver, tumour, each (B, channels, S, S)."""
        config = self.config
        samples = []
        for n in range(step * config.batch, (step + 1) * config.batch):
            rng = np.random.default_rng([config.seed, 2, n])
            run = self.runs[self.order[n]]
            samples.append(augmented_sample(run, config.cohort.preparation, config.augmentation, rng))
        batch = {}
        for name in ("frames", "key", "difference", "liver", "tumour"):
            images = torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))
            images = images if images.ndim == 4 else images[:, None]
            batch[name] = images.contiguous(memory_format=torch.channels_last)
        return batch


class Losses:
    """The paper's joint loss; before it, for a share of the samples, TDL and LRS alone."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def __call__(self, network: nn.Module, batch: Batch, step: int) -> dict[str, torch.Tensor]:
        """Return ``total`` and its parts."""
        if isinstance(network, Segmenter) and self._alone(step):
            tdl = difference_loss(network.tdl(batch["frames"]), batch["difference"])
            lrs = mask_loss(network.lrs(batch["key"]), batch["liver"], LOSS)
            return {"total": LOSS.tdl * tdl + LOSS.lrs * lrs, "seg": torch.zeros(()), "lrs": lrs, "tdl": tdl}
        output = network(batch["frames"], batch["key"])
        if self.config.dice == "image":
            return _losses_by_image(output, batch)
        loss = joint_loss(output, batch["tumour"], batch["liver"], batch["difference"], LOSS)
        parts = {"total": loss.total, "seg": loss.seg, "lrs": loss.lrs, "tdl": loss.tdl}
        return {name: value for name, value in parts.items() if value is not None}

    def _alone(self, step: int) -> bool:
        if self.config.alone <= 0 or self.config.samples is None:
            return False
        return step * self.config.batch < self.config.alone * self.config.samples


def _losses_by_image(output: SegmenterOutput, batch: Batch) -> dict[str, torch.Tensor]:
    seg = image_loss(output.tumour_logits, batch["tumour"])
    losses = {"total": seg, "seg": seg}
    if output.liver_logits is not None:
        losses["lrs"] = image_loss(output.liver_logits, batch["liver"])
        losses["total"] = losses["total"] + LOSS.lrs * losses["lrs"]
    if output.difference is not None:
        losses["tdl"] = difference_loss(output.difference, batch["difference"])
        losses["total"] = losses["total"] + LOSS.tdl * losses["tdl"]
    return losses


def image_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return a·BCE + (1-a)·Dice of (B, 1, H, W), Dice being taken over each image and averaged."""
    bce = functional.binary_cross_entropy_with_logits(logits.float(), mask)
    said, true = logits.float().sigmoid().flatten(1), mask.flatten(1)
    overlap, size = (said * true).sum(1), said.sum(1) + true.sum(1)
    dice = (2 * overlap + LOSS.dice_smooth) / (size + LOSS.dice_smooth)
    return LOSS.bce_share * bce + (1 - LOSS.bce_share) * (1 - dice).mean()


@torch.no_grad()
def predict_maps(network: nn.Module, samples: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return tumour and liver probabilities (N, S, S) float32 for samples as inference sees them."""
    frames = torch.from_numpy(np.stack([s.frames for s in samples])).contiguous(memory_format=torch.channels_last)
    key = torch.from_numpy(np.stack([s.key for s in samples]))[:, None]
    output = network.eval()(frames, key.contiguous(memory_format=torch.channels_last))
    tumour = output.tumour_logits.float().sigmoid()[:, 0].numpy()
    liver = output.liver_logits
    return tumour, None if liver is None else liver.float().sigmoid()[:, 0].numpy()


def patient_dice(
    network: nn.Module, patients: Sequence[TrainingPatient], config: TrainingConfig, thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """Return Dice by patient, (patients, thresholds), of ``tumour`` and, where it is predicted, ``liver``.

    Measured on network pixels at the key frame as picked in the liver, before any post-processing, averaged
    over the runs of a patient. Frames without tumour do not count; nor do patients with none but these.
    """
    found: dict[str, list[np.ndarray]] = {"tumour": [], "liver": []}
    for patient in patients:
        runs = [run for run in patient.runs if run.tumour[run.masked.index(run.picked_in_liver)].max() >= HALF]
        if not runs:
            continue
        samples = [plain_sample(run, run.picked_in_liver, config.cohort.preparation) for run in runs]
        maps, livers = predict_maps(network, samples)
        found["tumour"].append(_mean_dice(maps, [s.tumour for s in samples], thresholds))
        if livers is not None:
            found["liver"].append(_mean_dice(livers, [s.liver for s in samples], thresholds))
    if not found["tumour"]:
        raise TrainingError("no validation patient shows a tumour", "Give more validation patients")
    return {name: np.array(values) for name, values in found.items() if values}


def _mean_dice(maps: np.ndarray, truths: Sequence[np.ndarray], thresholds: np.ndarray) -> np.ndarray:
    values = []
    for image, truth in zip(maps, truths, strict=True):
        true = truth >= HALF / 255
        said = image[None] >= thresholds[:, None, None]
        values.append(2 * (said & true).sum((1, 2)) / np.maximum(said.sum((1, 2)) + true.sum(), 1))
    return np.mean(values, axis=0)


def choose_thresholds(
    network: nn.Module, patients: Sequence[TrainingPatient], config: TrainingConfig
) -> dict[str, Any]:
    """Return the thresholds of highest mean Dice over the validation patients, and what was measured.

    Keys: tumour_threshold, liver_threshold (0.5 without a liver), dice, dice_by_threshold, metrics.
    """
    dice = patient_dice(network, patients, config, THRESHOLDS)
    names = [str(i) for i in range(len(dice["tumour"]))]
    facts: dict[str, Any] = {"liver_threshold": 0.5, "metrics": {}}
    for part, values in dice.items():
        means = values.mean(axis=0)
        best = int(np.argmax(means))
        found = bootstrap_mean(values[:, best], names, seed=config.seed)
        what = f"mean Dice of the {part} over validation patients with tumour, network pixels, threshold chosen on them"
        facts[f"{part}_threshold"] = float(THRESHOLDS[best])
        facts["metrics"][f"validation_dice_{part}"] = Metric(found.value, found.low, found.high, len(names), what)
        if part == "tumour":
            facts["dice"] = found.value
            table = zip(THRESHOLDS, means, strict=True)
            facts["dice_by_threshold"] = {f"{t:.2f}": round(float(v), 4) for t, v in table}
    return facts
