"""A prepared patient as a file: whole or not there at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError, TrainingError
from ..preparation import FrameGeometry
from .cases import TrainingPatient, TrainingRun

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
    temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with open(temporary, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"the cache cannot be written ({error.strerror})", "Make room", path) from error
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
