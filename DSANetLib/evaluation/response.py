"""Tables of Model 2: score AUC by input, against the clinical values alone, calibration, hard labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .calibration import Calibration, calibrate
from .metrics import Counts, count
from .records import PatientRecord
from .statistics import Difference, Estimate, auc, bootstrap_statistic, delong_auc, delong_test
from .table import Cell, Column, Table

CLINICAL = "clinical"


def inputs_of(patients: Sequence[PatientRecord]) -> list[str]:
    """Return the inputs that occur, in the order of their first patient."""
    return list(dict.fromkeys(name for patient in patients for name in patient.probabilities))


def usable(patients: Sequence[PatientRecord], *inputs: str) -> list[PatientRecord]:
    """Return the patients that have a probability for every one of ``inputs``."""
    return [patient for patient in patients if all(name in patient.probabilities for name in inputs)]


def _scores(patients: Sequence[PatientRecord], name: str) -> np.ndarray:
    return np.array([patient.probabilities[name] for patient in patients])


def _outcomes(patients: Sequence[PatientRecord]) -> np.ndarray:
    return np.array([patient.responder for patient in patients], dtype=bool)


def _enough(rows: Sequence[PatientRecord]) -> bool:
    """Whether there are two patients of either outcome, without which DeLong has no variance."""
    responders = int(_outcomes(rows).sum())
    return min(responders, len(rows) - responders) >= 2


def input_auc(patients: Sequence[PatientRecord], name: str) -> Estimate | None:
    """Score AUC of one input with DeLong's interval (the same for either class as the positive one).

    None where there are not two patients of either outcome; so are the comparisons below.
    """
    rows = usable(patients, name)
    if not _enough(rows):
        return None
    return delong_auc(_scores(rows, name), _outcomes(rows))


def against(patients: Sequence[PatientRecord], name: str, other: str = CLINICAL) -> Difference | None:
    """DeLong's paired test of one input against another, over the patients that have both."""
    rows = usable(patients, name, other)
    if not _enough(rows):
        return None
    return delong_test(_scores(rows, name), _scores(rows, other), _outcomes(rows))


def share_of_bayes(patients: Sequence[PatientRecord], name: str, *, seed: int = 0) -> Estimate | None:
    """AUC of an input over that of the phantom's own response model; None where the latter is unknown."""
    rows = [patient for patient in usable(patients, name) if patient.bayes is not None]
    if not _enough(rows):
        return None
    scores, outcomes = _scores(rows, name), _outcomes(rows)
    bayes = np.array([patient.bayes for patient in rows], dtype=np.float64)

    def share(chosen: np.ndarray) -> float:
        labels = outcomes[chosen]
        if labels.all() or not labels.any():
            return float("nan")
        best = auc(bayes[chosen], labels)
        return auc(scores[chosen], labels) / best if best else float("nan")

    return bootstrap_statistic(share, len(rows), seed=seed)


def hard_labels(patients: Sequence[PatientRecord], name: str) -> Counts:
    """Two-by-two table at the model's threshold; the NON-RESPONDER is positive, as in the paper."""
    rows = usable(patients, name)
    called = np.array([patient.probabilities[name] >= patient.thresholds.get(name, 0.5) for patient in rows])
    return count(~called, ~_outcomes(rows))


def calibration_of(patients: Sequence[PatientRecord], name: str) -> Calibration:
    """Calibration of the probability of RESPONDER of one input."""
    rows = usable(patients, name)
    return calibrate(_scores(rows, name), _outcomes(rows))


def auc_table(patients: Sequence[PatientRecord], *, seed: int = 0) -> Table:
    """Score AUC of each input, against the clinical values alone, and as a share of the Bayes value."""
    columns = (
        Column("input"),
        Column("patients", "count"),
        Column("responders", "count"),
        Column("score AUC", "fraction"),
        Column("difference to clinical", "fraction"),
        Column("p (DeLong)", "p"),
        Column("share of the Bayes AUC", "fraction"),
    )
    rows: list[tuple[Cell, ...]] = []
    inputs = inputs_of(patients)
    for name in inputs:
        own = usable(patients, name)
        test = against(patients, name) if name != CLINICAL and CLINICAL in inputs else None
        share = share_of_bayes(patients, name, seed=seed)
        responders = int(_outcomes(own).sum())
        p = test.p if test else None
        rows.append((name, len(own), responders, input_auc(patients, name), test, p, share))
    known = [patient for patient in patients if patient.bayes is not None]
    if known:
        scores = [float(patient.bayes or 0.0) for patient in known]
        best = delong_auc(scores, _outcomes(known)) if _enough(known) else None
        rows.append(("Bayes (the phantom's own model)", len(known), int(_outcomes(known).sum()), best, None, None, 1.0))
    note = (
        "95 % intervals of AUC and difference after DeLong, of the share from 2,000 resamples of patients. "
        "One probability a patient: the mean over frames and runs."
    )
    return Table("Response: score AUC", columns, tuple(rows), note)


def label_table(patients: Sequence[PatientRecord]) -> Table:
    """Figures of the hard label, and the balanced accuracy that the paper prints as its AUC."""
    columns = (
        Column("input"),
        Column("accuracy %", "percent"),
        Column("sensitivity %", "percent"),
        Column("specificity %", "percent"),
        Column("PPV %", "percent"),
        Column("NPV %", "percent"),
        Column("balanced accuracy (the paper's 'AUC')", "fraction"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in inputs_of(patients):
        c = hard_labels(patients, name)
        rows.append((name, c.accuracy, c.sensitivity, c.specificity, c.ppv, c.npv, c.balanced_accuracy))
    note = "Positive: non-responder, as in the paper's Table 3. Balanced accuracy is not the score AUC above."
    return Table("Response: hard label at the model's threshold", columns, tuple(rows), note)


def calibration_table(patients: Sequence[PatientRecord]) -> Table:
    """Calibration of each input's probability of responder."""
    columns = (
        Column("input"),
        Column("Brier", "fraction"),
        Column("Brier of the prevalence", "fraction"),
        Column("slope", "number"),
        Column("intercept", "number"),
        Column("calibration in the large", "number"),
        Column("mean probability", "fraction"),
        Column("responders", "fraction"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in inputs_of(patients):
        c = calibration_of(patients, name)
        rows.append(
            (
                name,
                c.brier,
                c.brier_of_prevalence,
                c.slope,
                c.intercept,
                c.in_the_large,
                c.mean_probability,
                c.prevalence,
            )
        )
    return Table("Response: calibration", columns, tuple(rows), "Perfect: slope 1, intercepts 0.")


def response_tables(patients: Sequence[PatientRecord], *, seed: int = 0) -> list[Table]:
    """All tables of Model 2; none where no patient has a probability."""
    if not inputs_of(patients):
        return []
    return [auc_table(patients, seed=seed), label_table(patients), calibration_table(patients)]
