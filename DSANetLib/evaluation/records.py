"""What is kept of each run and patient: one frozen record each, small enough for a line of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import TrainingError

KEY_FRAME_SECONDS = 0.5
KEY_FRAME_FRAMES = 1


def _without_lists(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with tuples where JSON left lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@dataclass(frozen=True)
class RunRecord:
    """Prediction of one model on one run against the truth, on the source pixels of the chosen key frame.

    Parameters
    ----------
    patient, run
        Identifiers; several runs may share a patient.
    tumour_free
        No true tumour pixel on the key frame; such runs are reported apart.
    dice
        Tumour Dice, 0-1; 0 where the run failed although it shows a tumour.
    accuracy, sensitivity, specificity, ppv, npv
        Pixel-level, in per cent; None where undefined or where the run failed.
    liver_dice
        0-1, None for a model without liver output.
    lesions_found, lesions_cm
        For each true lesion with pixels: found or not, and its true diameter, 0 where nobody knows it.
    components, false_positives
        Predicted components, and those beside every lesion.
    predicted_share
        Predicted tumour area over the visible field, in per cent.
    key_frame, true_key_frame
        0-based; -1 where the run failed.
    key_error_s
        Time of the chosen key frame minus that of the true one, in s.
    artefacts
        Names of what disturbs the run, after the truth.
    largest_cm
        Diameter of the largest true lesion, 0 without any or where nobody knows it.
    frame_rate
        Frames per second (of the first part where it changes within the run).
    field_mm
        Width of the image at the patient in mm, None where unknown.
    error
        Why the run failed; empty where it did not.
    """

    patient: str
    run: str
    tumour_free: bool
    dice: float
    accuracy: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    ppv: float | None = None
    npv: float | None = None
    liver_dice: float | None = None
    lesions_found: tuple[bool, ...] = ()
    lesions_cm: tuple[float, ...] = ()
    components: int = 0
    false_positives: int = 0
    predicted_share: float = 0.0
    key_frame: int = -1
    true_key_frame: int = -1
    key_error_s: float | None = None
    artefacts: tuple[str, ...] = ()
    largest_cm: float = 0.0
    frame_rate: float | None = None
    field_mm: float | None = None
    error: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.dice <= 1.0:
            raise TrainingError(f"Dice {self.dice} of run {self.run}", "Give 0-1")
        if len(self.lesions_found) != len(self.lesions_cm):
            raise TrainingError(
                f"{len(self.lesions_found)} lesions judged, {len(self.lesions_cm)} measured in run {self.run}"
            )

    @property
    def key_error_frames(self) -> int | None:
        """Chosen minus true key frame, in frames; None where the run failed."""
        return None if self.key_error_s is None else self.key_frame - self.true_key_frame

    @property
    def key_frame_hit(self) -> bool:
        """Key frame within 0.5 s or one frame of the truth; a failed run is a miss."""
        if self.key_error_s is None:
            return False
        # A hair of tolerance, so that 0.5 s is within 0.5 s whatever the binary fractions of the times.
        near = abs(self.key_error_s) <= KEY_FRAME_SECONDS + 1e-9
        return near or abs(self.key_frame - self.true_key_frame) <= KEY_FRAME_FRAMES

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunRecord:
        """Build a record from what :meth:`to_dict` gave, also after a trip through JSON."""
        return cls(**_without_lists(values))


@dataclass(frozen=True)
class PatientRecord:
    """Predicted response of one patient, by each model input.

    Parameters
    ----------
    patient
        Identifier.
    responder
        True outcome (mRECIST CR or PR).
    probabilities
        Input (``clinical``, ``film``, ``film+clinical``) → probability of RESPONDER, 0-1.
    thresholds
        Input → probability from which a patient is called a responder.
    bayes
        Probability under the phantom's own response model, the best any model can do; None if unknown.
    errors
        Sentences on runs or models that gave nothing.
    """

    patient: str
    responder: bool
    probabilities: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    bayes: float | None = None
    errors: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PatientRecord:
        """Build a record from what :meth:`to_dict` gave, also after a trip through JSON."""
        return cls(**_without_lists(values))
