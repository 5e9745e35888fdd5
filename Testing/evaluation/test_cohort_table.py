"""Table 1: the right test for each row, and its p."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from made_up_studies import made_up_study

from DSANetLib.evaluation import cohort_table
from DSANetLib.evaluation.cohort_table import categorical_test, looks_normal, numeric_test, table1
from DSANetLib.evaluation.study import Study, StudyPatient


def normal(seed: int, mean: float = 0.0, n: int = 40) -> np.ndarray:
    from scipy.stats import norm

    # The expected order statistics of a normal sample: nothing looks more normal.
    return mean + norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25)) * (1 + 0.2 * seed)


def test_numbers_that_look_normal_get_welchs_t_test():
    weights = pytest.importorskip("statsmodels.stats.weightstats")
    one, other = normal(0), normal(3, 0.4)
    assert looks_normal([one, other])
    found = numeric_test(one, other, normal=True)
    assert found.name == "Welch's t"
    assert found.p == pytest.approx(weights.ttest_ind(one, other, usevar="unequal")[1], abs=1e-9)


def test_other_numbers_get_mann_whitney_by_its_formula():
    generator = np.random.default_rng(1)
    one, other = np.round(generator.exponential(1, 40), 1), np.round(generator.exponential(1.6, 35), 1)
    assert not looks_normal([one, other])
    found = numeric_test(one, other, normal=False)
    # Normal approximation with ties and continuity correction, written out.
    u = sum((a > b) + 0.5 * (a == b) for a, b in product(one, other))
    n, m = len(one), len(other)
    _, ties = np.unique(np.concatenate([one, other]), return_counts=True)
    size = n + m
    spread = n * m / 12 * (size + 1 - (ties**3 - ties).sum() / (size * (size - 1)))
    from scipy.stats import norm

    z = (abs(u - n * m / 2) - 0.5) / np.sqrt(spread)
    assert found.name == "Mann–Whitney U"
    assert found.p == pytest.approx(2 * norm.sf(z), abs=1e-9)


def test_normality_is_not_read_out_of_too_little():
    assert not looks_normal([np.array([1.0, 2.0])])
    assert not looks_normal([np.ones(10)])
    assert not looks_normal([normal(0), np.exp(normal(0))])


def test_levels_get_chi2_where_there_are_enough():
    counts = np.array([[30, 20], [25, 40], [15, 18]])
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    from scipy.stats import chi2

    found = categorical_test(counts)
    assert found.name == "chi²"
    assert found.p == pytest.approx(chi2.sf(((counts - expected) ** 2 / expected).sum(), 2), abs=1e-9)


def test_few_get_fishers_exact_test():
    """Fisher's tea: 3 of 4 right, p = 34 / 70 two-sided."""
    found = categorical_test(np.array([[3, 1], [1, 3]]))
    assert (found.name, found.p) == ("Fisher's exact", pytest.approx(34 / 70, abs=1e-9))


def test_fishers_test_of_more_levels_sums_all_tables_that_are_no_likelier():
    counts = np.array([[6, 1], [2, 4], [0, 3]])
    totals, size = counts.sum(1), counts[:, 0].sum()
    weights = {
        split: np.prod([comb(int(n), k) for n, k in zip(totals, split, strict=True)])
        for split in product(*(range(n + 1) for n in totals))
        if sum(split) == size
    }
    observed = weights[tuple(counts[:, 0])]
    expected = sum(w for w in weights.values() if w <= observed) / sum(weights.values())
    assert categorical_test(counts).p == pytest.approx(expected, abs=1e-9)


def test_too_many_tables_are_simulated_near_to_the_exact_p(monkeypatch):
    counts = np.array([[20, 9], [6, 7], [3, 5], [1, 4]])
    exact = categorical_test(counts)
    monkeypatch.setattr(cohort_table, "_TABLES", 10)
    simulated = categorical_test(counts)
    assert simulated.p != exact.p
    assert simulated.p == pytest.approx(exact.p, abs=4 * np.sqrt(exact.p * (1 - exact.p) / 20_000))
    assert categorical_test(counts) == simulated


def test_what_does_not_vary_has_no_p():
    assert categorical_test(np.array([[4, 5]])).p is None
    assert categorical_test(np.array([[4, 0], [3, 0]])).p is None
    assert numeric_test(np.ones(5), np.ones(5), normal=False).p is None
    assert numeric_test(np.ones(1), np.arange(5.0), normal=False).p is None


def test_the_p_values_are_those_of_tableone():
    tableone = pytest.importorskip("tableone")
    pd = pytest.importorskip("pandas")
    study = made_up_study(150)
    people = [p for p in study.patients if p.group in ("train", "test")]
    rows = [(p.group, p.clinical["age"], p.response) for p in people]
    theirs = tableone.TableOne(
        pd.DataFrame(rows, columns=["group", "age", "response"]),
        columns=["age", "response"],
        categorical=["response"],
        groupby="group",
        pval=True,
        pval_digits=7,
    ).tableone
    p = {name.partition(",")[0]: float(value) for (name, _), value in theirs.iloc[:, -1].items() if str(value)}
    ours = {row["variable"]: row for row in table1(study).to_dict()["rows"] if row["test used"]}
    assert (ours["age"]["test used"], ours["response"]["test used"]) == ("Welch's t", "chi²")
    for name, value in p.items():
        assert ours[name]["p train–test"] == pytest.approx(value, abs=1e-6), name
    assert len(p) == 2


def test_a_row_says_what_it_counts_and_what_is_missing():
    def person(name, group, age, sex, responder):
        return StudyPatient(name, group, {"age": age, "sex": sex} if age else {"sex": sex}, responder, runs=2)

    study = Study(
        {},
        patients=(
            person("a", "train", 50.0, "male", True),
            person("b", "train", 60.0, "female", False),
            person("c", "test", None, "male", None),
        ),
    )
    rows = {(row["variable"], row["level"]): row for row in table1(study).to_dict()["rows"]}
    assert (rows["patients", "n"]["train"], rows["patients", "n"]["external"]) == ("2", "0")
    assert rows["age", "mean ± SD"]["train"] == "55.0 ± 7.1"
    assert rows["age", "mean ± SD"]["test"] is None
    assert rows["age", "median (quartiles)"]["train"] == "55.0 (52.5–57.5)"
    assert (rows["age", "missing"]["train"], rows["age", "missing"]["test"]) == ("0", "1")
    assert rows["sex", "male"]["train"] == "1 (50.0)"
    assert rows["sex", "male"]["external"] is None
    assert rows["responder", "yes"]["train"] == "1 (50.0)"
    assert rows["responder", "missing"]["test"] == "1"
    assert all(row["p train–external"] is None for row in rows.values())


def test_no_patients_give_no_rows():
    table = table1(Study({}))
    assert table.rows == ()
    assert "no patients" in table.note
