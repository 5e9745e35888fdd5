"""The whole study with one call: from a cohort's folder to the report, going on where it was."""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from ..cohort import check_cohort, make_split, read_cohort, write_split
from ..errors import CohortError, OutputError
from ..evaluation.study import Study, write_study
from .lock import LOCK, only_one
from .plan import PLAN, Plan
from .steps import run_steps
from .study_folder import open_study

log = logging.getLogger(__name__)


def reproduce(
    plan: Plan, study: str | Path, *, jobs: int = 2, progress: Callable[[str], None] = log.info
) -> tuple[Study, list[str]]:
    """Do all that is not done of a study, and write its records, pictures and report.

    Parameters
    ----------
    plan
        Cohort, size, seed, experiments. Where the cohort has no split yet, one is made and stored with it.
    study
        Folder of the study; the steps lie in ``work``, prepared patients in ``cache``, the report beside them.
    jobs
        Trainings at once, one thread each.
    progress
        Takes a line now and then.

    Returns
    -------
    Study
        What ``read_study`` reads from the folder.
    list of str
        Names of the steps that failed; each says why in its ``failed.json`` and in the report.

    Raises
    ------
    CohortError
        Where the cohort cannot be used, or the folder holds another study.
    OutputError
        Where the folder cannot be written, or a study is running in it.
    """
    study = Path(study)
    plan = replace(
        plan,
        cohort=str(Path(plan.cohort).absolute()),
        unseen_rate=str(Path(plan.unseen_rate).absolute()) if plan.unseen_rate else "",
        more=str(Path(plan.more).absolute()) if plan.more else "",
    )
    _check(plan, study, progress)
    began, started = time.monotonic(), datetime.now(timezone.utc).isoformat(timespec="seconds")
    with only_one(study):
        plan.write(study)
        context = open_study(study, progress)
        failed = run_steps(context.desk, [sys.executable, "-m", "DSANetLib.reproduction", str(study)], jobs, progress)
        return _write(study, started, time.monotonic() - began, progress), failed


def _check(plan: Plan, study: Path, progress: Callable[[str], None]) -> None:
    if study.exists() and (study / PLAN).exists():
        before = Plan.read(study)
        if (before.cohort, before.size) != (plan.cohort, plan.size):
            raise CohortError(
                f"holds a study of size {before.size} on {before.cohort}", "Name another folder with --out", study
            )
    elif study.is_dir() and {path.name for path in study.iterdir()} - {LOCK}:
        raise OutputError("is not empty and holds no study", "Name a new folder with --out", study)
    severe = [finding for finding in check_cohort(plan.cohort, pixels=False) if finding.severe]
    if severe:
        raise CohortError(
            f"{len(severe)} faults would spoil the study; the first: {severe[0]}",
            f"See all with 'dsanet cohort check {shlex.quote(plan.cohort)}'",
            plan.cohort,
        )
    if not (Path(plan.cohort) / "split.csv").exists():
        path = write_split(make_split(read_cohort(plan.cohort), seed=plan.seed), plan.cohort)
        progress(f"the cohort had no split: one was made with seed {plan.seed} and stored in {path}")


def _write(study: Path, started: str, seconds: float, progress: Callable[[str], None]) -> Study:
    from ..evaluation.reporting.report import write_report
    from .gathering import gather
    from .pictures import draw_pictures

    context = open_study(study, progress)
    plan = context.plan
    command = f"dsanet reproduce {Path(plan.cohort).name} --size {plan.size} --seed {plan.seed}"
    command += f" --unseen-rate {Path(plan.unseen_rate).name}" if plan.unseen_rate else ""
    command += f" --more {Path(plan.more).name}" if plan.more else ""
    command += f" --only {' '.join(plan.segmenting)}" if plan.segmenting else ""
    facts = {"started": started, "seconds": round(seconds), "commands": [command]}
    found = gather(context, facts)
    write_study(found, study)
    shutil.rmtree(study / "pictures", ignore_errors=True)
    draw_pictures(context, found, study / "pictures")
    html, _ = write_report(study, study / "report")
    progress(f"report: {html}")
    return found
