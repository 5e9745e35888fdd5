"""One score a patient and seed from a study's response results: what may be pooled, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from .study import ResponseResult, Study

GROUPS = ("test", "external")
"""Cohorts that response is reported on, in the order of the tables."""

INPUTS = ("film", "clinical", "film+mask", "film+mask+clinical", "logistic", "boosting")
"""Inputs in the order of the paper's Table 3, then the baselines."""

_MASKS = ("", "predicted", "true")


@dataclass(frozen=True, eq=False)
class InputScores:
    """Scores of one input in one cohort, by seed and patient.

    Parameters
    ----------
    group, input, masks
        As in :class:`~DSANetLib.evaluation.study.ResponseResult`.
    patients
        P identifiers, sorted: those that every seed has a score for.
    responder
        (P,) bool, the true outcome.
    scores, thresholds
        (S, P) probability of RESPONDER and the threshold it is held against, 0-1, means over folds.
    """

    group: str
    input: str
    masks: str
    patients: tuple[str, ...]
    responder: np.ndarray
    scores: np.ndarray
    thresholds: np.ndarray

    @property
    def label(self) -> str:
        """The input with its masks, such as ``film+mask [predicted]``."""
        return f"{self.input} [{self.masks}]" if self.masks else self.input

    @property
    def seeds(self) -> int:
        """Number of trainings."""
        return len(self.scores)

    @property
    def called(self) -> np.ndarray:
        """(S, P) bool: called a responder by each training."""
        return self.scores >= self.thresholds

    @property
    def mean_score(self) -> np.ndarray:
        """(P,) mean over seeds, for tests that take one score a patient."""
        return np.asarray(self.scores.mean(axis=0))

    @property
    def mean_called(self) -> np.ndarray:
        """(P,) bool: called a responder by the mean score against the mean threshold."""
        return np.asarray(self.mean_score >= self.thresholds.mean(axis=0))

    @property
    def problem(self) -> str:
        """Why there is no ROC curve, as a sentence; empty where there is one."""
        if self.responder.any() and not self.responder.all():
            return ""
        who = "Every patient" if self.responder.all() else "No patient"
        return f"{who} of the cohort '{self.group}' is a responder, so that there is no AUC and no calibration slope."

    def of(self, patients: Sequence[str]) -> InputScores:
        """Return the same of some patients, in sorted order."""
        keep = [i for i, name in enumerate(self.patients) if name in set(patients)]
        names = tuple(self.patients[i] for i in keep)
        rows = self.responder[keep], self.scores[:, keep], self.thresholds[:, keep]
        return InputScores(self.group, self.input, self.masks, names, *rows)


@dataclass(frozen=True)
class Pooled:
    """All inputs of a study, and a sentence on each that could not be pooled."""

    inputs: tuple[InputScores, ...]
    sentences: tuple[str, ...]

    def note(self, text: str) -> str:
        """Return a table's note with the sentences on what is missing behind it."""
        problems = dict.fromkeys(each.problem for each in self.inputs)
        return " ".join(filter(None, (text, *self.sentences, *problems)))


def pooled_scores(results: Iterable[ResponseResult]) -> InputScores:
    """Pool one input's results in one cohort: mean over folds, patients that every seed has.

    Parameters
    ----------
    results
        Of one group, input and kind of masks.

    Returns
    -------
    InputScores
        By seed and patient.

    Raises
    ------
    TrainingError
        Where scores of several folds are not calibrated inside them, so that one fold's 0.6 is not another's; where a
        patient has two outcomes; where several inputs are mixed, or there are no results.
    """
    rows = list(results)
    kinds = {(row.group, row.input, row.masks) for row in rows}
    if len(kinds) != 1:
        raise TrainingError(f"results of {len(kinds)} inputs", "Pool one input of one cohort at a time")
    group, name, masks = kinds.pop()
    if len({row.fold for row in rows}) > 1 and not all(row.calibrated for row in rows):
        raise TrainingError(
            f"scores of {name}, {group}, come from several folds and are not calibrated", "Calibrate inside each fold"
        )
    outcomes = {(row.patient, row.responder) for row in rows}
    if len(outcomes) != len({patient for patient, _ in outcomes}):
        raise TrainingError(f"a patient of {name}, {group}, has two outcomes", "Run 'dsanet reproduce' again")
    seeds = sorted({row.seed for row in rows})
    folds: dict[tuple[int, str], list[ResponseResult]] = {}
    for row in rows:
        folds.setdefault((row.seed, row.patient), []).append(row)
    patients = tuple(sorted(p for p, _ in outcomes if all((seed, p) in folds for seed in seeds)))
    known = dict(outcomes)
    pairs = np.array(
        [
            [np.mean([(row.score, row.threshold) for row in folds[seed, patient]], axis=0) for patient in patients]
            for seed in seeds
        ]
    ).reshape(len(seeds), len(patients), 2)
    return InputScores(
        group, name, masks, patients, np.array([known[p] for p in patients], dtype=bool), pairs[..., 0], pairs[..., 1]
    )


def pool(study: Study) -> Pooled:
    """Pool every input of a study, in the order of `GROUPS`, masks and `INPUTS`; what is refused becomes a sentence."""
    parts: dict[tuple[str, str, str], list[ResponseResult]] = {}
    for result in study.response:
        if result.group in GROUPS:
            parts.setdefault((result.group, result.masks, result.input), []).append(result)
    found, sentences = [], []
    for key in sorted(parts, key=_order):
        try:
            scores = pooled_scores(parts[key])
        except TrainingError as error:
            sentences.append(f"{error.problem[:1].upper()}{error.problem[1:]}.")
            continue
        if scores.patients:
            found.append(scores)
        else:
            sentences.append(f"{scores.label}, {scores.group}: no patient has a score of every seed.")
    return Pooled(tuple(found), tuple(sentences))


def _order(key: tuple[str, str, str]) -> tuple[int, int, int, str]:
    group, masks, name = key
    rank = INPUTS.index(name) if name in INPUTS else len(INPUTS)
    # The baselines see no mask, yet stand at the end, as the paper has none.
    baseline = name not in INPUTS[:4]
    mask = _MASKS.index(masks) if masks in _MASKS else len(_MASKS)
    return GROUPS.index(group), len(_MASKS) + 1 if baseline else mask, rank, name
