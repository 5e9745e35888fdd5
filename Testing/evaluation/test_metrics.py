"""Promises of evaluation.metrics: the authors' figures, the counts of Table 3, a stated lesion rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.metrics import (
    LESION_OVERLAP,
    Counts,
    count,
    dice,
    match_lesions,
    mean_pixel_metrics,
    pixel_metrics,
)

REFERENCE = Path(__file__).parents[1] / "data" / "authors_code.json"
DENSITIES = ((0.3, 0.3), (0.02, 0.05), (0, 0.1), (0.1, 0), (0, 0))

# Counts: method.md. Printed values: ../shared/paper/table3_response.csv, the non-responder is positive.
# TP, FN, TN, FP, "AUC", accuracy, sensitivity, specificity, PPV, NPV
TABLE_3 = {
    "internal KF": (78, 87, 184, 23, 0.681, 70.4, 47.3, 88.9, 77.2, 67.9),
    "internal clinical": (99, 66, 153, 54, 0.67, 67.7, 60.0, 73.9, 64.7, 69.9),
    "internal KF+KF*Pred+Pred": (115, 50, 159, 48, 0.733, 73.7, 69.7, 76.8, 70.6, 76.1),
    "internal KF+KF*Pred+Pred+clinical": (128, 37, 163, 44, 0.782, 78.2, 77.6, 78.7, 74.4, 81.5),
    "internal KF+KF*GT+GT": (91, 74, 187, 20, 0.727, 74.7, 55.2, 90.3, 82.0, 71.6),
    "internal KF+KF*GT+GT+clinical": (130, 35, 169, 38, 0.802, 80.4, 78.8, 81.6, 77.4, 82.8),
    "external KF": (46, 47, 208, 65, 0.628, 69.4, 49.5, 76.2, 41.4, 81.6),
    "external clinical": (48, 45, 183, 90, 0.593, 63.1, 51.6, 67.0, 34.8, 80.3),
    "external KF+KF*Pred+Pred": (77, 88, 198, 9, 0.712, 73.9, 46.7, 95.7, 89.5, 69.2),
    "external KF+KF*Pred+Pred+clinical": (47, 46, 228, 45, 0.67, 75.1, 50.5, 83.5, 51.1, 83.2),
    "external KF+KF*GT+GT": (18, 75, 261, 12, 0.575, 76.2, 19.4, 95.6, 60.0, 77.7),
    "external KF+KF*GT+GT+clinical": (83, 10, 202, 71, 0.817, 77.9, 89.2, 74.0, 53.9, 95.3),
}


@pytest.mark.parametrize("case", range(5))
def test_pixel_metrics_equal_the_authors_code(case):
    generator = np.random.RandomState(10)
    for predicted_density, true_density in DENSITIES[: case + 1]:
        predicted = generator.random_sample((64, 64)) < predicted_density
        true = generator.random_sample((64, 64)) < true_density
    expected = json.loads(REFERENCE.read_text(encoding="utf-8"))["metrics"][case]
    result = pixel_metrics(predicted, true)
    assert (predicted.sum(), true.sum()) == (expected["predicted"], expected["true"])
    for name, key in (
        ("dice", "dice"),
        ("accuracy", "accuracy_score"),
        ("sensitivity", "recall_score"),
        ("specificity", "specificity_score"),
        ("ppv", "ppv_score"),
        ("npv", "npv_score"),
    ):
        value = getattr(result, name)
        assert (value is None) == (expected[key] is None), name
        if value is not None:
            assert value == pytest.approx(expected[key], abs=1e-4), name
    assert dice(predicted, true) == result.dice


@pytest.mark.parametrize("row", TABLE_3)
def test_table_3_comes_back_from_its_counts(row):
    tp, fn, tn, fp, printed_auc, *printed = TABLE_3[row]
    counts = Counts(tp=tp, fn=fn, tn=tn, fp=fp)
    ours = [counts.accuracy, counts.sensitivity, counts.specificity, counts.ppv, counts.npv]
    assert ours == pytest.approx(printed, abs=0.1)
    assert counts.balanced_accuracy == pytest.approx(printed_auc, abs=0.001)


@pytest.mark.parametrize("row", ["internal KF", "external KF+KF*GT+GT+clinical"])
def test_labels_of_patients_give_the_same_table_as_its_counts(row):
    tp, fn, tn, fp, *_ = TABLE_3[row]
    true = np.repeat([1, 1, 0, 0], [tp, fn, tn, fp])
    predicted = np.repeat([1, 0, 0, 1], [tp, fn, tn, fp])
    assert count(predicted, true) == Counts(tp=tp, fn=fn, tn=tn, fp=fp)


def test_what_divides_zero_by_zero_is_none_but_for_dice_and_ppv():
    empty = Counts(tp=0, fn=0, tn=0, fp=0)
    assert (empty.accuracy, empty.sensitivity, empty.specificity, empty.npv) == (None, None, None, None)
    assert (empty.ppv, empty.dice, empty.balanced_accuracy, empty.total) == (0.0, 1.0, None, 0)
    all_positive = Counts(tp=3, fn=0, tn=0, fp=0)
    assert (all_positive.specificity, all_positive.npv, all_positive.balanced_accuracy) == (None, None, None)
    assert (all_positive.accuracy, all_positive.ppv, all_positive.sensitivity) == (100.0, 100.0, 100.0)
    only_negative = Counts(tp=0, fn=0, tn=2, fp=2)
    assert (only_negative.sensitivity, only_negative.balanced_accuracy) == (None, None)
    assert (only_negative.specificity, only_negative.npv, only_negative.ppv) == (50.0, 100.0, 0.0)


def test_any_non_zero_value_is_positive():
    assert dice(np.array([[255, 0], [2, 0]], np.uint8), np.array([[1, 0], [0, 1]])) == pytest.approx(0.5)


@pytest.mark.parametrize("field", ["tp", "fn", "tn", "fp"])
def test_negative_counts_are_refused(field):
    Counts(tp=0, fn=0, tn=0, fp=0)
    with pytest.raises(TrainingError, match=f"^{field} is -1"):
        Counts(**{"tp": 1, "fn": 1, "tn": 1, "fp": 1, field: -1})


def test_masks_of_different_shape_are_refused():
    with pytest.raises(TrainingError, match=r"\(2, 3\).*\(3, 2\)"):
        count(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(TrainingError, match=r"\(2, 3\).*\(3, 2\)"):
        match_lesions(np.zeros((2, 3)), np.zeros((3, 2)))


def test_undefined_metrics_stay_out_of_the_average():
    rows = [
        pixel_metrics(np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])),
        pixel_metrics(np.array([1, 0, 0, 0]), np.array([0, 0, 0, 0])),
    ]
    averages = mean_pixel_metrics(iter(rows))
    assert averages == {
        "dice": pytest.approx(0.25),
        "accuracy": pytest.approx(62.5),
        "sensitivity": pytest.approx(50.0),
        "specificity": pytest.approx(62.5),
        "ppv": pytest.approx(25.0),
        "npv": pytest.approx(75.0),
    }
    assert mean_pixel_metrics(rows[1:])["sensitivity"] is None


def image_of_lesions() -> np.ndarray:
    lesions = np.zeros((20, 30), np.int16)
    lesions[2:7, 3:5] = 1  # 10 pixels
    lesions[2:7, 10:14] = 4  # 20 pixels, label 2 and 3 have no pixel in this frame
    lesions[12:16, 20:25] = 5  # 20 pixels
    return lesions


def test_a_lesion_is_found_at_the_stated_share_and_not_below():
    lesions = image_of_lesions()
    predicted = np.zeros_like(lesions)
    predicted[2, 3:5] = 1  # 2 of 10: exactly 20 %
    predicted[2, 10:13] = 1  # 3 of 20: 15 %
    match = match_lesions(predicted, lesions)
    assert LESION_OVERLAP == 0.2
    assert match.found == (True, False, False)
    assert match.sensitivity == pytest.approx(100 / 3)
    assert match_lesions(predicted, lesions, 0.15).found == (True, True, False)
    assert match_lesions(predicted, lesions, 0.21).found == (False, False, False)


def test_a_component_beside_every_lesion_is_a_false_positive():
    lesions = image_of_lesions()
    predicted = np.zeros_like(lesions)
    predicted[2:7, 3:13] = 1  # one component over two lesions: 25 of 50 pixels on them
    predicted[12:16, 5:9] = 1  # beside all
    predicted[12, 24:29] = 1  # 1 of 5 pixels on a lesion: exactly 20 %
    predicted[18, 24:30] = 1
    predicted[17, 23] = 1  # touches the one above by a corner: one component
    match = match_lesions(predicted, lesions)
    assert match.components == 4
    assert match.false_positives == 2
    assert match.false_positive_ratio == 50.0
    assert match.found == (True, True, False)
    assert match_lesions(predicted, lesions, 0.25).false_positives == 3


def test_without_lesions_every_component_is_false_and_sensitivity_is_undefined():
    predicted = np.zeros((9, 9), bool)
    predicted[1:3, 1:3] = predicted[6:8, 6:8] = True
    match = match_lesions(predicted, np.zeros((9, 9), np.uint8))
    assert (match.found, match.sensitivity, match.components, match.false_positives) == ((), None, 2, 2)
    nothing = match_lesions(np.zeros((9, 9)), np.zeros((9, 9), np.uint8))
    assert (nothing.components, nothing.false_positives, nothing.false_positive_ratio) == (0, 0, None)


@pytest.mark.parametrize("overlap", [0.0, -0.1, 1.01])
def test_an_impossible_overlap_is_refused(overlap):
    with pytest.raises(TrainingError, match=f"the overlap is {overlap}"):
        match_lesions(np.zeros((2, 2)), np.zeros((2, 2)), overlap)
    match_lesions(np.zeros((2, 2)), np.zeros((2, 2)), 1.0)
