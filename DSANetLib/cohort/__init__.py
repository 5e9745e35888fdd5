"""Cohorts: a documented folder of runs, masks, clinical values and outcomes; checked, split and described."""

from __future__ import annotations

from .check import check_cohort
from .data import AnnotatedFrame, Cohort, CohortPatient, CohortRun, Outcome
from .describe import describe_cohort
from .findings import Finding
from .masks import FrameMasks, frame_masks
from .reading import read_cohort
from .split import Split, make_split
from .split_files import read_split, write_split
from .starting import Started, init_cohort

__all__ = [
    "AnnotatedFrame",
    "Cohort",
    "CohortPatient",
    "CohortRun",
    "Finding",
    "FrameMasks",
    "Outcome",
    "Split",
    "Started",
    "check_cohort",
    "describe_cohort",
    "frame_masks",
    "init_cohort",
    "make_split",
    "read_cohort",
    "read_split",
    "write_split",
]
