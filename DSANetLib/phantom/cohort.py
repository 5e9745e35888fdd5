"""Phantom patients as a cohort's folder: runs in a form a hospital would give them, tables, masks, and the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..processes import map_seeds
from ..whole import remove_leftovers, write_whole
from .config import PhantomConfig
from .patient_files import MANIFEST_COLUMNS, Rows, csv_text, write_patient
from .presets import Member, Preset, choose_members
from .run_files import FORMATS

PARTS = ".parts"
"""What is written of a cohort under way: the tables' rows of each finished patient."""
SUMMARY = "Synthetic patients of the dsanet phantom: nothing measured on them is clinical"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CohortPlan:
    """Which patients a folder is to hold, and how.

    Parameters
    ----------
    facts
        What ``cohort.json`` says: two plans of the same facts make the same folder.
    members
        The patients in order.
    split
        Whether ``split.csv`` is written too.
    """

    facts: Mapping[str, Any]
    members: tuple[Member, ...]
    split: bool = False


def write_cohort(
    out: Path,
    patients: int,
    seed: int,
    format: str = "avi",
    config: PhantomConfig = PhantomConfig(),
    progress: Progress | None = None,
    workers: int = 1,
) -> Path:
    """Write phantom patients as a cohort's folder (docs/cohort.md), with their truth.

    Parameters
    ----------
    out
        New or empty folder, or one that was begun with the same patients and settings: then it is completed.
        Gets ``runs/`` (a file or folder a run), ``masks/`` (key frame and its neighbours, PNG on the source
        pixels: 255 liver; lesions numbered from 1), ``truth/`` (facts as JSON), ``manifest.csv``,
        ``clinical.csv``, ``outcome.csv`` and ``cohort.json``.
    patients
        Number of patients.
    seed
        Seed of the first; the others follow.
    format
        ``avi``, ``png`` or ``dicom``; see `run_files.write_run`.
    config
        Settings of the phantom.
    progress
        Called with (done, all) after each patient.
    workers
        Processes.

    Returns
    -------
    pathlib.Path
        ``out``.

    Raises
    ------
    OutputError
        Where ``out`` holds other files, the format is unknown, or something cannot be written.
    """
    if patients < 1:
        raise OutputError(f"{patients} patients asked for", "Ask for at least one")
    if seed < 0:
        raise OutputError(f"a seed of {seed} asked for", "Ask for 0 or more")
    facts = {"patients": patients, "seed": seed, "config": config.to_dict()}
    members = tuple(Member(seed + i, config) for i in range(patients))
    plan = CohortPlan(_facts(f"phantom-{seed}", SUMMARY, format, facts), members)
    return _write(Path(out), plan, format, progress, workers)


def write_preset(
    out: Path, preset: Preset, format: str = "avi", progress: Progress | None = None, workers: int = 1
) -> Path:
    """Write one of `presets.COHORTS` as a cohort's folder with its ``split.csv``; parameters as `write_cohort`."""
    out = Path(out)
    facts = _facts(f"phantom-{preset.name}", f"{SUMMARY}. {preset.summary}", format, preset.to_dict())
    if _is_whole(out, facts, format):
        return out
    members = choose_members(preset, workers=workers)
    return _write(out, CohortPlan(facts, members, split=True), format, progress, workers)


def _facts(name: str, description: str, format: str, phantom: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "name": name,
        "synthetic": True,
        "description": description,
        "phantom": {"files": format, **phantom},
    }


def _is_whole(out: Path, facts: Mapping[str, Any], format: str) -> bool:
    """Return whether the same cohort is there already; raise where the folder holds anything but its beginning."""
    if format not in FORMATS:
        raise OutputError(f"format {format!r} is unknown", f"Choose one of {', '.join(FORMATS)}")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        there = json.loads((out / "cohort.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise OutputError("is not an empty folder", "Name a new folder", out) from None
    if there != json.loads(json.dumps(facts)):
        raise OutputError("holds another cohort", "Name a new folder, or ask for the same patients again", out)
    return (out / "manifest.csv").is_file()


def _write(out: Path, plan: CohortPlan, format: str, progress: Progress | None, workers: int) -> Path:
    if _is_whole(out, plan.facts, format):
        shutil.rmtree(out / PARTS, ignore_errors=True)
        return out
    write_whole(out / "cohort.json", json.dumps(plan.facts, indent=1) + "\n")
    (out / PARTS).mkdir(exist_ok=True)
    remove_leftovers(out / PARTS)
    todo = {m.seed: m for m in plan.members if not _part(out, m.seed).is_file()}
    done = len(plan.members) - len(todo)
    for config in {m.config: None for m in todo.values()}:
        seeds = [seed for seed, m in todo.items() if m.config == config]
        try:
            for seed, rows in map_seeds(write_patient, seeds, out, format, config, workers=workers):
                write_whole(_part(out, seed), json.dumps(rows))
                done += 1
                if progress:
                    progress(done, len(plan.members))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputError(f"cannot be written ({reason})", "Make room, then give the same command", out) from error
    _write_tables(out, plan)
    return out


def _part(out: Path, seed: int) -> Path:
    return out / PARTS / f"{seed}.json"


def _write_tables(out: Path, plan: CohortPlan) -> None:
    """Write the tables from the rows of all patients, the manifest last: it says that the folder is whole."""
    rows: list[Rows] = [json.loads(_part(out, m.seed).read_text(encoding="utf-8")) for m in plan.members]
    write_whole(out / "clinical.csv", csv_text([row["clinical"] for row in rows]))
    write_whole(out / "outcome.csv", csv_text([row["outcome"] for row in rows]))
    if plan.split:
        split = [
            {"patient": row["outcome"]["patient"], "set": m.set, "fold": "" if m.fold is None else m.fold}
            for m, row in zip(plan.members, rows, strict=True)
        ]
        write_whole(out / "split.csv", csv_text(split))
    external = {m.seed: "external" if m.set == "external" else "internal" for m in plan.members}
    manifest = [
        {**line, "set": external[m.seed]} for m, row in zip(plan.members, rows, strict=True) for line in row["manifest"]
    ]
    write_whole(out / "manifest.csv", csv_text(manifest, MANIFEST_COLUMNS))
    shutil.rmtree(out / PARTS)
