"""The leak test: outcomes dealt out anew, through the whole way from the cohort's folder to the AUC."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cohort import Cohort, read_cohort
from ..cohort.data import CLINICAL, COHORT, MANIFEST, OUTCOME
from ..cohort.manifest import manifest_for_elsewhere
from ..errors import TrainingError
from ..evaluation.statistics import auc
from ..whole import write_whole
from .plan import find_input, responder_config, source_of
from .response import train_and_predict

if TYPE_CHECKING:
    from .actions import Context

INPUT = "film+mask+clinical-true"
"""The input with most in it: were there a leak, it would be seen here."""


def auc_of_shuffled(context: Context, shuffle: int, folder: Path) -> float:
    """Return the AUC on held-out patients of the full model, trained and judged on shuffled outcomes.

    It is the mean of the AUC within the internal and within the external patients, where both have both outcomes: the
    share of responders differs between them, and so may the scores.

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
    found = []
    for external in (False, True):
        judged = [p for p in read_cohort(cohort).patients if p.external == external and p.patient in scores]
        answers = [bool(p.responder) for p in judged]
        if len(set(answers)) == 2:
            found.append(auc([scores[p.patient] for p in judged], answers))
    if not found:
        raise TrainingError("no held-out set has both outcomes", "Add patients, or leave the outcomes out", cohort)
    return float(np.mean(found))


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
    for name in (COHORT, CLINICAL):
        if (cohort.folder / name).is_file():
            shutil.copyfile(cohort.folder / name, folder / name)
    write_whole(folder / MANIFEST, manifest_for_elsewhere(cohort.folder))
    write_whole(folder / OUTCOME, text.getvalue())
    return folder
