"""The manifest: which run is whose, where it lies, and which frames have masks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from ..clinical.rows import csv_rows
from ..errors import CohortError
from ..evaluation.segmentation import NO_ARTEFACT
from .data import MANIFEST, AnnotatedFrame, CohortRun
from .findings import Findings
from .masks import frames_named
from .table import Row, read_rows

NEEDED = ("patient", "case", "path", "frame", "tumour_mask", "liver_mask")
OPTIONAL = (
    "key_frame", "set", "site", "spacing_mm", "frame_rate", "tumour_free", "artefacts", "lesions_cm",
)  # fmt: skip
# What the export of corrected cases says besides: who edited which proposal, and when.
_OF_EXPORT = ("state", "reader", "changed_at", "proposed_by", "dice_tumour")
_ALIASES = {"tumor_mask": "tumour_mask", "tumor_free": "tumour_free", "frames_per_second": "frame_rate"}
_SETS = {"": False, "internal": False, "external": True}
_GIVE_PATH = "Correct the path: relative to this table, with /"


@dataclass(frozen=True)
class ManifestRow:
    """One row of the manifest; ``frame`` is 0-based, None where the run is not annotated."""

    line: int
    patient: str
    case: str
    path: Path
    frame: int | None
    tumour: Path | None
    liver: Path | None
    is_key_frame: bool
    external: bool
    spacing_mm: float | None
    frame_rate: float | None
    tumour_free: bool
    artefacts: tuple[str, ...]
    lesions_cm: tuple[float, ...]
    site: str


def read_manifest(folder: Path, findings: Findings) -> list[ManifestRow]:
    """Read the rows of a cohort's manifest; rows that cannot be used are findings and left out."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise CohortError("is no folder", "Name the folder of a cohort", folder)
    if not path.is_file():
        findings.add(path, None, "is not there", "Make the tables with 'dsanet cohort init', or name the folder of one")
        return []
    found = len(list(findings))
    rows = read_rows(
        path, (*NEEDED, *OPTIONAL), findings, needed=NEEDED[:3], known=_OF_EXPORT, aliases=_ALIASES
    )  # fmt: skip
    read = [made for row in rows if (made := _row(row, folder)) is not None]
    if not read and len(list(findings)) == found:
        findings.add(path, None, "names no run: the cohort is empty", "Give a row for each run")
    return read


def manifest_for_elsewhere(folder: Path) -> str:
    """Return the text of a cohort's manifest whose paths are whole: it holds in any other folder."""
    rows, _ = csv_rows(folder / MANIFEST, CohortError)
    _, header = next(rows)
    titles = [_ALIASES.get(title, title) for title in (name.strip().lower().replace(" ", "_") for name in header)]
    places = [i for i, title in enumerate(titles) if title in ("path", "tumour_mask", "liver_mask")]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    for _, cells in rows:
        whole = {
            i: str(_place(cells[i].strip(), folder).resolve()) for i in places if i < len(cells) and cells[i].strip()
        }
        writer.writerow([whole.get(i, cell) for i, cell in enumerate(cells)])
    return text.getvalue()


def _row(row: Row, folder: Path) -> ManifestRow | None:
    patient, case, place = row.text("patient"), row.text("case"), row.text("path")
    empty = [name for name, value in (("patient", patient), ("case", case), ("path", place)) if not value]
    if empty:
        row.findings.add(row.path, row.line, f"{' and '.join(empty)} missing", "Fill the cells in, or delete the row")
        return None
    run = _existing(row, folder, "path")
    if run is None:
        return None
    tumour, liver = _existing(row, folder, "tumour_mask"), _existing(row, folder, "liver_mask")
    external = _SETS.get(row.text("set").lower())
    if external is None:
        row.wrong("set", f"{row.text('set')!r} is unknown", "Write internal or external")
    return ManifestRow(
        line=row.line,
        patient=patient,
        case=case,
        path=run,
        frame=_frame(row, run, tumour or liver),
        tumour=tumour,
        liver=liver,
        is_key_frame=bool(row.yes("key_frame")),
        external=bool(external),
        spacing_mm=row.number("spacing_mm", 0.01, 5),
        frame_rate=row.number("frame_rate", 0.1, 120),
        tumour_free=bool(row.yes("tumour_free")),
        artefacts=_artefacts(row.text("artefacts")),
        lesions_cm=row.numbers("lesions_cm", 0.1, 40),
        site=row.text("site"),
    )


def _artefacts(text: str) -> tuple[str, ...]:
    names = (part.strip() for part in text.split(";"))
    # Not the word "none": tables are full of it where nothing is known.
    return tuple(NO_ARTEFACT if name.lower() == "no" else name for name in names if name)


def _of_run(names: Iterable[str]) -> tuple[str, ...]:
    """Return the artefacts of all rows of a run, once each; `none` only where no row names one."""
    found = dict.fromkeys(names)
    return tuple(name for name in found if name != NO_ARTEFACT or len(found) == 1)


def _existing(row: Row, folder: Path, column: str) -> Path | None:
    text = row.text(column)
    if not text:
        return None
    path = _place(text, folder)
    if not path.exists():
        row.wrong(column, f"{text} is not there", _GIVE_PATH)
        return None
    return path


def _place(text: str, folder: Path) -> Path:
    # A table made on Windows has its backslashes.
    return Path(text) if Path(text).is_absolute() else folder / PureWindowsPath(text).as_posix()


def _frame(row: Row, run: Path, mask: Path | None) -> int | None:
    number = row.whole("frame", 1)
    if number is not None:
        return number - 1
    if mask is None or row.text("frame"):
        return None
    try:
        named = frames_named(mask, run)
    except CohortError as error:
        row.wrong("frame", f"is empty, and {mask.name} {error.problem}", error.remedy)
        return None
    if not named:
        row.wrong("frame", f"is empty, and {mask.name} does not name its frame", "Write the frame, counted from 1")
    return next(iter(named.values()), None)


def make_runs(rows: Sequence[ManifestRow], path: Path, findings: Findings) -> dict[str, list[CohortRun]]:
    """Gather rows to runs: patient → runs, in the order of the manifest; contradictions are findings."""
    cases: dict[str, list[ManifestRow]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    patients: dict[str, list[CohortRun]] = {}
    external: dict[str, ManifestRow] = {}
    for members in cases.values():
        first = members[0]
        for row in members[1:]:
            _agree(first, row, path, findings)
        known = external.setdefault(first.patient, first)
        for row in members:
            if row.external != known.external:
                findings.add(
                    path, row.line, f"patient {row.patient} is internal and external (see line {known.line})",
                    "Put all runs of a patient into one set",
                )  # fmt: skip
        patients.setdefault(first.patient, []).append(_run(members, path, findings))
    _no_file_twice(cases.values(), path, findings)
    return patients


def _agree(first: ManifestRow, row: ManifestRow, path: Path, findings: Findings) -> None:
    """Find what rows of one case say differently of the run."""
    for name, text in (("patient", "belongs to another patient"), ("path", "lies at another path")):
        if getattr(row, name) != getattr(first, name):
            remedy = "Give each run a case of its own, and each case one patient"
            findings.add(path, row.line, f"case {row.case} {text} than in line {first.line}", remedy)
    for name in ("spacing_mm", "frame_rate", "tumour_free"):
        mine, theirs = getattr(row, name), getattr(first, name)
        if mine != theirs and mine is not None and theirs is not None:
            findings.add(
                path, row.line, f"column {name} of case {row.case} differs from line {first.line}",
                "Say the same in all rows of a run",
            )  # fmt: skip


def _no_file_twice(cases: Iterable[Sequence[ManifestRow]], path: Path, findings: Findings) -> None:
    """Find a run that is two cases, and a mask that is drawn on two."""
    owner: dict[Path, ManifestRow] = {}
    for row in (row for members in cases for row in members):
        for file in (row.path, row.tumour, row.liver):
            other = row if file is None else owner.setdefault(file, row)
            if other.case == row.case:
                continue
            what = f"case {row.case} is the same file" if file == row.path else f"the mask of case {row.case} is that"
            link = "as" if file == row.path else "of"
            remedy = "Keep one of them" if file == row.path else "Give each run masks of its own"
            findings.add(path, row.line, f"{what} {link} case {other.case} (line {other.line})", remedy)


def _run(members: Sequence[ManifestRow], path: Path, findings: Findings) -> CohortRun:
    first = members[0]
    frames: dict[int, AnnotatedFrame] = {}
    keys: list[ManifestRow] = []
    for row in members:
        if row.frame is None:
            continue
        if row.frame in frames:
            problem = f"frame {row.frame + 1} of case {row.case} is there twice"
            findings.add(path, row.line, problem, "Keep one row a frame")
            continue
        frames[row.frame] = AnnotatedFrame(row.frame, row.tumour, row.liver)
        keys += [row] if row.is_key_frame else []
    if len(keys) > 1:
        findings.add(path, keys[1].line, f"case {first.case} has a second key frame", "Mark one frame a run")
    ordered = sorted(frames)
    middle = ordered[len(ordered) // 2] if ordered else None
    return CohortRun(
        case_id=first.case,
        patient=first.patient,
        path=first.path,
        frames=tuple(frames[i] for i in ordered),
        key_frame=keys[0].frame if keys else middle,
        spacing_mm=next((row.spacing_mm for row in members if row.spacing_mm is not None), None),
        frame_rate=next((row.frame_rate for row in members if row.frame_rate is not None), None),
        tumour_free=any(row.tumour_free for row in members),
        artefacts=_of_run(name for row in members for name in row.artefacts),
        lesions_cm=max((row.lesions_cm for row in members), key=len),
        site=next((row.site for row in members if row.site), ""),
    )
