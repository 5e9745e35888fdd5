"""One phantom patient into a cohort's folder: runs, masks and truth as files, and the rows of the tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .config import PhantomConfig
from .simulate import PhantomPatient, PhantomRun, simulate_patient

if TYPE_CHECKING:
    from ..run import DSARun

CLINICAL_HEADER = {
    "age": "age [years]",
    "sex": "sex",
    "hbv": "hbv",
    "afp": "afp [ng/mL]",
    "pt": "pt [s]",
    "child_pugh": "child_pugh",
    "ascites": "ascites",
    "tbil": "tbil [umol/L]",
    "alb": "alb [g/L]",
    "ast": "ast [U/L]",
    "alt": "alt [U/L]",
    "crp": "crp [mg/L]",
}

MANIFEST_COLUMNS = (
    "patient", "case", "path", "frame", "tumour_mask", "liver_mask", "key_frame", "set", "site", "spacing_mm",
    "frame_rate", "tumour_free", "artefacts", "lesions_cm",
)  # fmt: skip
Rows = dict[str, Any]


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Return rows as CSV, None as nothing; columns of the first row where none are named."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: "" if v is None else v for k, v in row.items()} for row in rows])
    return text.getvalue()


def write_patient(seed: int, out: Path, format: str, config: PhantomConfig) -> Rows:
    """Make a patient and write it; return its row of ``clinical`` and of ``outcome``, its rows of ``manifest``."""
    patient = simulate_patient(seed, config)
    manifest: list[dict[str, Any]] = []
    for made in patient.runs:
        path = _write_run(out / "runs", made.run, format)
        common = {
            "patient": patient.patient_id,
            "case": made.run.case_id,
            "path": path.relative_to(out).as_posix(),
            "site": f"phantom scanner {config.scanner.name}",
            "spacing_mm": f"{made.truth.spacing_mm:.4f}",
            # A DICOM file says the time of each frame, which one rate would overrule.
            "frame_rate": "" if format == "dicom" else f"{made.truth.frame_rate:g}",
            "tumour_free": int(made.truth.tumour_free),
            "artefacts": ";".join(made.truth.artefacts),
            "lesions_cm": ";".join(f"{float(lesion['diameter_cm']):.2f}" for lesion in made.truth.lesions),
        }
        manifest += [{**common, **row} for row in _write_masks(out, made)]
        _write_truth(out / "truth" / made.run.case_id, made, patient)
    clinical = {CLINICAL_HEADER[name]: value for name, value in patient.clinical.items()}
    return {
        "clinical": {"patient": patient.patient_id, **clinical},
        "outcome": _outcome(patient),
        "manifest": manifest,
    }


def _outcome(patient: PhantomPatient) -> dict[str, Any]:
    outcome = patient.outcome
    return {
        "patient": patient.patient_id,
        "responder": int(outcome.responder),
        "pfs_months": outcome.pfs_months,
        "progressed": int(outcome.progressed),
        "probability": f"{outcome.probability:.6f}",
    }


def _write_run(folder: Path, run: DSARun, format: str) -> Path:
    from .run_files import write_run

    folder.mkdir(parents=True, exist_ok=True)
    return write_run(folder, run, format)


def _write_masks(out: Path, made: PhantomRun) -> list[dict[str, Any]]:
    """Write liver and lesions of the key frame and its neighbours; return what the manifest says of each frame."""
    key, rows = made.truth.key_frame, []
    for frame in range(max(key - 1, 0), min(key + 2, made.run.count)):
        liver, lesions = made.truth.masks(frame)
        # Numbered from 1 without gaps: a lesion of the patient may lie outside this view.
        numbered = np.searchsorted(np.unique(lesions[lesions > 0]), lesions) + 1
        images = {"tumour": np.where(lesions > 0, numbered, 0).astype(np.uint8), "liver": liver * np.uint8(255)}
        row: dict[str, Any] = {"frame": frame + 1, "key_frame": int(frame == key)}
        for name, image in images.items():
            place = f"masks/{made.run.case_id}/frame_{frame + 1:04d}_{name}.png"
            _write_png(out / place, image)
            row[f"{name}_mask"] = place
        rows.append(row)
    return rows


def _write_png(path: Path, image: np.ndarray) -> None:
    import cv2

    _, code = cv2.imencode(".png", image)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(code.tobytes())


def _write_truth(folder: Path, made: PhantomRun, patient: PhantomPatient) -> None:
    truth = made.truth
    facts = {
        "case": made.run.case_id,
        "arrival_frame": truth.arrival + 1,
        "key_frame": truth.key_frame + 1,
        "frame_numbering": "from 1",
        "frame_times_s": list(truth.protocol.times),
        "tumour_free": truth.tumour_free,
        "artefacts": list(truth.artefacts),
        "lesions": list(truth.lesions),
        "spacing_mm": truth.spacing_mm,
        "subtracted": made.run.subtracted,
        "polarity": made.run.polarity,
        "response": {**asdict(patient.outcome), **patient.factors},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
