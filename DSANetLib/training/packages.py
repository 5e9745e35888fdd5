"""What a training leaves behind: a package with weights, exported twin and a card that says how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ..errors import OutputError
from ..models import Calibration, Metric, ModelCard
from ..models.export import export_package
from ..postprocessing import PostProcessing
from .config import TrainingConfig

if TYPE_CHECKING:
    from ..clinical import ClinicalEncoder

SUMMARIES = {
    "ffs": "Liver and tumour from ten frames and the key frame (TDL, LRS, FFS); trained on a synthetic phantom",
    "unet": "Tumour from the key frame alone, the baseline; trained on a synthetic phantom",
    "response": "Response from key frame, mask and twelve clinical values; trained on a synthetic phantom",
    "response-film": "Response from key frame and mask; trained on a synthetic phantom",
    "response-clinical": "Response from twelve clinical values alone; trained on a synthetic phantom",
}


def check_free(out: Path) -> None:
    """Refuse a folder that is there already, before hours are spent on what could not be written."""
    if out.exists():
        raise OutputError("is there already", "Name a new folder for the package, or move this one away", out)


def write_segmenter(
    out: Path, network: nn.Module, config: TrainingConfig, samples: int, seconds: float, facts: Mapping[str, Any]
) -> Path:
    """Write a segmenter's package.

    Parameters
    ----------
    out
        Folder; its name is the model's.
    network
        Trained.
    config, samples, seconds
        How it was trained, for how long.
    facts
        What ``segmenter.choose_thresholds`` returned.
    """
    card = ModelCard(
        name=out.name,
        network=network.config,
        preparation=config.cohort.preparation,
        summary=SUMMARIES[config.model],
        tumour_threshold=facts["tumour_threshold"],
        liver_threshold=facts["liver_threshold"],
        postprocessing=PostProcessing.recommended(),
        seeds={"training": config.seed},
        training=_training(config, samples, seconds) | {"dice_by_threshold": facts["dice_by_threshold"]},
        data=_data(config),
        metrics=facts["metrics"],
    )
    return export_package(out, card, network)


def write_response(
    out: Path,
    network: nn.Module,
    config: TrainingConfig,
    samples: int,
    seconds: float,
    *,
    encoder: ClinicalEncoder | None,
    calibration: Calibration,
    metrics: Mapping[str, Metric],
    segmenter: Mapping[str, str] | None,
) -> Path:
    """Write a response model's package.

    Parameters
    ----------
    out, network, config, samples, seconds
        As for :func:`write_segmenter`.
    encoder
        Fitted on the training patients; None for a model without clinical branch.
    calibration
        Fitted on the validation patients.
    metrics
        Figures of the validation patients.
    segmenter
        Name and checksum of the weights whose masks were used.
    """
    training = _training(config, samples, seconds)
    if segmenter is not None:
        training["segmenter"] = dict(segmenter)
    card = ModelCard(
        name=out.name,
        network=network.config,
        preparation=config.cohort.preparation,
        summary=SUMMARIES[config.model],
        threshold=0.5,
        calibration=calibration,
        clinical_encoder=encoder,
        seeds={"training": config.seed},
        training=training,
        data=_data(config),
        metrics=metrics,
    )
    return export_package(out, card, network)


def _training(config: TrainingConfig, samples: int, seconds: float) -> dict[str, Any]:
    """Return the settings that repeat the training; the cohort's are in ``data``."""
    repeated = replace(config, samples=samples, minutes=None).to_dict()
    for name in ("phantom", "preparation", "patients", "validation", "first_patient", "first_validation"):
        repeated.pop(name)
    return repeated | {"seconds": round(seconds)}


def _data(config: TrainingConfig) -> dict[str, Any]:
    train, held_out = config.training_seeds, config.validation_seeds
    return {
        "description": "patients of the DSANet phantom, simulated from the seeds; no real patient",
        "phantom": config.cohort.phantom.to_dict(),
        "training": {"patients": len(train), "first_seed": train.start},
        "validation": {"patients": len(held_out), "first_seed": held_out.start},
    }
