"""Tempo, the network of ours: each pixel's course over time first, then one wide, shallow U-Net at half the size."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from .config import SegmenterConfig
from .segmenter import SegmenterOutput, convolution, two_convolutions

BASIS = 16
"""Learned linear combinations of the frames."""
SHARPNESS = 10.0
"""Of the soft time to peak: frames that are 0.1 below the peak count for a third."""


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
        w = config.width
        self.basis = nn.Conv2d(config.frames, BASIS, kernel_size=1)
        self.mix = convolution(BASIS + 4 + 1, w, kernel=1)
        self.stem = convolution(4 * w, 2 * w, kernel=1)
        widths = (2 * w, 4 * w, 4 * w)
        self.inc = convolution(2 * w, 2 * w)
        self.down = nn.ModuleList(two_convolutions(a, b, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList([two_convolutions(8 * w, 4 * w, 2 * w), two_convolutions(4 * w, 2 * w, 2 * w)])
        self.refine = convolution(2 * w + w, w)
        self.tumour = nn.Conv2d(w, 1, kernel_size=1)
        self.liver = nn.Conv2d(2 * w, 1, kernel_size=1)
        self.difference = nn.Conv2d(BASIS + 4, 1, kernel_size=1)

    def forward(self, frames: torch.Tensor, key: torch.Tensor) -> SegmenterOutput:
        """Segment key frames; arguments and result as for :class:`~DSANetLib.networks.segmenter.Segmenter`."""
        course = torch.cat([self.basis(frames).relu(), curve_maps(frames)], dim=1)
        difference = self.difference(course).expand(key.shape[0], -1, -1, -1)
        full = self.mix(torch.cat([course.expand(key.shape[0], -1, -1, -1), key], dim=1))
        levels = [self.inc(self.stem(functional.pixel_unshuffle(full, 2)))]
        for down in self.down:
            levels.append(down(functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up in self.up:
            x = up(torch.cat([levels.pop(), _twice(x)], dim=1))
        liver = _twice(self.liver(x))
        tumour = self.tumour(self.refine(torch.cat([full, _twice(x)], dim=1)))
        return SegmenterOutput(tumour, liver, difference)


def _twice(x: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
