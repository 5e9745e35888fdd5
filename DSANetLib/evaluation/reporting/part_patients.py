"""Patients and Table 1."""

from __future__ import annotations

from ..study import Study
from ..study_tables import table1
from . import paper
from .document import Block, Section, Text
from .names import group_name, in_order
from .tables import Row, grid

NOTE = "In grey: the paper's own patients, as printed."


def patients_section(study: Study) -> Section:
    """Return who was studied."""
    if not study.patients:
        return Section("Patients (Table 1)", (Text("The study lists no patients; Table 1 is left out."),))
    blocks: list[Block] = [Text(_counted(study))]
    table = table1(study)
    headings = {group: group_name(group) for group in ("train", "test", "external")}
    note = f"{table.note} {NOTE}".strip()
    title = "Table 1. Characteristics of the cohorts"
    blocks.append(grid(table, title=title, note=note, beside=beside_table1, headings=headings))
    return Section("Patients (Table 1)", tuple(blocks))


def beside_table1(row: Row, column: str) -> str:
    """Return the paper's figure of Table 1 for a variable, or for one of its levels."""
    variable, level = str(row["variable"]), str(row["level"])
    # The paper prints one figure of most variables; it stands beside ours of the same kind.
    key = variable if level in ("n", "mean ± SD", "male", "yes") else f"{variable}={level}"
    key = f"{variable}>={level[2:]}" if level.startswith("≥ ") else key
    return paper.TABLE1.get(key, {}).get(column, "")


def _counted(study: Study) -> str:
    groups = in_order((one.group for one in study.patients), ("train", "test", "external"))
    parts = []
    for group in groups:
        own = [one for one in study.patients if one.group == group]
        known = [one.responder for one in own if one.responder is not None]
        share = f", {sum(known)} of {len(known)} responders" if known else ", no response known"
        runs, lesions = sum(one.runs for one in own), sum(len(one.lesions_cm) for one in own)
        measured = f", {lesions} lesions" if any(one.lesions_cm for one in study.patients) else ""
        parts.append(f"{group_name(group)}: {len(own)} patients, {runs} runs{measured}{share}")
    return "; ".join(parts).capitalize() + "."
