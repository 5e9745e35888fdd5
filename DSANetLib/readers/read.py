"""One way in: a file or folder of any kind → DSARun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import RunError
from ..run import DSARun, PixelSpacing
from .dicom import read_dicom
from .find import RunSource, find_runs, folder_is_empty
from .images import read_image_file, read_images
from .kind import file_kind, is_folder, not_a_run
from .naming import case_name
from .sequence import read_sequence
from .video import read_video

_MIN_RATE, _MAX_RATE = 0.01, 120.0


def read_run(
    path: str | Path | RunSource,
    *,
    case_id: str | None = None,
    frame_times_s: Sequence[float] | np.ndarray | None = None,
    frame_rate: float | None = None,
    spacing_mm: float | tuple[float, float] | PixelSpacing | None = None,
    subtracted: bool | None = None,
) -> DSARun:
    """Read one angiographic run; the kind is told from the content, never from the suffix.

    Parameters
    ----------
    path
        AVI, MP4 or other video, DICOM file, ``.seq.nrrd``, image file, a folder of frames, or a ``RunSource``
        of ``find_runs``.
    case_id
        Name of the case in every output; by default from the file's name, or a pseudonym where a DICOM header
        shows that the name holds patient data.
    frame_times_s
        (F,) seconds of the frames, instead of what the file says.
    frame_rate
        Frames/s, instead of what the file says; not together with ``frame_times_s``.
    spacing_mm
        Size of a pixel in the patient in mm, one number or (row, column), instead of what the file says.
    subtracted
        Whether the frames are already subtracted, instead of what the file says.

    Returns
    -------
    DSARun
        Frames are decoded when they are asked for.

    Raises
    ------
    RunError
        In one line what is wrong with which file, and what to do.

    Examples
    --------
    >>> run = read_run("patient7/run1.dcm")  # doctest: +SKIP
    >>> run.count, run.rows, run.columns  # doctest: +SKIP
    (24, 1024, 1024)
    """
    source = path if isinstance(path, RunSource) else _single(Path(path))
    run = _read(source, case_id, header_spacing=spacing_mm is None)
    changes: dict[str, object] = {}
    if frame_times_s is not None or frame_rate is not None:
        changes["times_s"] = _stated_times(run, frame_times_s, frame_rate)
    if spacing_mm is not None:
        changes["spacing"] = _stated_spacing(spacing_mm, run.source)
    if subtracted is not None:
        changes["subtracted"] = subtracted
    changes["warnings"] = _warnings(run, source, stated_times="times_s" in changes)
    return run.with_changes(**changes)


def _single(path: Path) -> RunSource:
    """Return the one run at a path; a folder must hold exactly one."""
    if not is_folder(path):
        return RunSource(path, case_name(path))
    found = find_runs([path])
    if len(found) > 1:
        raise RunError(f"the folder holds {len(found)} runs", "Give one of them, or read each with find_runs", path)
    if folder_is_empty(found[0]):
        raise RunError(
            "the folder holds no run", "Give a folder of PNG, JPEG, TIFF, BMP or DICOM frames, or a file", path
        )
    return found[0]


def _read(source: RunSource, case_id: str | None, *, header_spacing: bool) -> DSARun:
    files = source.files or (source.path,)
    if folder_is_empty(source):
        return _read(_single(source.path), case_id, header_spacing=header_spacing)
    name = case_id or source.case_id
    kind = file_kind(files[0])
    if kind == "image":
        if len(files) == 1 and files[0] == source.path:
            return read_image_file(files[0], name)
        return read_images(files, name, source.path)
    if kind == "dicom":
        return read_dicom(files, case_id, source.case_id, header_spacing=header_spacing)
    if kind == "video":
        return read_video(files[0], name)
    if kind == "nrrd":
        return read_sequence(files[0], name, header_spacing=header_spacing)
    raise not_a_run(files[0])


def _warnings(run: DSARun, source: RunSource, *, stated_times: bool) -> tuple[str, ...]:
    """Return what was said of a run and still holds, and what its files say of it."""
    warnings = [w for w in run.warnings if not (stated_times and ("frame rate" in w or "display rate" in w))]
    if source.damaged_beside:
        warnings.append("A damaged file beside the frames may be one of them: times and result may be wrong.")
    if run.count == 1:
        warnings.append("The run has one frame: no contrast curve and no frame differences can be had from it.")
    return tuple(warnings)


def _stated_times(run: DSARun, times: Sequence[float] | np.ndarray | None, rate: float | None) -> np.ndarray:
    if times is not None and rate is not None:
        raise RunError("frame times and a frame rate are given", "Give one of the two", run.source)
    if times is not None:
        return np.asarray(times, np.float64)
    if rate is None or not _MIN_RATE <= rate <= _MAX_RATE:
        raise RunError(f"a frame rate of {rate} frames/s is impossible", "Give frames/s, as 2 or 7.5", run.source)
    return np.arange(run.count) / rate


def _stated_spacing(value: float | tuple[float, float] | PixelSpacing, source: str) -> PixelSpacing:
    if isinstance(value, PixelSpacing):
        return value
    try:
        row, column = (float(value),) * 2 if isinstance(value, (int, float)) else (float(v) for v in value)
        return PixelSpacing(row, column, "calibrated")
    except RunError as error:
        raise RunError(error.problem, error.remedy, source) from None
    except (TypeError, ValueError):
        raise RunError(f"the pixel spacing {value!r} is no size in mm", "Give one or two numbers", source) from None
