"""Writers of small runs in every format, with pictures that no flip, shift or transposition leaves equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _pictures(count: int = 4, rows: int = 20, columns: int = 33, dtype: type = np.uint8, bits: int = 0) -> np.ndarray:
    """(F, rows, columns): a gradient, a bright corner mark of its own shape, and a bar that moves with the frame."""
    top = (1 << (bits or np.dtype(dtype).itemsize * 8 - (np.dtype(dtype).kind == "i"))) - 1
    y, x = np.mgrid[:rows, :columns]
    base = (x * 0.4 / columns + y * 0.2 / rows) * top
    frames = np.stack([base] * count)
    frames[:, :3, :7] = 0.9 * top
    for i in range(count):
        frames[i, rows // 2 :, 2 * i % columns] = top
    if np.dtype(dtype).kind == "i":
        frames -= top // 2
    return frames.astype(dtype)


@pytest.fixture
def pictures() -> Callable[..., np.ndarray]:
    """Asymmetric frames: ``pictures(count, rows, columns, dtype, bits)``."""
    return _pictures


def _write_video(
    path: Path, frames: np.ndarray, codec: str = "ffv1", pix_fmt: str = "gray", rate: int = 4, **options: str
) -> Path:
    import av

    layout = {2: "gray", 3: "bgr24"}[frames[0].ndim] if frames.dtype == np.uint8 else "gray16le"
    format_name = options.pop("container", None)
    with av.open(str(path), "w", format=format_name) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.options = options
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), layout)))
        container.mux(stream.encode())
    return path


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """Write frames by PyAV, whose encoders keep an odd width (OpenCV's writer drops its last column)."""
    return _write_video


def _write_images(folder: Path, frames: np.ndarray, name: str = "f{}.png") -> Path:
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames, start=1):
        path = folder / name.format(i)
        path.write_bytes(cv2.imencode(path.suffix, frame)[1].tobytes())
    return folder


@pytest.fixture
def write_images() -> Callable[..., Path]:
    """Write frames to a folder: ``write_images(folder, frames, 'f{}.png')``; numbers count from 1, unpadded."""
    return _write_images


def _dataset(frames: np.ndarray, **attributes: Any) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality = "XA"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    dataset.PatientName, dataset.PatientID = "Testperson^Ägidius", "PID-99-2231"
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel = 1 if frames.ndim == 3 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if frames.ndim == 3 else "RGB"
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = frames.dtype.itemsize * 8
    dataset.BitsStored = frames.dtype.itemsize * 8
    dataset.PixelRepresentation = int(frames.dtype.kind == "i")
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelData = frames.tobytes()
    dataset["PixelData"].VR = "OB" if frames.dtype.itemsize == 1 else "OW"
    return dataset


@pytest.fixture
def dicom_dataset() -> Callable[..., Any]:
    """Make a pydicom dataset from frames; keyword arguments are DICOM attributes."""
    return _dataset


@pytest.fixture
def write_dicom() -> Callable[..., Path]:
    """Write frames as a DICOM file: ``write_dicom(path, frames, compress=uid, **attributes)``."""

    def write(path: Path, frames: np.ndarray, compress: str | None = None, **attributes: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset = _dataset(frames, **attributes)
        if compress:
            dataset.compress(compress, generate_instance_uid=False)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def write_sequence() -> Callable[..., Path]:
    """Write frames as Slicer does: ``write_sequence(path, frames, times, gzip=False, list_first=False)``."""
    import gzip as packer

    def write(
        path: Path,
        frames: np.ndarray,
        times: list[float] | None = None,
        gzip: bool = False,
        list_first: bool = False,
        **fields: str,
    ) -> Path:
        count, rows, columns = frames.shape
        axis = 0 if list_first else 3
        order = [count, columns, rows, 1] if list_first else [columns, rows, 1, count]
        directions = ["(0.4,0,0)", "(0,0.3,0)", "(0,0,1)"]
        kinds, units = ["domain"] * 3, ['""'] * 3
        for values, entry in ((directions, "none"), (kinds, "list"), (units, '"s"')):
            values.insert(axis, entry)
        types = {"uint8": "unsigned char", "uint16": "unsigned short", "int16": "short"}
        header = {
            "type": types[str(frames.dtype)],
            "dimension": "4",
            "space": "left-posterior-superior",
            "sizes": " ".join(map(str, order)),
            "space directions": " ".join(directions),
            "kinds": " ".join(kinds),
            "units": " ".join(units),
            "endian": "little",
            "encoding": "gzip" if gzip else "raw",
        } | fields
        lines = ["NRRD0004", "# Complete NRRD file format", *(f"{k}: {v}" for k, v in header.items() if v)]
        if times is not None:
            values = " ".join(map(str, times))
            lines += [f"axis {axis} index type:=numeric", f"axis {axis} index values:={values}"]
        data = (np.moveaxis(frames, 0, -1) if list_first else frames).tobytes()
        path.write_bytes("\n".join(lines).encode() + b"\n\n" + (packer.compress(data) if gzip else data))
        return path

    return write
