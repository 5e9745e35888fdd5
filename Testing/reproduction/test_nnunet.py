"""nnU-Net as a comparator: its command lines and the way of its masks without it, and where it is, the real thing."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from planted_cohort import TEST, planted_split, planted_tumour, write_planted_cohort

from DSANetLib.cohort import write_split
from DSANetLib.errors import DependencyError, DSANetError, TrainingError
from DSANetLib.evaluation.metrics import dice
from DSANetLib.evaluation.study import read_study
from DSANetLib.reproduction import nnunet
from DSANetLib.reproduction.actions import Context
from DSANetLib.reproduction.plan import Plan
from DSANetLib.reproduction.reproduce import reproduce
from DSANetLib.reproduction.study_folder import open_study

TRAIN, SEGMENT = "train/nnunet-s0", "segment/nnunet-s0"
CAP = "stopped at a cap of 2 epochs of 25 iterations of 8 images"


def _real_nnunet() -> str:
    """Return the Python that has nnU-Net; empty where there is none."""
    try:
        return nnunet.find_python()
    except DSANetError:
        return ""


# What stands for nnU-Net's Python: it records how it was called. It shows the command lines and the environment, not
# that nnU-Net understands them, trains, goes on, or predicts: for that there is the test of the real one below.
STAND_IN = """#!{python}
import json, os, sys
if sys.argv[1] == "-c":
    sys.exit(0)
fold = os.path.join(os.environ["nnUNet_results"], "Dataset501_DSA", "nnUNetTrainerCapped__nnUNetPlans__2d", "fold_0")
names = sorted(n for n in os.environ if n.startswith(("nnUNet_", "DSANET_NNUNET_", "PYTHONPATH")))
with open(os.path.join({folder!r}, "calls.jsonl"), "a") as lines:
    lines.write(json.dumps([sys.argv[2:], {{n: os.environ[n] for n in names}}]) + "\\n")
if os.path.exists(os.path.join({folder!r}, "fails")):
    sys.stderr.write("Traceback ...\\nRuntimeError: no batch fits\\n")
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    folder = write_planted_cohort(tmp_path_factory.mktemp("planted") / "cohort")
    write_split(planted_split(), folder)
    return folder


@pytest.fixture
def context(planted, tmp_path) -> Context:
    study = tmp_path / "study"
    Plan(str(planted), "smoke", segmenting=("nnunet",)).write(study)
    found = open_study(study, lambda _: None)
    for name in (TRAIN, SEGMENT):
        found.desk.begin(name)
    return found


@pytest.fixture
def stand_in(tmp_path, monkeypatch) -> Path:
    """A folder with a nnUNetv2_train and a python that write down how they are called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python", "nnUNetv2_train"):
        (folder / name).write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("DSANET_NNUNET", str(folder))
    monkeypatch.setenv("PYTHONPATH", "/packages/of/ours")
    return folder


def _calls(folder: Path) -> list[list]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def test_training_begins_goes_on_from_a_checkpoint_and_only_validates_where_it_was_done(stand_in, tmp_path):
    program = nnunet.NNUNet(tmp_path, nnunet.Schedule.of(3), "cpu", lambda _: None)
    fold = tmp_path / "fold_0"
    (fold / "validation").mkdir(parents=True)
    program.train(fold)
    for left_behind in ("checkpoint_latest.pth", "checkpoint_final.pth", "validation/summary.json"):
        (fold / left_behind).touch()
        program.train(fold)
    begin = ["train", "501", "2d", "0", "-tr", "nnUNetTrainerCapped", "-device", "cpu"]
    calls = [arguments for arguments, _ in _calls(stand_in)]
    assert calls == [begin, [*begin, "--c"], [*begin, "--val"]]


def test_the_cap_goes_into_the_environment_and_our_packages_do_not(stand_in, tmp_path):
    program = nnunet.NNUNet(tmp_path, nnunet.Schedule.of(3), "cpu", lambda _: None)
    program.plan()
    program.train(tmp_path / "fold_0")
    (_, planning), (_, training) = _calls(stand_in)
    caps = {name.removeprefix("DSANET_NNUNET_"): v for name, v in training.items() if name.startswith("DSANET_")}
    assert caps == {"EPOCHS": "3", "ITERATIONS": "25", "VALIDATIONS": "5", "BATCH": "8"}
    assert training["nnUNet_n_proc_DA"] == "0"
    assert int(planning["nnUNet_n_proc_DA"]) > 0  # planning takes it for a number of threads
    assert "PYTHONPATH" not in planning


def test_with_its_own_number_of_epochs_nothing_is_capped(stand_in, tmp_path):
    nnunet.NNUNet(tmp_path, nnunet.Schedule.of(1000), "cuda", lambda _: None).train(tmp_path / "fold_0")
    ((_, training),) = _calls(stand_in)
    assert training["DSANET_NNUNET_ITERATIONS"] == "250"
    assert training["DSANET_NNUNET_BATCH"] == "0"
    assert "nnUNet_n_proc_DA" not in training
    assert "whole schedule" in nnunet.cap_note(1000, {"nnunetv2": "2", "torch": "2"})


def test_a_command_that_fails_is_told_with_its_own_last_line(stand_in, tmp_path):
    (stand_in / "fails").touch()
    with pytest.raises(TrainingError, match=r"nnUNetv2_plan_and_preprocess .* RuntimeError: no batch fits"):
        nnunet.NNUNet(tmp_path, nnunet.Schedule.of(3), "cpu", lambda _: None).plan()


def test_a_folder_without_nnunet_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DSANET_NNUNET", str(tmp_path))
    with pytest.raises(DependencyError, match=str(tmp_path)):
        nnunet.find_python()


def test_a_study_without_nnunet_says_so_and_does_the_rest(planted, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason='torch is not installed (pip install "dsanet[train]")')
    monkeypatch.delenv("DSANET_NNUNET", raising=False)
    if _real_nnunet():
        monkeypatch.setenv("DSANET_NNUNET", str(tmp_path))
    plan = Plan(str(planted), "smoke", segmenting=("unet", "nnunet"))
    study, failed = reproduce(plan, tmp_path / "study", progress=lambda _: None)
    assert failed == [TRAIN, SEGMENT]
    assert {r.network for r in study.segmentation} == {"unet"}
    text = (tmp_path / "study" / "report" / "report.md").read_text(encoding="utf-8")
    reason = next(line for line in text.splitlines() if "nnU-Net, seed 0" in line)
    assert "nnU-Net is not installed" in reason or "no nnUNetv2_train there" in reason


def test_masks_come_back_to_the_source_pixels_where_they_were_drawn(context, stand_in, monkeypatch):
    def see(_self, inputs: Path, outputs: Path) -> None:
        """What a perfect nnU-Net would do: the L is the darkest thing on the image that it is given."""
        outputs.mkdir()
        for path in inputs.glob("*_0000.png"):
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(outputs / path.name.replace("_0000", "")), (image < 60).astype(np.uint8))

    monkeypatch.setattr(nnunet.NNUNet, "predict", see)
    masks = nnunet.predicted_masks(context.desk.folder(TRAIN), context)
    _check_places(context, masks, at_least=0.85)


def _check_places(context: Context, masks, at_least: float) -> None:
    """Each held-out L is found where it is drawn on the source, and nowhere a mistake of axes would put it."""
    runs = [run for patient in context.prepared(context.held_out, 10) for run in patient.runs]
    assert len(runs) == TEST
    for run in runs:
        truth = planted_tumour(int(run.case_id[1:]))
        found, liver = masks(run)
        assert liver is None
        assert (found.dtype, found.shape) == (np.dtype(bool), truth.shape)
        assert dice(found, truth) >= at_least
        wrong = (found[::-1], found[:, ::-1], found[::-1, ::-1], np.roll(found, 8, 0), np.roll(found, 8, 1))
        assert max(dice(one, truth) for one in wrong) < dice(found, truth) - 0.1


@pytest.mark.skipif(not _real_nnunet(), reason="nnunetv2 is not installed, nor pointed at by DSANET_NNUNET")
def test_the_real_nnunet_is_killed_goes_on_and_finds_the_tumours_where_they_are(planted, tmp_path):
    """Two capped epochs, minutes on one core; the step, and it alone, is killed after the first checkpoint."""
    folder = tmp_path / "study"
    plan = Plan(str(planted), "smoke", segmenting=("nnunet",))
    plan.write(folder)
    context = open_study(folder, lambda _: None)
    step = [sys.executable, "-m", "DSANetLib.reproduction", str(folder)]
    trained = context.desk.begin(TRAIN)
    fold = trained / "results" / nnunet.DATASET / f"{nnunet.TRAINER}__nnUNetPlans__2d" / "fold_0"
    with subprocess.Popen([*step, TRAIN], stdin=subprocess.PIPE, env=_one_thread()) as process:
        _until(lambda: (fold / "checkpoint_latest.pth").exists() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    _until(lambda: not _at_work_on(trained))
    assert not (fold / "checkpoint_final.pth").exists()
    study, failed = reproduce(plan, folder, progress=lambda _: None)
    assert not failed, context.desk.failure(failed[0])
    said = (trained / "nnUNetv2_train.txt").read_text(encoding="utf-8")
    assert len([line for line in said.splitlines() if line.rstrip().endswith(": Epoch 0")]) == 1
    (training,) = (one for one in study.trainings if one.experiment == "nnunet")
    facts = context.desk.facts(TRAIN)["nnunet"]
    assert (facts["epochs"], facts["iterations"], facts["batch"], facts["threads"]) == (2, 25, 8, 1)
    assert (training.samples, training.parameters > 0, training.seconds > 0) == (400, True, True)
    assert all(r.record.dice > 0.8 for r in read_study(folder).segmentation)
    assert CAP in (folder / "report" / "report.md").read_text(encoding="utf-8")
    _check_places(context, nnunet.predicted_masks(trained, context), at_least=0.8)


def _one_thread() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}


def _until(what, seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def _at_work_on(folder: Path) -> list[str]:
    """Return the ids of nnU-Net's processes that name a folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"nnUNet_raw={folder}".encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
