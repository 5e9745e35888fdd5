"""Cross-validation by patient: a package a fold, what the folds together say of a patient, and a refit on all."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cohort import Split, read_split
from ..errors import ModelError, TrainingError
from ..models import ModelCard, ResponseModel, load_model, read_card
from ..whole import write_whole
from . import train
from .config import TrainingConfig
from .sources import CohortSource

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..results import Segmentation

FOLDS, REFIT = "folds.json", "refit"
RULE = "mean of the folds' calibrated probabilities"


def source_of(cohort: str | Path, fold: int | None = None) -> CohortSource:
    """Return the patients of a training on a cohort that was split by ``dsanet cohort split``.

    Parameters
    ----------
    cohort
        Its folder, with ``split.csv``.
    fold
        Held out for the figures of the card; the next fold validates, the others train. None: fold 0 validates, all
        others train, nothing but the test set is held out.

    Raises
    ------
    DSANetError
        Where there is no split, or it has no such fold.
    """
    split = read_split(cohort)
    if split.folds < 2:
        raise TrainingError("the split has no folds", "Run 'dsanet cohort split' with --folds 5", cohort)
    if fold is None:
        training, validation = split.fold(0)
        return CohortSource(str(cohort), training, validation)
    if not 0 <= fold < split.folds:
        raise TrainingError(f"there is no fold {fold}", f"Choose one of 0 to {split.folds - 1}", cohort)
    if split.folds < 3:
        raise TrainingError("two folds leave nobody to validate", "Split the cohort into three folds or more", cohort)
    return _rotated(str(cohort), split, fold)


def _rotated(cohort: str, split: Split, fold: int) -> CohortSource:
    held_out, inner = split.fold(fold)[1], split.fold((fold + 1) % split.folds)[1]
    training = tuple(patient for patient in split.train if patient not in {*held_out, *inner})
    return CohortSource(cohort, training, inner, held_out)


def train_folds(
    config: TrainingConfig, cohort: str | Path, out: str | Path, *, progress: Callable[[str], None] | None = None
) -> Path:
    """Train a model once a fold; a fold whose package is there is not trained again.

    Parameters
    ----------
    config
        As for one training; its patients are taken from the cohort's split.
    cohort
        Folder of a cohort with ``split.csv``.
    out
        Gets ``fold-0``, ``fold-1``, … and ``folds.json``, which says how they are used together.
    progress
        As for :func:`DSANetLib.training.train`.
    """
    out, split, say = Path(out), read_split(cohort), progress or (lambda _: None)
    sources = [source_of(cohort, fold) for fold in range(split.folds)]
    packages: list[Path] = []
    trained = False
    for fold, source in enumerate(sources):
        package = out / f"fold-{fold}"
        packages.append(package)
        if package.exists():
            continue
        trained = True
        say(f"fold {fold}, the last is {split.folds - 1}")
        train(replace(config, source=source), package, progress=progress)
        for name, metric in read_card(package).metrics.items():
            if name.startswith("held_out"):
                say(f"fold {fold}: {name.replace('_', ' ')} {metric.value:.3f} of {metric.n} patients")
    held_out = _write_facts(out, split, packages)
    for name, figure in held_out.items() if trained else ():
        say(f"all folds: {name.replace('_', ' ')} {figure['value']:.3f} of {figure['n']} patients")
    return out


def refit(
    config: TrainingConfig, cohort: str | Path, out: str | Path, *, progress: Callable[[str], None] | None = None
) -> Path:
    """Train a segmenter once on all training patients, as long as the folds needed and with their threshold.

    Nobody validates it: length and thresholds are the medians of the folds'. Dice is to be had from the folds, or on
    the test set.

    Parameters
    ----------
    config, cohort, progress
        As for :func:`train_folds`, which is done first.
    out
        Gets the folds, and the package ``refit``.

    Raises
    ------
    DSANetError
        Where the model is no segmenter: a response model is calibrated on patients that it was not trained on.
    """
    if not config.is_segmenter:
        raise TrainingError(
            "a response model refitted on everybody cannot be calibrated", "Use its folds together (--folds)", cohort
        )
    from .segmenter import train_segmenter

    package = train_folds(config, cohort, out, progress=progress) / REFIT
    if package.exists():
        return package
    cards = [read_card(Path(out) / name) for name in json.loads((Path(out) / FOLDS).read_text())["packages"]]
    lengths = [card.training.get("best_after_samples") or card.training["samples"] for card in cards]
    thresholds = {
        "tumour": statistics.median(card.tumour_threshold for card in cards),
        "liver": statistics.median(card.liver_threshold for card in cards),
    }
    samples = max(config.batch, round(statistics.median(lengths)))
    source = CohortSource(str(cohort), read_split(cohort).train, ())
    whole = replace(config, source=source, samples=samples, minutes=None, patience=None)
    return train_segmenter(whole, package, progress, thresholds=thresholds)


def _write_facts(out: Path, split: Split, packages: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Write ``folds.json``; return the held-out figures over all folds."""
    cards = [read_card(package) for package in packages]
    figures = {card.name: {name: metric.to_dict() for name, metric in card.metrics.items()} for card in cards}
    held_out = _over_folds(cards)
    facts = {
        "rule": RULE,
        "split": split.digest,
        "packages": [card.name for card in cards],
        "held_out": held_out,
        "figures": figures,
    }
    write_whole(out / FOLDS, json.dumps(facts, indent=1) + "\n")
    return held_out


def _over_folds(cards: Sequence[ModelCard]) -> dict[str, dict[str, float]]:
    """Return each held-out figure's mean over the folds, weighted by their patients; ``n`` counts all of them."""
    found: dict[str, list[tuple[float, int]]] = {}
    for card in cards:
        for name, metric in card.metrics.items():
            if name.startswith("held_out") and metric.n:
                found.setdefault(name, []).append((metric.value, metric.n))
    return {
        name: {"value": sum(value * n for value, n in each) / sum(n for _, n in each), "n": sum(n for _, n in each)}
        for name, each in found.items()
    }


def predict_by_folds(
    folder: str | Path, segmentations: Sequence[Segmentation], clinical: ClinicalRecord | None = None
) -> float:
    """Return the mean of the calibrated probabilities that the folds' response models give a new patient, 0-1.

    Scores of different folds are on different scales: each is calibrated by its own fold before the mean.

    Parameters
    ----------
    folder
        Of :func:`train_folds`.
    segmentations, clinical
        As for ``pipeline.predict``.

    Raises
    ------
    ModelError
        Where the folds are no response models, or one is not calibrated.
    """
    from ..pipeline import predict

    names = json.loads((Path(folder) / FOLDS).read_text())["packages"]
    models = [load_model(Path(folder) / name) for name in names]
    found = []
    for model in models:
        if not isinstance(model, ResponseModel) or model.card.calibration is None:
            raise ModelError("is no calibrated response model", "Only calibrated probabilities can be averaged", folder)
        found.append(predict(segmentations, model, clinical).probability)
    return float(np.mean(found))
