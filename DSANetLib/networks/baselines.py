"""Networks that the method is compared with."""

from __future__ import annotations

import torch
from torch import nn

from .config import SegmenterConfig
from .segmenter import SegmenterOutput, UNet


class KeyFrameUNet(nn.Module):
    """A plain U-Net on the key frame alone, called like :class:`~DSANetLib.networks.segmenter.Segmenter`.

    Parameters
    ----------
    config
        Only ``width`` matters; ``config.kind`` is ``unet``.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(1, 1, config.width)

    def forward(self, frames: torch.Tensor | None, key: torch.Tensor) -> SegmenterOutput:  # noqa: ARG002 - called like Segmenter
        """Segment key frames (B, 1, H, W) in [0, 1]; ``frames`` is ignored and may be None."""
        return SegmenterOutput(self.unet(key), None, None)
