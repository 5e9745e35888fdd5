"""Files and folders → the runs in them, each with a name of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RunError
from .dicom import identifiers, neutral_name
from .dicom_facts import seconds_of
from .dicom_pixels import DicomPixels, holds_pixels, read_dataset
from .gaps import named_alike
from .images import natural_key
from .kind import Kind, file_kind, is_folder
from .naming import case_name, reveals, unique_names

# Files of these names were meant as runs: one that cannot be read is reported, not passed over.
_RUN_SUFFIXES = frozenset((".avi", ".mp4", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".m4v", ".dcm", ".dicom", ".nrrd"))
# Files of these names were meant as frames: left out, one would shift the times of all that follow.
_FRAME_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".pgm", ".pnm", ".webp", ".jp2", ".j2k")
)
# One image file of these may hold all frames of a run.
_FILM_SUFFIXES = frozenset((".gif", ".tif", ".tiff"))
# A folder's own files, and what operating systems leave behind.
_NO_RUNS = frozenset(("dicomdir", "thumbs.db", "desktop.ini"))


@dataclass(frozen=True)
class RunSource:
    """Where one run lies, and its name.

    Parameters
    ----------
    path
        The file, or the folder that holds the frames.
    case_id
        Name of the case, unique among the runs found together.
    files
        The frames' files in order; empty where ``path`` is the one file, or where nothing was found.
    damaged_beside
        Whether a file lies beside the frames that cannot be read, is a source of its own, and may be one of them.
    """

    path: Path
    case_id: str
    files: tuple[Path, ...] = ()
    damaged_beside: bool = False


def find_runs(paths: Iterable[str | Path] | str | Path) -> list[RunSource]:
    """Find the runs in files and folders; folders are searched to the bottom.

    A folder's images are the frames of one run (with those that are empty or damaged, so that ``read_run`` names
    them), a single GIF or TIFF a run of its own; DICOM files of one frame are
    grouped by series, encoding and acquisition and ordered by instance number, then time; those that nothing orders,
    and every other file, are runs of their own. Nothing raises here: what cannot be read stays in the list, so that
    ``read_run`` says why and the other runs go on.

    Parameters
    ----------
    paths
        Files and folders, or one of them.

    Returns
    -------
    list of RunSource
        In the order given, within a folder in natural order; pass each to ``read_run``.
    """
    given = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(p) for p in paths]
    found: list[RunSource] = []
    for path in given:
        found += (_in_folder(path) or [RunSource(path, case_name(path))]) if is_folder(path) else [_file(path)]
    return _named(list({(source.path, source.files): source for source in found}.values()))


def group_dicom(files: Sequence[str | Path]) -> list[RunSource]:
    """Return the runs that DICOM files form, grouped and ordered as `find_runs` does with those of a folder.

    Parameters
    ----------
    files
        Of one series or several; those that cannot be read, and reports, are left out or a source of their own.
    """
    paths = [Path(path) for path in files]
    return _named(_dicom_runs(paths[0].parent, paths)) if paths else []


def _named(found: list[RunSource]) -> list[RunSource]:
    names = unique_names(*zip(*(_neutral_names(source) for source in found), strict=True)) if found else []
    return [replace(source, case_id=name) for source, name in zip(found, names, strict=True)]


def folder_is_empty(source: RunSource) -> bool:
    """Tell whether a source is a folder in which no run was found."""
    return not source.files and is_folder(source.path)


def _neutral_names(source: RunSource) -> tuple[str, str]:
    """Return names from the run and from the folder around it, without what a DICOM header calls the patient's."""
    parent = case_name(source.path.resolve().parent)
    path = (source.files or (source.path,))[0]
    try:
        if folder_is_empty(source) or file_kind(path) != "dicom":
            return source.case_id, parent
        dataset, offset = read_dataset(path)
    except RunError:
        return source.case_id, parent
    if reveals(parent, identifiers(dataset)):
        parent = ""
    if not reveals(source.case_id, identifiers(dataset)):
        return source.case_id, parent
    try:
        return neutral_name(source.case_id, dataset, DicomPixels(path, dataset, offset)), parent
    except RunError:
        return "case", parent


def _file(path: Path) -> RunSource:
    return RunSource(path, case_name(path))


def _in_folder(folder: Path) -> list[RunSource]:
    try:
        entries = sorted((e for e in folder.iterdir() if not e.name.startswith(".")), key=natural_key)
    except OSError:
        return []
    kinds: dict[str, list[Path]] = defaultdict(list)
    for entry in entries:
        if entry.is_file() and entry.name.casefold() not in _NO_RUNS:
            kinds[_kind_or_broken(entry)].append(entry)
    runs = []
    if len(kinds["image"]) == 1 and kinds["image"][0].suffix.casefold() in _FILM_SUFFIXES:
        runs.append(_file(kinds["image"][0]))
    elif kinds["image"]:
        runs.append(RunSource(folder, case_name(folder), tuple(kinds["image"])))
    runs += _dicom_runs(folder, kinds["dicom"], kinds["broken"])
    runs += [_file(path) for path in sorted(kinds["video"] + kinds["nrrd"] + kinds["broken"], key=natural_key)]
    for entry in entries:
        if is_folder(entry) and not entry.is_symlink():
            runs += _in_folder(entry)
    return runs


def _kind_or_broken(path: Path) -> Kind | str:
    suffix = path.suffix.casefold()
    try:
        kind = file_kind(path)
    except RunError:
        # Devices export DICOM frames without a suffix: an empty one is no bystander.
        if not suffix:
            return "broken"
        kind = "other"
    if kind != "other":
        return kind
    return "broken" if suffix in _RUN_SUFFIXES else "image" if suffix in _FRAME_SUFFIXES else kind


def _dicom_runs(folder: Path, files: Sequence[Path], broken: Sequence[Path] = ()) -> list[RunSource]:
    """Group single-frame files by series; a file of many frames is a run of its own."""
    damaged = list(broken)
    runs: list[RunSource] = []
    series: dict[tuple[str, ...], list[tuple[Path, Any]]] = defaultdict(list)
    for path in files:
        try:
            dataset, offset = read_dataset(path)
        except RunError:
            runs.append(_file(path))
            damaged.append(path)
            continue
        if not dataset.get("Rows"):
            # A report or a presentation state beside the runs is passed over; pixels without rows are damage.
            if holds_pixels(path, dataset, offset):
                runs.append(_file(path))
                damaged.append(path)
            continue
        if int(dataset.get("NumberOfFrames") or 1) > 1 or not dataset.get("SeriesInstanceUID"):
            runs.append(_file(path))
        else:
            plane = str(list(dataset.get("ImageType") or [])[2:3])
            # A run is stored in one encoding: the same picture in several is no film.
            syntax = str(dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else "")
            series[str(dataset.SeriesInstanceUID), plane, syntax].append((path, dataset))
    for members in series.values():
        for run in _acquisitions(members):
            if _is_film(run):
                runs.append(_series_run(folder, run, alone=len(series) == 1))
            else:
                runs += [_file(path) for path, _ in run]
    runs = [
        replace(run, damaged_beside=any(run.files and named_alike(path, run.files) for path in damaged)) for run in runs
    ]
    return sorted(runs, key=lambda source: natural_key((source.files or (source.path,))[0]))


def _acquisitions(members: list[tuple[Path, Any]]) -> list[list[tuple[Path, Any]]]:
    """Split a series where several runs lie in it: acquisitions of several files each."""
    numbers: dict[str, list[tuple[Path, Any]]] = defaultdict(list)
    for member in members:
        numbers[str(member[1].get("AcquisitionNumber") or "")].append(member)
    groups = list(numbers.values())
    # Some devices count every frame as an acquisition: then the series is the run.
    split = groups if all(len(group) > 1 for group in groups) else [members]
    return [sorted(group, key=_order) for group in split]


def _is_film(members: list[tuple[Path, Any]]) -> bool:
    """Tell the frames of a film from single pictures: those all have one number, and no time tells them apart."""
    if members[0][1].get("InstanceNumber") in (None, ""):
        return True  # Without any number the names of the files give the order.
    places = {(*_order(member)[:-1], str(member[1].get("ContentTime") or "")) for member in members}
    return len(members) == 1 or len(places) > 1


def _order(member: tuple[Path, Any]) -> tuple[float, float, float, tuple[tuple[int, int, str], ...]]:
    path, dataset = member
    number, acquisition = dataset.get("InstanceNumber"), dataset.get("AcquisitionNumber")
    time = seconds_of(dataset.get("AcquisitionDateTime")) or seconds_of(dataset.get("AcquisitionTime")) or 0.0
    return (
        float("inf") if number in (None, "") else float(number),
        time,
        0.0 if acquisition in (None, "") else float(acquisition),
        natural_key(path),
    )


def _series_run(folder: Path, members: list[tuple[Path, Any]], *, alone: bool) -> RunSource:
    files = tuple(path for path, _ in members)
    if len(files) == 1:
        return _file(files[0])
    number = members[0][1].get("SeriesNumber")
    name = case_name(folder)
    if not alone and number not in (None, ""):
        name = f"{name}-s{number}"
    return RunSource(folder, name, files)
