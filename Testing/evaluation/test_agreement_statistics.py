"""ICC, weighted kappa and McNemar agree with published values and with other people's code."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.agreement import RESPONSES, icc, icc_agreement, mcnemar, weighted_kappa

# Shrout and Fleiss 1979, table 2: four judges rate six targets.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
# Their table 4, and the intervals that R's psych::ICC prints for it.
PUBLISHED = {
    "1,1": (0.17, -0.133, 0.72),
    "2,1": (0.29, 0.019, 0.76),
    "3,1": (0.71, 0.342, 0.95),
    "1,k": (0.44, -0.884, 0.91),
    "2,k": (0.62, 0.071, 0.93),
    "3,k": (0.91, 0.676, 0.99),
}


def mean_squares() -> dict[str, float]:
    """Return the mean squares of the two-way analysis of variance as statsmodels makes it."""
    pd = pytest.importorskip("pandas")
    formula = pytest.importorskip("statsmodels.formula.api")
    from statsmodels.stats.anova import anova_lm

    table = pd.DataFrame(
        [(i, j, float(v)) for i, row in enumerate(RATINGS) for j, v in enumerate(row)], columns=["t", "j", "y"]
    )
    two = anova_lm(formula.ols("y ~ C(t) + C(j)", table).fit())["mean_sq"]
    one = anova_lm(formula.ols("y ~ C(t)", table).fit())["mean_sq"]
    return {"B": two["C(t)"], "J": two["C(j)"], "E": two["Residual"], "W": one["Residual"]}


def test_every_form_equals_its_formula_on_statsmodels_analysis_of_variance():
    """Formulas as Shrout and Fleiss print them, each with the mean squares of another's analysis of variance."""
    m, k, n = mean_squares(), 4, 6
    assert (m["B"], m["W"], m["J"], m["E"]) == pytest.approx((11.24, 6.26, 32.49, 1.02), abs=0.005)
    expected = {
        "1,1": (m["B"] - m["W"]) / (m["B"] + (k - 1) * m["W"]),
        "2,1": (m["B"] - m["E"]) / (m["B"] + (k - 1) * m["E"] + k * (m["J"] - m["E"]) / n),
        "3,1": (m["B"] - m["E"]) / (m["B"] + (k - 1) * m["E"]),
        "1,k": (m["B"] - m["W"]) / m["B"],
        "2,k": (m["B"] - m["E"]) / (m["B"] + (m["J"] - m["E"]) / n),
        "3,k": (m["B"] - m["E"]) / m["B"],
    }
    for form, value in expected.items():
        assert icc(RATINGS, form).value == pytest.approx(value, abs=1e-6), form


@pytest.mark.parametrize("form", PUBLISHED)
def test_values_and_intervals_are_the_published_ones(form):
    found, (value, low, high) = icc(RATINGS, form), PUBLISHED[form]
    assert (found.value, found.high) == pytest.approx((value, high), abs=0.0051)
    assert found.low == pytest.approx(low, abs=0.00051)
    assert icc_agreement(RATINGS) == icc(RATINGS, "2,1")


def test_readers_who_never_differ_have_an_icc_of_one_and_a_constant_shift_costs():
    same = np.array([[3, 3], [7, 7], [20, 20.0]])
    assert [icc(same, form).value for form in PUBLISHED] == [1] * 6
    assert icc(same + np.array([0, 5])).value < 0.95
    assert icc(same + np.array([0, 5]), "3,1").value == 1


@pytest.mark.parametrize("ratings", [[[1, 2]], [[1], [2]], [[1, np.nan], [2, 3]], [[4, 4], [4, 4]]])
def test_an_icc_of_nothing_is_refused(ratings):
    with pytest.raises(TrainingError, match="needs two targets that differ"):
        icc(np.array(ratings))


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_weighted_kappa_equals_cohens_formula(weights):
    generator = np.random.default_rng(1)
    first = generator.integers(0, 4, 60)
    second = np.clip(first + generator.integers(-1, 2, 60), 0, 3)
    seen = np.zeros((4, 4))
    np.add.at(seen, (first, second), 1)
    cost = np.array([[abs(i - j) ** (1 if weights == "linear" else 2) for j in range(4)] for i in range(4)])
    chance = np.outer(seen.sum(1), seen.sum(0)) / seen.sum()
    expected = 1 - (cost * seen).sum() / (cost * chance).sum()
    grades = [[RESPONSES[i] for i in each] for each in (first, second)]
    found = weighted_kappa(*grades, weights=weights)
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low < found.value < found.high
    assert found.patients == 60


def test_kappa_where_there_is_nothing_to_tell():
    assert weighted_kappa([], []) is None
    assert weighted_kappa(["PR", "PR"], ["PR", "PR"]) is None
    assert weighted_kappa(["PR", "SD"], ["PR", "SD"]).value == 1.0
    with pytest.raises(TrainingError, match="unknown grade 'XX'"):
        weighted_kappa(["XX"], ["PR"])
    with pytest.raises(TrainingError, match="1 grades against 2"):
        weighted_kappa(["PR"], ["PR", "SD"])


def test_mcnemar_is_the_binomial_test_of_the_disagreements():
    from scipy.stats import binomtest

    first = np.array([True] * 9 + [False] * 2 + [True] * 20 + [False] * 4)
    second = np.array([False] * 9 + [True] * 2 + [True] * 20 + [False] * 4)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (9, 2)
    assert found.p == pytest.approx(binomtest(2, 11).pvalue, abs=1e-9)
    assert mcnemar(first, first).p == 1.0
    assert mcnemar([], []).p is None
    with pytest.raises(TrainingError, match="1 patients against 2"):
        mcnemar([True], [True, False])
