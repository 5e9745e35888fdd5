"""``dsanet cohort``: init, check, split and describe, said on the console."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TextIO

from .check import check_cohort
from .describe import describe_cohort
from .reading import read_cohort
from .split import LEAST_OF_EACH, make_split
from .split_files import SPLIT, read_split, write_split
from .starting import init_cohort

OK, FAILED = 0, 1


def run(chosen: argparse.Namespace) -> int:
    """Do what the command line asks of a cohort; return the exit code."""
    return {"init": _init, "check": _check, "split": _split, "describe": _describe}[chosen.action](chosen)


def _init(chosen: argparse.Namespace) -> int:
    started = init_cohort(chosen.folder, runs=chosen.runs, masks=chosen.masks, patients=chosen.patients)
    for path, reason in started.left_over.items():
        _say(f"Left out: {path}: {reason}.", sys.stderr)
    _say(
        f"{started.runs} runs of {started.patients} patients, {started.frames} annotated frames: "
        f"{', '.join(started.written)} in {chosen.folder}"
    )
    if started.kept and not chosen.quiet:
        _say(f"Kept as they were: {', '.join(started.kept)}.", sys.stderr)
    if not chosen.quiet:
        _say("Look through the columns patient and frame, fill in clinical.csv and outcome.csv, then run "
             f"'dsanet cohort check {chosen.folder}'.", sys.stderr)  # fmt: skip
    return OK


def _check(chosen: argparse.Namespace) -> int:
    def progress(done: int, total: int) -> None:
        if not chosen.quiet and (done % 10 == 0 or done == total):
            _say(f"Runs read: {done} of {total}", sys.stderr)

    findings = check_cohort(chosen.folder, pixels=not chosen.tables_only, progress=progress)
    severe = sum(finding.severe for finding in findings)
    for finding in findings:
        if chosen.json:
            _say(json.dumps(finding.to_dict(), ensure_ascii=False))
        elif finding.severe or not chosen.quiet:
            _say(f"{'Wrong' if finding.severe else 'Note'}: {finding}")
    if not chosen.json and not chosen.quiet:
        counted = f"{severe} thing{'s' if severe != 1 else ''} to mend" if severe else "Nothing to mend"
        notes = len(findings) - severe
        _say(f"{counted}, {notes} note{'s' if notes != 1 else ''}.")
    return FAILED if severe else OK


def _split(chosen: argparse.Namespace) -> int:
    cohort = read_cohort(chosen.folder)
    split = make_split(cohort, folds=chosen.folds, test_share=chosen.test_share, seed=chosen.seed)
    path = write_split(split, chosen.folder, overwrite=chosen.overwrite)
    known = [patient.responder for patient in cohort.patients if not patient.external and patient.responder is not None]
    if len(set(known)) == 1 and not chosen.quiet:
        kind = "responders" if known[0] else "non-responders"
        _say(f"All {len(known)} internal patients with an outcome are {kind}: the split serves segmentation, but no "
             "response model can be trained or measured on it.", sys.stderr)  # fmt: skip
    responders = {patient.patient for patient in cohort.patients if patient.responder}
    for name, members in (("train", split.train), ("test", split.test), ("external", split.external)):
        _say(f"{name}: {_counted(len(members), 'patient')}, {_counted(len(responders & set(members)), 'responder')}")
    others = {patient.patient for patient in cohort.patients if patient.responder is False}
    poor = []
    for fold in range(split.folds):
        inside = set(split.fold(fold)[1])
        _say(f"  fold {fold}: {_counted(len(inside), 'patient')}, {_counted(len(responders & inside), 'responder')}")
        if min(len(responders & inside), len(others & inside)) < LEAST_OF_EACH:
            poor.append(str(fold))
    if poor and len(set(known)) == 2 and not chosen.quiet:
        _say(f"Fold {', '.join(poor)} cannot calibrate a response model, which needs {LEAST_OF_EACH} responders and "
             f"{LEAST_OF_EACH} others: ask for fewer folds (--folds), or add patients.", sys.stderr)  # fmt: skip
    _say(f"In {path}")
    return OK


def _describe(chosen: argparse.Namespace) -> int:
    cohort = read_cohort(chosen.folder)
    split = read_split(chosen.folder, cohort) if (cohort.folder / SPLIT).is_file() else None
    for table in describe_cohort(cohort, split, runs=not chosen.tables_only):
        _say(json.dumps(table.to_dict(), ensure_ascii=False) if chosen.json else table.to_markdown())
    return OK


def _say(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    stream.write(text + "\n")
    stream.flush()


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
