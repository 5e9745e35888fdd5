"""DICOM XA, Enhanced XA, XRF, Enhanced XRF, RF and secondary capture → DSARun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError
from ..run import DSARun, LazyFrames
from . import dicom_facts as facts
from .dicom_pixels import DicomPixels, read_dataset
from .gaps import name_numbers, note_gaps
from .naming import reveals

_ACCEPTED_CLASSES = frozenset(
    "1.2.840.10008.5.1.4.1.1." + end
    for end in ("12.1", "12.1.1", "12.2", "12.2.1", "12.3", "7", "7.1", "7.2", "7.3", "7.4")
)
_ACCEPTED_MODALITIES = frozenset(("XA", "RF", "DF", "DS", "OT", "SC", ""))
_GIVE = "Give a DICOM XA, RF or secondary capture run"
_EVEN = "Keep the frames of one run together, all of one size and depth"
# What tells the frames of a series apart, each in a file of its own.
_PLACE = ("InstanceNumber", "AcquisitionNumber", "AcquisitionDateTime", "AcquisitionTime", "ContentTime")
# Dates and numbers of the visit count as the patient's, too.
_IDENTIFIERS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "OtherPatientIDs",
    "OtherPatientNames",
    "AccessionNumber",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
)


def read_dicom(files: Sequence[Path], case_id: str | None, default_id: str, *, header_spacing: bool = True) -> DSARun:
    """Read a multi-frame file, or the files of a series with a frame each, in the order given.

    Parameters
    ----------
    files
        One file, or single-frame files in order of time.
    case_id
        Name of the case, None for a neutral one.
    default_id
        Name from the file or folder; replaced by a pseudonym where it holds the patient's name, number or date.
    header_spacing
        Whether the header's spacing is taken; not where the user states one: an impossible one ends the reading.

    Returns
    -------
    DSARun
        Stored values, decoded frame by frame; facts from the header of the first file.

    Raises
    ------
    RunError
        Not an angiographic run, truncated, not decodable, impossible spacing, or files that do not fit together: of
        different size, or two of one frame.
    """
    parts = []
    for path in files:
        dataset, offset = read_dataset(path)
        check_modality(dataset, path)
        parts.append((path, dataset, DicomPixels(path, dataset, offset)))
    path, dataset, pixels = parts[0]
    shape = (pixels.rows, pixels.columns)
    for other, _, candidate in parts[1:]:
        if (candidate.rows, candidate.columns) != shape or candidate.dtype != pixels.dtype:
            found = f"{candidate.columns} x {candidate.rows} {candidate.dtype}"
            usual = f"{pixels.columns} x {pixels.rows} {pixels.dtype}"
            raise RunError(f"the frame is {found}, the first of its series, {path.name}, is {usual}", _EVEN, other)
    _check_places([(path, dataset) for path, dataset, _ in parts])
    count = sum(part[2].count for part in parts)
    name = case_id or neutral_name(default_id, dataset, pixels)
    source = name if any(reveals(str(part[0]), identifiers(dataset)) for part in parts[:1]) else str(path)
    places = [(part[2], i) for part in parts for i in range(part[2].count)]
    places[0][0].frame(0)  # A decoder that is missing or fails is told now, not in the midst of the work.
    warnings: list[str] = []
    note_gaps(_numbers([(path, dataset) for path, dataset, _ in parts]), warnings)
    mask = facts.mask_subtraction(dataset, count, warnings)
    return DSARun(
        frames=LazyFrames((count, *shape), pixels.dtype, lambda i: places[i][0].frame(places[i][1])),
        case_id=name,
        times_s=_times([part[1] for part in parts], count, warnings),
        spacing=facts.spacing(dataset, source, warnings) if header_spacing else None,
        polarity=facts.polarity(dataset),
        subtracted=facts.is_subtracted(dataset, mask),
        bit_depth=pixels.bits_stored,
        intensity=facts.intensity(dataset),
        source=source,
        kind="dicom",
        mask=mask,
        visible=facts.visible(dataset, *shape, warnings),
        warnings=tuple(warnings),
    )


def _check_places(parts: Sequence[tuple[Path, Any]]) -> None:
    """Raise RunError where two files of a series are the same frame: one of them does not belong there."""
    seen: dict[tuple[str, ...], Path] = {}
    for path, dataset in parts:
        place = tuple(str(dataset.get(keyword) or "") for keyword in _PLACE)
        if place[0] and place in seen:
            problem = f"the frame has instance number {place[0]}, as {seen[place].name} has"
            raise RunError(problem, "Keep one of the two, or put each run into a folder of its own", path)
        seen[place] = path


def _numbers(parts: Sequence[tuple[Path, Any]]) -> list[int] | None:
    """Return the numbers by which the frames of a series count: instance numbers, else those in the files' names."""
    stated = [dataset.get("InstanceNumber") for _, dataset in parts]
    if all(number in (None, "") for number in stated):
        return name_numbers([path for path, _ in parts])
    return None if any(number in (None, "") for number in stated) else [int(number) for number in stated]


def check_modality(dataset: Any, path: Path) -> None:
    """Raise RunError where a DICOM object is no projection run: CT, MR, ultrasound, a report, …"""
    modality = str(dataset.get("Modality") or "").strip()
    sop_class = dataset.get("SOPClassUID")
    known = str(sop_class or "") in _ACCEPTED_CLASSES
    if modality not in _ACCEPTED_MODALITIES:
        raise RunError(f"the DICOM modality is {modality}, not an angiogram", _GIVE, path)
    if sop_class and not known:
        name = getattr(sop_class, "name", sop_class)
        raise RunError(f"the DICOM object is {name}, not an angiographic run", _GIVE, path)


def identifiers(dataset: Any) -> Iterator[str]:
    """Yield everything in a header that must not appear in a case name."""
    for keyword in _IDENTIFIERS:
        value = dataset.get(keyword)
        if value not in (None, ""):
            yield str(value)


def neutral_name(name: str, dataset: Any, pixels: DicomPixels) -> str:
    """Return a name without patient data: the file's own, or a pseudonym from the pixels where that tells too much."""
    if not reveals(name, identifiers(dataset)):
        return name
    import hashlib

    # From the pixels, which nobody can guess as one can guess a name behind its hash.
    return "case-" + hashlib.sha256(pixels.frame(0).tobytes()).hexdigest()[:8]


def _times(datasets: list[Any], count: int, warnings: list[str]) -> np.ndarray | None:
    if len(datasets) == 1:
        return facts.frame_times(datasets[0], count, warnings)
    for keyword in ("AcquisitionDateTime", "AcquisitionTime", "ContentTime"):
        stamps = [facts.seconds_of(dataset.get(keyword)) for dataset in datasets]
        known = np.array([s for s in stamps if s is not None])
        if len(known) == count and (np.diff(known) > 0).all():
            return known - known[0]
    return facts.frame_times(datasets[0], count, warnings)
