"""The baselines learn what the values carry, are calibrated, and see nothing of the held-out patients."""

import numpy as np
import pytest

from DSANetLib.clinical import ClinicalRecord
from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.statistics import auc
from DSANetLib.reproduction.baselines import predict_baseline


def patients(count: int, seed: int) -> tuple[list[ClinicalRecord], np.ndarray]:
    """Patients whose AFP alone carries the outcome (AUC about 0.76), a tenth of the values missing."""
    rng = np.random.default_rng(seed)
    records, responders = [], rng.random(count) < 0.5
    for i in range(count):
        values = {
            "age": rng.normal(60, 10), "sex": "male" if rng.random() < 0.8 else "female",
            "hbv": "yes" if rng.random() < 0.7 else "no",
            "afp": float(np.exp(rng.normal(6.0 - 1.5 * responders[i], 1.5))), "pt": rng.normal(13, 1),
            "child_pugh": float(rng.integers(5, 8)), "ascites": "yes" if rng.random() < 0.2 else "no",
            "tbil": rng.normal(20, 4), "alb": rng.normal(38, 4), "ast": rng.normal(50, 9), "alt": rng.normal(45, 9),
            "crp": rng.normal(9, 2),
        }  # fmt: skip
        values = {name: None if rng.random() < 0.1 else value for name, value in values.items()}
        records.append(ClinicalRecord(f"p{i}", values))
    return records, responders


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_baseline_finds_the_signal_and_repeats_itself(kind):
    train, outcome = patients(240, 1)
    held_out, truth = patients(200, 2)
    scores = predict_baseline(kind, train, outcome, held_out, seed=3)
    assert auc(scores, truth) > 0.68
    assert abs(scores.mean() - 0.5) < 0.1
    np.testing.assert_array_equal(scores, predict_baseline(kind, train, outcome, held_out, seed=3))
    alone = predict_baseline(kind, train, outcome, held_out[:1], seed=3)
    np.testing.assert_allclose(alone, scores[:1], rtol=1e-12)


def test_shuffled_outcomes_leave_nothing():
    train, outcome = patients(200, 1)
    held_out, truth = patients(200, 2)
    areas = []
    for seed in range(20):
        shuffled = np.random.default_rng(seed).permutation(outcome)
        areas.append(auc(predict_baseline("logistic", train, shuffled, held_out), truth))
    assert abs(np.mean(areas) - 0.5) < 0.05


def test_one_class_is_refused():
    train, outcome = patients(20, 1)
    with pytest.raises(TrainingError, match="rarer outcome"):
        predict_baseline("logistic", train, np.ones_like(outcome), train)
