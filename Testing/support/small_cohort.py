"""Pieces of a small cohort as files: asymmetric frames, runs of noise, a mask."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

ROWS, COLUMNS, COUNT = 24, 36, 5


def write_png(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


def write_run(folder: Path, seed: int) -> Path:
    """A run as a folder of PNG frames: noise, another for each seed."""
    noise = np.random.default_rng(seed).integers(60, 200, (COUNT, ROWS, COLUMNS)).astype(np.uint8)
    for i, frame in enumerate(noise, 1):
        write_png(folder / f"frame_{i:04d}.png", frame)
    return folder


def tumour() -> np.ndarray:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[3:9, 20:31] = 255
    return mask
