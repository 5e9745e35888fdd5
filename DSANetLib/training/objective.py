"""What model 1 is trained towards: the paper's joint loss, over what a sample has masks of, across processes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ..networks.config import LossConfig
from ..networks.losses import difference_loss
from ..networks.segmenter import Segmenter
from .config import DiceOver, TrainingConfig
from .loop import Batch
from .processes import processes, total

LOSS = LossConfig()


class SegmenterLosses:
    """The paper's joint loss of whatever a network says; before it, for a share of the samples, TDL and LRS alone."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    @property
    def alone_steps(self) -> int:
        """First step in which all parts are trained together."""
        config = self.config
        return -int(-config.alone * (config.samples or 0) // config.batch)

    def __call__(self, network: nn.Module, batch: Batch, step: int) -> dict[str, torch.Tensor]:
        """Return ``total`` and its parts."""
        parts = isinstance(network, Segmenter) and (network.tdl is not None or network.lrs is not None)
        alone = parts and step < self.alone_steps
        _set_mode(network, self.config.norms, joint=not alone)
        if alone:
            tdl = network.tdl(batch["frames"]) if network.tdl is not None else None
            liver = network.lrs(batch["key"]) if network.lrs is not None else None
            losses = {"total": torch.zeros((), device=batch["key"].device)}
            losses["seg"] = losses["total"]
        else:
            output = network(batch["frames"], batch["key"])
            tdl, liver = output.difference, output.liver_logits
            seg = mask_loss(output.tumour_logits, batch["tumour"], self.config.dice)
            losses = {"total": seg, "seg": seg}
        if liver is not None:
            losses["lrs"] = mask_loss(liver, batch["liver"], self.config.dice, batch["has_liver"])
            losses["total"] = losses["total"] + LOSS.lrs * losses["lrs"]
        if tdl is not None:
            losses["tdl"] = difference_loss(tdl, batch["difference"])
            losses["total"] = losses["total"] + LOSS.tdl * losses["tdl"]
        return losses


def mask_loss(
    logits: torch.Tensor, mask: torch.Tensor, dice: DiceOver, present: torch.Tensor | None = None
) -> torch.Tensor:
    """Return a·BCE + (1-a)·Dice of a batch that may be shared by several processes.

    Gradients are averaged over processes afterwards, so each returns its share of the whole batch's mean times
    their number; Dice over the batch is computed from sums over all processes.

    Parameters
    ----------
    logits, mask
        (B, 1, H, W); masks in [0, 1].
    dice
        Over the flattened ``batch`` of all processes, or over each ``image`` and averaged.
    present
        (B,) bool: images that have a mask; the others do not count. None: all of them.
    """
    share = 1.0
    if present is not None and (processes() > 1 or not bool(present.all())):
        everyone = float(total(present.sum().float()))
        logits, mask = logits[present], mask[present]
        share = processes() * len(logits) / max(everyone, 1.0)
    bce = functional.binary_cross_entropy_with_logits(logits.float(), mask) if len(logits) else logits.float().sum()
    term = _dice_of_batch(logits, mask) if dice == "batch" else _dice_of_images(logits, mask) * share
    return LOSS.bce_share * bce * share + (1 - LOSS.bce_share) * term


def _dice_of_batch(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    said, true = logits.float().sigmoid().flatten(), mask.flatten()
    overlap, size = total((said * true).sum()), total(said.sum() + true.sum())
    return 1.0 - (2.0 * overlap + LOSS.dice_smooth) / (size + LOSS.dice_smooth)


def _dice_of_images(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    if not len(logits):
        return logits.float().sum()
    said, true = logits.float().sigmoid().flatten(1), mask.flatten(1)
    overlap, size = (said * true).sum(1), said.sum(1) + true.sum(1)
    return (1 - (2 * overlap + LOSS.dice_smooth) / (size + LOSS.dice_smooth)).mean()


def _set_mode(network: nn.Module, norms: str, *, joint: bool) -> None:
    if norms == "parts" and joint and isinstance(network, Segmenter):
        network.train_joint()
        return
    network.train()
    if norms == "frozen":
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
