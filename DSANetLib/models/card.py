"""ModelCard: all that is known of a model and all that fixes what it does, as JSON beside its weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ..clinical import ClinicalEncoder, ClinicalRecord
from ..errors import DSANetError, ModelError
from ..networks.config import ResponseConfig, SegmenterConfig
from ..postprocessing import PostProcessing
from ..preparation.config import PreparationConfig
from .figures import Calibration, Metric

Task = Literal["segmentation", "response"]

FORMAT = 1
"""Raised when an older library could no longer read a card as it is meant."""

INTENDED_USE = "Research only. Not a medical device; no output of it is a diagnosis or a treatment decision."
PHANTOM_WARNING = (
    "Trained on a synthetic phantom: it has never seen a patient, and its figures hold for the phantom alone."
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SEGMENTER_STEP = 16  # four halvings have to be undone by four doublings
_RESPONSE_LEAST = 32


def is_model_name(name: str) -> bool:
    """Return whether a package may have this name."""
    return bool(_NAME.fullmatch(name))


@dataclass(frozen=True)
class ModelCard:
    """What a model package says of itself; validated when it is built.

    Parameters
    ----------
    name
        Lower-case letters, digits, ``-``, ``_`` and ``.``; the folder of the package has the same name.
    network
        A segmenter's or a response network's configuration; it decides the task.
    preparation
        How a run becomes this model's input; ``preparation.size`` is the side of the input it was trained for.
    summary
        One sentence for lists.
    tumour_threshold, liver_threshold
        Segmenters: a pixel belongs to the mask from this probability on. Paper: 0.2.
    postprocessing
        Segmenters: what is done to the masks.
    threshold
        Response: a patient is called a responder from this calibrated probability on.
    calibration
        Response: how logits become probabilities; None means uncalibrated.
    clinical_encoder
        Response networks with a clinical branch: the fitted encoder.
    seeds, training, data
        How it came about: seeds by name, the training's settings, and on whom (JSON-able).
    metrics
        Figures by name. They may be renewed without touching the model.
    licence, intended_use, warning
        What it may be used for.
    library_version
        The DSANet that wrote it.
    checksums
        SHA-256 of the package's files and of the ``settings``; set when the package is written.

    Raises
    ------
    ModelError
        Where parts do not fit each other.
    """

    name: str
    network: SegmenterConfig | ResponseConfig
    preparation: PreparationConfig
    summary: str = ""
    tumour_threshold: float = 0.5
    liver_threshold: float = 0.5
    postprocessing: PostProcessing = PostProcessing()
    threshold: float = 0.5
    calibration: Calibration | None = None
    clinical_encoder: ClinicalEncoder | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    intended_use: str = INTENDED_USE
    warning: str = PHANTOM_WARNING
    library_version: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_model_name(self.name):
            raise ModelError(f"{self.name!r} is no name for a model", "Use lower-case letters, digits, - _ and .")
        for name in ("tumour_threshold", "liver_threshold", "threshold"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ModelError(f"{name} of {self.name} is {getattr(self, name)}", "Give a value between 0 and 1")
        if isinstance(self.network, SegmenterConfig):
            self._check_segmenter(self.network)
        else:
            self._check_response(self.network)

    def _check_segmenter(self, network: SegmenterConfig) -> None:
        if self.preparation.size % _SEGMENTER_STEP:
            raise ModelError(
                f"input size {self.preparation.size} of {self.name} does not fit its network",
                f"Use a multiple of {_SEGMENTER_STEP}",
            )
        if network.sees_run and network.frames != self.preparation.frames:
            raise ModelError(
                f"{self.name} sees {network.frames} frames, its preparation makes {self.preparation.frames}",
                "Use the same number in both",
            )

    def _check_response(self, network: ResponseConfig) -> None:
        if network.image and self.preparation.size < _RESPONSE_LEAST:
            raise ModelError(
                f"input size {self.preparation.size} of {self.name} is too small", f"Use {_RESPONSE_LEAST} or more"
            )
        if not network.clinical:
            return
        if self.clinical_encoder is None:
            raise ModelError(f"{self.name} has a clinical branch but no clinical encoder", "Add the fitted encoder")
        if self.clinical_encoder.size != network.n_clinical:
            raise ModelError(
                f"the encoder of {self.name} makes {self.clinical_encoder.size} numbers, "
                f"its network takes {network.n_clinical}",
                "Use the encoder that the network was trained with",
            )

    @property
    def task(self) -> Task:
        """``segmentation`` or ``response``."""
        return "segmentation" if isinstance(self.network, SegmenterConfig) else "response"

    @property
    def needs_clinical(self) -> bool:
        """Whether the model cannot predict without clinical values."""
        return isinstance(self.network, ResponseConfig) and self.network.clinical

    @property
    def needs_image(self) -> bool:
        """Whether the model looks at images: all but the response model on clinical values alone."""
        return not isinstance(self.network, ResponseConfig) or self.network.image

    def encode(self, records: Sequence[ClinicalRecord]) -> np.ndarray:
        """Return patients' values as the network takes them, (N, K) float32; for models with a clinical branch."""
        if self.clinical_encoder is None:
            raise ModelError(f"{self.name} takes no clinical values", "Choose a model with a clinical branch")
        return self.clinical_encoder.transform(records)

    @property
    def calibration_note(self) -> str:
        """One sentence on how far a probability of this model can be taken at its word."""
        if self.calibration is None:
            return "Not calibrated: a score between 0 and 1, not a probability."
        fitted = f" on {self.calibration.cohort}" if self.calibration.cohort else ""
        share = self.calibration.prevalence
        where = "" if share is None else f"; {100 * share:.0f} % of them responders, other shares need another fit"
        return f"Calibrated{fitted}{where}."

    def settings(self) -> dict[str, Any]:
        """Return what decides the model's output beside its weights; ``checksums['settings']`` is over these."""
        return {
            "task": self.task,
            "network": self.network.to_dict(),
            "preparation": self.preparation.to_dict(),
            "tumour_threshold": self.tumour_threshold,
            "liver_threshold": self.liver_threshold,
            "postprocessing": self.postprocessing.to_dict(),
            "threshold": self.threshold,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "clinical_encoder": None if self.clinical_encoder is None else self.clinical_encoder.to_dict(),
        }

    def settings_checksum(self) -> str:
        """Return the SHA-256 of :meth:`settings` in canonical JSON."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the whole card as JSON-able values."""
        return {
            "format": FORMAT,
            "name": self.name,
            "summary": self.summary,
            "warning": self.warning,
            "intended_use": self.intended_use,
            "licence": self.licence,
            "library_version": self.library_version,
            **self.settings(),
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
            "data": dict(self.data),
            "seeds": dict(self.seeds),
            "training": dict(self.training),
            "checksums": dict(self.checksums),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelCard:
        """Build from :meth:`to_dict`; ModelError names what is missing, unknown or impossible."""
        _check_format(values)
        values = {k: v for k, v in values.items() if k != "format"}
        try:
            task = values.pop("task")
            if task not in get_args(Task):
                raise ModelError(f"a model's task cannot be {task!r}", "Update DSANet")
            network = SegmenterConfig if task == "segmentation" else ResponseConfig
            values["network"] = network.from_dict(values["network"])
            values["preparation"] = PreparationConfig.from_dict(values["preparation"])
            values["postprocessing"] = PostProcessing.from_dict(values["postprocessing"])
            values["metrics"] = {name: Metric(**metric) for name, metric in values["metrics"].items()}
            if values["calibration"] is not None:
                values["calibration"] = Calibration(**values["calibration"])
            if values["clinical_encoder"] is not None:
                values["clinical_encoder"] = ClinicalEncoder.from_dict(values["clinical_encoder"])
            return cls(**values)
        except KeyError as error:
            raise ModelError(f"the card has no {error.args[0]}", _BROKEN) from error
        except DSANetError as error:
            raise ModelError(error.problem, error.remedy) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"the card cannot be read: {error}", _BROKEN) from error


_BROKEN = "Install the package again; it is damaged or from another DSANet"


def _check_format(values: Mapping[str, Any]) -> None:
    if not isinstance(values, Mapping) or not isinstance(values.get("format"), int):
        raise ModelError("this is no model card", _BROKEN)
    if values["format"] != FORMAT:
        raise ModelError(
            f"the card has format {values['format']}, this DSANet reads {FORMAT}",
            "Update DSANet" if values["format"] > FORMAT else "Make the package anew",
        )
