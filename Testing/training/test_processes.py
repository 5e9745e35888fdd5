"""Several processes and parts of a batch: the losses of one process with the same batch."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from train_here import losses_of

from DSANetLib.errors import DependencyError, TrainingError
from DSANetLib.training import paper_config, scheduled
from DSANetLib.training.processes import start
from DSANetLib.training.reports import Reporter
from DSANetLib.training.segmenter import make_loop

SCRIPT = Path(__file__).parents[1] / "support" / "train_here.py"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def shared(config):
    """Frozen batch norms, so that a process's part of the batch changes nothing for the other's."""
    return replace(config, samples=32, batch=8, norms="frozen", dice="batch", precision="float32", lr=1e-3)


@pytest.fixture(scope="module")
def alone(shared, patients, held_out, tmp_path_factory):
    assert patients and held_out  # in the cache: no process has to make them
    return losses_of(shared, tmp_path_factory.mktemp("alone"))


def test_two_processes_under_torchrun_have_the_losses_of_one(shared, alone, tmp_path):
    (tmp_path / "config").write_bytes(pickle.dumps(shared))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               str(SCRIPT), str(tmp_path / "config"), str(tmp_path / "work"), str(tmp_path / "losses")]  # fmt: skip
    root = str(Path(__file__).parents[2])
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": root}
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, env=env, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    steps, weights = json.loads((tmp_path / "losses").read_text())
    assert len(steps) == 4
    for ours, theirs in zip(steps, alone[0], strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)
    assert weights == pytest.approx(alone[1], rel=TOLERANCE)
    assert alone[0][0]["total"] != pytest.approx(alone[0][-1]["total"], abs=100 * TOLERANCE)


def test_a_batch_in_parts_has_the_losses_of_the_whole_where_dice_is_by_image(shared, tmp_path):
    by_image = replace(shared, dice="image", model="tdl")
    whole = losses_of(by_image, tmp_path / "whole")
    parts = losses_of(replace(by_image, accumulate=4), tmp_path / "parts")
    for ours, theirs in zip(parts[0], whole[0], strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)


def test_a_batch_that_cannot_be_shared_is_refused(config):
    with pytest.raises(TrainingError, match="cannot be shared"):
        start(replace(config, batch=4, accumulate=3))
    with pytest.raises(TrainingError, match="nosuch"):
        start(replace(config, device="nosuch"))


def test_the_paper_freezes_norms_and_slows_lrs_once_all_is_trained_together(config, patients, held_out, tmp_path):
    paper = paper_config("ffs", "", samples=80, cohort=config.cohort, width=4, batch=4, threads=1)
    loop = make_loop(scheduled(paper, "alone-joint"), tmp_path, patients, held_out, lambda _: None)
    stats = {name: value.clone() for name, value in loop.network.state_dict().items() if "running_mean" in name}
    loop.run(stop_after=6)
    joint = {name: value.clone() for name, value in loop.network.state_dict().items() if "running_mean" in name}
    assert all(not name.startswith("ffs") for name in stats if not stats[name].equal(joint[name]))
    assert {group["lr"] for group in loop.optimizer.param_groups} == {1e-4 * 6 / 16}  # it still rises
    loop.run()
    end = {name: value for name, value in loop.network.state_dict().items() if "running_mean" in name}
    assert {name.split(".")[0] for name in end if not end[name].equal(joint[name])} == {"ffs"}
    rates = {group["slower"]: group["lr"] for group in loop.optimizer.param_groups}
    assert rates == {False: 1e-4, True: 1e-6}
    assert loop.network.config.handover == "logits"


@pytest.mark.parametrize("kind", ["tdl", "lrs", "unetpp", "attention-unet", "u2net", "tempo"])
def test_every_kind_trains_on_the_same_samples(config, patients, held_out, tmp_path, kind):
    loop = make_loop(replace(config, model=kind, samples=8), tmp_path, patients, held_out, lambda _: None)
    before = [value.clone() for value in loop.network.parameters()]
    loop.run()
    assert any(not old.equal(new) for old, new in zip(before, loop.network.parameters(), strict=True))


def test_key_frames_alone_take_no_neighbour(config):
    plain = scheduled(config, "key-frame")
    assert plain.augmentation.neighbour == plain.augmentation.picked == 0
    assert plain.augmentation.gamma == config.augmentation.gamma


def test_without_tensorboard_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(DependencyError, match="pip install tensorboard"):
        Reporter(tmp_path, tensorboard=True)
