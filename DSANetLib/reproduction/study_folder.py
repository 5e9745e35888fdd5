"""A study's folder opened: its plan, cohort, split and steps put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..cohort import Cohort, read_cohort, read_split
from ..errors import CohortError
from .plan import MORE, Further, Plan, steps_of
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
        Where the study or a cohort of it cannot be read, one has no split that needs one, or two share patients.
    """
    from .actions import Context

    plan = Plan.read(study)
    cohort = read_cohort(plan.cohort)
    split = read_split(plan.cohort, cohort)
    further = {name: _further(name, folder) for name, folder in plan.further.items()}
    for name, one in further.items():
        _check_strangers(cohort, one.cohort, plan.further[name])
    desk = Desk(study / WORK, steps_of(plan, cohort, split, further))
    return Context(plan, cohort, split, desk, study / CACHE, say, further)


def _further(name: str, folder: str) -> Further:
    cohort = read_cohort(folder)
    return Further(cohort, read_split(folder, cohort) if name == MORE else None)


def _check_strangers(cohort: Cohort, further: Cohort, folder: str) -> None:
    """Refuse a further cohort with patients of the first: a network may have learned from them."""
    known = {one.patient for one in cohort.patients}
    both = [one.patient for one in further.patients if one.patient in known]
    if both:
        raise CohortError(
            f"{len(both)} of its patients are in the study's cohort too, {both[0]} for one",
            "Take them out of one of the two, or give the patients of one other names", folder,
        )  # fmt: skip
