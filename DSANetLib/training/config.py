"""TrainingConfig: what fixes a training, stored in the card of the model that came out of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from ..errors import TrainingError
from ..networks.config import Handover, SegmenterKind
from ..phantom.config import RESPONSE_TRAINING, SEGMENTATION_TRAINING, VALIDATION
from .sources import CohortConfig, CohortSource
from .variation import AugmentationConfig

ResponseKind = Literal["response", "response-film", "response-clinical"]
Model = SegmenterKind | ResponseKind
Precision = Literal["bf16", "float32"]
Masks = Literal["predicted", "true", "none"]
DiceOver = Literal["batch", "image"]
Decay = Literal["cosine", "constant"]
Norms = Literal["learned", "parts", "frozen"]

SEGMENTERS: tuple[str, ...] = get_args(SegmenterKind)
MODELS: tuple[str, ...] = (*SEGMENTERS, *get_args(ResponseKind))
_OF_THE_MACHINE = ("device", "tensorboard")
"""Settings that do not belong to what is trained."""
_STEP = 16
"""Sides of a segmenter's images are halved four times."""


@dataclass(frozen=True)
class TrainingConfig:
    """One training.

    Parameters
    ----------
    model
        A segmenter's kind (``SegmenterConfig.kind``: ``ffs``, ``unet``, …), ``response`` (film and clinical
        values), ``response-film``, ``response-clinical``.
    cohort
        Phantom, preparation and cache.
    source
        A cohort folder and its patients; None for patients of the phantom by the seeds below.
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
        AdamW: samples a step (of all processes together), peak rate, weight decay, and samples over which the rate
        rises.
    decay
        After the rise the rate falls by a ``cosine`` to nothing, or stays ``constant``.
    lrs_lr
        Peak rate of LRS once all parts are trained together; None for `lr`.
    accumulate
        Parts in which each process takes its share of a batch, one after the other: less memory, same step.
    patience
        Stop where validation has not improved for so many reports (a twentieth of the samples each), and keep the
        best weights; None trains to the end and keeps the last.
    ema
        The packaged weights are an exponential mean of the trained ones with this memory, in steps.
    alone
        ``ffs``, ``tdl``, ``lrs``: this share of the samples first trains TDL and LRS without FFS (the paper's
        pre-training).
    norms
        Batch norms: ``learned`` by all; ``parts``: those of TDL and LRS are frozen once all parts are trained
        together (the paper); ``frozen``: all keep the statistics they start with.
    handover
        What FFS gets from LRS; see ``SegmenterConfig``.
    threshold
        Segmenters: taken as it is for tumour and liver; None chooses both on the validation patients.
    dice
        Segmenters: the Dice loss is taken over the flattened ``batch`` (the paper's code: large tumours rule), or
        over each ``image`` and averaged, so that a small tumour missed costs as much as a large one.
    augmentation
        How runs are varied.
    precision
        ``bf16`` automatic mixed precision, or ``float32``.
    threads
        Threads of torch; None leaves torch's own number. Weights repeat exactly for the same number only.
    device
        ``auto``, ``cpu`` or ``cuda``.
    tensorboard
        Whether the log is also written for TensorBoard.
    checkpoint_s
        Seconds between checkpoints.
    from_package
        Package (name or folder) of the same network whose weights the training starts from.
    segmenter
        Response models with film: package (name or folder) whose masks are used.
    masks
        ``predicted`` by `segmenter`, as in use; ``true`` for an upper bound; ``none``: the key frame alone.
    dropout, auxiliary
        Response models: dropout before the last layer; weight of an auxiliary loss that asks the image
        branch for size, stain and count of the tumours, measured on the image itself.
    """

    model: Model
    cohort: CohortConfig
    source: CohortSource | None = None
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
    decay: Decay = "cosine"
    lrs_lr: float | None = None
    accumulate: int = 1
    patience: int | None = None
    ema: float = 200.0
    alone: float = 0.0
    norms: Norms = "learned"
    handover: Handover = "probability"
    threshold: float | None = None
    dice: DiceOver = "batch"
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    precision: Precision = "bf16"
    threads: int | None = None
    device: str = "auto"
    tensorboard: bool = False
    checkpoint_s: float = 120.0
    from_package: str | None = None
    segmenter: str | None = None
    masks: Masks = "predicted"
    dropout: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        choices = (
            ("model", MODELS), ("precision", get_args(Precision)), ("masks", get_args(Masks)),
            ("dice", get_args(DiceOver)), ("decay", get_args(Decay)), ("norms", get_args(Norms)),
            ("handover", get_args(Handover)),
        )  # fmt: skip
        for name, allowed in choices:
            if getattr(self, name) not in allowed:
                raise TrainingError(
                    f"training {name} is {getattr(self, name)!r}", f"Choose one of {', '.join(allowed)}"
                )
        for name in ("patients", "validation", "width", "batch", "warmup", "accumulate", "patience"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise TrainingError(f"training {name} is {getattr(self, name)}", "Give 1 or more")
        if self.samples is not None and self.samples < self.batch:
            raise TrainingError(f"{self.samples} samples make no batch of {self.batch}", "Give more samples")
        # Written so that NaN, which is neither above nor below 0, is refused.
        for name in ("minutes", "lr", "lrs_lr"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < math.inf:
                raise TrainingError(f"training {name} is {getattr(self, name)}", "Give a number above 0")
        size = self.cohort.preparation.size
        if self.is_segmenter and size % _STEP:
            near = max(1, round(size / _STEP)) * _STEP
            raise TrainingError(f"{size} pixels cannot be halved four times", f"Give a multiple of {_STEP}, as {near}")
        if self.alone > 0 and self.samples is None:
            raise TrainingError("a share of unknown samples cannot train TDL and LRS alone", "Give samples with alone")
        if self.needs_segmenter and self.segmenter is None:
            raise TrainingError(
                "a response model with film is trained on predicted masks", "Name the segmenter's package"
            )

    @property
    def is_segmenter(self) -> bool:
        """Whether this is model 1."""
        return self.model in SEGMENTERS

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
        """Return the settings as JSON-able values, without those of this machine (folders, workers, device)."""
        values = {name: value for name, value in asdict(self).items() if name not in _OF_THE_MACHINE}
        cohort = values.pop("cohort")
        values["source"] = None if self.source is None else self.source.to_dict()
        return values | {"phantom": cohort["phantom"], "preparation": cohort["preparation"]}
