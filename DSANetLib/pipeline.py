"""The one way through: a run goes in, masks and a prediction come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .results import CaseResult, Flag, FrameMasks, Lesion, Response, Segmentation
from .run import DSARun

if TYPE_CHECKING:
    from .clinical import ClinicalRecord
    from .models import ResponseModel, SegmentationModel
    from .run import MaskSubtraction  # noqa: F401

__all__ = ["CaseResult", "Flag", "FrameMasks", "Lesion", "Response", "Segmentation", "predict", "process", "segment"]


def segment(
    run: DSARun,
    model: SegmentationModel,
    *,
    key_frame: int | None = None,
    mask_frame: int | None = None,
    pixel_shift: tuple[float, float] | None = None,
) -> Segmentation:
    """Segment liver and tumour on the key frame and its neighbours."""
    raise NotImplementedError


def predict(
    segmentations: Sequence[Segmentation], model: ResponseModel, clinical: ClinicalRecord | None = None
) -> Response:
    """Predict the response of one patient from the masks of all of the patient's runs."""
    raise NotImplementedError


def process(
    run: DSARun,
    model: SegmentationModel | str = "ffs-phantom",
    response_model: ResponseModel | str | None = None,
    clinical: ClinicalRecord | None = None,
    *,
    key_frame: int | None = None,
    mask_frame: int | None = None,
) -> CaseResult:
    """Segment one run and predict from it."""
    raise NotImplementedError
