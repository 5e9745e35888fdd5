"""Prepared phantom patients as compact arrays: one file a patient, whole or not there at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
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
        True key frame.
    masked
        Frames that have masks: the three above and their neighbours.
    liver, tumour
        (len(masked), S, S) uint8: covered part of a pixel, 255 = all.
    geometry
        Way back to the source pixels.
    facts
        JSON-able: artefacts, frame_rate, spacing_mm, tumour_free, lesions, arrival_true.
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
    """One phantom patient, prepared.

    Parameters
    ----------
    seed, patient_id
        Who.
    clinical
        The twelve variables; None where missing.
    responder, probability
        Outcome, and its true probability.
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
    responder: bool
    probability: float
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
    truth, geometry = case.truth, prepared.geometry
    liver_at_key = geometry.to_network(truth.masks(truth.key_frame)[0]) >= 0.5
    region = liver_at_key & prepared.visible
    in_liver = pick_key_frame(
        prepared.stack,
        prepared.frame_times,
        region if region.any() else prepared.region,
        baseline=prepared.baseline,
        arrival=prepared.arrival,
        config=prepared.config,
    ).index
    keys = (truth.key_frame, prepared.key_frame.index, in_liver)
    masked = sorted({min(max(k + d, 0), case.run.count - 1) for k in keys for d in (-1, 0, 1)})
    masks = [truth.masks(frame) for frame in masked]
    low, high = float(prepared.stack.min()), float(prepared.stack.max())
    step = max(high - low, 1e-6) / LEVELS
    return TrainingRun(
        case_id=case.run.case_id,
        stack=np.round((prepared.stack - np.float32(low)) / np.float32(step)).clip(0, LEVELS).astype(np.uint16),
        low=low,
        step=step,
        times=np.asarray(prepared.frame_times, np.float64),
        visible=prepared.visible,
        baseline=prepared.baseline,
        arrival=prepared.arrival,
        picked=prepared.key_frame.index,
        picked_in_liver=in_liver,
        key=truth.key_frame,
        masked=tuple(masked),
        liver=np.stack([_covered(geometry, liver) for liver, _ in masks]),
        tumour=np.stack([_covered(geometry, lesions > 0) for _, lesions in masks]),
        geometry=geometry,
        facts={
            "artefacts": list(truth.artefacts),
            "frame_rate": float(truth.frame_rate),
            "spacing_mm": float(truth.spacing_mm),
            "tumour_free": bool(truth.tumour_free),
            "lesions": list(truth.lesions),
            "arrival_true": int(truth.arrival),
        },
    )


def _covered(geometry: FrameGeometry, mask: np.ndarray) -> np.ndarray:
    return np.round(geometry.to_network(mask) * 255).clip(0, 255).astype(np.uint8)


_ARRAYS = ("stack", "times", "visible", "baseline", "liver", "tumour")
_NUMBERS = ("case_id", "low", "step", "arrival", "picked", "picked_in_liver", "key", "facts")


def read_facts(path: Path) -> dict[str, Any]:
    """Return what a patient's file says beside the arrays, quickly; keys as in :class:`TrainingPatient`."""
    try:
        with np.load(path) as stored:
            facts: dict[str, Any] = json.loads(stored["facts"].tobytes())
            return facts
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError("the cached patient cannot be read", "Delete the file; it is made anew", path) from error


def write_patient(patient: TrainingPatient, path: Path) -> None:
    """Write a patient to an ``.npz``, whole or not at all."""
    arrays: dict[str, np.ndarray] = {}
    runs = []
    for i, run in enumerate(patient.runs):
        arrays |= {f"{i}_{name}": getattr(run, name) for name in _ARRAYS}
        numbers = {name: getattr(run, name) for name in _NUMBERS}
        runs.append(numbers | {"masked": list(run.masked), "geometry": run.geometry.to_dict()})
    facts = {k: getattr(patient, k) for k in ("seed", "patient_id", "clinical", "responder", "probability", "factors")}
    facts |= {"runs": runs, "refused": list(patient.refused)}
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    write_arrays(path, arrays)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to an uncompressed ``.npz``, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_patient(path: Path) -> TrainingPatient:
    """Read what :func:`write_patient` wrote.

    Raises
    ------
    DSANetError
        Where the file is damaged; the remedy is to delete it.
    """
    try:
        with np.load(path) as stored:
            facts = json.loads(stored["facts"].tobytes())
            runs = tuple(_read_run(stored, i, values) for i, values in enumerate(facts.pop("runs")))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError("the cached patient cannot be read", "Delete the file; it is made anew", path) from error
    refused = tuple(facts.pop("refused"))
    return TrainingPatient(runs=runs, refused=refused, **facts)


def _read_run(stored: Any, i: int, values: dict[str, Any]) -> TrainingRun:
    arrays = {name: stored[f"{i}_{name}"] for name in _ARRAYS}
    masked = tuple(values.pop("masked"))
    geometry = FrameGeometry.from_dict(values.pop("geometry"))
    return TrainingRun(masked=masked, geometry=geometry, **arrays, **values)
