"""Table 3 and what goes with it: pooling, score AUC, hard labels, tests, calibration, decision curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_studies import INPUTS, hand_study, made_up_study, without

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.calibration import brier_score, calibrate
from DSANetLib.evaluation.calibration_study import calibration_curves, calibration_tables
from DSANetLib.evaluation.decision import decision_curves, decision_table, net_benefit
from DSANetLib.evaluation.pooling import pool, pooled_scores
from DSANetLib.evaluation.response_compared import compare_inputs, response_comparisons
from DSANetLib.evaluation.response_study import roc_curves, score_auc, table3
from DSANetLib.evaluation.statistics import auc, delong_auc, delong_test
from DSANetLib.evaluation.study import ResponseResult, Study
from DSANetLib.evaluation.table import Table


def rows(table: Table) -> list[dict]:
    return table.to_dict()["rows"]


def results(scores, labels, *, name: str = "film", seed: int = 0, fold: int = -1, **values) -> list[ResponseResult]:
    return [
        ResponseResult(name, "", seed, fold, "test", f"p{i:02d}", bool(label), float(score), **values)
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]


def test_table_3_counts_the_non_responder_as_positive():
    """Scores 0.9 0.8 0.3 0.1 of responder, non-responder, responder, non-responder."""
    (row,) = rows(table3(hand_study()))
    assert (row["group"], row["input"], row["masks"], row["patients"], row["responders"]) == ("test", "film", "", 4, 2)
    assert row["score AUC"]["value"] == pytest.approx(3 / 4)
    # Called non-responder: the third, wrongly, and the fourth, rightly.
    for name in ("accuracy %", "sensitivity %", "specificity %", "PPV %", "NPV %"):
        assert row[name]["value"] == pytest.approx(50.0)
    assert row["AUC (balanced accuracy)"]["value"] == pytest.approx(0.5)
    assert "balanced accuracy of the hard label is what the paper prints as 'AUC'" in table3(hand_study()).note


def test_one_seed_has_delongs_interval_and_several_the_bootstraps():
    generator = np.random.default_rng(0)
    labels = generator.random(60) < 0.5
    one = results(1 / (1 + np.exp(-generator.normal(labels, 1.0))), labels)
    found = score_auc(pooled_scores(one))
    assert found == delong_auc([r.score for r in one], labels)
    twin = [replace(r, seed=1) for r in one]
    pair = score_auc(pooled_scores([*one, *twin]))
    assert pair.value == pytest.approx(found.value)
    # Two like trainings add nothing: the bootstrap over patients comes near to DeLong.
    assert (pair.low, pair.high) == pytest.approx((found.low, found.high), abs=0.02)


def test_figures_are_means_over_seeds():
    labels = [True, True, False, False]
    both = [*results([0.9, 0.8, 0.2, 0.1], labels), *results([0.9, 0.1, 0.8, 0.2], labels, seed=1)]
    (row,) = rows(table3(Study({}, response=tuple(both))))
    assert (row["seeds"], row["patients"]) == (2, 4)
    assert row["score AUC"]["value"] == pytest.approx((1.0 + 0.5) / 2)
    assert row["accuracy %"]["value"] == pytest.approx((100 + 50) / 2)


def test_uncalibrated_scores_of_several_folds_are_refused():
    labels = [True, False, True, False]
    folds = [replace(r, fold=i % 2, calibrated=False) for i, r in enumerate(results([0.9, 0.2, 0.7, 0.4], labels))]
    with pytest.raises(TrainingError, match=r"several folds and are not calibrated\. Calibrate inside each fold"):
        pooled_scores(folds)
    table = table3(Study({}, response=tuple(folds)))
    assert table.rows == ()
    assert "Scores of film, test, come from several folds and are not calibrated." in table.note
    assert pooled_scores([replace(r, calibrated=True) for r in folds]).patients == ("p00", "p01", "p02", "p03")
    assert pooled_scores([replace(r, fold=0) for r in folds]).seeds == 1


def test_folds_are_averaged_and_patients_without_a_seed_left_out():
    labels = [True, False]
    scores = pooled_scores([*results([0.8, 0.4], labels, fold=0), *results([0.6, 0.2], labels, fold=1)])
    assert scores.scores.tolist() == [[pytest.approx(0.7), pytest.approx(0.3)]]
    assert scores.called.tolist() == [[True, False]]
    partial = pooled_scores([*results([0.8, 0.4], labels), *results([0.6], labels[:1], seed=1)])
    assert partial.patients == ("p00",)


def test_what_cannot_be_one_input_is_refused():
    with pytest.raises(TrainingError, match="two outcomes"):
        pooled_scores([*results([0.8], [True]), *results([0.6], [False], seed=1)])
    with pytest.raises(TrainingError, match="results of 2 inputs"):
        pooled_scores([*results([0.8], [True]), *results([0.6], [True], name="clinical")])
    with pytest.raises(TrainingError, match="results of 0 inputs"):
        pooled_scores([])


def test_inputs_come_in_the_order_of_the_paper():
    pooled = pool(made_up_study(30))
    labels = [scores.label for scores in pooled.inputs if scores.group == "test"]
    expected = [f"{name} [{masks}]" if masks else name for name, masks in INPUTS]
    assert labels == expected


def test_inputs_are_compared_after_delong_and_mcnemar():
    pytest.importorskip("statsmodels")
    study = made_up_study(90)
    single = without(study, response=tuple(r for r in study.response if r.seed == 0))
    pooled = {s.label: s for s in pool(single).inputs if s.group == "test"}
    one, reference = pooled["film"], pooled["film+mask+clinical [predicted]"]
    found = compare_inputs(one, reference)
    expected = delong_test(one.scores[0], reference.scores[0], one.responder)
    assert found.difference == expected
    assert found.delong == expected.p
    row = next(r for r in rows(response_comparisons(single)) if (r["group"], r["first"]) == ("test", "film"))
    assert (row["p"], row["p (DeLong)"], row["p (McNemar)"]) == (expected.p, expected.p, found.mcnemar)
    several = rows(response_comparisons(study))
    assert len(several) == 2 * (len(INPUTS) - 1)
    assert all(r["second"] == "film+mask+clinical [predicted]" for r in several)
    for row in several:
        assert row["p (Holm)"] >= row["p"] == row["difference"]["p"]
        assert row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]


def test_comparisons_of_inputs_on_fewer_than_ten_patients_say_that_their_p_means_little():
    pytest.importorskip("statsmodels")
    for n, said in ((9, True), (10, False)):
        scores, labels = np.linspace(0.1, 0.9, n), np.arange(n) % 2 == 0
        both = (*results(scores, labels), *results(scores**2, labels, name="clinical"))
        table = response_comparisons(Study({}, response=both), "clinical")
        assert table.rows
        assert ("fewer than 10 patients" in table.note) is said


def test_one_outcome_is_said_and_nothing_is_nan():
    one = Study({}, response=(*results([0.8, 0.4], [True] * 2), *results([0.7, 0.1], [True] * 2, name="clinical")))
    table = table3(one)
    assert [row["score AUC"] for row in rows(table)] == [None, None]
    assert [row["sensitivity %"] for row in rows(table)] == [None, None]
    assert [row["AUC (balanced accuracy)"] for row in rows(table)] == [None, None]
    assert table.note.count("Every patient of the cohort 'test' is a responder") == 1
    assert roc_curves(one) == ()
    (calibration,) = calibration_tables(one)
    assert rows(calibration)[0]["slope"] is None
    assert len(decision_curves(one)) == 2
    compared = rows(response_comparisons(one, "clinical"))
    assert (compared[0]["difference"], compared[0]["p (DeLong)"]) == (None, None)
    assert response_comparisons(one).rows == ()


def test_an_empty_study_has_empty_tables():
    empty = Study({})
    for table in (table3(empty), response_comparisons(empty), decision_table(empty)):
        assert table.rows == ()
        assert table.note.endswith(".")
    assert (calibration_tables(empty), calibration_curves(empty), decision_curves(empty), roc_curves(empty)) == (
        [],
        (),
        (),
        (),
    )


def test_roc_curves_are_those_of_scikit_learn_and_their_means():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(1)
    labels = generator.random(50) < 0.5
    scores = [np.round(1 / (1 + np.exp(-generator.normal(labels, 1.0))), 2) for _ in range(2)]
    (curve,) = roc_curves(Study({}, response=tuple(results(scores[0], labels))))
    assert metrics.auc(curve.false_positive, curve.true_positive) == pytest.approx(auc(scores[0], labels), abs=1e-9)
    assert curve.area == pytest.approx(auc(scores[0], labels), abs=1e-12)
    both = [*results(scores[0], labels), *results(scores[1], labels, seed=1)]
    (mean,) = roc_curves(Study({}, response=tuple(both)))
    assert mean.area == pytest.approx(np.mean([auc(s, labels) for s in scores]))
    assert metrics.auc(mean.false_positive, mean.true_positive) == pytest.approx(mean.area, abs=0.03)
    assert (mean.false_positive[0], mean.true_positive[0], mean.true_positive[-1]) == (0.0, 0.0, 1.0)
    assert (np.diff(mean.true_positive) >= -1e-12).all()


def cohort(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    logits = generator.normal(0.2, 1.4, n)
    return 1 / (1 + np.exp(-logits)), generator.random(n) < 1 / (1 + np.exp(-(0.7 * logits - 0.3)))


def test_calibration_is_that_of_statsmodels_and_scikit_learn():
    sm = pytest.importorskip("statsmodels.api")
    metrics = pytest.importorskip("sklearn.metrics")
    curves = pytest.importorskip("sklearn.calibration")
    p, y = cohort()
    logit = np.log(p / (1 - p))
    binomial = sm.families.Binomial()
    both = sm.GLM(y.astype(float), sm.add_constant(logit), family=binomial).fit(tol=1e-12)
    large = sm.GLM(y.astype(float), np.ones((len(y), 1)), family=binomial, offset=logit).fit(tol=1e-12)
    found = calibrate(p, y)
    assert (found.intercept, found.slope) == pytest.approx(tuple(both.params), abs=1e-6)
    assert found.in_the_large == pytest.approx(large.params[0], abs=1e-6)
    assert found.brier == brier_score(p, y) == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-9)
    observed, predicted = curves.calibration_curve(y, p, n_bins=10, strategy="quantile")
    assert [point[0] for point in found.curve] == pytest.approx(list(predicted), abs=1e-9)
    assert [point[1] for point in found.curve] == pytest.approx(list(observed), abs=1e-9)


def test_calibration_of_a_study_is_the_mean_over_seeds():
    p, y = cohort(60)
    both = [*results(p, y), *results(p**2, y, seed=1)]
    (table,) = calibration_tables(Study({}, response=tuple(both)))
    fits = [calibrate(p, y), calibrate(p**2, y)]
    assert rows(table)[0]["slope"] == pytest.approx(np.mean([fit.slope for fit in fits]))
    assert rows(table)[0]["Brier"] == pytest.approx(np.mean([fit.brier for fit in fits]))
    (curve,) = calibration_curves(Study({}, response=tuple(both)))
    assert sum(point[2] for point in curve.points) == 120


def test_no_calibration_is_fitted_to_fewer_than_ten_patients_or_where_the_fit_runs_away():
    p, _ = cohort(60)
    few, enough = (Study({}, response=tuple(results(p[:n], np.arange(n) % 3 == 0))) for n in (9, 10))
    # All but separated: one patient on the wrong side of the step, by next to nothing.
    near = np.where(np.arange(40) < 20, 0.4999, 0.5001) + np.linspace(-1e-5, 1e-5, 40)
    runaway = Study({}, response=tuple(results(near, (np.arange(40) >= 20) ^ (np.arange(40) == 7))))
    assert calibrate(near, (np.arange(40) >= 20) ^ (np.arange(40) == 7)).slope > 10
    for study, there in ((few, False), (enough, True), (runaway, False)):
        (table,) = calibration_tables(study)
        (row,) = rows(table)
        fitted = [row[name] is not None for name in ("slope", "intercept", "calibration in the large")]
        assert (fitted, bool(calibration_curves(study))) == ([there] * 3, there)
        assert row["Brier"] is not None
        assert "too few patients" in table.note


def test_a_difference_of_areas_lies_between_minus_one_and_one():
    labels = np.array([True, True, True, False, False, False])
    found = delong_test([0.9, 0.4, 0.3, 0.1, 0.2, 0.05], [0.1, 0.2, 0.9, 0.8, 0.7, 0.95], labels)
    assert found.value > 0.7
    assert (found.high, found.low > 0) == (1.0, True)
    turned = delong_test([0.1, 0.2, 0.9, 0.8, 0.7, 0.95], [0.9, 0.4, 0.3, 0.1, 0.2, 0.05], labels)
    assert turned.low == -1.0


def test_net_benefit_is_its_formula_patient_by_patient():
    p, y = cohort(80)
    thresholds = np.array([0.05, 0.3, 0.5, 0.8])
    expected = []
    for t in thresholds:
        hits = sum(1 for score, label in zip(p, y, strict=True) if score >= t and label)
        false = sum(1 for score, label in zip(p, y, strict=True) if score >= t and not label)
        expected.append(hits / 80 - false / 80 * (t / (1 - t)))
    assert net_benefit(p, y, thresholds) == pytest.approx(expected, abs=1e-12)
    everyone = net_benefit(np.ones(80), y, thresholds)
    share = y.mean()
    assert everyone == pytest.approx(share - (1 - share) * thresholds / (1 - thresholds), abs=1e-12)
    assert net_benefit(np.zeros(80), y, thresholds) == pytest.approx(np.zeros(4))
    assert net_benefit(y.astype(float), y, thresholds) == pytest.approx(np.full(4, share))


def test_decision_curves_of_a_study_stand_beside_treating_all():
    study = made_up_study(60)
    curves = decision_curves(study)
    assert len(curves) == 2 * len(INPUTS)
    row = rows(decision_table(study))[0]
    curve = curves[0]
    at = curve.thresholds.index(0.5)
    assert (row["net benefit at 50%"], row["treat all at 50%"]) == (curve.net_benefit[at], curve.treat_all[at])


def test_impossible_probabilities_are_refused():
    for p, t in (([1.2], [0.5]), ([0.5], [1.0]), ([0.5], [0.0])):
        with pytest.raises(TrainingError, match="out of range"):
            net_benefit(p, [True], t)
    with pytest.raises(TrainingError, match="1 probabilities for 2"):
        net_benefit([0.5], [True, False], [0.5])
