"""What model 2 is shown while it is trained: a frame of a patient, slightly moved, and plain facts of that image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..clinical import ClinicalEncoder
from .config import TrainingConfig
from .loop import Batch
from .order import Order
from .predicted import ResponseCase


class ResponseBatches:
    """Numbers of samples → batch of patients, one frame of each, slightly moved; the same whoever asks and when."""

    def __init__(self, cases: Sequence[ResponseCase], encoder: ClinicalEncoder | None, config: TrainingConfig) -> None:
        self.cases, self.config = cases, config
        self.order = Order(len(cases), config.seed)
        self.clinical = None if encoder is None else encoder.transform([case.record for case in cases])
        self.facts = None
        if config.uses_film and config.auxiliary > 0:
            raw = [np.stack([facts_of(k, m) for k, m in zip(case.keys, case.masks, strict=True)]) for case in cases]
            everything = np.concatenate(raw)
            centre, scale = everything.mean(axis=0), everything.std(axis=0) + 1e-6
            self.facts = [((values - centre) / scale).astype(np.float32) for values in raw]

    def __call__(self, numbers: range) -> Batch:
        """Return image (B, 3, S, S), clinical (B, K), responder (B,), facts; what is used."""
        config = self.config
        chosen = [self.order[n] for n in numbers]
        batch = {"responder": torch.tensor([int(self.cases[i].responder) for i in chosen])}
        if self.clinical is not None:
            batch["clinical"] = torch.from_numpy(self.clinical[chosen])
        if not config.uses_film:
            return batch
        images, facts = [], []
        for n, i in zip(numbers, chosen, strict=True):
            rng = np.random.default_rng([config.seed, 3, n])
            frame = int(rng.integers(len(self.cases[i].keys)))
            images.append(_moved(self.cases[i].keys[frame], self.cases[i].masks[frame], config, rng))
            if self.facts is not None:
                facts.append(self.facts[i][frame])
        batch["image"] = torch.from_numpy(np.stack(images)).contiguous(memory_format=torch.channels_last)
        if facts:
            batch["facts"] = torch.from_numpy(np.stack(facts))
        return batch


N_FACTS = 6
RIM = 9
"""Side of the square by which a mask is grown to get its surroundings, network pixels."""


def facts_of(key: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return (N_FACTS,) float64 of an image: tumour size, grey against field and surroundings, unevenness, count."""
    import cv2

    if not mask.any():
        return np.array([0.0, np.log(1e-3), 0.0, 0.0, 0.0, 0.0])
    grey, tumour = key.astype(np.float32), mask.astype(np.uint8)
    area, inside = float(mask.mean()), grey[mask]
    rim = (cv2.dilate(tumour, np.ones((RIM, RIM), np.uint8)) > 0) & ~mask
    around = float(grey[rim].mean()) if rim.any() else float(inside.mean())
    stain = float(inside.mean())
    count = cv2.connectedComponents(tumour)[0] - 1
    return np.array(
        [np.sqrt(area), np.log(area + 1e-3), stain - grey.mean(), stain - around, inside.std(), np.log1p(count)], float
    )


def _moved(key: np.ndarray, mask: np.ndarray, config: TrainingConfig, rng: np.random.Generator) -> np.ndarray:
    """Return (3, S, S): turned and shifted, hardly scaled as size is a sign, grey slightly changed."""
    import cv2

    chosen = config.augmentation
    turn, scale, down, right = rng.standard_normal(), *rng.uniform(-1, 1, 3)
    gamma, gain = rng.uniform(-1, 1, 2)
    grey, tumour = key.astype(np.float32), mask.astype(np.float32)
    if chosen.rotation_deg or chosen.shift or chosen.scale:
        size = len(key)
        middle = (size - 1) / 2
        angle = float(np.clip(turn, -2.5, 2.5) * chosen.rotation_deg)
        matrix = cv2.getRotationMatrix2D((middle, middle), angle, float(np.exp(0.25 * chosen.scale * scale)))
        matrix[:, 2] += chosen.shift * size * np.array([right, down])
        grey = cv2.warpAffine(grey, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        tumour = (cv2.warpAffine(tumour, matrix, (size, size)) >= 0.5).astype(np.float32)
    if chosen.gamma or chosen.contrast:
        grey = cv2.pow(np.clip(grey, 0, 1), float(np.exp(0.5 * chosen.gamma * gamma)))
        grey = np.clip((grey - 0.5) * np.float32(1 + chosen.contrast * gain) + 0.5, 0, 1)
    return np.stack([grey, grey * tumour, tumour])
