"""Networks that the method is compared with: they see the key frame alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.networks.nets import AttentionUnet, BasicUNetPlusPlus
from torch import nn

from .config import SegmenterConfig
from .segmenter import SegmenterOutput, UNet
from .u2net import U2Net

STEPS = (1, 2, 4, 8, 16)
"""Channels of the levels of U-Net++ and Attention U-Net in widths, as their papers have them."""


class UNetPlusPlus(nn.Module):
    """U-Net++ (Zhou et al. 2018, doi 10.1007/978-3-030-00889-5_1): MONAI's, with the paper's batch norm and ReLU.

    The output is the mean of the logits of its four heads (the paper's accurate mode), so that every part is trained.

    Parameters
    ----------
    width
        Channels of the first level.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        features = (*(width * step for step in STEPS), width)
        act = ("relu", {"inplace": True})
        self.net = BasicUNetPlusPlus(2, 1, 1, features, deep_supervision=True, act=act, norm="batch")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, 1, H, W) to logits (B, 1, H, W); H and W are multiples of 16."""
        return torch.cat(self.net(x), dim=1).mean(dim=1, keepdim=True)


def _attention_unet(width: int) -> nn.Module:
    """Return MONAI's Attention U-Net (Oktay et al. 2018, arXiv 1804.03999), with strides in place of pooling."""
    return AttentionUnet(2, 1, 1, channels=[width * step for step in STEPS], strides=[2] * (len(STEPS) - 1))


_BODIES: dict[str, Callable[[int], nn.Module]] = {
    "unet": lambda width: UNet(1, 1, width),
    "unetpp": UNetPlusPlus,
    "attention-unet": _attention_unet,
    "u2net": U2Net,
}


class KeyFrameUNet(nn.Module):
    """A U-Net of some kind on the key frame alone, called like :class:`~DSANetLib.networks.segmenter.Segmenter`.

    Parameters
    ----------
    config
        ``kind`` (``unet``, ``unetpp``, ``attention-unet`` or ``u2net``) and ``width`` matter.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = _BODIES[config.kind](config.width)

    def forward(self, frames: torch.Tensor | None, key: torch.Tensor) -> SegmenterOutput:  # noqa: ARG002 - called like Segmenter
        """Segment key frames (B, 1, H, W) in [0, 1]; ``frames`` is ignored and may be None."""
        return SegmenterOutput(self.unet(key), None, None)
