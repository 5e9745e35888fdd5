"""Cohorts: a documented folder of runs, masks, clinical values and outcomes; checked, split and described."""

from __future__ import annotations

from .data import AnnotatedFrame, Cohort, CohortPatient, CohortRun, Outcome
from .findings import Finding
from .masks import FrameMasks, frame_masks
from .reading import read_cohort

__all__ = [
    "AnnotatedFrame",
    "Cohort",
    "CohortPatient",
    "CohortRun",
    "Finding",
    "FrameMasks",
    "Outcome",
    "frame_masks",
    "read_cohort",
]
