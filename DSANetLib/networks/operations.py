"""How much a network computes: counted by running it, not estimated."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from .config import SegmenterConfig, SegmenterKind
from .factory import build_segmenter, parameter_count

KINDS: tuple[SegmenterKind, ...] = ("ffs", "tdl", "lrs", "unet", "unetpp", "attention-unet", "u2net", "tempo")
"""In the table's order."""


def operations(config: SegmenterConfig, size: int, keys: int = 1) -> float:
    """Return the operations of one run at inference, GFLOP.

    A multiplication with its addition counts as two. Convolutions and matrix products are counted (torch's own
    counter), normalisation, activations and resizing are not: of the networks here they are a few per cent.

    Parameters
    ----------
    config
        The network.
    size
        Side of the network image, pixels; a multiple of 16.
    keys
        Key frames of the run; the pipeline segments three, and what looks at the run alone is computed once.
    """
    with _shapes_alone(), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        build_segmenter(config).eval()(torch.empty(1, config.frames, size, size), torch.empty(keys, 1, size, size))
    return float(counter.get_total_flops()) / 1e9


def parameters(config: SegmenterConfig) -> int:
    """Return the number of trainable parameters."""
    with _shapes_alone():
        return parameter_count(build_segmenter(config))


def operations_table(sizes: tuple[tuple[int, int], ...] = ((8, 128), (16, 128), (64, 256))) -> str:
    """Return parameters and operations of every kind as a Markdown table; (width, size) are the columns' settings."""
    titles = [f"width {width}, {size}²" for width, size in sizes]
    lines = ["| kind | " + " | ".join(titles) + " |", "| --- |" + " ---: |" * len(titles)]
    for kind in KINDS:
        cells = []
        for width, size in sizes:
            config = SegmenterConfig(kind=kind, width=width)
            one, three = operations(config, size), operations(config, size, keys=3)
            cells.append(f"{parameters(config) / 1e6:.2f} M, {_gflop(one)} ({_gflop(three)})")
        lines.append(f"| `{kind}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _shapes_alone() -> torch.device:
    """Return a context in which tensors have a shape and no values: full width then costs no memory and no time."""
    return torch.device("meta")


def _gflop(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
