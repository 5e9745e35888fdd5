"""The losses of model 1, computed in float32 whatever precision the networks ran in."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional

from .config import LossConfig
from .segmenter import SegmenterOutput

PAPER_LOSS = LossConfig.paper()


class JointLoss(NamedTuple):
    """The total and its parts, each a scalar tensor; parts that the segmenter lacks are None."""

    total: torch.Tensor
    seg: torch.Tensor
    lrs: torch.Tensor | None
    tdl: torch.Tensor | None


def dice_loss(logits: torch.Tensor, mask: torch.Tensor, smooth: float = 1.0) -> torch.Tensor:
    """Return 1 - soft Dice over the flattened batch, so that one pixel counts alike in every image.

    Parameters
    ----------
    logits
        (B, 1, H, W).
    mask
        Same shape, 0 or 1, any dtype.
    smooth
        Added to numerator and denominator.
    """
    probability = logits.float().sigmoid().flatten()
    truth = mask.float().flatten()
    overlap = (probability * truth).sum()
    return 1.0 - (2.0 * overlap + smooth) / (probability.sum() + truth.sum() + smooth)


def mask_loss(logits: torch.Tensor, mask: torch.Tensor, config: LossConfig = PAPER_LOSS) -> torch.Tensor:
    """Return a·BCE + (1-a)·Dice of logits against a mask, both (B, 1, H, W)."""
    bce = functional.binary_cross_entropy_with_logits(logits.float(), mask.float())
    return config.bce_share * bce + (1.0 - config.bce_share) * dice_loss(logits, mask, config.dice_smooth)


def difference_loss(predicted: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error of TDL's output against the frame-difference image, both (B, 1, H, W)."""
    return functional.l1_loss(predicted.float(), difference.float())


def joint_loss(
    output: SegmenterOutput,
    tumour: torch.Tensor,
    liver: torch.Tensor | None = None,
    difference: torch.Tensor | None = None,
    config: LossConfig = PAPER_LOSS,
) -> JointLoss:
    """Return the joint loss of the paper: lambda0·L_TDL + lambda1·L_LRS + L_seg.

    Parameters
    ----------
    output
        What the segmenter said.
    tumour, liver
        True masks (B, 1, H, W), 0 or 1; ``liver`` is needed where ``output`` has liver logits.
    difference
        Frame-difference image (B, 1, H, W) in [0, 1]; needed where ``output`` has one.
    config
        The weights.
    """
    seg = mask_loss(output.tumour_logits, tumour, config)
    total, lrs, tdl = seg, None, None
    if output.liver_logits is not None:
        if liver is None:
            raise ValueError("the segmenter predicts the liver: its joint loss needs the liver mask")
        lrs = mask_loss(output.liver_logits, liver, config)
        total = total + config.lrs * lrs
    if output.difference is not None:
        if difference is None:
            raise ValueError("the segmenter predicts the difference image: its joint loss needs that image")
        tdl = difference_loss(output.difference, difference)
        total = total + config.tdl * tdl
    return JointLoss(total, seg, lrs, tdl)
