"""Which patients train, validate and test: split by patient, in strata, by a seed."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CohortError, DependencyError
from .data import Cohort, CohortPatient

SETS = ("train", "test", "external")
_SMALL_CM, _LARGE_CM = 3.0, 5.0  # the paper's bands: < 3, 3-5, >= 5 cm

LEAST_OF_EACH = 2
"""Responders, and others, that validation patients must hold for a response model to be calibrated on them."""


@dataclass(frozen=True)
class Split:
    """A split of a cohort by patient.

    Parameters
    ----------
    set_of
        Patient → ``train``, ``test`` or ``external``.
    fold_of
        Training patient → the fold, from 0, that it validates; empty where there are no folds.
    seed, test_share
        What made it; None where somebody else did.
    strata
        What it was balanced by: stratum → its patients.
    """

    set_of: Mapping[str, str]
    fold_of: Mapping[str, int]
    seed: int | None = None
    test_share: float | None = None
    strata: Mapping[str, int] = field(default_factory=dict)

    @property
    def train(self) -> tuple[str, ...]:
        """Training patients of all folds."""
        return self._of("train")

    @property
    def test(self) -> tuple[str, ...]:
        """Internal test patients."""
        return self._of("test")

    @property
    def external(self) -> tuple[str, ...]:
        """External test patients."""
        return self._of("external")

    @property
    def folds(self) -> int:
        """Number of folds; 0 where there are none."""
        return max(self.fold_of.values(), default=-1) + 1

    def fold(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the patients that train and those that validate in a fold."""
        training = tuple(patient for patient in self.train if self.fold_of.get(patient) != number)
        return training, tuple(patient for patient in self.train if self.fold_of.get(patient) == number)

    @property
    def digest(self) -> str:
        """SHA-256 over patients, sets and folds."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()

    def lines(self) -> list[str]:
        """Return ``patient,set,fold``, sorted by patient."""
        return [f"{p},{name},{self.fold_of.get(p, '')}" for p, name in sorted(self.set_of.items())]

    def _of(self, name: str) -> tuple[str, ...]:
        return tuple(patient for patient, found in self.set_of.items() if found == name)


def make_split(cohort: Cohort, *, folds: int = 5, test_share: float = 0.25, seed: int = 0) -> Split:
    """Split a cohort by patient, balanced by response, size of the largest lesion and number of lesions.

    External patients stay external. Where lesions are not measured, only the response balances; strata with fewer
    patients than folds are merged into the next coarser one. Made with scikit-learn's ``StratifiedShuffleSplit``
    (test) and ``StratifiedKFold`` (folds); the same cohort and seed give the same split.

    Parameters
    ----------
    cohort
        Read and checked.
    folds
        For cross-validation among the training patients, 2 or more.
    test_share
        Share of the internal patients that is held out, 0 to below 1.
    seed
        Of the shuffling.

    Raises
    ------
    CohortError
        Too few patients, or too few of one class: each fold and the test set must hold responders and others.
    DependencyError
        Without scikit-learn.
    """
    internal = sorted((p for p in cohort.patients if not p.external), key=lambda p: p.patient)
    tests = round(test_share * len(internal))
    _check_counts(internal, folds, test_share, tests, cohort.folder)
    strata = _merged([_stratum(patient) for patient in internal], folds + 1)
    held_out = _draw(strata, tests, seed)
    rest = [i for i in range(len(internal)) if i not in held_out]
    fold_of = {}
    for fold, members in enumerate(_folds([strata[i] for i in rest], folds, seed)):
        fold_of.update({internal[rest[i]].patient: fold for i in members})
    set_of = {internal[i].patient: "test" if i in held_out else "train" for i in range(len(internal))}
    set_of = {p.patient: "external" if p.external else set_of[p.patient] for p in cohort.patients}
    split = Split(set_of, dict(sorted(fold_of.items())), seed, test_share, dict(sorted(Counter(strata).items())))
    _check_classes(split, internal, cohort.folder)
    return split


def _check_counts(patients: Sequence[CohortPatient], folds: int, share: float, tests: int, folder: Path) -> None:
    if folds < 2 or not 0 <= share < 1:
        remedy = "Ask for 2 or more folds, and a share of 0 to 0.9"
        raise CohortError(f"{folds} folds and a test share of {share:g} cannot be", remedy, folder)
    if len(patients) - tests < folds:
        raise CohortError(
            f"{len(patients)} internal patients cannot be split into {folds} folds and a test set of {tests}",
            "Ask for fewer folds (--folds), or add patients",
            folder,
        )
    counts = Counter(patient.responder for patient in patients if patient.responder is not None)
    # A stratum gives its share to the test set, and at least one patient to each fold.
    needed = folds + (1 if tests else 0)
    for kind, name in ((True, "responder"), (False, "non-responder")):
        if len(counts) == 2 and counts[kind] < needed:
            raise CohortError(
                f"{counts[kind]} {name}s for {folds} folds{' and a test set' if tests else ''}: "
                f"one would be without a {name}",
                "Ask for fewer folds (--folds), or add patients",
                folder,
            )


def size_band(size_cm: float) -> str:
    """Return the paper's band of a lesion's longest diameter in cm."""
    return "< 3 cm" if size_cm < _SMALL_CM else "3-5 cm" if size_cm < _LARGE_CM else ">= 5 cm"


def _stratum(patient: CohortPatient) -> tuple[str, ...]:
    response = {True: "responder", False: "non-responder", None: "unknown"}[patient.responder]
    sizes = patient.lesions_cm
    if not sizes:
        return (response,)
    return response, size_band(max(sizes)), "one lesion" if len(sizes) == 1 else "several lesions"


def _merged(strata: list[tuple[str, ...]], least: int) -> list[str]:
    """Return the names of strata, those of too few patients merged into the next coarser one."""
    for depth in (3, 2):
        counts = Counter(strata)
        strata = [key[: depth - 1] if len(key) == depth and counts[key] < least else key for key in strata]
    counts = Counter(strata)
    poor = {key[0] for key, count in counts.items() if count < least}
    strata = [key[:1] if key[0] in poor else key for key in strata]
    counts = Counter(strata)
    largest = counts.most_common(1)[0][0]
    # Of a single patient nothing can be halved: it goes with the largest stratum.
    return [", ".join(key if counts[key] > 1 else largest) for key in strata]


def _draw(strata: list[str], tests: int, seed: int) -> set[int]:
    if not tests:
        return set()
    selection = _scikit_learn()
    classes = len(set(strata))
    if classes > 1 and classes <= min(tests, len(strata) - tests):
        splitter = selection.StratifiedShuffleSplit(n_splits=1, test_size=tests, random_state=seed)
    else:
        splitter = selection.ShuffleSplit(n_splits=1, test_size=tests, random_state=seed)
    return {int(i) for i in next(splitter.split(strata, strata))[1]}


def _folds(strata: list[str], folds: int, seed: int) -> list[list[int]]:
    selection = _scikit_learn()
    kind = selection.StratifiedKFold if max(Counter(strata).values()) >= folds else selection.KFold
    with warnings.catch_warnings():
        # A stratum smaller than the folds is spread as far as it goes.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        made = list(kind(n_splits=folds, shuffle=True, random_state=seed).split(strata, strata))
    return [[int(i) for i in members] for _, members in made]


def _scikit_learn() -> Any:
    try:
        from sklearn import model_selection
    except ImportError as error:
        raise DependencyError("splitting needs scikit-learn", "Install it: pip install 'dsanet[study]'") from error
    return model_selection


def _check_classes(split: Split, patients: Sequence[CohortPatient], folder: Path) -> None:
    """Make sure of what the counts promise: each part holds both classes, where the cohort does."""
    known = {patient.patient: patient.responder for patient in patients}
    parts = {f"fold {i}": split.fold(i)[1] for i in range(split.folds)}
    parts |= {"the test set": split.test} if split.test else {}
    for kind, name in ((True, "responder"), (False, "non-responder")):
        for part, members in parts.items():
            if {True, False} <= set(known.values()) and kind not in {known[patient] for patient in members}:
                remedy = "Ask for fewer folds (--folds), another --test-share (0: no test set), or add patients"
                raise CohortError(f"{part} would be without a {name}", remedy, folder)
