"""The experiments of the study, a line each, and the sizes in which it can be run: tables, no scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Size = Literal["smoke", "desk", "paper"]
Masks = Literal["", "none", "predicted", "true"]


@dataclass(frozen=True)
class Segmenting:
    """One way to segment.

    Parameters
    ----------
    name
        Under which its results stand in tables.
    kind
        Of the network: ``SegmenterConfig.kind``; ``nnunet`` is trained by its own commands.
    about
        What it is, for the report.
    frames
        Frames that the network sees as channels.
    repeated
        Trained with every seed of the size; else with the first alone.
    longer
        Samples as a multiple of the size's: a network of fewer operations sees more of them in the same time.
    settings
        Fields of ``TrainingConfig`` that differ from the size's.
    augmentation
        Fields of ``AugmentationConfig`` that differ from the usual.
    """

    name: str
    kind: str
    about: str
    frames: int = 10
    repeated: bool = False
    longer: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)
    augmentation: dict[str, float] = field(default_factory=dict)


STRONGER = {
    "stretch": 0.3, "rotation_deg": 10.0, "scale": 0.25, "shift": 0.1, "gamma": 0.3, "contrast": 0.2,
    "brightness": 0.1, "noise": 0.05, "transplant": 0.5,
}  # fmt: skip
"""About twice the usual variation of place, grey and time, and another patient's lesion in every second run, for a
network that sees every patient often; chosen on validation patients (docs/decisions/0005-tempo.md)."""

SEGMENTING = (
    Segmenting("unet", "unet", "U-Net on the key frame", repeated=True),
    Segmenting("unetpp", "unetpp", "U-Net++ on the key frame (MONAI)"),
    Segmenting("attention-unet", "attention-unet", "Attention U-Net on the key frame (MONAI)"),
    Segmenting("u2net", "u2net", "U²-Net on the key frame (ours)"),
    Segmenting("nnunet", "nnunet", "nnU-Net v2 on the key frame, by its own commands"),
    Segmenting("tdl", "tdl", "+TDL: key frame and temporal difference, ten frames", repeated=True),
    Segmenting("tdl-5", "tdl", "+TDL with 5 frames", frames=5),
    Segmenting("tdl-8", "tdl", "+TDL with 8 frames", frames=8),
    Segmenting("tdl-12", "tdl", "+TDL with 12 frames", frames=12),
    Segmenting("tdl-15", "tdl", "+TDL with 15 frames", frames=15),
    Segmenting("lrs", "lrs", "+LRS: key frame and liver region", repeated=True),
    Segmenting("ffs", "ffs", "FFS: key frame, liver region and temporal difference (DSA-Net)", repeated=True),
    Segmenting("tempo", "tempo", "ours, at most a quarter of FFS's operations, four times the samples", repeated=True,
               longer=4.0, settings={"lr": 3e-3, "weight_decay": 0.1}, augmentation=STRONGER),
)  # fmt: skip


@dataclass(frozen=True)
class Responding:
    """One way to predict the response.

    Parameters
    ----------
    name
        Input of model 2, as in ``ResponseResult.input``.
    model
        ``response``, ``response-film``, ``response-clinical`` for networks; ``logistic``, ``boosting`` for the
        baselines on the clinical values.
    masks
        Whose masks the network sees; empty where it sees no film.
    about
        What it is, for the report.
    """

    name: str
    model: str
    masks: Masks
    about: str

    @property
    def key(self) -> str:
        """Name that no other way has."""
        return self.name if self.masks in ("", "none") else f"{self.name}-{self.masks}"


RESPONDING = (
    Responding("film", "response-film", "none", "key frame (KF)"),
    Responding("clinical", "response-clinical", "", "clinical values"),
    Responding("film+mask", "response-film", "predicted", "KF + KF·Pred + Pred"),
    Responding("film+mask+clinical", "response", "predicted", "KF + KF·Pred + Pred + clinical values"),
    Responding("film+mask", "response-film", "true", "KF + KF·GT + GT"),
    Responding("film+mask+clinical", "response", "true", "KF + KF·GT + GT + clinical values"),
    Responding("logistic", "logistic", "", "logistic regression on the clinical values"),
    Responding("boosting", "boosting", "", "gradient boosting on the clinical values"),
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How large a study is.

    Parameters
    ----------
    pixels, width
        Side of the network's images; channels of its first level.
    samples
        Images that each segmenter is trained on, each pass counted.
    response_passes
        Passes of a response model over its patients.
    seeds
        Seeds of the repeated experiments; the first is that of all others.
    segmenting
        Names of the segmenters that are trained.
    shuffles
        Shuffles of the outcome in the leak test.
    nnunet_epochs
        Cap on nnU-Net's training; 0 leaves it out.
    folds
        Whether the five folds are trained too (first segmenter and first seed).
    device
        Where it is meant to run.
    """

    pixels: int
    width: int
    samples: int
    response_passes: int
    seeds: tuple[int, ...]
    segmenting: tuple[str, ...]
    shuffles: int = 0
    nnunet_epochs: int = 0
    folds: bool = False
    device: str = "cpu"


ALL = tuple(one.name for one in SEGMENTING)
SIZES: dict[Size, Scale] = {
    "smoke": Scale(64, 4, 96, 2, (0,), ("unet", "tdl", "lrs", "ffs", "tempo"), nnunet_epochs=2),
    "desk": Scale(128, 8, 8_000, 20, (0, 1, 2), ALL, shuffles=20, nnunet_epochs=10),
    "paper": Scale(256, 64, 200 * 360 * 3, 150, (0, 1, 2), ALL, shuffles=20, nnunet_epochs=1000, folds=True,
                   device="cuda"),
}  # fmt: skip
