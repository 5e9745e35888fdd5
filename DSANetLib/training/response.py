"""Model 2: response from key frames with predicted masks, from clinical values, or from both."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn import functional

from ..clinical import ClinicalEncoder
from ..cohort import read_cohort
from ..cohort.split import LEAST_OF_EACH
from ..errors import TrainingError
from ..evaluation.calibration import calibrate
from ..evaluation.statistics import auc, delong_auc
from ..models import Calibration, Metric
from ..networks.config import ResponseConfig
from ..networks.factory import build_response
from ..networks.response import ResponseNet
from .config import TrainingConfig
from .loop import Batch, Loop, Watch
from .packages import check_free, training_folder, write_response
from .predicted import ResponseCase, load_cases, segmenter_facts
from .processes import silent, start, use_threads
from .reports import Reporter
from .response_batches import N_FACTS, ResponseBatches
from .sources import CohortSource
from .starting import load_weights

log = logging.getLogger(__name__)

PASSES = {"response": 8, "response-film": 8, "response-clinical": 15}
"""Passes over the patients where neither samples nor minutes are given: images were over-fitted from about 8 on."""
LEAST_SLOPE = 0.05


def train_response(
    config: TrainingConfig,
    out: Path,
    progress: Callable[[str], None] | None = None,
    stop_after: int | None = None,
    watch: Watch | None = None,
) -> Path:
    """Train a response model and write its package; see :func:`DSANetLib.training.train`.

    Parameters
    ----------
    stop_after
        Stop at this step, as a kill would; no package is written then.
    watch
        See :class:`~DSANetLib.training.loop.Loop`.
    """
    check_free(out)
    if config.source is not None:
        _check_source(config.source)
    fabric = start(config)
    say = (progress or log.info) if fabric.is_global_zero else silent
    with fabric.rank_zero_first():
        cases, held_out = load_cases(config, "training", say), load_cases(config, "validation", say)
    _check_outcomes(cases, held_out)
    if config.samples is None and config.minutes is None:
        config = config.with_changes(samples=max(PASSES[config.model] * len(cases), config.batch))
    encoder = ClinicalEncoder.fit([case.record for case in cases]) if config.model != "response-film" else None
    with use_threads(config):
        loop = make_loop(config, training_folder(out), cases, held_out, encoder, say, fabric=fabric)
        loop.watch = watch
        trained = loop.run(stop_after)
        if not loop.ended:
            return loop.folder
        if fabric.is_global_zero:
            network = trained.network.cpu()
            calibration, metrics = calibrated(predict_logits(network, held_out, encoder), held_out, config)
            if config.source is not None and config.source.held_out:
                unseen = load_cases(config, "held_out", say)
                metrics |= held_out_auc(predict_logits(network, unseen, encoder), unseen, calibration)
            say(f"validation: AUC {metrics['validation_auc'].value:.3f}, calibration slope {calibration.slope:.2f}")
            write_response(
                out, network, config, loop, encoder=encoder, calibration=calibration, metrics=metrics,
                segmenter=segmenter_facts(config),
            )  # fmt: skip
    fabric.barrier()
    return out


def _check_outcomes(cases: Sequence[ResponseCase], held_out: Sequence[ResponseCase]) -> None:
    """Refuse patients of one outcome, before hours are spent: nothing could be learned, or calibrated, on them."""
    for part, several, least in (("training", cases, 1), ("validation", held_out, LEAST_OF_EACH)):
        _check_both(part, [case.responder for case in several], least)


def _check_source(source: CohortSource) -> None:
    """Refuse the same of a cohort before any run is prepared."""
    if not source.validation:
        raise TrainingError("the cohort gives no validation patients", "A response model is calibrated on some")
    known = {p.patient: p.responder for p in read_cohort(Path(source.folder)).patients}
    for part, names, least in (("training", source.training, 1), ("validation", source.validation, LEAST_OF_EACH)):
        answers = [bool(known[name]) for name in names if known.get(name) is not None]
        _check_both(f"{part} patients", answers, least, source.folder)


def _check_both(part: str, answers: Sequence[bool], least: int, folder: str | None = None) -> None:
    fewest = min(answers.count(True), answers.count(False))
    if fewest < least:
        what = "all have one outcome" if fewest == 0 else f"{fewest} of {len(answers)} has the rarer outcome"
        remedy = f"A response model needs {least} or more of each: split into fewer folds, or add patients"
        raise TrainingError(f"{part}: {what}", remedy, folder)


def make_loop(
    config: TrainingConfig,
    folder: Path,
    cases: Sequence[ResponseCase],
    held_out: Sequence[ResponseCase],
    encoder: ClinicalEncoder | None,
    progress: Callable[[str], None],
    *,
    fabric: Fabric | None = None,
) -> Loop:
    """Return the loop, ready to run: a new network, or a checkpoint's."""
    shape = ResponseConfig(
        width=config.width,
        image=config.uses_film,
        clinical=encoder is not None,
        n_clinical=encoder.size if encoder else 0,
        dropout=config.dropout,
    )
    start_from = build_response(shape, config.seed)
    load_weights(start_from, config)
    network = Assisted(start_from, config).to(memory_format=torch.channels_last)
    batches = ResponseBatches(cases, encoder, config)

    def monitor(averaged: nn.Module) -> dict[str, float]:
        found = predict_logits(averaged.network, held_out, encoder)
        scores = found.by_patient(Calibration())
        return {"auc": auc(scores, [case.responder for case in held_out])}

    reporter = Reporter(folder, progress, monitor, tensorboard=config.tensorboard)
    return Loop(
        network, config, folder, batches, Losses(config), fabric or start(config), reporter,
        digest_of_cases([*cases, *held_out]) if config.source else "",
    )  # fmt: skip


def digest_of_cases(cases: Sequence[ResponseCase]) -> str:
    """Return a digest of what is known of a cohort's patients."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(repr((case.record, case.responder)).encode() + case.keys.tobytes() + case.masks.tobytes())
    return digest.hexdigest()


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
        network.train()
        logits, facts = network(batch)
        entropy = functional.cross_entropy(logits.float(), batch["responder"])
        if facts is None:
            return {"total": entropy}
        error = functional.smooth_l1_loss(facts.float(), batch["facts"])
        return {"total": entropy + self.config.auxiliary * error, "entropy": entropy, "facts": error}


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
    where = next(network.parameters()).device
    rows = None if encoder is None else encoder.transform([case.record for case in cases])
    logits, owners, runs = [], [], []
    for first in range(0, len(cases), 32):
        several = range(first, min(first + 32, len(cases)))
        counts = [len(cases[i].keys) if film else 1 for i in several]
        owner = np.repeat(list(several), counts)
        images = None
        if film:
            key = np.concatenate([cases[i].keys for i in several]).astype(np.float32)
            mask = np.concatenate([cases[i].masks for i in several]).astype(np.float32)
            images = torch.from_numpy(np.stack([key, key * mask, mask], axis=1)).to(where)
        clinical = None if rows is None else torch.from_numpy(rows[owner]).to(where)
        logits.append(network.eval()(images, clinical).float().cpu().numpy())
        owners.append(owner)
        runs.append(np.concatenate([cases[i].runs for i in several]) if film else np.zeros(len(owner)))
    return Predictions(np.concatenate(logits), np.concatenate(owners), np.concatenate(runs).astype(int))


def calibrated(
    found: Predictions, cases: Sequence[ResponseCase], config: TrainingConfig | None = None
) -> tuple[Calibration, dict[str, Metric]]:
    """Fit Platt's calibration on validation images, and measure the patients' AUC and Brier score with it."""
    outcome = np.array([case.responder for case in cases])
    fit = calibrate(Calibration().probability(found.logits), outcome[found.cases])
    slope, intercept = fit.slope, fit.intercept
    if slope is None or intercept is None or slope < LEAST_SLOPE:
        log.warning("the model tells responders from non-responders no better than chance on the validation patients")
        slope, intercept = LEAST_SLOPE, float(np.log(outcome.mean() / (1 - outcome.mean())))
    share = float(outcome.mean())
    whose = "the cohort" if config is not None and config.source else "the phantom"
    calibration = Calibration(slope, intercept, share, f"{len(cases)} validation patients of {whose}")
    scores = found.by_patient(calibration)
    area = delong_auc(scores, outcome)
    metrics = {
        "validation_auc": Metric(area.value, area.low, area.high, len(cases), "AUC over validation patients, DeLong"),
        "validation_brier": Metric(float(np.mean((scores - outcome) ** 2)), n=len(cases), what="Brier score, ditto"),
    }
    chance = [case.probability for case in cases if case.probability is not None]
    if len(chance) == len(cases):
        what = "AUC of the true probability, ditto"
        metrics["validation_auc_bayes"] = Metric(auc(chance, outcome), n=len(cases), what=what)
    return calibration, metrics


def held_out_auc(found: Predictions, cases: Sequence[ResponseCase], calibration: Calibration) -> dict[str, Metric]:
    """Return ``held_out_auc`` and ``held_out_brier`` over patients that chose nothing; empty without two of each."""
    outcome = np.array([case.responder for case in cases])
    if min(outcome.sum(), (~outcome).sum()) < 2:
        return {}
    scores = found.by_patient(calibration)
    area = delong_auc(scores, outcome)
    return {
        "held_out_auc": Metric(area.value, area.low, area.high, len(cases), "AUC over held-out patients, DeLong"),
        "held_out_brier": Metric(float(np.mean((scores - outcome) ** 2)), n=len(cases), what="Brier score, ditto"),
    }
