"""The counts of method.md are the paper's Table 3: every figure, and what is wrong with it."""

from __future__ import annotations

import csv
import math

import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.labels import POSITIVE, figures_of_counts
from DSANetLib.evaluation.metrics import Counts
from DSANetLib.evaluation.paper import PAPER_ROWS, hanley_mcneil, paper_table3

INPUTS = {
    "KF": ("film", ""),
    "Clinical": ("clinical", ""),
    "KF+KF*Pred+Pred": ("film+mask", "predicted"),
    "KF+KF*Pred+Pred+Clinical": ("film+mask+clinical", "predicted"),
    "KF+KF*GT+GT": ("film+mask", "true"),
    "KF+KF*GT+GT+Clinical": ("film+mask+clinical", "true"),
}
GROUPS = {"internal": "test", "external": "external"}


@pytest.fixture(scope="module")
def printed(repository):
    with (repository / "Testing" / "data" / "paper_table3.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        (GROUPS[r["cohort"]], *INPUTS[r["input"]], r["metric"]): [
            float(r[name]) for name in ("estimate", "ci_low", "ci_high")
        ]
        for r in rows
    }


@pytest.mark.parametrize("row", PAPER_ROWS, ids=lambda row: f"{row.group} {row.input} {row.masks}")
def test_every_printed_figure_comes_back_from_the_counts(row, printed):
    figures = row.figures()
    assert figures.positive == "non-responder"
    for metric in ("accuracy", "sensitivity", "specificity", "ppv", "npv"):
        expected = printed[row.group, row.input, row.masks, metric][0]
        assert getattr(figures, metric).value == pytest.approx(expected, abs=0.1), metric
        assert getattr(figures, metric).value == pytest.approx(getattr(row.counts, metric), abs=1e-9)
    expected = printed[row.group, row.input, row.masks, "auc"][0]
    assert figures.balanced_accuracy.value == pytest.approx(expected, abs=0.001)


def test_the_responder_as_positive_class_does_not_give_the_printed_ppv(printed):
    counts = PAPER_ROWS[3].counts
    turned = figures_of_counts(Counts(tp=counts.tn, fn=counts.fp, tn=counts.tp, fp=counts.fn), "responder")
    assert abs(turned.ppv.value - printed["test", "film+mask+clinical", "predicted", "ppv"][0]) > 5


@pytest.mark.parametrize("row", PAPER_ROWS, ids=lambda row: f"{row.group} {row.input} {row.masks}")
def test_the_printed_intervals_take_frames_for_patients(row, printed):
    """Their width is that of a binomial share of frames; of patients it is √3 wider."""
    _, low, high = printed[row.group, row.input, row.masks, "accuracy"]
    share = row.counts.accuracy / 100
    frames = 2 * 1.96 * 100 * math.sqrt(share * (1 - share) / row.counts.total)
    assert 0.85 < (high - low) / frames < 1.1
    ours = row.figures().accuracy
    assert 1.4 < (ours.high - ours.low) / (high - low) < 2.1
    assert ours.patients * 3 == ours.count == row.counts.total


def test_nine_rows_count_frames_and_one_is_misprinted():
    assert sum(not row.of_patients for row in PAPER_ROWS) == 9
    assert [(row.group, row.input, row.masks) for row in PAPER_ROWS if row.misprinted] == [
        ("external", "film+mask", "predicted")
    ]
    assert {row.patients for row in PAPER_ROWS if row.group == "test"} == {124}
    rows = paper_table3().to_dict()["rows"]
    assert [i for i, row in enumerate(rows) if "misprint" in row["remark"]] == [8]
    assert all("too narrow" in row["remark"] for row in rows)


def test_at_patient_level_the_two_headline_figures_have_the_intervals_of_method_md():
    assert hanley_mcneil(0.782, 55, 69) == pytest.approx((0.70, 0.87), abs=0.006)
    assert hanley_mcneil(0.670, 31, 91) == pytest.approx((0.55, 0.79), abs=0.006)
    # Hanley and McNeil's own example (their table III): 51 abnormal, 58 normal, area 0.893, standard error 0.032.
    low, high = hanley_mcneil(0.893, 51, 58)
    assert (high - low) / (2 * 1.959964) == pytest.approx(0.032, abs=0.0006)


def test_counts_of_one_class_have_no_figure_of_the_other():
    figures = figures_of_counts(Counts(tp=0, fn=0, tn=5, fp=0))
    assert (figures.positive, figures.sensitivity, figures.ppv, figures.balanced_accuracy) == (POSITIVE, *[None] * 3)
    assert (figures.specificity.value, figures.specificity.low) == (100.0, 100.0)
    assert figures_of_counts(Counts(1, 0, 0, 0)).accuracy.low is None
    with pytest.raises(TrainingError, match="9 patients behind 5 labels"):
        figures_of_counts(Counts(0, 0, 5, 0), patients=9)
    with pytest.raises(TrainingError, match="0 patients"):
        figures_of_counts(Counts(0, 0, 0, 0))
