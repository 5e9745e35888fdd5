"""The sections of the panel, in the order of work."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

_SECTIONS = (
    ("run_section", "RunSection"),
    ("frames_section", "FramesSection"),
    ("segment_section", "SegmentSection"),
    ("correct_section", "CorrectSection"),
    ("worklist_section", "WorklistSection"),
    ("predict_section", "PredictSection"),
    ("explore_section", "ExploreSection"),
    ("batch_section", "BatchSection"),
    ("export_section", "ExportSection"),
)


def makeSections(context: Any) -> list[Any]:
    """Return the sections of the panel, made but not set up; each gets the scene."""
    made = []
    for file, name in _SECTIONS:
        if importlib.util.find_spec(f"DSANetModuleLib.{file}") is None:
            continue
        made.append(getattr(importlib.import_module(f"DSANetModuleLib.{file}"), name)(context))
    return made
