"""Annotations → the runs they belong to, told by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CohortError
from ..readers import RunSource
from . import dicom_seg, seg_nrrd
from .labelme import read_document
from .masks import MaskKind, frames_named, mask_kind
from .naming import picture_of, plain, stem, tissue


@dataclass
class Annotation:
    """The masks of one frame of a run; the frame is 0-based, None where no name says it."""

    frame: int | None
    tumour: Path | None = None
    liver: Path | None = None


@dataclass
class Matches:
    """What was matched: case → its frames; and the files that found no place, with the reason."""

    frames: dict[str, list[Annotation]] = field(default_factory=dict)
    left_over: dict[Path, str] = field(default_factory=dict)


def match_annotations(folder: Path, runs: Sequence[RunSource], runs_folder: Path) -> Matches:
    """Match the files of a folder to runs.

    A file belongs to the run whose name it holds, alone or with the folders around it (``p1_run1_frame_0014.json``
    and ``p1/run1_0014.json`` to ``p1/run1.avi``); of several names the longest. LabelMe's ``imagePath`` counts as a
    name too. What lies in a run's own folder or is a picture that LabelMe drew on is no annotation.
    """
    keys = [(key, run) for run in runs for key in _keys(run, runs_folder)]
    frames_of_runs = {file for run in runs for file in (*run.files, run.path)}
    matches = Matches()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if path in frames_of_runs or _is_drawn_on(path):
            continue
        kind = _kind(path)
        if kind is None:
            if path.suffix.lower() == ".json":
                matches.left_over[path] = "is no file of LabelMe that can be read"
            continue
        found = _run_of(_texts(path, folder, kind), keys)
        if isinstance(found, str):
            matches.left_over[path] = found
            continue
        try:
            _place(path, kind, found, matches)
        except CohortError as error:
            matches.left_over[path] = error.problem
    return matches


def _kind(path: Path) -> MaskKind | None:
    """Return the kind of a file of masks; None where it holds none."""
    try:
        kind = mask_kind(path)
        if kind == "nrrd" and not path.name.lower().endswith(".seg.nrrd"):
            return None
        if kind == "dicom":
            dicom_seg.frames_of(path)
        if kind == "labelme":
            read_document(path)
    except CohortError:
        return None
    return kind


def is_mask_file(path: Path) -> bool:
    """Tell whether a file that looks like a run holds masks: a segmentation of Slicer or DICOM."""
    return path.is_file() and (path.name.lower().endswith(".seg.nrrd") or _kind(path) == "dicom")


def _is_drawn_on(path: Path) -> bool:
    return path.suffix.lower() != ".json" and path.with_suffix(".json").is_file()


def _keys(run: RunSource, folder: Path) -> set[str]:
    inside = run.path.relative_to(folder) if run.path.is_relative_to(folder) else Path(run.path.name)
    name = run.path.name if run.path.is_dir() else stem(run.path.name)
    return {plain(key) for key in (run.case_id, name, "_".join((*inside.parts[:-1], name)))} - {""}


def _texts(path: Path, folder: Path, kind: MaskKind) -> list[str]:
    inside = path.relative_to(folder)
    texts = [plain("_".join((*inside.parts[:-1], stem(path.name))))]
    if kind == "labelme":
        texts.append(picture_of(read_document(path)))
    return texts


def _run_of(texts: Sequence[str], keys: Sequence[tuple[str, RunSource]]) -> RunSource | str:
    """Return the run whose name is the longest in one of the texts, or why there is none."""
    for text in texts:
        fitting = [(key, run) for key, run in keys if f"_{key}_" in f"_{text}_"]
        longest = max((len(key) for key, _ in fitting), default=0)
        best = {run.case_id: run for key, run in fitting if len(key) == longest}
        if len(best) == 1:
            return next(iter(best.values()))
        if best:
            return f"may belong to {' or '.join(sorted(best))}"
    return "its name holds the name of no run"


def _place(path: Path, kind: MaskKind, run: RunSource, matches: Matches) -> None:
    frames: list[int | None] = []
    if kind == "dicom":
        frames += dicom_seg.frames_of(path)
    elif kind == "nrrd":
        frames += seg_nrrd.frames_of(path)
    frames = frames or [next(iter(frames_named(path, run.path).values()), None)]
    meaning = _meaning(path, kind)
    for frame in frames:
        known = matches.frames.setdefault(run.case_id, [])
        same = next((one for one in known if frame is not None and one.frame == frame), None)
        if same is None:
            same = Annotation(frame)
            known.append(same)
        if getattr(same, meaning) is not None:
            raise CohortError(f"frame {(frame or 0) + 1} of {run.case_id} has a {meaning} mask already", "", path)
        setattr(same, meaning, path)


def _meaning(path: Path, kind: MaskKind) -> str:
    """Return the column of the manifest that a file goes into; one that holds both tissues is the tumour's."""
    if kind == "image":
        return "liver" if tissue(stem(path.name)) == "liver" or tissue(path.parent.name) == "liver" else "tumour"
    if kind == "labelme":
        labels = [str(one.get("label")) for one in read_document(path)["shapes"] if isinstance(one, dict)]
        tissues = {tissue(label) for label in labels} - {"hole"}
        return "liver" if tissues == {"liver"} else "tumour"
    return "liver" if tissue(stem(path.name)) == "liver" else "tumour"
