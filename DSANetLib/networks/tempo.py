"""Tempo, the network of ours: each pixel's course over time, then one slim U-Net for all parts at half the size.

How it was found, and what was measured of each design on the way, is in docs/decisions/0005-tempo.md.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from .config import SegmenterConfig
from .segmenter import SegmenterOutput, convolution

SHARPNESS = 10.0
"""Of the soft time to peak: frames that are 0.1 below the peak count for a third."""
MAPS = 4
"""Channels of `curve_maps`."""
LEVELS = (2, 3, 6, 10)
"""Channels of the U-Net's levels in widths, at 1/2, 1/4, 1/8 and 1/16 of the size."""
RARE = -2.0
"""Tumour logit that training starts from: a tumour is a small part of the image."""


def curve_maps(frames: torch.Tensor) -> torch.Tensor:
    """Return peak, time to peak, mean and wash-out of each pixel's opacification, (B, 4, H, W), about 0-1.

    Parameters
    ----------
    frames
        (B, F, H, W) in [0, 1], contrast dark, the first frame before contrast arrives, evenly spaced in time.
    """
    opacification = (frames[:, :1] - frames).relu()
    peak = opacification.amax(dim=1, keepdim=True)
    weight = (SHARPNESS * opacification).softmax(dim=1)
    count = frames.shape[1]
    places = frames.new_tensor([[[n / max(count - 1, 1)]] for n in range(count)])
    time = (weight * places).sum(dim=1, keepdim=True)
    washed = peak - opacification[:, -1:]
    return torch.cat([peak, time, opacification.mean(dim=1, keepdim=True), washed], dim=1)


class Residual(nn.Module):
    """Two 3×3 convolutions whose result is added to what came in.

    Parameters
    ----------
    channels
        In and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(convolution(channels, channels), convolution(channels, channels, relu=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to the same shape."""
        return functional.relu(x + self.change(x))


class SlimUNet(nn.Module):
    """A U-Net of one convolution or residual block a level, whose skip connections are added, not joined.

    Adding after a 1×1 takes half the operations of joining, which go into more channels and a fourth level.

    Parameters
    ----------
    channels
        Of the levels, the finest first.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        first, *deeper = channels
        self.encode = nn.ModuleList([convolution(first, first), *(Residual(level) for level in deeper)])
        self.narrow = nn.ModuleList(convolution(a, b, kernel=1) for a, b in pairwise(channels))
        self.widen = nn.ModuleList(convolution(b, a, kernel=1, relu=False) for a, b in pairwise(channels))
        self.decode = nn.ModuleList(convolution(level, level) for level in channels[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels[0], H, W) to the same shape; H and W are multiples of 2 to the levels less one."""
        levels = [self.encode[0](x)]
        for narrow, encode in zip(self.narrow, self.encode[1:], strict=True):
            levels.append(encode(narrow(functional.max_pool2d(levels[-1], 2))))
        x = levels.pop()
        for widen, decode in zip(reversed(self.widen), reversed(self.decode), strict=True):
            larger = functional.interpolate(widen(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = decode(functional.relu(levels.pop() + larger))
        return x


class Tempo(nn.Module):
    """One network for tumour, liver and difference image from the frames, their curve maps and the key frame.

    Parameters
    ----------
    config
        ``width`` and ``frames`` matter; ``config.kind`` is ``tempo``.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        w, half = config.width, LEVELS[0] * config.width
        self.basis = nn.Conv2d(config.frames, w, kernel_size=1)
        self.course = convolution(w, w)
        self.stem = convolution(4 * (w + 2) + config.frames + MAPS + 1, half, kernel=1)
        self.unet = SlimUNet(tuple(level * w for level in LEVELS))
        self.fine = nn.Conv2d(half, 4 * w, kernel_size=1)
        self.refine = convolution(2 * w + 2, w)
        self.tumour = nn.Conv2d(w, 1, kernel_size=1)
        self.liver = nn.Conv2d(half, 4, kernel_size=1)
        self.difference = nn.Conv2d(w, 1, kernel_size=1)
        nn.init.constant_(self.tumour.bias, RARE)

    def forward(self, frames: torch.Tensor, key: torch.Tensor) -> SegmenterOutput:
        """Segment key frames; arguments and result as for :class:`~DSANetLib.networks.segmenter.Segmenter`.

        What the run's frames alone decide is computed once, however many key frames there are.
        """
        course = self.course(self.basis(frames).relu())
        # Of noisy frames a maximum is biased: the curve maps are made of means of 2×2 pixels.
        coarse = functional.avg_pool2d(frames, 2)
        curves = torch.cat([coarse, curve_maps(coarse)], dim=1)
        difference, course, curves = (
            image.expand(key.shape[0], -1, -1, -1) for image in (self.difference(course), course, curves)
        )
        images = torch.cat([course, key, _change(key, frames)], dim=1)
        change = _change(functional.avg_pool2d(key, 2), coarse)
        x = self.unet(self.stem(torch.cat([functional.pixel_unshuffle(images, 2), curves, change], dim=1)))
        # Four values a pixel of half the size are the four pixels of the full one.
        liver = functional.pixel_shuffle(self.liver(x), 2)
        fine = functional.pixel_shuffle(self.fine(x), 2)
        return SegmenterOutput(self.tumour(self.refine(torch.cat([fine, images], dim=1))), liver, difference)


def _change(key: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Return how far the key frame is from the frames in the mean, (B, 1, H, W)."""
    return (key - frames).abs().mean(dim=1, keepdim=True)
