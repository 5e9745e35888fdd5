"""Progression-free survival of predicted responders and non-responders: Kaplan-Meier, log-rank, hazard ratio."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from .packages import study_package
from .pooling import InputScores, pool
from .statistics import Estimate
from .study import Study
from .table import Cell, Column, Table

MONTHS = 36
"""Follow-up is cut here, as in the paper's figure 4; who lasted longer is censored."""

STEP = 6
INPUTS = ("clinical", "film+mask", "film+mask+clinical")
"""Panels a, b and c of the paper's figure 4."""

RESPONDER, NON_RESPONDER = "responder", "non-responder"


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier curve of one predicted class.

    Parameters
    ----------
    group, input
        Cohort, and input of model 2 with its masks.
    predicted
        ``responder`` or ``non-responder``.
    months, survival, low, high
        Steps of the curve from month 0 and survival 1, with the 95 % band; of equal length.
    at_risk
        (month, patients at risk) at every sixth month from 0.
    censored
        Months at which patients were censored.
    patients, events
        How many.
    """

    group: str
    input: str
    predicted: str
    months: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[tuple[int, int], ...]
    censored: tuple[float, ...]
    patients: int
    events: int

    @property
    def at_end(self) -> Estimate | None:
        """Survival at `MONTHS` with its interval; None where nobody was followed so far."""
        if self.survival[-1] > 0 and not self.at_risk[-1][1]:
            return None
        return Estimate(self.survival[-1], self.low[-1], self.high[-1], self.patients, self.patients)

    @property
    def median(self) -> float | None:
        """Months until half have progressed; None where it is not reached."""
        reached = [month for month, left in zip(self.months, self.survival, strict=True) if left <= 0.5]
        return reached[0] if reached else None


@dataclass(frozen=True)
class Survival:
    """The curves of figure 4, their figures, and how many are at risk."""

    curves: tuple[SurvivalCurve, ...]
    table: Table
    at_risk: Table


@dataclass(frozen=True)
class Contrast:
    """Two groups' survival compared.

    Parameters
    ----------
    log_rank
        Two-sided p; None where a group is empty or nobody progressed.
    hazard_ratio
        Of the second group against the first with its 95 % interval (Cox, ties after Efron); None where it has no
        finite value.
    """

    log_rank: float | None
    hazard_ratio: Estimate | None


def kaplan_meier(
    months: Sequence[float] | np.ndarray,
    progressed: Sequence[bool] | np.ndarray,
    *,
    group: str,
    name: str,
    predicted: str,
) -> SurvivalCurve:
    """Kaplan-Meier curve up to `MONTHS`, with lifelines' log-log band (exponential Greenwood).

    Parameters
    ----------
    months, progressed
        (N,) follow-up >= 0, and whether it ended by progression; N >= 1.
    group, name, predicted
        Labels of the curve.

    Raises
    ------
    TrainingError
        Without patients, or with a follow-up that is no time.
    DependencyError
        Without lifelines.
    """
    time, event = _cut(months, progressed)
    fitter = study_package("lifelines").KaplanMeierFitter().fit(time, event)
    survival = fitter.survival_function_.iloc[:, 0]
    band = fitter.confidence_interval_survival_function_
    steps = [float(month) for month in survival.index]
    at_risk = tuple((month, int(np.count_nonzero(time >= month))) for month in range(0, MONTHS + 1, STEP))
    return SurvivalCurve(
        group=group,
        input=name,
        predicted=predicted,
        months=tuple(steps),
        survival=tuple(float(v) for v in survival),
        low=tuple(float(v) for v in band.iloc[:, 0]),
        high=tuple(float(v) for v in band.iloc[:, 1]),
        at_risk=at_risk,
        censored=tuple(sorted(float(t) for t in time[~event])),
        patients=len(time),
        events=int(event.sum()),
    )


def contrast(
    months: Sequence[float] | np.ndarray, progressed: Sequence[bool] | np.ndarray, second: Sequence[bool] | np.ndarray
) -> Contrast:
    """Compare the patients of the second group with the others: log-rank test and hazard ratio, up to `MONTHS`.

    Parameters
    ----------
    months, progressed, second
        (N,) follow-up, progression, and who is of the second group.
    """
    time, event = _cut(months, progressed)
    chosen = np.asarray(second, dtype=bool)
    if chosen.all() or not chosen.any() or not event.any():
        return Contrast(None, None)
    test = study_package("lifelines.statistics").logrank_test(
        time[~chosen], time[chosen], event_observed_A=event[~chosen], event_observed_B=event[chosen]
    )
    p = float(test.p_value)
    return Contrast(p if math.isfinite(p) else None, _hazard_ratio(time, event, chosen))


def _hazard_ratio(time: np.ndarray, event: np.ndarray, second: np.ndarray) -> Estimate | None:
    # Where one group has no event, the ratio is 0 or infinite: no estimate is honest there.
    if not (event & second).any() or not (event & ~second).any():
        return None
    frame = study_package("pandas").DataFrame({"months": time, "event": event, "second": second.astype(float)})
    exceptions = study_package("lifelines.exceptions")
    try:
        # At lifelines' own precision the fit stops a step early, with the sixth figure wrong.
        with warnings.catch_warnings():
            warnings.simplefilter("error", exceptions.ConvergenceWarning)
            fitter = (
                study_package("lifelines").CoxPHFitter().fit(frame, "months", "event", fit_options={"precision": 1e-12})
            )
    except (exceptions.ConvergenceError, exceptions.ConvergenceWarning):
        return None
    low, high = np.exp(fitter.confidence_intervals_.to_numpy()[0])
    return Estimate(float(np.exp(fitter.params_.iloc[0])), float(low), float(high), len(time), len(time))


def _cut(
    months: Sequence[float] | np.ndarray, progressed: Sequence[bool] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    time, event = np.asarray(months, dtype=np.float64), np.asarray(progressed, dtype=bool)
    if time.shape != event.shape or time.ndim != 1 or not len(time):
        raise TrainingError(f"{time.size} follow-ups for {event.size} patients", "Give one for each patient")
    if not (np.isfinite(time) & (time >= 0)).all():
        raise TrainingError("a follow-up is no time", "Give months of 0 or more")
    return np.minimum(time, MONTHS), event & (time <= MONTHS)


def survival(study: Study) -> Survival:
    """Return curves and tables of the three inputs of the paper's figure 4, in every cohort with follow-up.

    A patient is of the class that the mean score over seeds calls him; masks are predicted ones.
    """
    pooled = pool(study)
    known = {p.patient: p for p in study.patients if p.pfs_months is not None and p.progressed is not None}
    curves: list[SurvivalCurve] = []
    rows: list[tuple[Cell, ...]] = []
    sentences: list[str] = []
    for scores in pooled.inputs:
        if scores.input not in INPUTS or scores.masks == "true":
            continue
        kept = scores.of(list(known))
        if not kept.patients:
            sentences.append(f"{scores.label}, {scores.group}: no patient has a follow-up.")
            continue
        own, row, sentence = _panel(kept, study)
        curves += own
        rows.append(row)
        sentences.append(sentence)
    note = (
        f"Groups by the predicted class, follow-up cut at {MONTHS} months. Log-rank test over all of it; hazard ratio "
        "of predicted non-responders against responders (Cox, ties after Efron)."
    )
    told = " ".join(filter(None, (note if rows else "There is no follow-up of a predicted patient.", *sentences)))
    return Survival(tuple(curves), Table("Progression-free survival", _COLUMNS, tuple(rows), told), _risk_table(curves))


_COLUMNS = (
    Column("group"),
    Column("input"),
    Column("predicted responders", "count"),
    Column("of them progressed", "count"),
    Column("predicted non-responders", "count"),
    Column("of these progressed", "count"),
    Column("median, responders, months", "number"),
    Column("median, non-responders, months", "number"),
    Column("36 months, responders", "fraction"),
    Column("36 months, non-responders", "fraction"),
    Column("p (log-rank)", "p"),
    Column("hazard ratio", "number"),
)


def _panel(scores: InputScores, study: Study) -> tuple[list[SurvivalCurve], tuple[Cell, ...], str]:
    """Return the curves of one input, its row, and a sentence on what is missing."""
    patients = {p.patient: p for p in study.patients}
    months = np.array([patients[name].pfs_months for name in scores.patients], dtype=np.float64)
    progressed = np.array([patients[name].progressed for name in scores.patients], dtype=bool)
    called = scores.mean_called
    found = contrast(months, progressed, ~called)
    curves: dict[str, SurvivalCurve] = {}
    for predicted, members in ((RESPONDER, called), (NON_RESPONDER, ~called)):
        if members.any():
            curves[predicted] = kaplan_meier(
                months[members], progressed[members], group=scores.group, name=scores.label, predicted=predicted
            )
    pair = [curves.get(name) for name in (RESPONDER, NON_RESPONDER)]
    counts = [n for curve in pair for n in ((curve.patients, curve.events) if curve else (0, 0))]
    medians = [curve.median if curve else None for curve in pair]
    ends = [curve.at_end if curve else None for curve in pair]
    row = (scores.group, scores.label, *counts, *medians, *ends, found.log_rank, found.hazard_ratio)
    sentence = ""
    if len(curves) < 2:
        sentence = f"{scores.label}, {scores.group}: all patients are called {next(iter(curves))}s."
    elif found.hazard_ratio is None:
        sentence = f"{scores.label}, {scores.group}: a group has no progression, so that there is no hazard ratio."
    return list(curves.values()), row, sentence


def _risk_table(curves: Sequence[SurvivalCurve]) -> Table:
    months = range(0, MONTHS + 1, STEP)
    columns = (
        Column("group"),
        Column("input"),
        Column("predicted"),
        *(Column(f"month {month}", "count") for month in months),
    )
    rows: list[tuple[Cell, ...]] = [(c.group, c.input, c.predicted, *(n for _, n in c.at_risk)) for c in curves]
    return Table(
        "Patients at risk", columns, tuple(rows), "Still followed and free of progression just before the month."
    )
