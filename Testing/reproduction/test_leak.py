"""A planted leak is seen by the shuffled outcomes, through the real way from the cohort's folder to the AUC."""

import dataclasses
import os

import pytest

from DSANetLib.cohort import make_split, read_cohort
from DSANetLib.evaluation.reporting.part_facts import leak_text
from DSANetLib.reproduction import leak
from DSANetLib.reproduction.actions import Context
from DSANetLib.reproduction.experiments import SIZES
from DSANetLib.reproduction.plan import Plan, source_of
from DSANetLib.reproduction.steps import Desk

pytest.importorskip("torch", reason='torch is not installed (pip install "dsanet[train]")')


@pytest.fixture
def context(cohort_folder, tmp_path, monkeypatch):
    """A study that predicts from the clinical values alone, long enough to learn its patients by heart."""
    monkeypatch.setitem(SIZES, "smoke", dataclasses.replace(SIZES["smoke"], response_passes=150))
    monkeypatch.setattr(leak, "INPUT", "clinical")
    cohort = read_cohort(cohort_folder)
    plan = Plan(str(cohort_folder), "smoke")
    split = make_split(cohort, seed=0, folds=2)
    return Context(plan, cohort, split, Desk(tmp_path / "study", ()), tmp_path / "cache", lambda _: None)


def test_held_out_patients_among_those_trained_on_are_seen(context, tmp_path, monkeypatch):
    def with_everybody(plan, split, fold, cohort=None):
        source = source_of(plan, split, fold, cohort)
        return dataclasses.replace(source, training=(*source.training, *context.held_out))

    honest = leak.auc_of_shuffled(context, 0, tmp_path / "honest")
    monkeypatch.setattr(leak, "source_of", with_everybody)
    leaking = leak.auc_of_shuffled(context, 0, tmp_path / "leaking")
    assert leaking > 0.95 > honest


def test_a_cohort_whose_runs_lie_elsewhere_is_shuffled_too(cohort_folder, tmp_path):
    """Paths of a manifest are relative to its folder, and may lead out of it."""
    tables = tmp_path / "tables"
    tables.mkdir()
    for path in cohort_folder.glob("*.*"):
        (tables / path.name).write_bytes(path.read_bytes())
    text = (tables / "manifest.csv").read_text(encoding="utf-8")
    away = os.path.relpath(cohort_folder, tables)
    for folder in ("runs/", "masks/"):
        assert f",{folder}" in text
        text = text.replace(f",{folder}", f",{away}/{folder}")
    (tables / "manifest.csv").write_text(text, encoding="utf-8")
    cohort = read_cohort(tables)
    shuffled = read_cohort(leak.shuffled_cohort(cohort, tmp_path / "deep" / "er" / "shuffled", [0, 0]))
    assert [len(p.runs) for p in shuffled.patients] == [len(p.runs) for p in cohort.patients]
    pairs = [(a, b) for p, q in zip(cohort.patients, shuffled.patients, strict=True)
             for a, b in zip(p.runs, q.runs, strict=True)]  # fmt: skip
    assert all(a.path.samefile(b.path) and len(a.frames) == len(b.frames) for a, b in pairs)
    answers, dealt = ([p.responder for p in one.patients] for one in (cohort, shuffled))
    assert sorted(answers) == sorted(dealt)
    assert answers != dealt


def test_a_study_whose_shuffles_find_nothing_says_so():
    assert "as it should be" in leak_text({"shuffles": 20, "mean_auc": 0.529})
    assert "leak" in leak_text({"shuffles": 20, "mean_auc": 0.465})
