"""Promises of the response tables: one probability a patient, DeLong, the non-responder as positive label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.evaluation.records import PatientRecord
from DSANetLib.evaluation.response import (
    against,
    auc_table,
    calibration_of,
    calibration_table,
    hard_labels,
    input_auc,
    inputs_of,
    label_table,
    response_tables,
    share_of_bayes,
)
from DSANetLib.evaluation.statistics import auc, delong_auc, delong_test


def cohort(n: int = 60) -> list[PatientRecord]:
    generator = np.random.default_rng(2)
    patients = []
    for i in range(n):
        bayes = generator.random()
        patients.append(
            PatientRecord(
                f"p{i}",
                bool(generator.random() < bayes),
                {
                    "clinical": float(np.clip(bayes + 0.6 * generator.normal(), 0, 1)),
                    "film": float(np.clip(bayes + 0.2 * generator.normal(), 0, 1)),
                },
                {"clinical": 0.5, "film": 0.3},
                bayes,
            )
        )
    return patients


def columns(patients, name):
    return np.array([p.probabilities[name] for p in patients]), np.array([p.responder for p in patients])


def test_auc_and_test_are_those_of_the_statistics():
    patients = cohort()
    film, outcomes = columns(patients, "film")
    clinical, _ = columns(patients, "clinical")
    assert input_auc(patients, "film") == delong_auc(film, outcomes)
    assert against(patients, "film") == delong_test(film, clinical, outcomes)
    assert inputs_of(patients) == ["clinical", "film"]


def test_patients_without_a_probability_are_left_out_of_that_input_alone():
    patients = cohort()
    patients[0] = replace(patients[0], probabilities={"film": 0.5})
    assert input_auc(patients, "clinical").count == 59
    assert input_auc(patients, "film").count == 60
    assert against(patients, "film").count == 59


def test_share_of_bayes_is_a_ratio_of_two_areas_on_the_same_patients():
    patients = cohort()
    film, outcomes = columns(patients, "film")
    bayes = np.array([p.bayes for p in patients])
    share = share_of_bayes(patients, "film", seed=4)
    assert share.value == pytest.approx(auc(film, outcomes) / auc(bayes, outcomes))
    assert share.low < share.value < share.high
    assert share_of_bayes([replace(p, bayes=None) for p in patients], "film") is None
    yes, no = ([p for p in patients if p.responder is outcome] for outcome in (True, False))
    few = share_of_bayes(yes[:2] + no[:2], "film")  # resamples of one outcome are left out
    assert np.isfinite([few.low, few.high]).all()


def test_fewer_than_two_of_an_outcome_give_no_figure_but_no_failure():
    patients = cohort()
    yes, no = ([p for p in patients if p.responder is outcome] for outcome in (True, False))
    for few in (yes[:1] + no, yes + no[:1], yes):
        assert input_auc(few, "film") is None
        assert against(few, "film") is None
        assert share_of_bayes(few, "film") is None
        rows = auc_table(few).to_dict()["rows"]
        assert [row["score AUC"] for row in rows] == [None, None, None]
    assert input_auc(yes[:2] + no[:2], "film") is not None


def test_hard_labels_count_the_non_responder_as_positive():
    def patient(i, responder, probability):
        return PatientRecord(f"p{i}", responder, {"film": probability}, {"film": 0.4})

    rows = [(True, 0.4), (True, 0.9), (True, 0.39), (False, 0.1), (False, 0.2), (False, 0.3), (False, 0.5)]
    patients = [patient(i, *row) for i, row in enumerate(rows)]
    counts = hard_labels(patients, "film")
    assert (counts.tp, counts.fn, counts.tn, counts.fp) == (3, 1, 2, 1)
    without = [replace(p, thresholds={}) for p in patients]
    counts = hard_labels(without, "film")  # 0.5 where the model states no threshold
    assert (counts.tp, counts.fn, counts.tn, counts.fp) == (3, 1, 1, 2)
    row = label_table(patients).to_dict()["rows"][0]
    assert row["sensitivity %"] == 75.0
    assert row["specificity %"] == pytest.approx(200 / 3)
    assert row["PPV %"] == 75.0
    assert row["NPV %"] == pytest.approx(200 / 3)
    assert row["accuracy %"] == pytest.approx(500 / 7)
    assert row["balanced accuracy (the paper's 'AUC')"] == pytest.approx((0.75 + 2 / 3) / 2)


def test_auc_table_tests_every_input_against_the_clinical_values():
    patients = cohort()
    rows = {row["input"]: row for row in auc_table(patients).to_dict()["rows"]}
    assert rows["clinical"]["difference to clinical"] is None
    assert rows["film"]["difference to clinical"]["value"] == pytest.approx(against(patients, "film").value)
    assert rows["film"]["p (DeLong)"] == against(patients, "film").p
    assert rows["film"]["patients"] == 60
    assert rows["film"]["responders"] == sum(p.responder for p in patients)
    bayes = rows["Bayes (the phantom's own model)"]
    _, outcomes = columns(patients, "film")
    assert bayes["score AUC"]["value"] == pytest.approx(auc([p.bayes for p in patients], outcomes))
    alone = auc_table([replace(p, probabilities={"film": p.probabilities["film"]}, bayes=None) for p in patients])
    assert [row["p (DeLong)"] for row in alone.to_dict()["rows"]] == [None]


def test_calibration_table_is_of_the_probability_of_responder():
    patients = cohort()
    row = calibration_table(patients).to_dict()["rows"][1]
    calibration = calibration_of(patients, "film")
    film, outcomes = columns(patients, "film")
    assert row["Brier"] == pytest.approx(np.mean((film - outcomes) ** 2))
    assert (row["slope"], row["intercept"]) == (calibration.slope, calibration.intercept)
    assert row["calibration in the large"] == calibration.in_the_large
    assert row["mean probability"] == pytest.approx(film.mean())
    assert row["responders"] == pytest.approx(outcomes.mean())
    assert row["Brier of the prevalence"] == pytest.approx(outcomes.mean() * (1 - outcomes.mean()))


def test_without_probabilities_there_are_no_tables():
    assert response_tables([PatientRecord("p", True), PatientRecord("q", False)]) == []
    assert [t.title for t in response_tables(cohort())] == [
        "Response: score AUC",
        "Response: hard label at the model's threshold",
        "Response: calibration",
    ]
