"""Killed, out of room, out of numbers: what was done is kept, and the end is that of an undisturbed training."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from DSANetLib.errors import TrainingError
from DSANetLib.training import train
from DSANetLib.training.segmenter import make_loop, train_segmenter

SUPPORT = Path(__file__).parents[1] / "support"
ENV = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


def _run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SUPPORT / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=ENV, check=False)


def _pickled(config, folder: Path) -> Path:
    path = folder / "config.pickle"
    path.write_bytes(pickle.dumps(config))
    return path


@posix
def test_killed_at_ten_moments_a_training_ends_like_an_undisturbed_one(config, tmp_path):
    cohort = replace(config.cohort, cache=str(tmp_path / "cache"))
    mine = replace(config, cohort=cohort, samples=96, patience=50, patients=4, validation=3, checkpoint_s=0.02)
    whole = train(replace(mine, cohort=config.cohort), tmp_path / "whole")
    done = _run("kill_training.py", _pickled(mine, tmp_path), tmp_path / "killed")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["10", "0"]
    for name in ("weights.safetensors", "twin.onnx"):
        assert (tmp_path / "killed" / name).read_bytes() == (whole / name).read_bytes()
    left = [path.name for path in tmp_path.rglob(".*part-*")]
    assert not left
    rows = [
        [line.split(",", 2)[0::2] for line in (tmp_path / f"{name}.training" / "log.csv").read_text().splitlines()]
        for name in ("whole", "killed")
    ]
    assert rows[0] == rows[1]


@posix
def test_no_worker_outlives_a_killed_owner():
    command = [sys.executable, str(SUPPORT / "idle_pool.py")]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENV)
    workers = [int(number) for number in owner.stdout.readline().split()]
    assert len(workers) == 2
    owner.kill()
    owner.wait()
    owner.stdout.close()
    end = time.monotonic() + 20
    while any(map(_runs, workers)):
        assert time.monotonic() < end
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@posix
def test_a_disk_that_fills_in_mid_checkpoint_costs_no_checkpoint(config, patients, held_out, tmp_path):
    mine = replace(config, samples=24, checkpoint_s=1e-6)
    done = _run("small_disk.py", _pickled(mine, tmp_path), tmp_path / "ffs", 20_000)
    assert done.returncode == 7, done.stderr[-2000:]
    assert "the last one is kept. Make room" in done.stdout
    folder = tmp_path / "ffs.training"
    assert not list(folder.glob(".*"))
    loop = make_loop(mine, folder, patients, held_out, lambda _: None)
    assert loop.step == 1
    whole = make_loop(mine, tmp_path / "whole", patients, held_out, lambda _: None).run()
    for ours, theirs in zip(loop.run().parameters(), whole.parameters(), strict=True):
        assert ours.equal(theirs)


def test_a_checkpoint_of_another_version_says_so(config, patients, held_out, tmp_path):
    make_loop(replace(config, samples=16), tmp_path, patients, held_out, lambda _: None).run(stop_after=1)
    path = tmp_path / "checkpoint.pt"
    torch.save(torch.load(path, weights_only=True) | {"format": 1}, path)
    with pytest.raises(TrainingError, match="format 1, this DSANet writes 2"):
        make_loop(replace(config, samples=16), tmp_path, patients, held_out, lambda _: None)


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_no_number_ends_the_training_and_keeps_the_last_good_checkpoint(
    config, patients, held_out, tmp_path, what
):
    short = replace(config, samples=24, checkpoint_s=1e-6)
    loop = make_loop(short, tmp_path, patients, held_out, lambda _: None)
    loop.run(stop_after=3)
    if what == "loss":
        make = loop.make_batch
        loop.make_batch = lambda numbers: make(numbers) | {"key": torch.full((4, 1, 32, 32), float("nan"))}
    else:
        next(loop.network.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match=f"the {what} is .* at step 3; the checkpoint"):
        loop.run()
    again = make_loop(short, tmp_path, patients, held_out, lambda _: None)
    assert again.step == 3
    assert all(bool(torch.isfinite(value).all()) for value in again.network.parameters())


def test_early_stopping_keeps_the_best_weights_and_survives_a_stop(config, patients, held_out, tmp_path):
    mine = replace(config, samples=80, patience=2)
    judged = iter([0.1, 0.5, 0.3, 0.2, 0.9])

    lines = []

    def loop(name, values):
        made = make_loop(mine, tmp_path / name, patients, held_out, lines.append)
        made.reporter.monitor = lambda _network: {"dice": next(values)}
        return made

    whole = loop("whole", judged)
    network = whole.run()
    early = (
        f"stopped early, after {4 * mine.batch} of 80 samples: 2 reports without a better validation; the weights of"
    )
    assert f"{early} sample {2 * mine.batch} are taken" in lines
    assert whole.step == 4
    assert (whole.best.step, whole.best.value) == (2, 0.5)
    first = loop("parts", iter([0.1, 0.5, 0.3]))
    first.run(stop_after=3)
    second = loop("parts", iter([0.2]))
    for ours, theirs in zip(second.run().parameters(), network.parameters(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loop("parts", iter([])).ended


def test_a_watcher_sees_each_step_and_may_end_it(config, tmp_path):
    seen = []

    def watch(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segmenter(replace(config, samples=16), tmp_path / "ffs", None, watch=watch)
    assert seen == [(1, 4), (2, 4)]
