"""Inputs of model 2 against one: the difference of their AUC, McNemar on the hard labels, Holm-corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .agreement import mcnemar
from .crossed import draw, few_note, from_samples, holm
from .labels import area_samples
from .pooling import InputScores, Pooled, pool
from .statistics import Difference, auc, delong_test
from .study import Study
from .table import Cell, Column, Table


@dataclass(frozen=True)
class Compared:
    """Two inputs on the patients that have both.

    Parameters
    ----------
    first, second, patients
        Labels of the inputs, and how many patients.
    difference
        Score AUC, first minus second, means over seeds; after DeLong where either has one seed, else from resamples
        of seeds and patients.
    delong, mcnemar
        Two-sided p of the scores' and of the hard labels' mean over seeds; None where undefined.
    """

    first: str
    second: str
    patients: int
    difference: Difference | None
    delong: float | None
    mcnemar: float | None


def compare_inputs(first: InputScores, second: InputScores, *, seed: int = 0) -> Compared:
    """Set two inputs side by side on their common patients.

    The tests are None where there are not two patients of either outcome.
    """
    common = sorted(set(first.patients) & set(second.patients))
    one, other = first.of(common), second.of(common)
    n, responders = len(common), int(one.responder.sum())
    right = [(each.mean_called == each.responder) for each in (one, other)]
    labels = mcnemar(*right).p
    if min(responders, n - responders) < 2:
        return Compared(first.label, second.label, n, None, None, labels)
    delong = delong_test(one.mean_score, other.mean_score, one.responder)
    difference = delong
    if max(one.seeds, other.seeds) > 1:
        areas = [float(np.mean([auc(row, each.responder) for row in each.scores])) for each in (one, other)]
        samples = [area_samples(each, draw(n, each.seeds, seed=seed, stream=i)) for i, each in enumerate((one, other))]
        difference = from_samples(areas[0], areas[1], samples[0] - samples[1], n, n)
    return Compared(first.label, second.label, n, difference, delong.p, labels)


def response_comparisons(study: Study, reference: str = "film+mask+clinical") -> Table:
    """Return every input against the reference (with predicted masks where there are any) on their common patients.

    Holm's correction is over the comparisons of one cohort.
    """
    columns = (
        Column("group"),
        Column("first"),
        Column("second"),
        Column("patients", "count"),
        Column("difference", "fraction"),
        Column("p", "p"),
        Column("p (Holm)", "p"),
        Column("p (DeLong)", "p"),
        Column("p (DeLong, Holm)", "p"),
        Column("p (McNemar)", "p"),
        Column("p (McNemar, Holm)", "p"),
    )
    pooled = pool(study)
    rows: list[tuple[Cell, ...]] = []
    for group in dict.fromkeys(scores.group for scores in pooled.inputs):
        found = _against(pooled, group, reference)
        ps = ([c.difference.p if c.difference else None for c in found], [c.delong for c in found])
        own, delong, labels = holm(ps[0]), holm(ps[1]), holm([c.mcnemar for c in found])
        for i, c in enumerate(found):
            head = (group, c.first, c.second, c.patients, c.difference)
            rows.append((*head, ps[0][i], own[i], c.delong, delong[i], c.mcnemar, labels[i]))
    note = (
        "Score AUC, first minus second, on common patients. Interval and p of 2,000 resamples of seeds and patients; "
        "after DeLong where both have one seed. DeLong's and McNemar's (exact) tests take one score and one label a "
        "patient: the mean over seeds. Holm's correction over the comparisons of one cohort."
        f"{few_note(row[3] for row in rows if isinstance(row[3], int))}"
    )
    nothing = f"There are no two inputs to compare with {reference}."
    return Table(f"Inputs against {reference}", columns, tuple(rows), pooled.note(note if rows else nothing))


def _against(pooled: Pooled, group: str, reference: str) -> list[Compared]:
    own = [scores for scores in pooled.inputs if scores.group == group]
    targets = [scores for scores in own if scores.input == reference and scores.masks != "true"]
    if not targets:
        return []
    return [compare_inputs(scores, targets[0]) for scores in own if scores is not targets[0]]
