"""Trainings, method, and where and when a study was made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..study import Study, TrainingResult
from .document import Block, Cell, Grid, Items, Section, Text
from .names import ALL_NETWORKS, INPUTS, experiment_name, in_order

CHANCE = 0.03
"""The mean AUC of shuffled outcomes may lie so far from 0.5."""
METHOD = (
    "Patients, not runs or frames, are the unit: every patient is in one of training, internal and external cohort; "
    "thresholds, calibration, encoding and imputation are fitted inside the fold.",
    "Segmentation is measured at the annotated key frame, on the source's own pixels; Dice is 1 where both masks are "
    "empty, PPV is 0 where nothing was predicted, other figures that divide zero by zero are left out. A run that "
    "fails has Dice 0 if it shows a tumour. Figures are averaged over a patient's runs, then over patients; runs "
    "without tumour are kept apart.",
    "A lesion is found where at least 20 % of its pixels are predicted; a predicted component (8-connected) is a false "
    "positive where less than 20 % of it lies on any lesion.",
    "Response is one probability a patient. Score AUC is Mann–Whitney's, with DeLong's interval and paired test; hard "
    "labels count the non-responder as positive, and are compared by McNemar's test.",
    "Intervals are 95 %, from 2,000 resamples of whole patients, where networks are compared of patients and seeds. "
    "Several comparisons are corrected after Holm.",
)


def trainings_section(study: Study) -> Section:
    """Return what each training took, and which failed."""
    if not study.trainings:
        return Section("Trainings", (Text("The study lists no trainings; the table is left out."),))
    done = [one for one in study.trainings if not one.failure]
    failed = [one for one in study.trainings if one.failure]
    blocks: list[Block] = [_trainings(done)] if done else []
    if failed:
        blocks.append(Text(f"{len(failed)} of {len(study.trainings)} trainings gave no result:"))
        blocks.append(
            Items(tuple(f"{experiment_name(one.experiment)}, {_which(one)}: {one.failure}" for one in failed))
        )
    else:
        blocks.append(Text("No training failed."))
    return Section("Trainings", tuple(blocks))


def _trainings(done: Sequence[TrainingResult]) -> Grid:
    columns = (
        *("experiment", "trainings", "seeds", "parameters", "GFLOP a run", "images trained on", "wall time s"),
        "on inner validation patients",
    )
    rows = []
    for name in in_order((one.experiment for one in done), (*ALL_NETWORKS, *INPUTS)):
        own = [one for one in done if one.experiment == name]
        gflop = [one.gflop for one in own if one.gflop is not None]
        texts = (
            experiment_name(name),
            str(len(own)),
            ", ".join(str(seed) for seed in sorted({one.seed for one in own})),
            _span([one.parameters for one in own], ",.0f") if any(one.parameters for one in own) else "–",
            _span(gflop, ".3g") if gflop else "–",
            f"{sum(one.samples for one in own):,}",
            f"{sum(one.seconds for one in own):,.0f}",
            _figures(own),
        )
        rows.append(tuple(Cell(text) for text in texts))
    note = (
        "Images and wall time are sums over the trainings of a row. GFLOP: operations of one run at inference, 10⁹, a "
        "multiplication and an addition counted as two. Ranges are over seeds and folds."
    )
    return Grid("Trainings", columns, tuple(rows), (False, True, False, True, True, True, True, False), note)


def _figures(own: Sequence[TrainingResult]) -> str:
    names = list(dict.fromkeys(name for one in own for name in one.figures))
    spans = [(name, [one.figures[name] for one in own if name in one.figures]) for name in names]
    return "; ".join(f"{name} {_span(values, '.3f')}" for name, values in spans) or "–"


def _span(values: Sequence[float], style: str) -> str:
    low, high = format(min(values), style), format(max(values), style)
    return low if low == high else f"{low}–{high}"


def _which(one: TrainingResult) -> str:
    return f"seed {one.seed}" + (f", fold {one.fold + 1}" if one.fold >= 0 else "")


def method_section(study: Study) -> Section:
    """Return how figures were made, and what each experiment is."""
    blocks: list[Block] = [Items(METHOD)]
    experiments = study.facts.get("experiments") or {}
    if isinstance(experiments, Mapping):
        rows = tuple((Cell(experiment_name(str(name))), Cell(str(about))) for name, about in experiments.items())
        if rows:
            blocks.append(Grid("Experiments", ("experiment", "what it is"), rows))
    return Section("Method", tuple(blocks))


def facts_section(study: Study) -> Section:
    """Return cohort, split, versions, seeds, hardware, times and commands."""
    facts = study.facts
    seeds = seeds_of(study)
    rows = [
        ("size of the study", _written(facts.get("size"))),
        ("cohort", _written(facts.get("cohort"))),
        ("split", _written(facts.get("split"))),
        ("seeds", _written(seeds)),
        ("settings of this size", _written(facts.get("scale"))),
        ("leak test", leak_text(facts.get("leak_test"))),
        ("versions", _written(facts.get("versions"))),
        ("hardware", _written(facts.get("hardware"))),
        ("started", _written(facts.get("started"))),
        ("seconds from start to end", _written(facts.get("seconds"))),
    ]
    cells = tuple((Cell(name), Cell(text)) for name, text in rows)
    blocks: list[Block] = [Grid("Where and when", ("fact", "value"), cells)]
    commands = _listed(facts.get("commands"))
    if commands:
        blocks += [Text("Commands:"), Items(tuple(f"`{command}`" for command in commands))]
    notes = _listed(facts.get("notes"))
    if notes:
        blocks += [Text("Notes of the study:"), Items(tuple(notes))]
    return Section("Versions, seeds, hardware, times", tuple(blocks))


def leak_text(found: Any) -> str:
    """Return what the shuffles of the outcome found, and whether that is chance."""
    if not isinstance(found, Mapping) or not found.get("shuffles"):
        return "not done"
    area = float(found.get("mean_auc", math.nan))
    verdict = "as it should be" if abs(area - 0.5) <= CHANCE else "OUTSIDE: something leaks, or patients are too few"
    return f"{found['shuffles']} shuffles of the outcome, mean AUC {area:.3f} (chance: 0.5 ± {CHANCE}): {verdict}"


def seeds_of(study: Study) -> list[int]:
    """Return the seeds of all trainings and results."""
    seeds = {one.seed for one in study.trainings} | {one.seed for one in study.segmentation}
    return sorted(seeds | {one.seed for one in study.response})


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value or ()]


def _written(value: Any) -> str:
    """Return a fact as words; what a study does not say is not known."""
    if value is None or value == "" or value == [] or value == {}:
        return "not known"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_written(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_written(one) for one in value)
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
