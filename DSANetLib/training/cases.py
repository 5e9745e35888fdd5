"""Prepared patients with their truth, as compact arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DSANetError, TrainingError
from ..phantom import PhantomPatient, PhantomRun
from ..preparation import (
    FrameGeometry,
    KeyFrame,
    PreparationConfig,
    PreparedRun,
    Subtraction,
    pick_key_frame,
    prepare,
)  # fmt: skip
from ..run import DSARun, LazyFrames

LEVELS = 65535
"""Frames are stored in so many steps between their extremes: about 0.004 grey, far below the noise."""


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One prepared run with its truth, on network pixels.

    Parameters
    ----------
    case_id
        Name of the run.
    stack
        (F, S, S) uint16; ``low + step * stack`` is the prepared grey.
    low, step
        Grey of level 0, and of a step.
    times
        (F,) s.
    visible
        (S, S) bool, the field.
    baseline
        (S, S) float32, contrast-free grey.
    arrival
        Frame of contrast arrival, as found by the preparation.
    picked, picked_in_liver
        Key frame as picked on the field, and within the true liver.
    key
        True key frame: the phantom's, or the annotated one.
    masked
        Frames that have masks: of the phantom the three above and their neighbours, else the annotated ones.
    liver, tumour
        (len(masked), S, S) uint8: covered part of a pixel, 255 = all.
    geometry
        Way back to the source pixels.
    facts
        JSON-able: artefacts, frame_rate, spacing_mm, tumour_free; of the phantom lesions, arrival_true; of a cohort
        lesions_cm, site, and no_liver: the masked frames on which nobody drew the liver.
    """

    case_id: str
    stack: np.ndarray
    low: float
    step: float
    times: np.ndarray
    visible: np.ndarray
    baseline: np.ndarray
    arrival: int
    picked: int
    picked_in_liver: int
    key: int
    masked: tuple[int, ...]
    liver: np.ndarray
    tumour: np.ndarray
    geometry: FrameGeometry
    facts: dict[str, Any]

    @property
    def judged(self) -> int:
        """The frame that a segmenter is judged on: as picked in the liver, or the key frame where that has no mask."""
        return self.picked_in_liver if self.picked_in_liver in self.masked else self.key

    def has_liver(self, frame: int) -> bool:
        """Return whether the liver of a masked frame is known."""
        return frame not in self.facts.get("no_liver", ())

    def nearest_masked(self, frame: int) -> int:
        """Return the frame with masks that is nearest to another; the earlier of two."""
        return min(self.masked, key=lambda masked: (abs(masked - frame), masked))

    def grey(self, stored: np.ndarray) -> np.ndarray:
        """Return stored levels, or means of them, as float32 grey."""
        return np.float32(self.low) + np.float32(self.step) * stored.astype(np.float32)

    def as_prepared(self, config: PreparationConfig) -> PreparedRun:
        """Return the prepared run again, to go on through the pipeline; its source frames are not there.

        Its key frame is the one picked on the field, its curve is empty and it carries no warnings.
        """
        rows, columns = self.geometry.rows, self.geometry.columns
        frames = LazyFrames((len(self.times), rows, columns), np.uint8, _no_frame)
        return PreparedRun(
            run=DSARun(frames, self.case_id, times_s=self.times, source=self.case_id, kind="phantom"),
            config=config,
            geometry=self.geometry,
            stack=self.grey(self.stack),
            frame_times=self.times,
            visible=self.visible,
            visible_source=np.ones((rows, columns), bool),
            baseline=self.baseline,
            arrival=self.arrival,
            key_frame=KeyFrame(self.picked, "automatic", np.zeros(len(self.times)), float(self.times[self.picked])),
            subtraction=Subtraction(),
            polarity="dark_contrast",
            polarity_detected=False,
            grey_table=np.arange(256, dtype=np.float32),
            grey_black=0,
        )


def _no_frame(index: int) -> np.ndarray:
    raise TrainingError(f"source frame {index + 1} is not kept in the cache", "Simulate the patient again")


@dataclass(frozen=True, eq=False)
class TrainingPatient:
    """One patient, prepared.

    Parameters
    ----------
    seed
        Of a phantom patient; -1 for one of a cohort.
    patient_id
        Who.
    clinical
        The twelve variables; None where missing.
    responder, probability
        Outcome, and its true probability; None where unknown (the latter but for the phantom).
    factors
        The film's factors of the phantom's response model.
    runs
        What could be prepared.
    refused
        One sentence for each run that could not.
    """

    seed: int
    patient_id: str
    clinical: dict[str, float | str | None]
    responder: bool | None
    probability: float | None
    factors: dict[str, float]
    runs: tuple[TrainingRun, ...]
    refused: tuple[str, ...] = ()


def from_phantom(patient: PhantomPatient, seed: int, config: PreparationConfig) -> TrainingPatient:
    """Prepare all runs of a phantom patient; a run that cannot be prepared is left out and named."""
    runs, refused = [], []
    for case in patient.runs:
        try:
            runs.append(_training_run(case, prepare(case.run, config)))
        except DSANetError as error:
            refused.append(str(error))
    return TrainingPatient(
        seed,
        patient.patient_id,
        dict(patient.clinical),
        patient.responder,
        patient.outcome.probability,
        dict(patient.factors),
        tuple(runs),
        tuple(refused),
    )


def _training_run(case: PhantomRun, prepared: PreparedRun) -> TrainingRun:
    truth = case.truth
    in_liver = picked_in(prepared, truth.masks(truth.key_frame)[0])
    keys = (truth.key_frame, prepared.key_frame.index, in_liver)
    masked = sorted({min(max(k + d, 0), case.run.count - 1) for k in keys for d in (-1, 0, 1)})

    def masks(frame: int) -> tuple[np.ndarray, np.ndarray]:
        liver, lesions = truth.masks(frame)
        return liver, lesions > 0

    facts = {
        "artefacts": list(truth.artefacts),
        "frame_rate": float(truth.frame_rate),
        "spacing_mm": float(truth.spacing_mm),
        "tumour_free": bool(truth.tumour_free),
        "lesions": list(truth.lesions),
        "arrival_true": int(truth.arrival),
    }
    return training_run(prepared, truth.key_frame, in_liver, masked, masks, facts)


def picked_in(prepared: PreparedRun, liver: np.ndarray) -> int:
    """Return the key frame as picked within a liver (rows, columns) on the source pixels."""
    region = (prepared.geometry.to_network(liver) >= 0.5) & prepared.visible
    return pick_key_frame(
        prepared.stack,
        prepared.frame_times,
        region if region.any() else prepared.region,
        baseline=prepared.baseline,
        arrival=prepared.arrival,
        config=prepared.config,
    ).index


def training_run(
    prepared: PreparedRun,
    key: int,
    picked_in_liver: int,
    masked: Sequence[int],
    masks: Callable[[int], tuple[np.ndarray, np.ndarray]],
    facts: dict[str, Any],
) -> TrainingRun:
    """Return a prepared run with its truth; frames are 0-based.

    Parameters
    ----------
    prepared
        The run.
    key, picked_in_liver
        True key frame, and the one picked within the true liver.
    masked, masks
        Frames that have masks, and what gives (liver, tumour), both bool (rows, columns), of one of them.
    facts
        As in :class:`TrainingRun`.
    """
    geometry, size = prepared.geometry, prepared.config.size
    pairs = [masks(frame) for frame in masked]
    low, high = float(prepared.stack.min()), float(prepared.stack.max())
    step = max(high - low, 1e-6) / LEVELS
    nothing = np.zeros((0, size, size), np.uint8)
    return TrainingRun(
        case_id=prepared.run.case_id,
        stack=np.round((prepared.stack - np.float32(low)) / np.float32(step)).clip(0, LEVELS).astype(np.uint16),
        low=low,
        step=step,
        times=np.asarray(prepared.frame_times, np.float64),
        visible=prepared.visible,
        baseline=prepared.baseline,
        arrival=prepared.arrival,
        picked=prepared.key_frame.index,
        picked_in_liver=picked_in_liver,
        key=key,
        masked=tuple(masked),
        liver=np.stack([_covered(geometry, liver) for liver, _ in pairs]) if pairs else nothing,
        tumour=np.stack([_covered(geometry, tumour) for _, tumour in pairs]) if pairs else nothing,
        geometry=geometry,
        facts=facts,
    )


def _covered(geometry: FrameGeometry, mask: np.ndarray) -> np.ndarray:
    return np.round(geometry.to_network(mask) * 255).clip(0, 255).astype(np.uint8)
