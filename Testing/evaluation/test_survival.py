"""Kaplan-Meier, log-rank and hazard ratio agree with published figures and with formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_up_studies import made_up_study, without

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.study import ResponseResult, Study, StudyPatient
from DSANetLib.evaluation.survival import contrast, kaplan_meier, survival

pytest.importorskip("lifelines")

# Acute myelogenous leukaemia, weeks to relapse (Miller, Survival Analysis, 1981; ``survival::aml`` of R).
MAINTAINED = [(9, 1), (13, 1), (13, 0), (18, 1), (23, 1), (28, 0), (31, 1), (34, 1), (45, 0), (48, 1), (161, 0)]
UNTREATED = [
    (5, 1),
    (5, 1),
    (8, 1),
    (8, 1),
    (12, 1),
    (16, 0),
    (23, 1),
    (27, 1),
    (30, 1),
    (33, 1),
    (43, 1),
    (45, 1),
]
# In months of 36 / 161 weeks, so that nothing is cut off: ranks, and with them the tests, stay.
STEP = 36 / 161


def arrays(rows):
    return np.array([STEP * week for week, _ in rows]), np.array([bool(event) for _, event in rows])


def curve(rows):
    return kaplan_meier(*arrays(rows), group="test", name="film", predicted="responder")


def both():
    time, event = arrays(MAINTAINED + UNTREATED)
    return time, event, np.arange(23) >= 11


def test_the_curve_is_the_product_over_events_with_the_log_log_band():
    found = curve(MAINTAINED)
    time, event = arrays(MAINTAINED)
    left, spread = 1.0, 0.0
    for month, ours, low, high in zip(found.months[1:], found.survival[1:], found.low[1:], found.high[1:], strict=True):
        at_risk, died = int((time >= month).sum()), int((event & (time == month)).sum())
        left *= 1 - died / at_risk
        spread += died / (at_risk * (at_risk - died)) if died else 0.0
        half = 1.959963984540054 * math.sqrt(spread) / abs(math.log(left))
        assert ours == pytest.approx(left, abs=1e-9)
        assert (low, high) == pytest.approx((left ** math.exp(half), left ** math.exp(-half)), abs=1e-6)
    # As R's summary(survfit(Surv(time, status) ~ x, aml)) prints it.
    printed = {9: 0.909, 13: 0.818, 18: 0.716, 23: 0.614, 31: 0.491, 34: 0.368, 48: 0.184}
    values = dict(zip((round(month / STEP) for month in found.months), found.survival, strict=True))
    assert {week: round(values[week], 3) for week in printed} == printed
    assert (found.patients, found.events, found.months[0], found.survival[0]) == (11, 7, 0.0, 1.0)
    assert found.median == pytest.approx(31 * STEP)
    assert curve(UNTREATED).median == pytest.approx(23 * STEP)
    assert found.censored == pytest.approx([13 * STEP, 28 * STEP, 45 * STEP, 36.0])


def test_numbers_at_risk_are_those_still_followed():
    found = curve(MAINTAINED)
    time, _ = arrays(MAINTAINED)
    assert [month for month, _ in found.at_risk] == [0, 6, 12, 18, 24, 30, 36]
    assert [n for _, n in found.at_risk] == [int((time >= month).sum()) for month in range(0, 37, 6)]


def test_the_log_rank_test_is_its_formula_and_the_published_p():
    time, event, second = both()
    observed = expected = variance = 0.0
    for month in np.unique(time[event]):
        n, n2 = (time >= month).sum(), ((time >= month) & second).sum()
        d, d2 = (event & (time == month)).sum(), (event & second & (time == month)).sum()
        observed, expected = observed + d2, expected + d * n2 / n
        variance += d * (n2 / n) * (1 - n2 / n) * (n - d) / (n - 1) if n > 1 else 0.0
    p = math.erfc(math.sqrt((observed - expected) ** 2 / variance / 2))
    found = contrast(time, event, second)
    assert found.log_rank == pytest.approx(p, abs=1e-9)
    assert found.log_rank == pytest.approx(0.0653, abs=5e-5)


def test_the_hazard_ratio_is_that_of_statsmodels_and_of_r():
    time, event, second = both()
    model = pytest.importorskip("statsmodels.duration.hazard_regression")
    fit = model.PHReg(time, second.astype(float), status=event.astype(int), ties="efron").fit()
    low, high = np.exp(fit.conf_int()[0])
    found = contrast(time, event, second).hazard_ratio
    assert found.value == pytest.approx(math.exp(fit.params[0]), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    # coxph(Surv(time, status) ~ x, aml): coef 0.9155, exp(coef) 2.4981.
    assert math.log(found.value) == pytest.approx(0.9155, abs=5e-5)


def test_follow_up_is_cut_at_three_years():
    found = kaplan_meier([10, 40, 50], [True, True, False], group="test", name="film", predicted="responder")
    assert (found.events, found.months[-1], found.censored) == (1, 36.0, (36.0, 36.0))
    assert found.survival[-1] == pytest.approx(2 / 3)
    assert found.at_risk[-1] == (36, 2)
    assert found.at_end.value == pytest.approx(2 / 3)


def test_survival_after_the_last_follow_up_is_not_told():
    short = kaplan_meier([5, 10], [True, False], group="test", name="film", predicted="responder")
    assert short.at_end is None
    dead = kaplan_meier([5, 10], [True, True], group="test", name="film", predicted="responder")
    assert dead.at_end.value == 0.0
    assert np.isfinite(dead.low + dead.high).all()


def test_a_group_without_events_has_no_hazard_ratio_and_one_group_no_test():
    time, event = np.array([5.0, 10, 15, 20]), np.array([True, True, False, False])
    found = contrast(time, event, [False, False, True, True])
    assert found.hazard_ratio is None
    assert 0 < found.log_rank < 1
    alone = contrast(time, event, [True] * 4)
    assert (alone.log_rank, alone.hazard_ratio) == (None, None)
    assert contrast(time, [False] * 4, [True, True, False, False]).log_rank is None


def test_impossible_follow_up_is_refused():
    for months, message in (([-1.0], "no time"), ([float("nan")], "no time"), ([], "0 follow-ups")):
        with pytest.raises(TrainingError, match=message):
            kaplan_meier(months, [True] * len(months), group="", name="", predicted="")


def test_a_study_gives_the_three_panels_of_figure_4_in_either_cohort():
    found = survival(made_up_study(60))
    panels = dict.fromkeys((curve.group, curve.input) for curve in found.curves)
    inputs = ("clinical", "film+mask [predicted]", "film+mask+clinical [predicted]")
    assert list(panels) == [(group, name) for group in ("test", "external") for name in inputs]
    rows = found.table.to_dict()["rows"]
    assert len(rows) == 6
    for row in rows:
        pair = [c for c in found.curves if (c.group, c.input) == (row["group"], row["input"])]
        assert [c.predicted for c in pair] == ["responder", "non-responder"]
        assert (row["predicted responders"], row["predicted non-responders"]) == tuple(c.patients for c in pair)
        assert row["hazard ratio"]["low"] < row["hazard ratio"]["value"] < row["hazard ratio"]["high"]
    assert len(found.at_risk.rows) == 12


def test_one_called_class_and_no_follow_up_are_said():
    study = made_up_study(60)
    alike = without(study, response=tuple(r for r in study.response if r.input == "clinical" and r.score > 0.5))
    one = survival(without(alike, response=tuple(r for r in alike.response if r.seed == 0)))
    assert "all patients are called responders" in one.table.note
    assert one.table.to_dict()["rows"][0]["p (log-rank)"] is None
    nobody = survival(Study({}, response=(ResponseResult("clinical", "", 0, -1, "test", "a", True, 0.7),)))
    assert (nobody.curves, nobody.table.rows) == ((), ())
    assert "no patient has a follow-up" in nobody.table.note
    assert survival(Study({}, patients=(StudyPatient("a", "test"),))).curves == ()
