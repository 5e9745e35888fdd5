"""Configuration in, network out, with weights drawn from a seed that is an argument."""

from __future__ import annotations

import torch
from torch import nn

from .baselines import KeyFrameUNet
from .config import ResponseConfig, SegmenterConfig
from .response import ResponseNet
from .segmenter import Segmenter
from .tempo import Tempo


def build_segmenter(config: SegmenterConfig, seed: int = 0) -> Segmenter | KeyFrameUNet | Tempo:
    """Return the segmenter that ``config`` describes, its weights drawn from ``seed``; global RNG untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.kind == "tempo":
            return Tempo(config)
        return Segmenter(config) if config.kind in ("ffs", "tdl", "lrs") else KeyFrameUNet(config)


def build_response(config: ResponseConfig, seed: int = 0) -> ResponseNet:
    """Return the response network that ``config`` describes, its weights drawn from ``seed``; global RNG untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResponseNet(config)


def parameter_count(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
