"""What comes out: masks, lesions, a response, and how each was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from .postprocessing import PostProcessing
    from .preparation import KeyFrame, PreparedRun

ResponseLabel = Literal["responder", "non-responder"]
MaskOrigin = Literal["predicted", "edited"]

RESEARCH_NOTE = "Research use only; phantom-trained"


@dataclass(frozen=True)
class Flag:
    """Something the reader of a result has to know.

    Parameters
    ----------
    code
        Stable short name for tables and filters, e.g. ``early_end``.
    text
        One sentence without a full stop, for people.
    """

    code: str
    text: str


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """Masks of one frame on the source pixels: uint8 (rows, columns), 0 or 1.

    ``liver`` is None where the model has no liver output. ``origin`` says whose mask it is.
    """

    tumour: np.ndarray
    liver: np.ndarray | None = None
    origin: MaskOrigin = "predicted"

    def labels(self) -> np.ndarray:
        """Return one uint8 (rows, columns) label map: 0 background, 1 liver, 2 tumour (tumour wins)."""
        labels = np.zeros(self.tumour.shape, np.uint8)
        if self.liver is not None:
            labels[self.liver > 0] = 1
        labels[self.tumour > 0] = 2
        return labels


@dataclass(frozen=True)
class Lesion:
    """One connected component (8 neighbours) of the tumour mask of one frame.

    Parameters
    ----------
    frame
        Frame it was measured on, 0-based.
    number
        1 for the largest, counting on by area.
    row, column
        Centroid on the source pixels.
    area_px, area_mm2
        Area; mm² only where the spacing is calibrated.
    longest_diameter_px, longest_diameter_mm
        Greatest distance between two points of its outline (maximum Feret diameter, pixel corners
        included); mm only where the spacing is calibrated.
    ends
        The two points ((row, column), (row, column)) between which the diameter runs.
    """

    frame: int
    number: int
    row: float
    column: float
    area_px: int
    area_mm2: float | None
    longest_diameter_px: float
    longest_diameter_mm: float | None
    ends: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Masks of one run, and everything that is needed to explain or repeat them.

    Parameters
    ----------
    prepared
        The prepared run; its ``key_frame`` is the one that was used in the end.
    model, runtime
        Name of the model package and of the runtime that really ran.
    tumour_threshold, liver_threshold
        Probability from which a pixel counts.
    tumour_maps, liver_maps
        Frame index → float32 (S, S) probability on network pixels; ``liver_maps`` empty for a model
        without liver output.
    difference
        float32 (S, S) temporal-difference map of the model on network pixels, or None.
    masks
        Frame index → masks on the source pixels, for the key frame and its neighbours.
    lesions
        Lesions of the key frame, largest first.
    flags
        What the reader has to know.
    timings_s
        Stage → seconds; never compared, never part of a table that has to be the same twice.
    postprocessing
        What was done to the thresholded maps, as the model's card says; None is nothing.
    """

    prepared: PreparedRun
    model: str
    runtime: str
    tumour_threshold: float
    liver_threshold: float
    tumour_maps: Mapping[int, np.ndarray]
    liver_maps: Mapping[int, np.ndarray]
    difference: np.ndarray | None
    masks: Mapping[int, FrameMasks]
    lesions: tuple[Lesion, ...]
    flags: tuple[Flag, ...] = ()
    timings_s: Mapping[str, float] | None = None
    postprocessing: PostProcessing | None = None

    @property
    def case_id(self) -> str:
        """Name of the case."""
        return self.prepared.run.case_id

    @property
    def key_frame(self) -> KeyFrame:
        """Key frame, its curve, and who chose it."""
        return self.prepared.key_frame

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames that have masks, ascending."""
        return tuple(sorted(self.masks))

    @property
    def tumour_area_px(self) -> int:
        """Tumour area of the key frame in source pixels."""
        return sum(lesion.area_px for lesion in self.lesions)

    @property
    def tumour_area_mm2(self) -> float | None:
        """Tumour area of the key frame in mm², None without a calibrated spacing."""
        spacing = self.prepared.run.spacing
        per_pixel = None if spacing is None else spacing.pixel_mm2
        return None if per_pixel is None else self.tumour_area_px * per_pixel


@dataclass(frozen=True)
class Response:
    """Predicted response of one patient to a first TACE session (mRECIST CR or PR).

    Parameters
    ----------
    probability
        Calibrated probability of RESPONDER, 0-1.
    threshold
        From which probability on the label is ``responder``.
    model, runtime
        Name of the model package and of the runtime that really ran.
    clinical_used
        True where the clinical values went into it.
    calibration
        What the probability may be taken to mean, a sentence.
    run_probabilities
        Case id → mean probability over that run's frames; ``probability`` is their mean.
    frames_used
        Number of frames averaged over all runs.
    corrected_masks
        True where at least one mask was corrected by a person.
    flags
        What the reader has to know.
    """

    probability: float
    threshold: float
    model: str
    runtime: str
    clinical_used: bool
    calibration: str
    run_probabilities: Mapping[str, float]
    frames_used: int
    corrected_masks: bool = False
    flags: tuple[Flag, ...] = ()

    @property
    def label(self) -> ResponseLabel:
        """``responder`` from the threshold on."""
        return "responder" if self.probability >= self.threshold else "non-responder"


@dataclass(frozen=True, eq=False)
class CaseResult:
    """All results of one run, with the response of the patient it belongs to (None if not asked for)."""

    segmentation: Segmentation
    response: Response | None = None
    patient_id: str | None = None

    @property
    def case_id(self) -> str:
        """Name of the case."""
        return self.segmentation.case_id

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Flags of the segmentation, then those of the response."""
        return self.segmentation.flags + (self.response.flags if self.response else ())
