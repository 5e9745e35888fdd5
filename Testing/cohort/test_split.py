"""A split is by patient, balanced, the same for the same seed, stored, and refused where it does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from DSANetLib.cohort import (
    Cohort,
    CohortPatient,
    CohortRun,
    Outcome,
    check_cohort,
    make_split,
    read_cohort,
    read_split,
    write_split,
)
from DSANetLib.errors import CohortError, DSANetError, OutputError

pytest.importorskip("sklearn", reason='scikit-learn is not installed (pip install "dsanet[study]")')


def patient(i, responder, sizes=(), *, external=False):
    outcome = None if responder is None else Outcome(responder)
    run = CohortRun(f"c{i}", f"p{i:03d}", Path("x"), lesions_cm=tuple(sizes))
    return CohortPatient(f"p{i:03d}", external, (run,), None, outcome)


def cohort_of(*patients):
    return Cohort(Path("study"), "study", False, patients)


@pytest.fixture
def many():
    sizes = ((2.0,), (4.0,), (6.0, 1.0), (2.5, 2.0))
    inside = [patient(i, i % 3 != 0, sizes[i % 4]) for i in range(120)]
    return cohort_of(*inside, *(patient(i, True, external=True) for i in range(120, 130)))


def test_every_patient_is_in_one_set_and_parts_are_balanced(many):
    split = make_split(many, folds=5, test_share=0.25, seed=3)
    assert (len(split.train), len(split.test), len(split.external), split.folds) == (90, 30, 10, 5)
    assert len({*split.train, *split.test, *split.external}) == 130
    responders = {p.patient for p in many.patients if p.responder}
    large = {p.patient for p in many.patients if max(p.lesions_cm, default=0) >= 5}
    assert len(responders & set(split.test)) == 20
    for number in range(5):
        training, validation = split.fold(number)
        assert set(training) | set(validation) == set(split.train) and not set(training) & set(validation)
        assert len(validation) == 18
        assert 11 <= len(responders & set(validation)) <= 13
        assert 3 <= len(large & set(validation)) <= 6
    assert len(split.strata) == 8


def test_the_seed_makes_the_split_whatever_the_order_of_the_patients(many):
    turned = cohort_of(*reversed(many.patients))
    one, same, other = make_split(many, seed=1), make_split(turned, seed=1), make_split(many, seed=2)
    assert one.digest == same.digest != other.digest


def test_rare_strata_are_merged_and_unknown_outcomes_take_part():
    sizes = [(2.0,)] * 12 + [(7.0, 3.0)] + [(4.0,)] * 2
    patients = [patient(i, i % 2 == 0, sizes[i % 15]) for i in range(30)]
    split = make_split(cohort_of(*patients, patient(40, None)), folds=5, test_share=0.2)
    assert set(split.strata) <= {"responder", "non-responder", "responder, < 3 cm, one lesion",
                                 "non-responder, < 3 cm, one lesion"}  # fmt: skip
    assert sum(split.strata.values()) == 31


def test_cohort_without_outcomes_is_split_by_lesions_alone():
    split = make_split(cohort_of(*(patient(i, None, (2.0 if i % 2 else 6.0,)) for i in range(24))), folds=3)
    large = [sum(int(p[1:]) % 2 == 0 for p in split.fold(i)[1]) for i in range(3)]
    assert large in ([3, 3, 3], [3, 3, 4], [3, 4, 3], [4, 3, 3])


@pytest.mark.parametrize(
    ("responders", "others", "options", "message"),
    [
        (3, 20, {}, "3 responders for 5 folds and a test set: one would be without a responder"),
        (20, 4, {"test_share": 0}, "4 non-responders for 5 folds: one would"),
        (2, 1, {}, "3 internal patients cannot be split"),
        (20, 20, {"folds": 1}, "1 folds and a test share of 0.25 cannot be"),
        (0, 0, {}, "0 internal patients cannot be split"),
    ],
)
def test_parts_without_a_class_are_refused(responders, others, options, message):
    patients = [patient(i, i < responders) for i in range(responders + others)]
    with pytest.raises(CohortError, match=message):
        make_split(cohort_of(*patients), **options)


@pytest.fixture
def stored(folder):
    """The small cohort, split in two folds."""
    write_split(make_split(read_cohort(folder), folds=2, test_share=0.25, seed=4), folder)
    return folder


def test_what_is_stored_comes_back(stored):
    cohort = read_cohort(stored)
    made, found = make_split(cohort, folds=2, test_share=0.25, seed=4), read_split(stored)
    assert (found.digest, found.seed, found.test_share, found.strata) == (made.digest, 4, 0.25, made.strata)
    assert Counter(found.set_of.values()) == {"train": 5, "test": 2} and found.folds == 2
    assert check_cohort(stored, pixels=False) == []


def test_a_stored_split_is_replaced_only_when_asked(stored):
    before = (stored / "split.csv").read_bytes()
    other = make_split(read_cohort(stored), folds=2, seed=9)
    with pytest.raises(OutputError, match="is there already"):
        write_split(other, stored)
    assert (stored / "split.csv").read_bytes() == before
    write_split(other, stored, overwrite=True)
    assert read_split(stored).seed == 9


def edit(folder, old, new):
    path = folder / "split.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    (folder / "split.json").unlink(missing_ok=True)


def refused(folder, message):
    with pytest.raises(CohortError, match=message) as error:
        read_split(folder)
    assert message in [finding.problem for finding in check_cohort(folder, pixels=False)] or "split" in str(error.value)
    return str(error.value)


def test_patient_in_two_sets_is_refused(stored):
    test = read_split(stored).test[0]
    with (stored / "split.csv").open("a") as file:
        file.write(f"{test},train,0\n")
    text = refused(stored, f"patient {test} is in train and, by line . in test|patient {test} is in train and")
    assert "split.csv, line 9" in text
    assert any(f.file == "split.csv" and f.line == 9 and f.severe for f in check_cohort(stored, pixels=False))


def test_split_of_other_patients_is_refused(stored, change):
    for table in ("manifest", "clinical", "outcome"):
        change(table, "p7,", "p8,")
    assert "Split again" in refused(stored, "does not name patient p8 of the cohort|patient p7 is not in the cohort")


def test_external_patient_among_the_others_is_refused(stored):
    manifest = stored / "manifest.csv"
    lines = manifest.read_text().splitlines()
    lines = [f"{lines[0]},set", *(f"{x},{'external' if x.startswith('p3') else ''}" for x in lines[1:])]
    manifest.write_text("\n".join(lines) + "\n")
    refused(stored, "patient p3 is external in the manifest, here in")


def test_changed_table_is_refused_unless_it_is_ones_own(stored):
    first = read_split(stored)
    classes = {p.patient: p.responder for p in read_cohort(stored).patients}
    one, other = next(
        (a, b)
        for a in first.train
        for b in first.train
        if classes[a] == classes[b] and first.fold_of[a] != first.fold_of[b]
    )
    text = (stored / "split.csv").read_text()
    a, b = (f"{p},train,{first.fold_of[p]}" for p in (one, other))
    swapped = text.replace(a, f"{one},train,{b[-1]}").replace(b, f"{other},train,{a[-1]}")
    (stored / "split.csv").write_text(swapped)
    refused(stored, "was changed after split.json was written")
    (stored / "split.json").unlink()
    assert read_split(stored).fold_of[one] == first.fold_of[other]


def test_split_of_ones_own_needs_no_folds(folder):
    (folder / "split.csv").write_text(
        "patient,set\n" + "".join(f"p{i},{'test' if i in (5, 7) else 'train'}\n" for i in range(1, 8))
    )
    split = read_split(folder)
    assert (split.folds, split.test, split.seed) == (0, ("p5", "p7"), None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",test,", ",tests,", "set: 'tests' is unknown"),
        (",test,", ",test,1", "1 in the set test"),
        (",train,0", ",train,7", "fold 2 is empty"),
        (",train,0", ",train,", "empty in the set train"),
    ],
)
def test_tables_that_cannot_be_are_refused(stored, old, new, message):
    edit(stored, old, new)
    with pytest.raises(CohortError, match=message):
        read_split(stored)


def test_test_set_without_a_responder_is_found(folder):
    # p2, p3, p6 and p7: of these only p2 responded.
    sets = {"p3": "test", "p6": "test"}
    lines = ["patient,set", *(f"p{i},{sets.get(f'p{i}', 'train')}" for i in range(1, 8))]
    (folder / "split.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(CohortError, match="the test set holds no responder"):
        read_split(folder)


def test_damaged_facts_and_missing_table_are_said(stored):
    (stored / "split.json").write_text("{")
    with pytest.raises(CohortError, match=r"split\.json: is damaged"):
        read_split(stored)
    (stored / "split.csv").unlink()
    with pytest.raises(CohortError, match=r"split\.csv: is not there"):
        read_split(stored)


def test_facts_tell_what_made_it(stored):
    facts = json.loads((stored / "split.json").read_text())
    assert (facts["seed"], facts["folds"], facts["test_share"]) == (4, 2, 0.25) and sum(facts["strata"].values()) == 7


def test_without_scikit_learn_the_remedy_is_said():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from DSANetLib.cohort.split import _scikit_learn\n"
        "from DSANetLib.errors import DependencyError\n"
        "try: _scikit_learn()\n"
        "except DependencyError as error: sys.stdout.write(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'dsanet[study]'" in done.stdout
    assert issubclass(OutputError, DSANetError)
