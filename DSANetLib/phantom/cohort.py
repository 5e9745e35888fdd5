"""Phantom patients as files: runs in a form a hospital would give them, with the truth beside."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..run import DSARun
from .config import PhantomConfig
from .simulate import PhantomRun, simulate_patient

FORMATS = ("avi", "png", "dicom")
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


def write_cohort(
    out: Path,
    patients: int,
    seed: int,
    format: str = "avi",
    config: PhantomConfig = PhantomConfig(),
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write phantom patients as files.

    Parameters
    ----------
    out
        New or empty folder. Gets ``runs/`` (a file or folder a run), ``truth/`` (masks of the key frame and
        its neighbours as PNG: 0 nothing, 255 liver; lesions numbered from 1; facts as JSON), ``clinical.csv``,
        ``outcome.csv`` and ``manifest.csv``.
    patients
        Number of patients.
    seed
        Seed of the first; the others follow.
    format
        ``avi`` (FFV1, 8 bits, constant frame rate: a run whose rate changes loses its times, as in reality),
        ``png`` (a folder a run, 8 or 16 bits, no times) or ``dicom`` (multi-frame XA, true times).
    config
        Settings of the phantom.
    progress
        Called with (done, all) after each patient.

    Returns
    -------
    pathlib.Path
        ``out``.

    Raises
    ------
    OutputError
        Where ``out`` holds files already, or the format is unknown.
    """
    out = Path(out)
    if format not in FORMATS:
        raise OutputError(f"format {format!r} is unknown", f"Choose one of {', '.join(FORMATS)}")
    if patients < 1:
        raise OutputError(f"{patients} patients asked for", "Ask for at least one")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("is not an empty folder", "Name a new folder", out)
    (out / "runs").mkdir(parents=True, exist_ok=True)
    clinical, outcome, manifest = [], [], []
    for i in range(patients):
        patient = simulate_patient(seed + i, config)
        clinical.append({"patient": patient.patient_id, **patient.clinical})
        outcome.append({"patient": patient.patient_id, **asdict(patient.outcome), **patient.factors})
        for made in patient.runs:
            path = _write_run(out / "runs", made.run, format)
            _write_truth(out / "truth" / made.run.case_id, made)
            manifest.append(
                {"case": made.run.case_id, "patient": patient.patient_id, "path": path.relative_to(out).as_posix()}
            )
        if progress:
            progress(i + 1, patients)
    header = {"patient": "patient", **CLINICAL_HEADER}
    _write_csv(out / "clinical.csv", [{header[k]: v for k, v in row.items()} for row in clinical])
    _write_csv(out / "outcome.csv", outcome)
    _write_csv(out / "manifest.csv", manifest)
    return out


def _write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows([{k: "" if v is None else v for k, v in row.items()} for row in rows])
    os.replace(part, path)


def _write_run(folder: Path, run: DSARun, format: str) -> Path:
    suffix = {"avi": ".avi", "png": "", "dicom": ".dcm"}[format]
    path, part = folder / f"{run.case_id}{suffix}", folder / f"{run.case_id}.part{suffix}"
    {"avi": _write_avi, "png": _write_png, "dicom": _write_dicom}[format](part, run)
    os.replace(part, path)
    return path


def _write_avi(path: Path, run: DSARun) -> None:
    from fractions import Fraction

    import av

    rate = 1.0 if run.times_s is None or run.count < 2 else 1 / float(run.times_s[1] - run.times_s[0])
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("ffv1", rate=Fraction(rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = run.columns, run.rows, "gray"
        for frame in run.frames:  # type: ignore[attr-defined]
            eight = frame if run.bit_depth <= 8 else (frame >> (run.bit_depth - 8)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(eight), format="gray")))
        container.mux(stream.encode())


def _write_png(path: Path, run: DSARun) -> None:
    import cv2

    path.mkdir()
    for i, frame in enumerate(run.frames, 1):  # type: ignore[arg-type,var-annotated]
        _, code = cv2.imencode(".png", frame)
        (path / f"frame{i}.png").write_bytes(code.tobytes())


def _write_dicom(path: Path, run: DSARun) -> None:
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = XRayAngiographicImageStorage
    # UIDs from the case's name, so that the same seed writes the same file.
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[run.case_id, "instance"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = generate_uid(entropy_srcs=[run.case_id, "study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=[run.case_id, "series"])
    # No identifier equals the case's name, or a reader would take that for a patient's and hide it.
    ds.Modality, ds.PatientName, ds.PatientID = "XA", "SYNTHETIC", "SYNTHETIC"
    ds.ImageType = ["DERIVED" if run.subtracted else "ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    ds.PixelIntensityRelationship = "LOG" if run.subtracted else "DISP"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.NumberOfFrames = run.rows, run.columns, run.count
    ds.BitsAllocated = 8 if run.bit_depth <= 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = run.bit_depth, run.bit_depth - 1, 0
    if run.times_s is not None:
        steps = np.diff(run.times_s, prepend=run.times_s[0]) * 1000
        ds.FrameTimeVector = [f"{s:.3f}" for s in steps]
        ds.FrameIncrementPointer = 0x00181065
    if run.spacing is not None:
        ds.PixelSpacing = [f"{run.spacing.row_mm:.6f}", f"{run.spacing.column_mm:.6f}"]
        ds.PixelSpacingCalibrationType = "GEOMETRY"
    if run.subtracted:
        mask = Dataset()
        mask.MaskOperation = "NONE"
        ds.MaskSubtractionSequence = [mask]
    ds.PixelData = np.ascontiguousarray(run.frames[:]).tobytes()
    ds["PixelData"].VR = "OW" if ds.BitsAllocated == 16 else "OB"
    ds.save_as(path, enforce_file_format=True)


def _write_truth(folder: Path, made: PhantomRun) -> None:
    import cv2

    folder.mkdir(parents=True)
    truth = made.truth
    key = truth.key_frame
    for frame in range(max(key - 1, 0), min(key + 2, made.run.count)):
        liver, lesions = truth.masks(frame)
        for name, image in (("liver", liver * np.uint8(255)), ("lesions", lesions)):
            _, code = cv2.imencode(".png", image)
            (folder / f"{name}_{frame + 1:03d}.png").write_bytes(code.tobytes())
    facts = {
        "case": made.run.case_id,
        "arrival_frame": truth.arrival + 1,
        "key_frame": key + 1,
        "frame_numbering": "from 1",
        "frame_times_s": list(truth.protocol.times),
        "tumour_free": truth.tumour_free,
        "artefacts": list(truth.artefacts),
        "lesions": list(truth.lesions),
        "spacing_mm": truth.spacing_mm,
        "subtracted": made.run.subtracted,
        "polarity": made.run.polarity,
    }
    (folder / "truth.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
