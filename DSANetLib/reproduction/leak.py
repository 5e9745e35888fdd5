"""The leak test: outcomes dealt out anew, through the whole way from the cohort's folder to the AUC."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cohort import Cohort, read_cohort
from ..evaluation.statistics import auc
from ..whole import write_whole
from .plan import find_input, responder_config, source_of
from .response import train_and_predict

if TYPE_CHECKING:
    from .actions import Context

INPUT = "film+mask+clinical-true"
"""The input with most in it: were there a leak, it would be seen here."""


def auc_of_shuffled(context: Context, shuffle: int, folder: Path) -> float:
    """Return the AUC on all held-out patients of the full model, trained and judged on shuffled outcomes.

    Parameters
    ----------
    context
        Of the study.
    shuffle
        Number of the shuffle, its seed.
    folder
        Of the step.
    """
    cohort = shuffled_cohort(context.cohort, folder / "cohort", [context.plan.seed, shuffle])
    source = source_of(context.plan, context.split, -1, cohort)
    config = responder_config(context.plan, find_input(INPUT), shuffle, source, context.cache, None)
    scores, _ = train_and_predict(config, folder / "package", context.held_out, context.say)
    outcome = {patient.patient: patient.responder for patient in read_cohort(cohort).patients}
    return auc(list(scores.values()), [bool(outcome[who]) for who in scores])


def shuffled_cohort(cohort: Cohort, folder: Path, seed: list[int]) -> Path:
    """Write a cohort with the same runs, masks and values, in which outcomes are dealt out anew among the patients.

    Outcomes stay within the internal and within the external patients, so that the share of responders of each
    does: a model that knows no more than the shares finds an AUC of 0.5 within each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    dealt: dict[str, bool | None] = {}
    for external in (False, True):
        some = [p for p in cohort.patients if p.external == external and p.responder is not None]
        answers = [some[i].responder for i in rng.permutation(len(some))]
        dealt.update(zip((p.patient for p in some), answers, strict=True))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["patient", "responder"])
    writer.writerows([who, int(bool(answer))] for who, answer in dealt.items())
    for path in cohort.folder.iterdir():
        target = folder / path.name
        if path.name not in ("outcome.csv", "split.csv", "split.json") and not target.exists():
            target.symlink_to(path.resolve())
    write_whole(folder / "outcome.csv", text.getvalue())
    return folder
