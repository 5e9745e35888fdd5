"""One evaluation as Markdown and JSON: what was promised, what came out, and every table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from .keyframe import key_frame_share, key_frame_table
from .records import PatientRecord, RunRecord
from .response import CLINICAL, against, inputs_of, response_tables, share_of_bayes
from .segmentation import compare_dice, mean_of, segmentation_tables, size_gap, with_tumour
from .statistics import Estimate
from .table import Cell, Column, Table, format_cell

BANNER = "**Synthetic phantom, no patients.** Nothing here says how well the models do on real angiograms."


@dataclass(frozen=True)
class Evaluation:
    """Records of an evaluation and where they come from.

    Parameters
    ----------
    facts
        Sentences for the head of the report: cohort, seeds, packages, openings of the test set.
    models
        Segmentation model → its run records; the first is the one that is judged.
    patients
        Response of each patient.
    unseen
        The same models on runs of a frame rate never seen in training.
    seed
        Of the bootstraps.
    """

    facts: Sequence[str]
    models: Mapping[str, Sequence[RunRecord]]
    patients: Sequence[PatientRecord] = ()
    unseen: Mapping[str, Sequence[RunRecord]] = field(default_factory=dict)
    seed: int = 0

    def tables(self) -> list[Table]:
        """Return all tables in the order of the report."""
        first = next(iter(self.models.values()))
        tables = [promises_table(self), *segmentation_tables(self.models, seed=self.seed)]
        tables.append(key_frame_table(first, seed=self.seed))
        tables += response_tables(self.patients, seed=self.seed)
        if self.unseen:
            tables.append(unseen_table(self.models, self.unseen, seed=self.seed))
        return tables

    def to_markdown(self) -> str:
        """Return the whole report as Markdown; the same records give the same text."""
        head = "\n".join(f"- {fact}" for fact in self.facts)
        return f"# Evaluation\n\n{BANNER}\n\n{head}\n\n" + "\n".join(table.to_markdown() for table in self.tables())

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as JSON-able values."""
        return {"banner": BANNER, "facts": list(self.facts), "tables": [table.to_dict() for table in self.tables()]}

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write ``evaluation.md`` and ``evaluation.json``, each whole or not at all; return their paths."""
        markdown, data = folder / "evaluation.md", folder / "evaluation.json"
        _write(markdown, self.to_markdown())
        _write(data, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")
        return markdown, data


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", "Choose another folder", path) from error


def unseen_table(
    seen: Mapping[str, Sequence[RunRecord]], unseen: Mapping[str, Sequence[RunRecord]], *, seed: int = 0
) -> Table:
    """Dice and key frame at frame rates of training beside a frame rate that no training run had."""
    columns = (
        Column("model"),
        Column("frame rates"),
        Column("patients", "count"),
        Column("runs with tumour", "count"),
        Column("Dice", "fraction"),
        Column("key frame hit %", "percent"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in unseen:
        for label, records in (("as in training", seen.get(name, ())), (_rates(unseen[name]), unseen[name])):
            runs = with_tumour(records)
            people = len({record.patient for record in runs})
            hit = key_frame_share(records, seed=seed)
            rows.append((name, label, people, len(runs), mean_of(runs, "dice", seed=seed), hit))
    return Table("A frame rate never seen in training", columns, tuple(rows), "Other patients, other seeds.")


def _rates(records: Sequence[RunRecord]) -> str:
    rates = sorted({record.frame_rate for record in records if record.frame_rate is not None})
    return ", ".join(f"{rate:g}" for rate in rates) + " /s, unseen"


def promises_table(evaluation: Evaluation) -> Table:
    """Each figure the project promises, what came out, and whether it was reached."""
    columns = (Column("promise"), Column("result"), Column("on"), Column("reached"))
    rows = [*_segmentation_promises(evaluation), *_response_promises(evaluation)]
    return Table("What was promised", columns, tuple(rows), "Point estimates decide; 95 % intervals in brackets.")


def _segmentation_promises(evaluation: Evaluation) -> list[tuple[Cell, ...]]:
    seed = evaluation.seed
    names = list(evaluation.models)
    first = evaluation.models[names[0]]
    rows: list[tuple[Cell, ...]] = []
    dice = mean_of(with_tumour(first), "dice", seed=seed)
    if dice:
        reached = dice.value >= 0.75 and dice.patients >= 300
        rows.append(_promise(f"{names[0]}: Dice ≥ 0.75 on ≥ 300 patients", dice, "fraction", reached))
    for other in names[1:]:
        baseline = mean_of(with_tumour(evaluation.models[other]), "dice", seed=seed)
        difference = compare_dice(first, evaluation.models[other], seed=seed)
        if baseline:
            reached = 0.60 <= baseline.value <= 0.75
            rows.append(_promise(f"{other}: Dice in 0.60–0.75", baseline, "fraction", reached))
        if difference:
            p = difference.p
            text = f"{format_cell(difference, 'fraction')}, p {format_cell(p, 'p')}"
            reached = difference.value > 0 and p is not None and p < 0.05
            on = f"{difference.patients} patients, {difference.count} runs"
            rows.append((f"{names[0]} above {other}, paired, p < 0.05", text, on, _yes(reached)))
    gap = size_gap(first, seed=seed)
    if gap:
        rows.append(_promise("Dice of lesions ≥ 5 cm above smaller ones by ≥ 0.1", gap, "fraction", gap.value >= 0.1))
    hits = key_frame_share(first, seed=seed)
    if hits:
        reached = hits.value >= 85 and hits.count >= 500
        rows.append(_promise("key frame hit in ≥ 85 % of ≥ 500 runs", hits, "percent", reached))
    return rows


def _response_promises(evaluation: Evaluation) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    inputs = inputs_of(evaluation.patients)
    if "film+clinical" not in inputs:
        return rows
    name = "film+clinical"
    if CLINICAL in inputs:
        test = against(evaluation.patients, name)
        if test is None:
            return rows
        text = f"{format_cell(test, 'fraction')}, p {format_cell(test.p, 'p')}"
        reached = test.value > 0 and test.p is not None and test.p < 0.05
        on = f"{test.patients} patients"
        rows.append((f"AUC of {name} above {CLINICAL}, DeLong p < 0.05", text, on, _yes(reached)))
    share = share_of_bayes(evaluation.patients, name, seed=evaluation.seed)
    if share:
        rows.append(_promise(f"AUC of {name} ≥ 0.9 of the Bayes value", share, "fraction", share.value >= 0.9))
    return rows


def _promise(text: str, estimate: Estimate, kind: Any, reached: bool) -> tuple[Cell, ...]:
    on = f"{estimate.patients} patients, {estimate.count} values"
    return text, format_cell(estimate, kind), on, _yes(reached)


def _yes(reached: bool | np.bool_) -> str:
    return "yes" if reached else "NO"
