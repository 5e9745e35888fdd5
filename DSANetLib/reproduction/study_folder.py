"""A study's folder opened: its plan, cohort, split and steps put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..cohort import read_cohort
from .plan import Plan, steps_of
from .steps import Desk

if TYPE_CHECKING:
    from .actions import Context

WORK, CACHE = "work", "cache"


def open_study(study: Path, say: Callable[[str], None]) -> Context:
    """Return what a study's steps work with.

    Parameters
    ----------
    study
        Folder with a ``plan.json``.
    say
        Takes lines of progress.

    Raises
    ------
    CohortError
        Where the study or its cohort cannot be read, or the cohort has no split.
    """
    from ..cohort import read_split
    from .actions import Context

    plan = Plan.read(study)
    cohort = read_cohort(plan.cohort)
    split = read_split(plan.cohort, cohort)
    unseen = read_cohort(plan.unseen_rate) if plan.unseen_rate else None
    desk = Desk(study / WORK, steps_of(plan, cohort, split, unseen))
    return Context(plan, cohort, split, desk, study / CACHE, say, unseen)
