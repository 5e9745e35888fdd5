"""A look at what a segmenter does in mid-training: key frames with the true and the predicted outline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from .augment import plain_sample
from .cases import TrainingPatient
from .config import TrainingConfig
from .validation import predict_maps, shows_tumour

SHOWN = 6
SIDE = 256
TRUE, SAID = (80, 200, 80), (60, 60, 240)
"""Blue, green, red: the truth is green, the prediction red."""


def draw(patients: Sequence[TrainingPatient], config: TrainingConfig, network: nn.Module, path: Path) -> None:
    """Write a PNG with the key frames of the first patients, outlines of truth and prediction on them.

    Parameters
    ----------
    patients
        Of validation; those with tumour.
    config
        Its preparation is used.
    network
        The segmenter.
    path
        Written over.
    """
    import cv2

    runs = [run for patient in patients for run in patient.runs if shows_tumour(run)][:SHOWN]
    samples = [plain_sample(run, run.judged, config.cohort.preparation) for run in runs]
    maps, _ = predict_maps(network, samples)
    tiles = []
    for sample, said in zip(samples, maps, strict=True):
        grey = cv2.resize((sample.key * 255).astype(np.uint8), (SIDE, SIDE))
        tile = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        for mask, colour in ((sample.tumour, TRUE), (said, SAID)):
            large = (cv2.resize(mask, (SIDE, SIDE)) >= 0.5).astype(np.uint8)
            cv2.drawContours(tile, cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0], -1, colour, 1)
        tiles.append(tile)
    cv2.imwrite(str(path), np.concatenate(tiles, axis=1))
