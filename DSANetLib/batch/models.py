"""What a user may choose for a batch, and the model packages that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ModelError
from ..flags import cpu_flag
from ..models.keeper import ModelChoice, ModelKeeper
from ..pipeline import DEFAULT_MODEL, DEFAULT_RESPONSE, DEFAULT_RESPONSE_FILM, predict, segment
from ..results import Response, Segmentation
from ..run import DSARun

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..models import ModelCard


@dataclass(frozen=True)
class BatchOptions:
    """What a user may choose for a batch; None lets the library choose. Frames are 0-based here."""

    model: str = DEFAULT_MODEL
    response_model: str | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    device: str = "auto"
    threads: int | None = None
    key_frame: int | None = None
    mask_frame: int | None = None
    frame_rate: float | None = None
    spacing_mm: float | None = None
    subtracted: bool | None = None
    scene: bool = True
    picture: bool = True
    overwrite: bool = False


class Models:
    """The packages of a batch, each loaded once, when it is first needed."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._keeper = ModelKeeper()

    def segment(self, run: DSARun) -> Segmentation:
        """Segment a run as the user chose."""
        chosen = self._options
        segmentation, note = self._keeper.use(
            self._choice(chosen.model),
            lambda model: segment(run, model, key_frame=chosen.key_frame, mask_frame=chosen.mask_frame),
        )
        return replace(segmentation, flags=(*segmentation.flags, *cpu_flag(note)))

    def predict(self, segmentations: Sequence[Segmentation], record: ClinicalRecord | None) -> Response:
        """Predict with the user's model, or the package that fits what is known of the patient."""
        choice = self._choice(self._response_name(record is not None))
        response, note = self._keeper.use(choice, lambda model: predict(segmentations, model, record))
        return replace(response, flags=(*response.flags, *cpu_flag(note)))

    def cards(self, with_clinical: bool) -> list[ModelCard]:
        """Return the cards of both models; raise `ModelError` where one is missing or for another task."""
        chosen = self._options
        asked = (
            (chosen.model, "segmentation", "--model"),
            (self._response_name(with_clinical), "response", "--response-model"),
        )
        return [_checked_card(self._keeper.load(self._choice(name)), task, option) for name, task, option in asked]

    def _response_name(self, with_clinical: bool) -> str:
        return self._options.response_model or (DEFAULT_RESPONSE if with_clinical else DEFAULT_RESPONSE_FILM)

    def _choice(self, name: str) -> ModelChoice:
        chosen = self._options
        return ModelChoice(name, chosen.runtime, chosen.device, chosen.threads)


def _checked_card(model: Any, task: str, option: str) -> ModelCard:
    if model.card.task != task:
        raise ModelError(
            f"{model.card.name} is a {model.card.task} model", f"Give {option} a {task} package; see dsanet models"
        )
    return model.card
