"""Model 1 on patients that no weight was trained on: Dice, and the thresholds chosen by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import TrainingError
from ..evaluation.statistics import bootstrap_mean
from ..models import Metric
from .augment import plain_sample
from .cases import TrainingPatient, TrainingRun
from .config import TrainingConfig
from .starting import starting_card

THRESHOLDS = np.round(np.arange(0.1, 0.91, 0.05), 2)
AS_GOOD = 0.001
"""Of thresholds whose mean Dice is within so much of the best the highest is taken: on source pixels, after
post-processing, low ones find more that is not there."""
ENOUGH = 20
"""Fewer validation patients choose no threshold for a package that had one: of a flat curve they take any point."""
HALF = 128
"""A pixel is tumour where half of it is covered, of 255."""


@torch.no_grad()
def predict_maps(network: nn.Module, samples: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return tumour and liver probabilities (N, S, S) float32 for samples as inference sees them."""
    where = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    frames = torch.from_numpy(np.stack([s.frames for s in samples])).contiguous(memory_format=torch.channels_last)
    key = torch.from_numpy(np.stack([s.key for s in samples]))[:, None]
    output = network.eval()(frames.to(where), key.contiguous(memory_format=torch.channels_last).to(where))
    tumour = output.tumour_logits.float().sigmoid()[:, 0].cpu().numpy()
    liver = output.liver_logits
    return tumour, None if liver is None else liver.float().sigmoid()[:, 0].cpu().numpy()


def patient_dice(
    network: nn.Module, patients: Sequence[TrainingPatient], config: TrainingConfig, thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """Return Dice by patient, (patients, thresholds), of ``tumour`` and, where it is predicted, ``liver``.

    Measured on network pixels at the key frame as picked in the liver (where nobody annotated that one: at the
    annotated key frame), before any post-processing, averaged over the runs of a patient. Frames without tumour
    do not count; nor do patients with none but these.
    """
    found: dict[str, list[np.ndarray]] = {"tumour": [], "liver": []}
    for patient in patients:
        runs = [run for run in patient.runs if shows_tumour(run)]
        if not runs:
            continue
        samples = [plain_sample(run, run.judged, config.cohort.preparation) for run in runs]
        maps, livers = predict_maps(network, samples)
        found["tumour"].append(_mean_dice(maps, [s.tumour for s in samples], thresholds))
        marked = [i for i, sample in enumerate(samples) if sample.has_liver]
        if livers is not None and marked:
            found["liver"].append(_mean_dice(livers[marked], [samples[i].liver for i in marked], thresholds))
    if not found["tumour"]:
        raise TrainingError("no validation patient shows a tumour", "Give more validation patients")
    return {name: np.array(values) for name, values in found.items() if values}


def shows_tumour(run: TrainingRun) -> bool:
    """Return whether there is tumour in the frame that a run is judged on."""
    return bool(run.masked) and run.tumour[run.masked.index(run.judged)].max() >= HALF


def _mean_dice(maps: np.ndarray, truths: Sequence[np.ndarray], thresholds: np.ndarray) -> np.ndarray:
    values = []
    for image, truth in zip(maps, truths, strict=True):
        true = truth >= HALF / 255
        said = image[None] >= thresholds[:, None, None]
        values.append(2 * (said & true).sum((1, 2)) / np.maximum(said.sum((1, 2)) + true.sum(), 1))
    return np.mean(values, axis=0)


def choose_thresholds(
    network: nn.Module,
    patients: Sequence[TrainingPatient],
    config: TrainingConfig,
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the thresholds of highest mean Dice over the validation patients (see `AS_GOOD`), and what was measured.

    Keys: tumour_threshold, liver_threshold (0.5 without a liver), dice, dice_by_threshold, metrics. Without patients
    they are those of `given_thresholds`, and nothing was measured.
    """
    fixed = given_thresholds(len(patients), config, thresholds)
    if fixed is not None and not patients:
        return {f"{part}_threshold": value for part, value in fixed.items()} | {"dice_by_threshold": {}, "metrics": {}}
    dice = patient_dice(network, patients, config, THRESHOLDS)
    facts: dict[str, Any] = {"liver_threshold": 0.5, "metrics": {}}
    for part, values in dice.items():
        means = values.mean(axis=0)
        given = (given_thresholds(len(values), config, thresholds) or {}).get(part)
        best = int(np.flatnonzero(means >= means.max() - AS_GOOD)[-1]) if given is None else _nearest(given)
        names = [str(i) for i in range(len(values))]
        found = bootstrap_mean(values[:, best], names, seed=config.seed)
        chosen = "threshold chosen on them" if given is None else "threshold given"
        what = f"mean Dice of the {part} over validation patients with tumour, network pixels, {chosen}"
        facts[f"{part}_threshold"] = float(THRESHOLDS[best])
        facts["metrics"][f"validation_dice_{part}"] = Metric(found.value, found.low, found.high, len(names), what)
        if part == "tumour":
            facts["dice"] = found.value
            table = zip(THRESHOLDS, means, strict=True)
            facts["dice_by_threshold"] = {f"{t:.2f}": round(float(v), 4) for t, v in table}
    return facts


def given_thresholds(
    patients: int, config: TrainingConfig, thresholds: Mapping[str, float] | None = None
) -> dict[str, float] | None:
    """Return the thresholds of ``tumour`` and ``liver`` that are not to be chosen on so many patients; None: choose.

    Given are `thresholds`, else a setting, else a package's where only a few patients would choose.
    """
    if thresholds is not None:
        return dict(thresholds)
    if config.threshold is not None:
        return {"tumour": config.threshold, "liver": config.threshold}
    if config.from_package is not None and patients < ENOUGH:
        card = starting_card(config)
        return {"tumour": card.tumour_threshold, "liver": card.liver_threshold}
    return None


def _nearest(threshold: float) -> int:
    return int(np.argmin(np.abs(THRESHOLDS - threshold)))


def held_out_dice(
    network: nn.Module, patients: Sequence[TrainingPatient], config: TrainingConfig, threshold: float
) -> dict[str, Metric]:
    """Return ``held_out_dice_tumour`` over patients that chose nothing; empty where none of them shows a tumour."""
    if not any(shows_tumour(run) for patient in patients for run in patient.runs):
        return {}
    values = patient_dice(network, patients, config, np.array([threshold]))["tumour"][:, 0]
    found = bootstrap_mean(values, [str(i) for i in range(len(values))], seed=config.seed)
    what = "mean Dice of the tumour over held-out patients with tumour, network pixels"
    return {"held_out_dice_tumour": Metric(found.value, found.low, found.high, len(values), what)}
