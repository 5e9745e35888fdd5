"""Model 2: response from key frames with predicted masks, from clinical values, or from both."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..clinical import ClinicalEncoder
from ..errors import TrainingError
from ..evaluation.calibration import calibrate
from ..evaluation.statistics import auc, delong_auc
from ..models import Calibration, Metric
from ..networks.config import ResponseConfig
from ..networks.factory import build_response
from ..networks.response import ResponseNet
from .config import TrainingConfig
from .loop import Batch, Loop, Order, use_threads
from .predicted import ResponseCase, load_cases, segmenter_facts

log = logging.getLogger(__name__)

PASSES = {"response": 8, "response-film": 8, "response-clinical": 15}
"""Passes over the patients where neither samples nor minutes are given: images were over-fitted from about 8 on."""
LEAST_SLOPE = 0.05


def train_response(
    config: TrainingConfig, out: Path, progress: Callable[[str], None] | None = None, stop_after: int | None = None
) -> Path:
    """Train a response model on phantom patients and write its package; see :func:`DSANetLib.training.train`.

    Parameters
    ----------
    stop_after
        Stop at this step, as a kill would; no package is written then.
    """
    from .packages import check_free, write_response

    check_free(out)
    say = progress or log.info
    cases = load_cases(config.training_seeds, config, progress)
    held_out = load_cases(config.validation_seeds, config, progress)
    if len({case.responder for case in held_out}) < 2 or len({case.responder for case in cases}) < 2:
        raise TrainingError("all patients have one outcome", "Give more patients")
    if config.samples is None and config.minutes is None:
        config = config.with_changes(samples=max(PASSES[config.model] * len(cases), config.batch))
    encoder = ClinicalEncoder.fit([case.record for case in cases]) if config.model != "response-film" else None
    with use_threads(config):
        loop = make_loop(config, out.with_name(out.name + ".training"), cases, held_out, encoder, say)
        trained = loop.run(stop_after)
        if stop_after is not None and loop.step != loop.steps:
            return loop.folder
        network = trained.network
        calibration, metrics = calibrated(predict_logits(network, held_out, encoder), held_out)
    say(f"validation: AUC {metrics['validation_auc'].value:.3f}, calibration slope {calibration.slope:.2f}")
    return write_response(
        out, network, config, loop.samples, loop.seconds, encoder=encoder, calibration=calibration, metrics=metrics,
        segmenter=segmenter_facts(config),
    )  # fmt: skip


def make_loop(
    config: TrainingConfig,
    folder: Path,
    cases: Sequence[ResponseCase],
    held_out: Sequence[ResponseCase],
    encoder: ClinicalEncoder | None,
    progress: Callable[[str], None],
) -> Loop:
    """Return the loop, ready to run: a new network, or a checkpoint's."""
    shape = ResponseConfig(
        width=config.width,
        image=config.uses_film,
        clinical=encoder is not None,
        n_clinical=encoder.size if encoder else 0,
        dropout=config.dropout,
    )
    network = Assisted(build_response(shape, config.seed), config)
    batches = ResponseBatches(cases, encoder, config)

    def monitor(averaged: nn.Module) -> dict[str, float]:
        found = predict_logits(averaged.network, held_out, encoder)
        scores = found.by_patient(Calibration())
        return {"auc": auc(scores, [case.responder for case in held_out])}

    return Loop(
        network.to(memory_format=torch.channels_last), config, folder, batches, Losses(config), monitor, progress
    )


class Assisted(nn.Module):
    """A response network, and while it is trained a linear head that asks its image features for plain facts.

    Facts of the image itself (`facts_of`): they carry no outcome, and teach the features to measure tumours
    from the first passes on. The head is not packaged.
    """

    def __init__(self, network: ResponseNet, config: TrainingConfig) -> None:
        super().__init__()
        self.network = network
        helped = config.auxiliary > 0 and network.config.image and network.config.fusion == "features"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.head = nn.Linear(8 * network.config.width, N_FACTS) if helped else None

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the logits (B, 2), and the facts (B, N_FACTS) where there is a head."""
        network = self.network
        if self.head is None or network.image is None or network.fusion is None:
            return network(batch.get("image"), batch.get("clinical")), None
        features = network.image(batch["image"])
        parts = [features] if network.table is None else [network.table(batch["clinical"]), features]
        return network.fusion(torch.cat(parts, dim=1)), self.head(features)


class Losses:
    """Cross-entropy, and the facts' squared error where there is a head."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def __call__(self, network: nn.Module, batch: Batch, _step: int) -> dict[str, torch.Tensor]:
        """Return ``total`` and its parts."""
        logits, facts = network(batch)
        entropy = functional.cross_entropy(logits.float(), batch["responder"])
        if facts is None:
            return {"total": entropy}
        error = functional.smooth_l1_loss(facts.float(), batch["facts"])
        return {"total": entropy + self.config.auxiliary * error, "entropy": entropy, "facts": error}


class ResponseBatches:
    """Step number → batch of patients, one frame of each, slightly moved; the same whoever asks and when."""

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

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step: image (B, 3, S, S), clinical (B, K), responder (B,), facts; what is used."""
        config = self.config
        numbers = range(step * config.batch, (step + 1) * config.batch)
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


class Predictions(NamedTuple):
    """Logits (n, 2) of images, (n,) the case and (n,) the run of each."""

    logits: np.ndarray
    cases: np.ndarray
    runs: np.ndarray

    def by_patient(self, calibration: Calibration) -> np.ndarray:
        """Return a probability a patient as the pipeline makes it: mean over frames, then over runs."""
        probability = calibration.probability(self.logits)
        _, run = np.unique(self.cases * 1000 + self.runs, return_inverse=True)
        of_run = np.bincount(run, probability) / np.bincount(run)
        _, first = np.unique(run, return_index=True)
        owner = self.cases[first]
        return np.asarray(np.bincount(owner, of_run) / np.bincount(owner))


@torch.no_grad()
def predict_logits(network: nn.Module, cases: Sequence[ResponseCase], encoder: ClinicalEncoder | None) -> Predictions:
    """Return what a network says of all images of the cases."""
    film = network.config.image
    rows = None if encoder is None else encoder.transform([case.record for case in cases])
    logits, owners, runs = [], [], []
    for start in range(0, len(cases), 32):
        several = range(start, min(start + 32, len(cases)))
        counts = [len(cases[i].keys) if film else 1 for i in several]
        owner = np.repeat(list(several), counts)
        images = None
        if film:
            key = np.concatenate([cases[i].keys for i in several]).astype(np.float32)
            mask = np.concatenate([cases[i].masks for i in several]).astype(np.float32)
            images = torch.from_numpy(np.stack([key, key * mask, mask], axis=1))
        clinical = None if rows is None else torch.from_numpy(rows[owner])
        logits.append(network.eval()(images, clinical).float().numpy())
        owners.append(owner)
        runs.append(np.concatenate([cases[i].runs for i in several]) if film else np.zeros(len(owner)))
    return Predictions(np.concatenate(logits), np.concatenate(owners), np.concatenate(runs).astype(int))


def calibrated(found: Predictions, cases: Sequence[ResponseCase]) -> tuple[Calibration, dict[str, Metric]]:
    """Fit Platt's calibration on validation images, and measure the patients' AUC and Brier score with it."""
    outcome = np.array([case.responder for case in cases])
    fit = calibrate(Calibration().probability(found.logits), outcome[found.cases])
    slope, intercept = fit.slope, fit.intercept
    if slope is None or intercept is None or slope < LEAST_SLOPE:
        log.warning("the model tells responders from non-responders no better than chance on the validation patients")
        slope, intercept = LEAST_SLOPE, float(np.log(outcome.mean() / (1 - outcome.mean())))
    share = float(outcome.mean())
    calibration = Calibration(slope, intercept, share, f"{len(cases)} validation patients of the phantom")
    scores = found.by_patient(calibration)
    area = delong_auc(scores, outcome)
    chance = [case.probability for case in cases]
    metrics = {
        "validation_auc": Metric(area.value, area.low, area.high, len(cases), "AUC over validation patients, DeLong"),
        "validation_brier": Metric(float(np.mean((scores - outcome) ** 2)), n=len(cases), what="Brier score, ditto"),
        "validation_auc_bayes": Metric(auc(chance, outcome), n=len(cases), what="AUC of the true probability, ditto"),
    }
    return calibration, metrics
