"""What a training leaves behind: a package with weights, exported twin and a card that says how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ..cohort import Cohort, read_cohort
from ..errors import OutputError
from ..models import Calibration, Metric, ModelCard
from ..models.card import PHANTOM_WARNING
from ..models.export import export_package
from ..postprocessing import PostProcessing
from .config import TrainingConfig
from .starting import starting_card

if TYPE_CHECKING:
    from ..clinical import ClinicalEncoder
    from .loop import Loop

SUMMARIES = {
    "ffs": "Liver and tumour from ten frames and the key frame (TDL, LRS, FFS)",
    "tdl": "Tumour from the frames and the key frame (+TDL, without LRS)",
    "lrs": "Liver and tumour from the key frame (+LRS, without TDL)",
    "tempo": "Liver and tumour from the frames, their curves and the key frame (ours)",
    "unet": "Tumour from the key frame alone, the baseline",
    "unetpp": "Tumour from the key frame alone (U-Net++)",
    "attention-unet": "Tumour from the key frame alone (Attention U-Net)",
    "u2net": "Tumour from the key frame alone (U²-Net)",
    "response": "Response from key frame, mask and twelve clinical values",
    "response-film": "Response from key frame and mask",
    "response-clinical": "Response from twelve clinical values alone",
}


def check_free(out: Path) -> None:
    """Refuse a folder that is there already, before hours are spent on what could not be written."""
    if out.exists():
        raise OutputError("is there already", "Name a new folder for the package, or move this one away", out)


def training_folder(out: Path) -> Path:
    """Return where checkpoint and log of a training lie: beside its package."""
    return out.with_name(out.name + ".training")


def write_segmenter(
    out: Path, network: nn.Module, config: TrainingConfig, loop: Loop, facts: Mapping[str, Any]
) -> Path:
    """Write a segmenter's package.

    Parameters
    ----------
    out
        Folder; its name is the model's.
    network
        Trained.
    config, loop
        How it was trained, for how long.
    facts
        What ``validation.choose_thresholds`` returned.
    """
    card = ModelCard(
        name=out.name,
        network=network.config,
        preparation=config.cohort.preparation,
        summary=_summary(config),
        tumour_threshold=facts["tumour_threshold"],
        liver_threshold=facts["liver_threshold"],
        postprocessing=PostProcessing.recommended(),
        seeds={"training": config.seed},
        training=_training(config, loop) | {"dice_by_threshold": facts["dice_by_threshold"]},
        **_about(config),
        metrics=facts["metrics"],
    )
    return export_package(out, card, network)


def write_response(
    out: Path,
    network: nn.Module,
    config: TrainingConfig,
    loop: Loop,
    *,
    encoder: ClinicalEncoder | None,
    calibration: Calibration,
    metrics: Mapping[str, Metric],
    segmenter: Mapping[str, str] | None,
) -> Path:
    """Write a response model's package.

    Parameters
    ----------
    out, network, config, loop
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
    training = _training(config, loop)
    if segmenter is not None:
        training["segmenter"] = dict(segmenter)
    card = ModelCard(
        name=out.name,
        network=network.config,
        preparation=config.cohort.preparation,
        summary=_summary(config),
        threshold=0.5,
        calibration=calibration,
        clinical_encoder=encoder,
        seeds={"training": config.seed},
        training=training,
        **_about(config),
        metrics=metrics,
    )
    return export_package(out, card, network)


def _training(config: TrainingConfig, loop: Loop) -> dict[str, Any]:
    """Return the settings that repeat the training; the patients are in ``data``."""
    repeated = replace(config, samples=loop.samples, minutes=None).to_dict()
    for name in ("phantom", "preparation", "patients", "validation", "first_patient", "first_validation", "source"):
        repeated.pop(name)
    if config.patience is not None:
        repeated["best_after_samples"] = loop.best.step * config.batch
    if config.from_package is not None:
        card = starting_card(config)
        repeated["from_package"] = {"name": card.name, **card.checksums}
    return repeated | {"seconds": round(loop.seconds), "processes": loop.fabric.world_size}


def _summary(config: TrainingConfig) -> str:
    tuned = config.from_package is not None and config.source is not None
    how = f"fine-tuned from {starting_card(config).name}" if tuned else "trained"
    return f"{SUMMARIES[config.model]}; {how} on {_cohort_name(config)}"


def _cohort_name(config: TrainingConfig) -> str:
    if config.source is None:
        return "a synthetic phantom"
    cohort = read_cohort(config.source.folder)
    return f"the cohort {cohort.name}" + (" (synthetic phantom)" if cohort.synthetic else "")


def _runs(cohort: Cohort, patients: Sequence[str]) -> int:
    chosen = set(patients)
    return sum(
        bool(run.frames) or run.tumour_free for one in cohort.patients if one.patient in chosen for run in one.runs
    )


def _about(config: TrainingConfig) -> dict[str, Any]:
    """Return ``data`` and ``warning`` of the card."""
    if config.source is None:
        train, held_out = config.training_seeds, config.validation_seeds
        data: dict[str, Any] = {
            "description": "patients of the DSANet phantom, simulated from the seeds; no real patient",
            "phantom": config.cohort.phantom.to_dict(),
            "training": {"patients": len(train), "first_seed": train.start},
            "validation": {"patients": len(held_out), "first_seed": held_out.start},
        }
        return {"data": data, "warning": PHANTOM_WARNING}
    cohort, source = read_cohort(config.source.folder), config.source
    data = {
        "description": f"patients of {_cohort_name(config)}",
        "cohort": {"name": cohort.name, "synthetic": cohort.synthetic, "digest": cohort.digest},
        "training": {"patients": len(source.training), "runs": _runs(cohort, source.training)},
        "validation": {"patients": len(source.validation)},
        "held_out": {"patients": len(source.held_out)},
        "patients_digest": source.to_dict()["patients_digest"],
    }
    if cohort.synthetic:
        return {"data": data, "warning": PHANTOM_WARNING}
    warning = f"Trained on {len(source.training)} patients of one cohort: its figures hold for patients like these."
    if config.from_package is not None and starting_card(config).warning == PHANTOM_WARNING:
        warning = f"Trained on a synthetic phantom first. {warning}"
    return {"data": data, "warning": warning}
