"""A phantom run as the file or folder that a hospital would give."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from ..run import DSARun

FORMATS = ("avi", "png", "dicom")


def write_run(folder: Path, run: DSARun, format: str) -> Path:
    """Write a run whole or not at all; return its path, named for the case.

    ``avi`` (FFV1, 8 bits, constant frame rate: a run whose rate changes loses its times, as in reality), ``png``
    (a folder, 8 or 16 bits, no times) or ``dicom`` (multi-frame XA, true times).
    """
    suffix = {"avi": ".avi", "png": "", "dicom": ".dcm"}[format]
    path, part = folder / f"{run.case_id}{suffix}", folder / f"{run.case_id}.part{suffix}"
    for old in (path, part):
        # What an interrupted run left.
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
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
    digits = len(str(run.count))  # equally long, so that every tool sorts them by time
    for i, frame in enumerate(run.frames, 1):  # type: ignore[arg-type,var-annotated]
        _, code = cv2.imencode(".png", frame)
        (path / f"frame{i:0{digits}}.png").write_bytes(code.tobytes())


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
