"""Model 1: the U-Net that all three segmenters share, and TDL, LRS and FFS joined."""

from __future__ import annotations

from typing import NamedTuple

import torch
from monai.networks.blocks import Convolution
from torch import nn

from .config import SegmenterConfig


class SegmenterOutput(NamedTuple):
    """What a segmenter says of a batch; every tensor is (B, 1, H, W).

    ``difference`` is the linear output of TDL, an estimate of the frame-difference image in [0, 1];
    ``liver_logits`` and ``difference`` are None for a segmenter without those parts.
    """

    tumour_logits: torch.Tensor
    liver_logits: torch.Tensor | None
    difference: torch.Tensor | None


class UNet(nn.Module):
    """The plain U-Net of the paper: five levels, bilinear upsampling with aligned corners, 1×1 head.

    Two 3×3 convolutions with batch norm and ReLU a level (MONAI's ``Convolution`` blocks). MONAI's own
    ``BasicUNet`` is not equal: it halves the channels after upsampling by a further 1×1 convolution.
    Parameters stand in the order of the authors' published class: 17,266,241 of them at width 64 and one channel.

    Parameters
    ----------
    in_channels, out_channels
        Channels in and out.
    width
        Channels of the first level; the levels have (1, 2, 4, 8, 8)·width.
    """

    def __init__(self, in_channels: int, out_channels: int = 1, width: int = 64) -> None:
        super().__init__()
        w = width
        self.inc = two_convolutions(in_channels, w, w)
        self.down = nn.ModuleList(
            two_convolutions(a, b, b) for a, b in ((w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w))
        )
        self.up = nn.ModuleList(
            two_convolutions(a, a // 2, b) for a, b in ((16 * w, 4 * w), (8 * w, 2 * w), (4 * w, w), (2 * w, w))
        )
        self.outc = nn.Conv2d(w, out_channels, kernel_size=1)
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H, W); H and W are multiples of 16."""
        levels = [self.inc(x)]
        for down in self.down:
            levels.append(down(self.pool(levels[-1])))
        x = levels.pop()
        for up in self.up:
            x = up(torch.cat([levels.pop(), self.enlarge(x)], dim=1))
        return self.outc(x)


class Segmenter(nn.Module):
    """TDL, LRS and FFS joined: the run's frames and a key frame to tumour and liver (paper, figure 2).

    Parameters
    ----------
    config
        Width, number of frames and what LRS hands over; ``config.kind`` is ``ffs``, or ``tdl`` or ``lrs`` for the
        paper's ablations: ``lrs`` or ``tdl`` of this module is then None, and FFS sees two images in place of three.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.tdl = UNet(config.frames, 1, config.width) if config.finds_difference else None
        self.lrs = UNet(1, 1, config.width) if config.finds_liver else None
        self.ffs = UNet(1 + config.finds_difference + config.finds_liver, 1, config.width)

    def forward(self, frames: torch.Tensor | None, key: torch.Tensor) -> SegmenterOutput:
        """Segment key frames.

        Parameters
        ----------
        frames
            (B, frames, H, W) in [0, 1], or (1, frames, H, W) for several key frames of one run: TDL then runs once.
            Without TDL it is ignored and may be None.
        key
            (B, 1, H, W) in [0, 1].

        Returns
        -------
        SegmenterOutput
            ``difference`` has as many items as ``key``.
        """
        images, liver, difference = [key], None, None
        if self.lrs is not None:
            liver = self.lrs(key)
            images.append(liver.sigmoid() if self.config.handover == "probability" else liver)
        if self.tdl is not None:
            difference = self.tdl(frames).expand(key.shape[0], -1, -1, -1)
            images.append(difference)
        return SegmenterOutput(self.ffs(torch.cat(images, dim=1)), liver, difference)

    def train_joint(self) -> Segmenter:
        """Go into the joint training's mode: FFS learns its batch statistics, TDL's and LRS's are frozen."""
        self.train()
        for part in (self.tdl, self.lrs):
            if part is not None:
                part.eval()
        return self


def two_convolutions(channels: int, middle: int, out: int) -> nn.Sequential:
    """Return two blocks of `convolution`."""
    return nn.Sequential(convolution(channels, middle), convolution(middle, out))


def convolution(channels: int, out: int, *, kernel: int = 3, dilation: int = 1, relu: bool = True) -> Convolution:
    """Return a convolution that keeps the size, batch norm and, unless told otherwise, ReLU."""
    act = ("relu", {"inplace": True}) if relu else None
    return Convolution(2, channels, out, kernel_size=kernel, dilation=dilation, norm="batch", act=act)
