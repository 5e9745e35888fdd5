"""Cohorts of a stated shape: how many patients, runs, lesions and responders, and which patients these are.

Patients are taken in the order of their seeds as long as their class and their number of runs are still wanted.
Where lesions are counted, patients of the same class are then exchanged for later ones until the sum fits. So the
share of responders differs between hospitals by selection on the outcome alone: what films and values look like in
responders, and in the others, stays the same (a shift of prevalence).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from ..processes import map_seeds
from .config import OTHER_SCANNER, PRESETS, PhantomConfig
from .drawing import draw_patient
from .protocol import draw_protocol
from .simulate import draw_labels

FOLDS = 5
GROUP = 100_000
"""Seeds set aside for each group of a preset."""


@dataclass(frozen=True)
class Member:
    """A patient of a cohort: seed, settings, and its place in the split (``train``, ``test``, ``external``)."""

    seed: int
    config: PhantomConfig
    set: str = "train"
    fold: int | None = None


@dataclass(frozen=True)
class Group:
    """A part of a cohort; ``runs`` and ``lesions`` (summed over its runs) are as they come where None."""

    set: str
    patients: int
    responders: int
    config: PhantomConfig
    runs: int | None = None
    lesions: int | None = None


@dataclass(frozen=True)
class Preset:
    """A cohort of a stated shape; its patients' seeds begin at ``first_seed``."""

    name: str
    summary: str
    first_seed: int
    groups: tuple[Group, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the patients as JSON-able values."""
        groups = [{**asdict(group), "config": group.config.to_dict()} for group in self.groups]
        return {"preset": self.name, "first_seed": self.first_seed, "groups": groups}


@dataclass(frozen=True)
class Candidate:
    """What is known of a patient before any film is made; lesions are those within the runs' fields, summed."""

    seed: int
    responder: bool
    runs: int
    lesions: int


HERE, ELSEWHERE = PhantomConfig(), PhantomConfig(scanner=OTHER_SCANNER)
_SMALL, _SMALL_ELSEWHERE = PhantomConfig(rows=192, columns=192), PhantomConfig(192, 192, scanner=OTHER_SCANNER)

COHORTS = {
    preset.name: preset
    for preset in (
        Preset(
            "paper",
            "The paper's shape: 360 training, 124 internal and 121 external patients, 610 runs, 905 lesions",
            PRESETS,
            (
                Group("train", 360, 176, HERE, 363, 539),
                Group("test", 124, 69, HERE, 125, 185),
                Group("external", 121, 90, ELSEWHERE, 122, 181),
            ),
        ),
        Preset(
            "desk",
            "200 patients to train on, 100 internal and 100 external ones to test",
            PRESETS + 1_000_000,
            (
                Group("train", 200, 98, HERE),
                Group("test", 100, 49, HERE),
                Group("external", 100, 74, ELSEWHERE),
            ),
        ),
        Preset(
            "smoke",
            "24 internal and 8 external patients on small frames, to see whether everything runs",
            PRESETS + 2_000_000,
            (
                Group("train", 16, 8, _SMALL),
                Group("test", 8, 4, _SMALL),
                Group("external", 8, 6, _SMALL_ELSEWHERE),
            ),
        ),
        Preset(
            "unseen-rate",
            "300 external patients on the usual scanner at 5 frames per second, which no training run has",
            PRESETS + 3_000_000,
            (Group("external", 300, 147, PhantomConfig(frame_rates=(5.0,))),),
        ),
        Preset(
            "more",
            "400 internal and 300 external patients to test on, beside those of another cohort",
            PRESETS + 4_000_000,
            (
                Group("test", 400, 196, HERE),
                Group("external", 300, 222, ELSEWHERE),
            ),
        ),
    )
}


def choose_members(preset: Preset, workers: int = 1) -> tuple[Member, ...]:
    """Choose a preset's patients: the same for any number of workers, in the order of their seeds in each group."""
    members: list[Member] = []
    for i, group in enumerate(preset.groups):
        first = preset.first_seed + i * GROUP
        # Fresh processes take longer to start than a few patients to draw.
        needed = workers if group.patients > 50 else 1
        drawn = map_seeds(preview, range(first, first + GROUP), group.config, workers=needed)
        with closing(drawn):
            chosen = _choose(group, (candidate for _, candidate in drawn))
        folds = _folds(chosen) if group.set == "train" else {}
        members += [Member(c.seed, group.config, group.set, folds.get(c.seed)) for c in chosen]
    return tuple(members)


def preview(seed: int, config: PhantomConfig) -> Candidate:
    """Return what is known of a patient without its films: the draws that `simulate_patient` makes, no others."""
    drawn = draw_patient(seed, config)
    lesions = 0
    for i in range(len(drawn.cases)):
        protocol = draw_protocol(np.random.default_rng([seed, 1 + i]), config)
        labels = draw_labels(drawn.anatomy, drawn.tumours, protocol)[1]
        inside = protocol.collimator.inside(config.rows, config.columns)
        lesions += len(np.unique(labels[inside & (labels > 0)]))
    return Candidate(seed, drawn.outcome.responder, len(drawn.cases), lesions)


def _choose(group: Group, candidates: Iterator[Candidate]) -> list[Candidate]:
    chosen: list[Candidate] = []
    wanted = {True: group.responders, False: group.patients - group.responders}
    more = None if group.runs is None else group.runs - group.patients
    for candidate in candidates:
        extra, left = candidate.runs - 1, group.patients - len(chosen)
        # The places of patients of several runs are kept for them: they are rare.
        fits = more is None or (extra <= more and (extra > 0 or left > more))
        if wanted[candidate.responder] and fits:
            chosen.append(candidate)
            wanted[candidate.responder] -= 1
            more = None if more is None else more - extra
        if len(chosen) == group.patients:
            break
    return sorted(_exchange(group, chosen, candidates), key=lambda c: c.seed)


def _exchange(group: Group, chosen: list[Candidate], candidates: Iterator[Candidate]) -> list[Candidate]:
    """Exchange patients until the lesions add up: each time for one that brings the sum nearest to what is wanted."""
    if group.lesions is None:
        return chosen
    gap = group.lesions - sum(c.lesions for c in chosen)
    while gap:
        candidate = next(candidates)
        like = [c for c in chosen if (c.responder, c.runs) == (candidate.responder, candidate.runs)]
        after = partial(_gap_after, gap, candidate)
        worst = min(like, key=lambda c: (after(c), -c.seed), default=None)
        if worst is not None and after(worst) < abs(gap):
            chosen[chosen.index(worst)] = candidate
            gap -= candidate.lesions - worst.lesions
    return chosen


def _gap_after(gap: int, new: Candidate, old: Candidate) -> int:
    return abs(gap - (new.lesions - old.lesions))


def _folds(chosen: list[Candidate]) -> dict[int, int]:
    """Deal responders, then the others, to the folds in turn: sizes and classes differ by one at most."""
    ordered = sorted(chosen, key=lambda c: (not c.responder, c.seed))
    return {c.seed: i % FOLDS for i, c in enumerate(ordered)}
