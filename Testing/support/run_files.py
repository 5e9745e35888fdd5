"""Runs as files, good enough for readers, with and without faults."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def write_frames(folder: Path, frames) -> Path:
    for i, frame in enumerate(frames, 1):
        write_png(folder / f"{i}.png", frame)
    return folder


def write_avi(path: Path, frames: np.ndarray) -> Path:
    import av

    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("ffv1", rate=2)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "gray"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())
    return path


def write_dicom(path: Path, frames: np.ndarray, **tags: object) -> Path:
    """Write a subtracted multi-frame XA run; tags of the same names replace those here."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", XRayAngiographicImageStorage)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": XRayAngiographicImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "XA",
        "PatientName": "Doe^Jane", "PatientID": "ID-4711", "StudyDate": "20210322", "PatientBirthDate": "19601224",
        "ImageType": ["DERIVED", "PRIMARY", "SINGLE PLANE"], "PixelIntensityRelationship": "LOG",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0, "FrameTime": "500", "FrameIncrementPointer": 0x00181063,
        "Rows": frames.shape[1], "Columns": frames.shape[2], "NumberOfFrames": len(frames),
    }  # fmt: skip
    for name, value in (values | tags).items():
        setattr(dataset, name, value)
    dataset.PixelData = frames.tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path
