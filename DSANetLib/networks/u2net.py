"""U²-Net: a U-Net whose every stage is a U-Net itself (Qin et al. 2020, doi 10.1016/j.patcog.2020.107404)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .segmenter import convolution

DEPTHS = (7, 6, 5, 4)
"""Layers of the first four stages; the fifth and the sixth are dilated and keep their size."""


class RSU(nn.Module):
    """Residual U-block: a small U-Net whose result is added to its first features.

    Parameters
    ----------
    depth
        Layers: ``depth - 2`` poolings, and one dilated convolution at the bottom.
    channels, middle, out
        Channels in, within and out.
    """

    def __init__(self, depth: int, channels: int, middle: int, out: int) -> None:
        super().__init__()
        self.first = convolution(channels, out)
        sides = [out, *[middle] * (depth - 2)]
        self.down = nn.ModuleList(convolution(side, middle) for side in sides)
        self.bottom = convolution(middle, middle, dilation=2)
        ends = [*[middle] * (depth - 2), out]
        self.up = nn.ModuleList(convolution(2 * middle, end) for end in ends)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, out, H, W)."""
        first = self.first(x)
        levels = []
        x = first
        for n, down in enumerate(self.down):
            x = down(_half(x) if n else x)
            levels.append(x)
        x = self.bottom(x)
        for up in self.up:
            side = levels.pop()
            x = up(torch.cat([_like(x, side), side], dim=1))
        return first + x


class DilatedRSU(nn.Module):
    """The residual U-block of the deepest stages: dilation 1, 2, 4 and 8 in place of pooling.

    Parameters
    ----------
    channels, middle, out
        Channels in, within and out.
    """

    def __init__(self, channels: int, middle: int, out: int) -> None:
        super().__init__()
        self.first = convolution(channels, out)
        self.down = nn.ModuleList(
            convolution(side, middle, dilation=dilation) for side, dilation in ((out, 1), (middle, 2), (middle, 4))
        )
        self.bottom = convolution(middle, middle, dilation=8)
        self.up = nn.ModuleList(
            convolution(2 * middle, end, dilation=dilation) for end, dilation in ((middle, 4), (middle, 2), (out, 1))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, out, H, W)."""
        first = self.first(x)
        levels = []
        x = first
        for down in self.down:
            x = down(x)
            levels.append(x)
        x = self.bottom(x)
        for up in self.up:
            x = up(torch.cat([x, levels.pop()], dim=1))
        return first + x


class U2Net(nn.Module):
    """U²-Net of the small form, U²-Net†: every stage has the same channels; six side outputs, fused by a 1×1.

    The side outputs are trained through their fusion alone: the joint loss of all networks here knows one output.

    Parameters
    ----------
    width
        Channels within a stage; a stage gives four times as many. The authors' U²-Net† has 16.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        out = 4 * width
        self.encoder = nn.ModuleList(RSU(d, 1 if n == 0 else out, width, out) for n, d in enumerate(DEPTHS))
        self.encoder.extend([DilatedRSU(out, width, out), DilatedRSU(out, width, out)])
        self.decoder = nn.ModuleList([DilatedRSU(2 * out, width, out)])
        self.decoder.extend(RSU(d, 2 * out, width, out) for d in reversed(DEPTHS))
        stages = len(self.encoder)
        self.sides = nn.ModuleList(nn.Conv2d(out, 1, kernel_size=3, padding=1) for _ in range(stages))
        self.fuse = nn.Conv2d(stages, 1, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, 1, H, W) to logits (B, 1, H, W)."""
        image, levels = x, []
        for n, stage in enumerate(self.encoder):
            x = stage(_half(x) if n else x)
            levels.append(x)
        said = [levels.pop()]
        for stage in self.decoder:
            side = levels.pop()
            said.append(stage(torch.cat([_like(said[-1], side), side], dim=1)))
        sides = [_like(side(level), image) for side, level in zip(self.sides, said, strict=True)]
        return self.fuse(torch.cat(sides, dim=1))


def _half(x: torch.Tensor) -> torch.Tensor:
    return functional.max_pool2d(x, 2, ceil_mode=True)


def _like(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, size=other.shape[-2:], mode="bilinear", align_corners=False)
