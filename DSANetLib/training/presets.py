"""Ready-made settings: those of the shipped packages, and those of the paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from ..preparation.config import PreparationConfig
from .config import SEGMENTERS, Model, TrainingConfig
from .sources import CohortConfig
from .variation import AugmentationConfig

PACKAGE_NAMES: dict[str, str] = {
    "ffs": "ffs-phantom",
    "unet": "unet-phantom",
    "response": "response-phantom",
    "response-film": "response-film-phantom",
    "response-clinical": "response-clinical-phantom",
}
Schedule = Literal["joint", "alone-joint", "key-frame"]
ALONE = 0.3
"""Share of the samples that trains TDL and LRS alone in the schedule ``alone-joint``."""


def default_config(model: Model, cache: str, **changes: Any) -> TrainingConfig:
    """Return the settings of the shipped model of that kind, with changes.

    Parameters
    ----------
    model
        Kind of model.
    cache
        Folder of the prepared patients.
    changes
        Fields of :class:`TrainingConfig`.
    """
    if model in SEGMENTERS:
        shipped: dict[str, Any] = {"patients": 2000, "validation": 300, "dice": "image"}
        return TrainingConfig(model, changes.pop("cohort", CohortConfig(cache)), **(shipped | changes))
    settings: dict[str, Any] = {
        "patients": 4000, "validation": 400, "batch": 64, "weight_decay": 5e-2, "warmup": 2000, "dropout": 0.3,
        "auxiliary": 3.0,
    }  # fmt: skip
    if model != "response-clinical":
        settings["segmenter"] = PACKAGE_NAMES["ffs"]
    return TrainingConfig(model, changes.pop("cohort", CohortConfig(cache)), **(settings | changes))


def paper_config(model: Model, cache: str, **changes: Any) -> TrainingConfig:
    """Return the settings that follow the paper and its code as closely as they can be read (``docs/training.md``).

    Parameters
    ----------
    model, cache, changes
        As for :func:`default_config`.
    """
    neighbours = replace(AugmentationConfig.none(), neighbour=2 / 3)
    settings: dict[str, Any] = {
        "width": 64, "batch": 8, "lr": 1e-4, "lrs_lr": 1e-6, "weight_decay": 0.0, "warmup": 1, "decay": "constant",
        "ema": 1.0, "norms": "parts", "handover": "logits", "threshold": 0.2, "dice": "batch",
        "precision": "float32", "augmentation": neighbours,
    }  # fmt: skip
    if model not in SEGMENTERS:
        settings = {"width": 64, "batch": 64, "lr": 1e-3, "dropout": 0.2, "precision": "float32", "auxiliary": 0.0}
    cohort = changes.pop("cohort", CohortConfig(cache, preparation=PreparationConfig.paper()))
    return default_config(model, cache, cohort=cohort, **(settings | changes))


def scheduled(config: TrainingConfig, schedule: Schedule) -> TrainingConfig:
    """Return a segmenter's settings with a schedule of the paper.

    Parameters
    ----------
    config
        The settings; ``alone-joint`` needs their `samples`.
    schedule
        ``joint``: all parts from the start. ``alone-joint``: TDL and LRS alone, then all. ``key-frame``: key frames
        alone, without their neighbours, as the paper's baseline.
    """
    if schedule == "alone-joint":
        return replace(config, alone=ALONE)
    if schedule == "key-frame":
        return replace(config, alone=0.0, augmentation=replace(config.augmentation, neighbour=0.0, picked=0.0))
    return replace(config, alone=0.0)
