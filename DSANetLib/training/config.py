"""TrainingConfig: what fixes a training, stored in the card of the model that came out of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from ..errors import TrainingError
from ..phantom.config import RESPONSE_TRAINING, SEGMENTATION_TRAINING, VALIDATION, PhantomConfig
from ..preparation.config import PreparationConfig

Model = Literal["ffs", "unet", "response", "response-film", "response-clinical"]
Precision = Literal["bf16", "float32"]
Masks = Literal["predicted", "true"]
DiceOver = Literal["batch", "image"]

CACHE_FORMAT = 1
"""Raised when what a cache file holds changes: files of another format are made anew."""

PACKAGE_NAMES: dict[str, str] = {
    "ffs": "ffs-phantom",
    "unet": "unet-phantom",
    "response": "response-phantom",
    "response-film": "response-film-phantom",
    "response-clinical": "response-clinical-phantom",
}


@dataclass(frozen=True)
class AugmentationConfig:
    """How a prepared run is varied before the network sees it; chances are 0-1, distributions in brackets.

    Parameters
    ----------
    stretch
        The time axis is stretched by exp(u), u uniform in ± this.
    thin, drop
        Chance of keeping every other frame; else chance of dropping a fifth of the frames at random.
    cut
        Chance that the run ends somewhere after the key frame.
    arrival
        Chance that contrast arrival is taken a frame early or late.
    picked
        Chance that the key frame is one that a picker chooses (on the field, or in the true liver).
    neighbour
        Chance that a neighbour stands for the key frame.
    rotation_deg, scale, shift
        Standard deviation of the rotation; scaling by exp(u), u uniform in ± `scale`; shift uniform in
        ± this part of the side. Never a left-right flip: the liver has a side.
    border
        Chance that the field loses a rim, as a border found wrongly would cost it.
    gamma, contrast, brightness
        Exponent exp(u) with u uniform in ± `gamma`; gain and offset uniform in ± these, in network units.
    noise
        Largest standard deviation of added white noise, network units.
    """

    stretch: float = 0.2
    thin: float = 0.2
    drop: float = 0.15
    cut: float = 0.15
    arrival: float = 0.3
    picked: float = 0.4
    neighbour: float = 0.5
    rotation_deg: float = 5.0
    scale: float = 0.12
    shift: float = 0.05
    border: float = 0.2
    gamma: float = 0.15
    contrast: float = 0.1
    brightness: float = 0.05
    noise: float = 0.03

    @classmethod
    def none(cls) -> AugmentationConfig:
        """Return the setting that changes nothing and always takes the true key frame."""
        return cls(**{f.name: 0.0 for f in fields(cls)})


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
class TrainingConfig:
    """One training.

    Parameters
    ----------
    model
        ``ffs``, ``unet`` (key frame alone), ``response`` (film and clinical values), ``response-film``,
        ``response-clinical``.
    cohort
        Phantom, preparation and cache.
    patients, validation
        Patients to train on, and to choose thresholds and calibration on.
    first_patient, first_validation
        Seed of the first of each; None takes the layout of ``phantom.config``.
    seed
        Of weights, order and augmentation.
    width
        Channels of the network's first level.
    samples
        Images to train on, each pass counted; None for a default, or what fits into `minutes`.
    minutes
        Where `samples` is None: as many samples as fit, from the speed of the first batches; the number
        goes into the card, and ``samples`` of that number repeats the training exactly.
    batch, lr, weight_decay, warmup
        AdamW: samples a step, peak rate, decay, and samples over which the rate rises before its cosine fall.
    ema
        The packaged weights are an exponential mean of the trained ones with this memory, in steps.
    alone
        ``ffs``: this share of the samples first trains TDL and LRS without FFS (the paper's pre-training).
    dice
        Segmenters: the Dice loss is taken over the flattened ``batch`` (the paper's code: large tumours rule), or
        over each ``image`` and averaged, so that a small tumour missed costs as much as a large one.
    augmentation
        How runs are varied.
    precision
        ``bf16`` automatic mixed precision, or ``float32``.
    threads
        Threads of torch; None leaves torch's own number. Weights repeat exactly for the same number only.
    checkpoint_s
        Seconds between checkpoints.
    segmenter
        Response models with film: package (name or folder) whose masks are used.
    masks
        ``predicted`` by `segmenter`, as in use; ``true`` for an upper bound.
    dropout, auxiliary
        Response models: dropout before the last layer; weight of an auxiliary loss that asks the image
        branch for size, stain and count of the tumours, measured on the image itself.
    """

    model: Model
    cohort: CohortConfig
    patients: int = 1500
    validation: int = 200
    first_patient: int | None = None
    first_validation: int | None = None
    seed: int = 0
    width: int = 16
    samples: int | None = None
    minutes: float | None = None
    batch: int = 4
    lr: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 400
    ema: float = 200.0
    alone: float = 0.0
    dice: DiceOver = "batch"
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    precision: Precision = "bf16"
    threads: int | None = None
    checkpoint_s: float = 120.0
    segmenter: str | None = None
    masks: Masks = "predicted"
    dropout: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name, allowed in (("model", Model), ("precision", Precision), ("masks", Masks), ("dice", DiceOver)):
            if getattr(self, name) not in get_args(allowed):
                raise TrainingError(
                    f"training {name} is {getattr(self, name)!r}", f"Choose one of {', '.join(get_args(allowed))}"
                )
        for name in ("patients", "validation", "width", "batch", "warmup"):
            if getattr(self, name) < 1:
                raise TrainingError(f"training {name} is {getattr(self, name)}", "Give 1 or more")
        if self.samples is not None and self.samples < self.batch:
            raise TrainingError(f"{self.samples} samples make no batch of {self.batch}", "Give more samples")
        if self.minutes is not None and self.minutes <= 0:
            raise TrainingError(f"training minutes are {self.minutes}", "Give more than 0")
        if self.alone > 0 and self.samples is None:
            raise TrainingError("a share of unknown samples cannot train TDL and LRS alone", "Give samples with alone")
        if self.needs_segmenter and self.segmenter is None:
            raise TrainingError(
                "a response model with film is trained on predicted masks", "Name the segmenter's package"
            )

    @property
    def is_segmenter(self) -> bool:
        """Whether this is model 1."""
        return self.model in ("ffs", "unet")

    @property
    def uses_film(self) -> bool:
        """Whether the model sees images."""
        return self.model != "response-clinical"

    @property
    def needs_segmenter(self) -> bool:
        """Whether predicted masks of another model are needed."""
        return self.uses_film and not self.is_segmenter and self.masks == "predicted"

    @property
    def training_seeds(self) -> range:
        """Seeds of the training patients."""
        default = SEGMENTATION_TRAINING if self.is_segmenter else RESPONSE_TRAINING
        first = default if self.first_patient is None else self.first_patient
        return range(first, first + self.patients)

    @property
    def validation_seeds(self) -> range:
        """Seeds of the validation patients."""
        first = VALIDATION if self.first_validation is None else self.first_validation
        return range(first, first + self.validation)

    def with_changes(self, **changes: Any) -> TrainingConfig:
        """Return a copy with some settings replaced, validated anew."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values, without those of this machine (folder, workers)."""
        values = asdict(self)
        cohort = values.pop("cohort")
        return values | {"phantom": cohort["phantom"], "preparation": cohort["preparation"]}


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
    if model in ("ffs", "unet"):
        shipped: dict[str, Any] = {"patients": 2000, "validation": 300, "dice": "image"}
        return TrainingConfig(model, changes.pop("cohort", CohortConfig(cache)), **(shipped | changes))
    settings: dict[str, Any] = {
        "patients": 2500, "validation": 400, "batch": 64, "weight_decay": 5e-2, "warmup": 2000, "dropout": 0.3,
        "auxiliary": 3.0,
    }  # fmt: skip
    if model != "response-clinical":
        settings["segmenter"] = PACKAGE_NAMES["ffs"]
    return TrainingConfig(model, changes.pop("cohort", CohortConfig(cache)), **(settings | changes))
