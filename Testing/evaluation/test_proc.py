"""DeLong's intervals and tests agree with R's pROC on its own data set, to the digits that its test suite states."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from DSANetLib.evaluation.statistics import auc, delong_auc, delong_covariance, delong_test

# pROC 1.19, tests/testthat: test-var.R, test-cov.R, test-ci.auc.R, test-roc.test.R.
VARIANCES = {"wfns": 0.00146991470882363, "ndka": 0.0031908105493913, "s100b": 0.00266868245717244}
COVARIANCES = {
    ("wfns", "ndka"): -0.000532967856762438,
    ("ndka", "s100b"): -0.000756164938056579,
    ("s100b", "wfns"): 0.00119615567376754,
}
# First, second, Z, p, interval of the difference.
TESTS = [
    ("wfns", "s100b", 2.20898359144091, 0.0271757822291882, 0.0104061769564846, 0.174214419249478),
    ("wfns", "ndka", 2.79777591868904, 0.00514557970691098, 0.0634011709339876, 0.3600405634833566),
    ("ndka", "s100b", -1.39077002573558, 0.164295175223054, -0.2876917446341914, 0.0488706064228094),
]


@pytest.fixture(scope="module")
def asah(repository):
    with (repository / "Testing" / "data" / "asah.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = {name: np.array([float(row[name]) for row in rows]) for name in VARIANCES}
    return table, np.array([row["outcome"] == "Poor" for row in rows])


def turned(table: dict[str, np.ndarray], poor: np.ndarray, pair: tuple[str, str]) -> np.ndarray:
    """Both predictors the way up in which they rise with the outcome: pROC turns them by itself."""
    return np.stack([table[n] if np.median(table[n][poor]) >= np.median(table[n][~poor]) else -table[n] for n in pair])


@pytest.mark.parametrize("pair", COVARIANCES)
def test_variances_and_covariances_are_those_of_proc(asah, pair):
    _, covariance = delong_covariance(turned(*asah, pair), asah[1])
    assert covariance[0, 0] == pytest.approx(VARIANCES[pair[0]], abs=1e-12)
    assert covariance[1, 1] == pytest.approx(VARIANCES[pair[1]], abs=1e-12)
    assert covariance[0, 1] == pytest.approx(COVARIANCES[pair], abs=1e-12)


def test_the_interval_of_ndka_is_that_of_proc(asah):
    estimate = delong_auc(asah[0]["ndka"], asah[1])
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx(
        (0.501244999271703, 0.611957994579946, 0.722670989888189), abs=1e-9
    )


@pytest.mark.parametrize(("first", "second", "z", "p", "low", "high"), TESTS)
def test_the_paired_tests_are_those_of_proc(asah, first, second, z, p, low, high):
    one, other = turned(*asah, (first, second))
    found = delong_test(one, other, asah[1])
    assert found.p == pytest.approx(p, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    error = (found.high - found.low) / (2 * 1.959963984540054)
    assert found.value / error == pytest.approx(z, abs=1e-9)


def test_areas_are_those_of_scikit_learn(asah):
    metrics = pytest.importorskip("sklearn.metrics")
    for scores in asah[0].values():
        assert auc(scores, asah[1]) == pytest.approx(metrics.roc_auc_score(asah[1], scores), abs=1e-12)
