"""Who is evaluated with what: cohorts of phantom patients that nothing else uses, and the packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import TrainingError
from ..phantom.config import TEST, VALIDATION, PhantomConfig

UNSEEN_OFFSET = 500_000
"""Patients filmed at an unseen frame rate have seeds of their own within the cohort's block."""


@dataclass(frozen=True)
class EvaluationPlan:
    """Who is evaluated with what.

    Parameters
    ----------
    cohort
        ``test`` or ``validation``: which block of seeds. The test set's opening is recorded.
    patients
        Patients for Model 2, for the first segmentation model and for the key frame.
    baseline_patients
        The first so many of them also for the other segmentation models.
    unseen_patients
        Patients at ``unseen_rates``, for all segmentation models; 0 leaves them out.
    unseen_rates
        Frame rates (1/s) that no training run had.
    segmenters
        Packages of Model 1; the first makes the masks for Model 2 and is the one that is judged.
    responders
        Input → package of Model 2.
    config
        Settings of the phantom.
    seed
        Of the bootstraps.
    """

    cohort: Literal["test", "validation"] = "test"
    patients: int = 1000
    baseline_patients: int = 400
    unseen_patients: int = 100
    unseen_rates: tuple[float, ...] = (5.0,)
    segmenters: tuple[str, ...] = ("ffs-phantom", "unet-phantom")
    responders: Mapping[str, str] = field(
        default_factory=lambda: {
            "clinical": "response-clinical-phantom",
            "film": "response-film-phantom",
            "film+clinical": "response-phantom",
        }
    )
    config: PhantomConfig = PhantomConfig()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.patients <= UNSEEN_OFFSET or self.unseen_patients < 0 or self.baseline_patients < 0:
            raise TrainingError(f"an evaluation of {self.patients} patients", f"Ask for 1 to {UNSEEN_OFFSET}")
        if not self.segmenters:
            raise TrainingError("there is no segmentation model to evaluate", "Name a package")

    @property
    def first_seed(self) -> int:
        """Seed of the first patient."""
        return TEST if self.cohort == "test" else VALIDATION

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages, each once."""
        return tuple(dict.fromkeys([*self.segmenters, *self.responders.values()]))

    def sentence(self) -> str:
        """Return which patients these are."""
        last = self.first_seed + self.patients - 1
        text = f"{self.cohort} patients, seeds {self.first_seed}–{last}"
        if self.unseen_patients:
            unseen = self.first_seed + UNSEEN_OFFSET
            rates = ", ".join(f"{rate:g}" for rate in self.unseen_rates)
            text += f"; at {rates} /s seeds {unseen}–{unseen + self.unseen_patients - 1}"
        return text


@dataclass(frozen=True)
class Task:
    """What is done with each patient of one part of the plan; goes to the workers."""

    segmenters: tuple[str, ...]
    responders: tuple[tuple[str, str], ...]
    config: PhantomConfig
