"""What a DICOM header says of a run: times, spacing, mask frames, shutters, whether it is subtracted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from ..errors import RunError
from ..run import Intensity, MaskSubtraction, PixelSpacing, Polarity

_X_RAY = "1.2.840.10008.5.1.4.1.1.12."
_MAX_MAGNIFICATION = 3.0
_OPERATIONS = ("AVG_SUB", "TID", "REV_TID")
_RELATIONSHIPS: dict[str, Intensity] = {"LIN": "linear", "LOG": "log", "DISP": "display"}
# A shutter that leaves less than this of the picture is a mistake of the exporter.
_MIN_VISIBLE = 0.05


def frame_times(dataset: Any, count: int, warnings: list[str]) -> np.ndarray | None:
    """Return (F,) seconds from the first frame, None where the header does not say.

    In this order: times of each frame (enhanced objects), frame time vector, frame time, frame rates.
    """
    times = _enhanced_times(dataset, count)
    if times is None:
        times = _vector_times(dataset, count, warnings)
    if times is None:
        step = _number(dataset, "FrameTime")
        if step is None:
            rate = _number(dataset, "CineRate") or _number(dataset, "RecommendedDisplayFrameRate")
            step = 1000 / rate if rate and rate > 0 else None
            if step and count > 1:
                warnings.append(f"Frame times were taken from the display rate of {rate:.3g} frames/s.")
        times = None if step is None else np.arange(count) * step / 1000
    if times is None or count == 1:
        return times
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        warnings.append("The frame times in the DICOM header do not increase; they were left out.")
        return None
    return times


def _vector_times(dataset: Any, count: int, warnings: list[str]) -> np.ndarray | None:
    vector = _numbers(dataset, "FrameTimeVector")
    if not vector:
        return None
    if len(vector) == count - 1:
        vector = [0.0, *vector]  # Some vendors leave out the first zero.
    if len(vector) != count:
        warnings.append(f"The frame time vector has {len(vector)} entries for {count} frames; it was left out.")
        return None
    return np.cumsum([0.0, *vector[1:]]) / 1000


def _enhanced_times(dataset: Any, count: int) -> np.ndarray | None:
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != count:
        return None
    for keyword in ("FrameReferenceDateTime", "FrameAcquisitionDateTime"):
        stamps = []
        for group in groups:
            content = (group.get("FrameContentSequence") or [None])[0]
            stamp = None if content is None else seconds_of(content.get(keyword))
            if stamp is None:
                break
            stamps.append(stamp)
        times = np.array(stamps)
        if len(times) == count and (np.diff(times) > 0).all():
            return times - times[0]
    return None


def seconds_of(value: object) -> float | None:
    """Return a DICOM DT or TM value as seconds (from 1900, of which only differences matter), None where it is none."""
    text = str(value or "").strip().split("+")[0]
    for form, length in (("%Y%m%d%H%M%S", 14), ("%H%M%S", 6)):
        whole, _, fraction = text.partition(".")
        if len(whole) == length and whole.isdecimal():
            try:
                moment = datetime.strptime(whole, form)
            except ValueError:
                return None
            return (moment - datetime(1900, 1, 1)).total_seconds() + float(f"0.{fraction or 0}")
    return None


def spacing(dataset: Any, source: str, warnings: list[str]) -> PixelSpacing | None:
    """Return the pixel spacing and what it means (DICOM PS3.3 10.7.1.3), None where the header has none.

    Pixel Spacing counts as calibrated only with a calibration type or where it differs from the detector's;
    Imager Pixel Spacing with a magnification is brought to the isocentre.
    """
    given = [_find(dataset, name) for name in ("PixelSpacing", "ImagerPixelSpacing")]
    if any(value and _pair(value) is None for value in given):
        warnings.append("The pixel spacing in the header is no pair of numbers; it was left out.")
    pixel = _pair(_find(dataset, "PixelSpacing"))
    imager = _pair(_find(dataset, "ImagerPixelSpacing"))
    centre = _pair(_find(dataset, "ObjectPixelSpacingInCenterOfBeam"))
    try:
        if pixel and (dataset.get("PixelSpacingCalibrationType") or (imager and not np.allclose(pixel, imager))):
            return PixelSpacing(*pixel, "calibrated")
        if centre:
            warnings.append("Sizes in mm hold at the centre of the beam; away from it they differ.")
            return PixelSpacing(*centre, "calibrated")
        factor = _magnification(dataset)
        if imager and factor:
            warnings.append(
                f"Pixel spacing was divided by the magnification of {factor:.3g}: sizes in mm hold at the isocentre."
            )
            return PixelSpacing(imager[0] / factor, imager[1] / factor, "calibrated")
        if imager:
            return PixelSpacing(*imager, "detector")
        nominal = pixel or _pair(_find(dataset, "NominalScannedPixelSpacing"))
        return PixelSpacing(*nominal, "unknown") if nominal else None
    except RunError as error:
        raise RunError(error.problem, f"{error.remedy}, or state the true one (--spacing)", source) from None


def _magnification(dataset: Any) -> float | None:
    factor = _number(dataset, "EstimatedRadiographicMagnificationFactor")
    if factor is None:
        detector, patient = _number(dataset, "DistanceSourceToDetector"), _number(dataset, "DistanceSourceToPatient")
        factor = detector / patient if detector and patient else None
    return factor if factor is not None and 1.0 < factor <= _MAX_MAGNIFICATION else None


def mask_subtraction(dataset: Any, count: int, warnings: list[str]) -> MaskSubtraction | None:
    """Return what the Mask Module says (DICOM PS3.3 C.7.6.10), frames 0-based; None where there is none."""
    items = list(dataset.get("MaskSubtractionSequence") or [])
    if not items:
        return None
    wanted = [item for item in items if item.get("MaskOperation") in _OPERATIONS]
    if not wanted:
        return MaskSubtraction()
    if len(wanted) > 1:
        warnings.append(f"The header gives {len(wanted)} mask operations; the first is used.")
    item = wanted[0]
    numbers = [int(n) - 1 for n in _numbers(item, "MaskFrameNumbers")]
    frames = tuple(n for n in numbers if 0 <= n < count)
    if len(frames) < len(numbers):
        warnings.append(f"Mask frames outside the run's {count} frames were ignored.")
    if item.MaskOperation == "AVG_SUB" and not frames:
        warnings.append("The header asks for a mask but names no frame of the run; the mask is chosen here.")
        return MaskSubtraction()
    shift = _numbers(item, "MaskSubPixelShift")
    offset = item.get("TIDOffset")
    return MaskSubtraction(
        operation=item.MaskOperation,
        frames=frames,
        shift_px=(shift[0], shift[1]) if len(shift) == 2 and np.isfinite(shift).all() else (0.0, 0.0),
        tid_offset=1 if offset in (None, "") else int(offset),
    )


def is_subtracted(dataset: Any, mask: MaskSubtraction | None) -> bool | None:
    """Tell whether the stored pixels are already a subtraction; None where the header does not say."""
    values = [str(v).upper() for v in dataset.get("ImageType") or []]
    if any(v.startswith("SUBTRACT") or v in ("SUB", "DSA") for v in values):
        return True
    if int(dataset.get("PixelRepresentation") or 0) == 1:
        return True  # A detector counts up from zero: values below it come from a difference.
    if mask is not None and mask.operation != "NONE":
        return False  # The mask is still to be taken off.
    return False if values[:1] == ["ORIGINAL"] and is_x_ray(dataset) else None


def is_x_ray(dataset: Any) -> bool:
    """Tell XA, XRF and their enhanced forms from secondary capture."""
    return str(dataset.get("SOPClassUID") or "").startswith(_X_RAY)


def polarity(dataset: Any) -> Polarity:
    """Return how contrast lies in the *stored* values, taken as dark on the screen; unknown in a secondary capture."""
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        return "bright_contrast"
    return "dark_contrast" if is_x_ray(dataset) else "unknown"


def intensity(dataset: Any) -> Intensity:
    """Return what stored values are proportional to (Pixel Intensity Relationship, PS3.3 C.8.7.1.1.2)."""
    value = _find(dataset, "PixelIntensityRelationship")
    return _RELATIONSHIPS.get(str(value or "").upper(), "unknown")


def visible(dataset: Any, rows: int, columns: int, warnings: list[str]) -> np.ndarray | None:
    """Return (rows, columns) bool, True inside shutters and collimators; None where there is none."""
    holders = [dataset, *_group_items(dataset, "FrameDisplayShutterSequence")]
    shown = np.ones((rows, columns), bool)
    for holder in holders:
        for prefix in ("Shutter", "Collimator"):
            for shape in _strings(holder.get(f"{prefix}Shape")):
                inside = _shape(holder, prefix, shape, rows, columns)
                if inside is not None:
                    shown &= inside
    if shown.all():
        return None
    if shown.mean() < _MIN_VISIBLE:
        warnings.append("The shutter in the header hides nearly the whole picture; it was ignored.")
        return None
    return shown


def _shape(item: Any, prefix: str, shape: str, rows: int, columns: int) -> np.ndarray | None:
    # DICOM counts rows and columns from 1, and the pixel on an edge is still seen.
    row, column = np.arange(1, rows + 1)[:, None], np.arange(1, columns + 1)[None, :]
    if shape == "RECTANGULAR":
        left, right = _number(item, f"{prefix}LeftVerticalEdge"), _number(item, f"{prefix}RightVerticalEdge")
        upper, lower = _number(item, f"{prefix}UpperHorizontalEdge"), _number(item, f"{prefix}LowerHorizontalEdge")
        if left is None or right is None or upper is None or lower is None:
            return None
        return (column >= left) & (column <= right) & (row >= upper) & (row <= lower)
    if shape == "CIRCULAR":
        centre = _numbers(item, f"CenterOfCircular{prefix}")
        radius = _number(item, f"RadiusOfCircular{prefix}")
        if len(centre) != 2 or not radius:
            return None
        return (row - centre[0]) ** 2 + (column - centre[1]) ** 2 <= radius**2
    if shape == "POLYGONAL":
        corners = np.array(_numbers(item, f"VerticesOfThePolygonal{prefix}"))
        if len(corners) < 6 or len(corners) % 2:
            return None
        return _inside_polygon(corners.reshape(-1, 2), row, column)
    return None


def _inside_polygon(corners: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Even-odd rule; ``corners`` are (n, 2) row and column, in order."""
    inside = np.zeros(np.broadcast(row, column).shape, bool)
    for (r0, c0), (r1, c1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if r0 == r1:
            continue
        crosses = (r0 > row) != (r1 > row)
        inside ^= crosses & (column < (c1 - c0) * (row - r0) / (r1 - r0) + c0)
    return inside


def _group_items(dataset: Any, sequence: str) -> Iterator[Any]:
    """Yield the items of a functional group macro: shared, and of the first frame."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(groups) or [])[:1]:
            yield from group.get(sequence) or []


def _find(dataset: Any, keyword: str) -> Any:
    """Return an attribute from the top level or, in enhanced objects, from the functional groups of the first frame."""
    if dataset.get(keyword) not in (None, ""):
        return dataset.get(keyword)
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(groups) or [])[:1]:
            for element in group:
                if element.VR == "SQ" and element.value and element.value[0].get(keyword) not in (None, ""):
                    return element.value[0].get(keyword)
    return None


def _strings(value: Any) -> list[str]:
    if value in (None, ""):
        return []
    return [value] if isinstance(value, str) else [str(v) for v in value]


def _numbers(item: Any, keyword: str) -> list[float]:
    value = item.get(keyword)
    if value in (None, ""):
        return []
    try:
        return [float(v) for v in (value if hasattr(value, "__iter__") and not isinstance(value, str) else [value])]
    except (TypeError, ValueError):
        return []


def _number(item: Any, keyword: str) -> float | None:
    values = _numbers(item, keyword)
    return values[0] if len(values) == 1 else None


def _pair(value: Any) -> tuple[float, float] | None:
    try:
        row, column = (float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return row, column
