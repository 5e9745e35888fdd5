"""The whole study from a cohort's folder to its report, in the real processes; resumed, killed, and asked for leaks."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from holding import holding

from DSANetLib.cohort import read_cohort
from DSANetLib.errors import CohortError, OutputError
from DSANetLib.evaluation.study import read_study
from DSANetLib.phantom import write_cohort
from DSANetLib.phantom.config import PhantomConfig
from DSANetLib.reproduction.plan import Plan
from DSANetLib.reproduction.reproduce import reproduce

pytest.importorskip("torch", reason='torch is not installed (pip install "dsanet[train]")')
pytest.importorskip("sklearn", reason='scikit-learn is not installed (pip install "dsanet[study]")')

ONLY = ("unet", "ffs")


@pytest.fixture(scope="session")
def plan(cohort_folder) -> Plan:
    return Plan(str(cohort_folder), "smoke", segmenting=ONLY)


@pytest.fixture(scope="session")
def study(plan, tmp_path_factory) -> Path:
    """The study, undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    _, failed = reproduce(plan, folder, progress=lambda _: None)
    assert not failed, [(folder / "work" / name / "failed.json").read_text() for name in failed]
    return folder


def test_a_study_goes_from_the_cohort_to_the_report(study, plan):
    found = read_study(study)
    cohort = read_cohort(plan.cohort)
    assert found.synthetic
    assert {(r.network, r.group) for r in found.segmentation} == {(n, g) for n in ONLY for g in ("test", "external")}
    inputs = {(r.input, r.masks) for r in found.response}
    assert len(inputs) == 8
    assert not [training.failure for training in found.trainings if training.failure]
    # Each network segments each run of the held-out patients once, none of the training patients'.
    held_out = {p.patient for p in found.patients if p.group != "train"}
    runs = sorted(run.case_id for p in cohort.patients if p.patient in held_out for run in p.runs)
    assert sorted(r.record.run for r in found.segmentation if r.network == "ffs") == runs
    assert {r.patient for r in found.response} == held_out
    ours = next(t for t in found.trainings if t.experiment == "ffs")
    assert ours.gflop
    assert (study / ours.package / "card.json").exists()


def test_the_report_says_on_every_page_that_it_is_phantom_and_opens_offline(study):
    text = (study / "report" / "report.html").read_text(encoding="utf-8")

    loaded: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag in ("img", "script", "link", "iframe"):
                loaded.extend(value for name, value in attributes if name in ("src", "href"))

    Links().feed(text)
    assert loaded
    assert all(link.startswith("data:") for link in loaded)
    assert "phantom" in text.lower()
    assert "not for diagnosis" in text


def test_what_is_done_is_not_done_again_and_a_changed_experiment_is(study, plan, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    lines: list[str] = []
    reproduce(plan, tmp_path / "study", progress=lines.append)
    assert not [line for line in lines if "begins" in line]
    # The outcome of one patient corrected: nothing that rests on the cohort may stand.
    cohort = tmp_path / "cohort"
    shutil.copytree(plan.cohort, cohort)
    assert read_cohort(cohort).digest == read_cohort(plan.cohort).digest
    with pytest.raises(CohortError, match="Name another folder"):
        reproduce(replace(plan, cohort=str(cohort)), tmp_path / "study", progress=lines.append)


def test_a_frame_rate_that_no_training_has_is_segmented_and_nothing_is_trained_anew(study, plan, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    write_cohort(tmp_path / "at-5", 2, 7_790_000, config=PhantomConfig(rows=128, columns=128, frame_rates=(5.0,)))
    lines: list[str] = []
    found, failed = reproduce(
        replace(plan, unseen_rate=str(tmp_path / "at-5")), tmp_path / "study", progress=lines.append
    )
    assert not failed
    begun = {line.split()[0] for line in lines if line.endswith("begins")}
    assert begun == {"prepare-unseen-rate", "unseen-rate/unet-s0", "unseen-rate/ffs-s0"}
    runs = {run.case_id for p in read_cohort(tmp_path / "at-5").patients for run in p.runs}
    for network in ONLY:
        own = [r.record for r in found.segmentation if (r.network, r.group) == (network, "unseen-rate")]
        assert {record.run for record in own} == runs
    text = (tmp_path / "study" / "report" / "report.md").read_text(encoding="utf-8")
    assert "frame rate never seen" in text
    assert "--unseen-rate at-5" in text


def test_further_held_out_patients_are_tested_beside_those_of_the_cohort(study, plan, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    more = tmp_path / "more"
    write_cohort(more, 3, 7_780_000, config=PhantomConfig(rows=128, columns=128))
    names = [patient.patient for patient in read_cohort(more).patients]
    sets = dict(zip(names, ("train", "test", "test"), strict=True))
    (more / "split.csv").write_text("patient,set\n" + "".join(f"{n},{s}\n" for n, s in sets.items()))
    lines: list[str] = []
    found, failed = reproduce(replace(plan, more=str(more)), tmp_path / "study", progress=lines.append)
    assert not failed
    begun = {line.split()[0] for line in lines if line.endswith("begins")}
    assert begun == {"prepare-more", "more/unet-s0", "more/ffs-s0"}
    own = {(r.record.patient, r.group) for r in found.segmentation if r.network == "ffs"}
    before = {(r.record.patient, r.group) for r in read_study(study).segmentation if r.network == "ffs"}
    assert own - before == {(names[1], "test"), (names[2], "test")}
    assert before < own
    text = (tmp_path / "study" / "report" / "report.md").read_text(encoding="utf-8")
    assert "on 2 further held-out patients" in text
    assert "--more more" in text


def test_further_patients_who_are_in_the_cohort_too_are_refused(study, plan, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    with pytest.raises(CohortError, match="are in the study's cohort too"):
        reproduce(replace(plan, more=plan.cohort), tmp_path / "study", progress=lambda _: None)


def test_two_at_work_on_one_study_are_refused(study, plan, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    with holding(tmp_path / "study") as other:
        with pytest.raises(OutputError, match=f"process {other.pid} is at work"):
            reproduce(plan, tmp_path / "study", progress=lambda _: None)
        other.kill()


def test_a_folder_that_holds_something_else_is_left_alone(plan, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no study"):
        reproduce(plan, tmp_path, progress=lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_study_killed_at_ten_random_moments_ends_like_an_undisturbed_one(study, plan, tmp_path):
    folder = tmp_path / "study"
    code = (
        "import sys; from DSANetLib.reproduction.plan import Plan\n"
        "from DSANetLib.reproduction.reproduce import reproduce\n"
        "_, failed = reproduce(Plan(sys.argv[1], 'smoke', segmenting=('unet',)), sys.argv[2],"
        " progress=lambda _: None)\n"
        "sys.exit(len(failed))\n"
    )
    command = [sys.executable, "-c", code, plan.cohort, str(folder)]
    root = str(Path(__file__).resolve().parents[2])
    moments = random.Random(5)
    killed = 0
    while killed < 10:
        with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": root}) as process:
            try:
                process.wait(timeout=moments.uniform(2.0, 7.0))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
        time.sleep(0.3)
    assert subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, check=False).returncode == 0
    assert killed == 10
    found, whole = read_study(folder), read_study(study)
    assert found.patients == whole.patients
    assert found.segmentation == tuple(r for r in whole.segmentation if r.network == "unet")
    assert found.response == tuple(r for r in whole.response if r.masks != "predicted")
    undisturbed = {(t.experiment, t.seed): replace(t, seconds=0.0) for t in whole.trainings}
    for training in found.trainings:
        assert replace(training, seconds=0.0) == undisturbed[training.experiment, training.seed]
