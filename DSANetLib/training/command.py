"""``dsanet train``: what was asked for on the command line, as a training."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ChoiceError
from .config import TrainingConfig

NAMES = (
    "patients", "validation", "samples", "minutes", "width", "seed", "threads", "segmenter", "dice", "masks", "lr",
    "batch", "accumulate", "patience", "device", "precision",
)  # fmt: skip
"""Options that are fields of ``TrainingConfig``."""


def run_training(chosen: argparse.Namespace, progress: Callable[[str], None] | None) -> Path:
    """Train as asked, and return the folder of the package, or of the folds."""
    from . import need_training_packages, train

    need_training_packages()
    from .folds import refit, source_of, train_folds

    _check(chosen)
    config = make_config(chosen)
    if chosen.refit:
        return refit(config, chosen.cohort, chosen.out, progress=progress)
    if chosen.folds:
        return train_folds(config, chosen.cohort, chosen.out, progress=progress)
    if chosen.cohort is not None:
        config = replace(config, source=source_of(chosen.cohort, chosen.fold))
    return train(config, chosen.out, progress=progress)


def make_config(chosen: argparse.Namespace) -> TrainingConfig:
    """Return the settings that the options ask for; the patients of a cohort are not among them yet."""
    from .finetune import fine_tuning
    from .presets import default_config, paper_config, scheduled

    given: dict[str, Any] = {name: getattr(chosen, name) for name in NAMES if getattr(chosen, name) is not None}
    given["tensorboard"] = chosen.tensorboard
    if chosen.from_package is not None:
        config = fine_tuning(chosen.from_package, str(chosen.cache), **given)
        if config.model != chosen.model:
            raise ChoiceError(f"{chosen.from_package} is of the kind {config.model}, not {chosen.model}")
    else:
        make = paper_config if chosen.preset == "paper" else default_config
        config = make(chosen.model, str(chosen.cache), **given)
    if chosen.size is not None:
        preparation = config.cohort.preparation.with_changes(size=chosen.size)
        config = replace(config, cohort=replace(config.cohort, preparation=preparation))
    if chosen.frames is not None:
        preparation = config.cohort.preparation.with_changes(frames=chosen.frames)
        config = replace(config, cohort=replace(config.cohort, preparation=preparation))
    return scheduled(config, chosen.schedule) if chosen.schedule else config


def _check(chosen: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    several = chosen.folds or chosen.refit
    if (several or chosen.fold is not None) and chosen.cohort is None:
        raise ChoiceError("--fold, --folds and --refit need --cohort: the phantom has patients enough to need no folds")
    if several and chosen.fold is not None:
        raise ChoiceError("--fold is one of the folds, --folds and --refit take all of them: choose one")
    if chosen.cohort is not None and (chosen.patients is not None or chosen.validation is not None):
        raise ChoiceError("--patients and --validation count phantom patients; those of a cohort are in its split.csv")
    if chosen.schedule == "alone-joint" and chosen.samples is None:
        raise ChoiceError("--schedule alone-joint needs --samples")
