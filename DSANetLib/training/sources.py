"""Where training patients come from: the phantom by seeds, or a cohort folder; and where they are kept, prepared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ..errors import TrainingError
from ..phantom.config import PhantomConfig
from ..preparation.config import PreparationConfig

CACHE_FORMAT = 1
"""Raised when what a cache file holds changes: files of another format are made anew."""


@dataclass(frozen=True)
class CohortConfig:
    """Where the prepared patients come from and lie.

    Parameters
    ----------
    cache
        Folder of the prepared patients; each configuration has its own folder in it.
    phantom, preparation
        Settings of the phantom and of the preparation; together they name the folder.
    workers
        Processes that simulate and prepare, each on one core.
    """

    cache: str
    phantom: PhantomConfig = PhantomConfig()
    preparation: PreparationConfig = PreparationConfig(size=128)
    workers: int = 2

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that name the folder of this configuration."""
        facts = {"format": CACHE_FORMAT, "phantom": self.phantom.to_dict(), "prep": self.preparation.to_dict()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class CohortSource:
    """Patients of a cohort folder (``docs/cohort.md``) to train on.

    Parameters
    ----------
    folder
        The cohort.
    training
        Identifiers of the patients to train on.
    validation
        Those on which length, thresholds and calibration are chosen; never one of `training`. Empty where a
        segmenter's training chooses nothing: fine-tuning, refitting.
    held_out
        Those on which the trained model is measured, once, for its card; in neither of the others. May be empty.
    """

    folder: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a patient who would judge what was trained on him."""
        for name in ("training", "validation", "held_out"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.training:
            raise TrainingError("the cohort gives no training patients", "Name some, or make a split with more")
        everyone = (*self.training, *self.validation, *self.held_out)
        twice = len(everyone) - len(set(everyone))
        if twice:
            raise TrainingError(
                f"{twice} patients are in two of training, validation and held out", "Put each in one", self.folder
            )

    def to_dict(self) -> dict[str, Any]:
        """Return counts and a digest of who is in which part: no identifier goes into a card or a checkpoint."""
        parts = json.dumps([sorted(self.training), sorted(self.validation), sorted(self.held_out)])
        digest = hashlib.sha256(parts.encode()).hexdigest()[:12]
        counts = {name: len(getattr(self, name)) for name in ("training", "validation", "held_out")}
        return counts | {"patients_digest": digest}
