"""What the pixels of a cohort show: the same ones twice, masks that fit no frame or hold nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import CohortError, RunError
from ..readers import read_run
from ..run import DSARun
from .data import MANIFEST, AnnotatedFrame, Cohort, CohortRun
from .findings import Findings
from .labelme import labels_without_tissue, read_document
from .masks import FrameMasks, frame_masks, frames_named, mask_kind
from .naming import picture_of, plain
from .reading import Tables

Progress = Callable[[int, int], None]
_ALL = 0.9


def check_pixels(cohort: Cohort, tables: Tables, findings: Findings, progress: Progress | None = None) -> None:
    """Decode every frame and every mask once, and find what would spoil a study."""
    lines = {(row.case, row.frame): row.line for row in tables.manifest}
    first_line = {row.case: row.line for row in reversed(tables.manifest)}
    prints: dict[bytes, list[CohortRun]] = {}
    frames_of: dict[str, int] = {}
    unused: dict[str, list[tuple[int, str]]] = {}
    runs = [run for patient in cohort.patients for run in patient.runs]
    cases = frozenset(run.case_id for run in runs)
    for done, run in enumerate(runs, 1):
        try:
            opened = read_run(run.path, case_id=run.case_id)
            found = _prints(opened)
        except RunError as error:
            findings.add(MANIFEST, first_line[run.case_id], f"{run.path.name}: {error.problem}", error.remedy)
        else:
            frames_of[run.case_id] = len(found)
            for digest in found:
                prints.setdefault(digest, []).append(run)
            for frame in run.frames:
                _check_frame(run, frame, opened, lines[run.case_id, frame.frame], findings, unused, cases)
        if progress:
            progress(done, len(runs))
    _find_twins(prints, frames_of, first_line, findings)
    for label, places in unused.items():
        line, file = places[0]
        others = f" and {len(places) - 1} more" if len(places) > 1 else ""
        findings.add(
            MANIFEST, line, f"the label '{label}' in {file}{others} names no tissue, its shapes are left out",
            "If it is a lesion, label it tumour", severe=False,
        )  # fmt: skip


def _prints(run: DSARun) -> set[bytes]:
    """Return a digest of each frame; an empty frame is nobody's, and is left out."""
    found = set()
    for i in range(run.count):
        frame = np.asarray(run.frames[i])
        if frame.min() != frame.max():
            # The same values are the same pixels, whether stored in 8 or in 16 bits.
            content = repr(frame.shape).encode() + frame.astype(np.int32).tobytes()
            found.add(hashlib.blake2b(content, digest_size=16).digest())
    return found


def _find_twins(
    prints: dict[bytes, list[CohortRun]], frames_of: dict[str, int], line_of: dict[str, int], findings: Findings
) -> None:
    """Find pairs of runs that share frames: of two patients always wrong, of one where it is all of a run."""
    shared: Counter[tuple[str, str]] = Counter()
    patient_of = {run.case_id: run.patient for runs in prints.values() for run in runs}
    for runs in prints.values():
        for run in runs[1:]:
            shared[runs[0].case_id, run.case_id] += 1
    for (first, second), count in shared.items():
        one, other = patient_of[first], patient_of[second]
        place = f"{count} frame{'s' if count > 1 else ''} of case {second}"
        twin = f"the same pixels as case {first}"
        if one != other:
            findings.add(
                MANIFEST, line_of[second],
                f"{place} (patient {other}) have {twin} (patient {one}, line {line_of[first]})",
                "Give both runs to the patient they are of, or delete one: a model must not meet a test patient's "
                "pixels in training",
            )  # fmt: skip
        else:
            whole = count == min(frames_of[first], frames_of[second])
            findings.add(
                MANIFEST, line_of[second],
                f"{place} have {twin} of the same patient (line {line_of[first]})",
                "Keep one of the runs" if whole else "Look whether both are needed",
                severe=whole,
            )  # fmt: skip


def _check_frame(
    run: CohortRun, frame: AnnotatedFrame, opened: DSARun, line: int, findings: Findings,
    unused: dict[str, list[tuple[int, str]]], cases: frozenset[str],
) -> None:  # fmt: skip
    """Check the masks of one frame; labels that are left out of them are collected, as a cohort may have many."""
    number, case = frame.frame + 1, run.case_id

    def add(problem: str, remedy: str, *, severe: bool = True) -> None:
        findings.add(MANIFEST, line, problem, remedy, severe=severe)

    if number > opened.count:
        add(f"frame {number} of case {case}, which has {opened.count} frames", "Correct the frame (counted from 1)")
        return
    try:
        masks = frame_masks(frame, opened.rows, opened.columns)
        named = {name: at for path in _files(frame) for name, at in frames_named(path, run.path).items()}
    except CohortError as error:
        name = Path(error.source or "").name
        add(f"{name}: {error.problem}", error.remedy)
        return
    left_out = [(label, path.name) for path in _files(frame) for label in _labels_left_out(path)]
    for label, name in left_out:
        unused.setdefault(label, []).append((line, name))
    for other, path in _cases_drawn_on(run, frame, cases):
        add(
            f"{path.name} of case {case} was drawn on a picture of case {other}, by its imagePath",
            "Look whose masks they are", severe=False,
        )  # fmt: skip
    for place, at in named.items():
        if at != frame.frame:
            add(f"frame {number} of case {case}: {place} of the mask names frame {at + 1}", "Correct one of them")
    if frame.tumour and not run.tumour_free and not masks.tumour.any():
        add(
            f"the tumour mask of frame {number} of case {case} is empty"
            + (f": {', '.join(label for label, _ in left_out)} means no tumour" if left_out else ""),
            "Draw the tumour" + (", label it tumour" if left_out else "") + ", or write 1 in the column tumour_free",
        )
    if run.tumour_free and masks.tumour.any():
        add(f"case {case} is tumour-free, but its mask of frame {number} is not empty", "Correct one of them")
    _look_closer(masks, f"frame {number} of case {case}", add)


def _labels_left_out(path: Path) -> list[str]:
    return labels_without_tissue(read_document(path)) if mask_kind(path) == "labelme" else []


def _cases_drawn_on(run: CohortRun, frame: AnnotatedFrame, cases: frozenset[str]) -> list[tuple[str, Path]]:
    """Return other cases that a LabelMe file's imagePath names; a case named by a number alone may be a frame."""
    found = []
    for path in _files(frame):
        picture = picture_of(read_document(path)) if mask_kind(path) == "labelme" else ""
        named = [case for case in cases if not case.isdigit() and f"_{plain(case)}_" in f"_{picture}_"]
        longest = max(named, key=len, default=run.case_id)
        if longest != run.case_id and run.case_id not in named:
            found.append((longest, path))
    return found


def _files(frame: AnnotatedFrame) -> list[Path]:
    return list(dict.fromkeys(path for path in (frame.tumour, frame.liver) if path))


def _look_closer(masks: FrameMasks, where: str, add: Callable[..., None]) -> None:
    """Remark on masks that can be, but seldom are."""
    sizes = np.bincount(masks.labels.ravel())[1:]
    dots = int((sizes == 1).sum())
    if dots:
        add(
            f"{where} has {dots} lesion{'s' if dots > 1 else ''} of one pixel",
            "Delete it if it is a slip of the mouse",
            severe=False,
        )
    if masks.tumour.mean() > _ALL:
        add(f"the tumour mask of {where} covers {masks.tumour.mean():.0%} of the frame",
            "Look whether it is inverted", severe=False)  # fmt: skip
    if masks.liver is not None and not masks.liver.any():
        add(f"the liver mask of {where} is empty", "Leave the cell empty where nobody drew the liver")
    elif (
        masks.liver is not None and masks.tumour.any() and (masks.tumour & ~masks.liver).sum() * 2 > masks.tumour.sum()
    ):
        add(f"most of the tumour of {where} lies outside the liver", "Look at both masks", severe=False)
