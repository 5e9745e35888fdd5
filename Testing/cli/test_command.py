"""The command's own behaviour: help, exit codes, logging, and the commands beside ``run``."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import DSANetLib
from DSANetLib.cli import build_parser, main, set_up_logging


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dsanet {DSANetLib.__version__}\n"


@pytest.mark.parametrize("command", ["run", "phantom", "train", "evaluate", "report", "compare", "models"])
def test_help_shows_examples_that_parse(capsys, command):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    examples = re.findall(rf"^  dsanet ({command} .*?)(?: > .*)?$", text, re.MULTILINE)
    assert examples
    for example in examples:
        build_parser().parse_args(example.split())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["run"],
        ["run", "x.avi"],
        ["run", "x.avi", "--out", "o", "--key-frame", "0"],
        ["run", "x.avi", "--out", "o", "--frame-rate", "fast"],
        ["phantom", "out", "--format", "gif"],
        ["train", "everything", "--out", "o"],
        ["run", "", "--out", "o"],
        ["run", "x.avi", "--out", ""],
        ["phantom", "out", "--seed", "-1"],
    ],
)
def test_wrong_usage_is_two(capsys, arguments):
    assert main(arguments) == 2
    assert "usage: dsanet" in capsys.readouterr().err


def test_training_without_its_packages_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "ffs", "--out", str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "pip install 'dsanet[train]'" in err
    assert not list(tmp_path.iterdir())


def test_models_are_listed(capsys, use_tiny_models):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "ffs-phantom", "response-film-phantom", "response-phantom", "unet-phantom"
    ]  # fmt: skip
    assert main(["models", "--json"]) == 0
    tasks = {row["name"]: row["task"] for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert tasks["ffs-phantom"] == "segmentation"
    assert tasks["response-phantom"] == "response"


def test_phantom_refuses_a_folder_that_is_not_empty(tmp_path, capsys):
    (tmp_path / "mine").write_text("1")
    assert main(["phantom", str(tmp_path)]) == 1
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_train_passes_on_what_was_asked_for(tmp_path, capsys, monkeypatch):
    import DSANetLib.training as training

    seen = {}
    monkeypatch.setattr(training, "train", lambda config, out, progress: seen.update(c=config, p=progress) or out)
    arguments = ["train", "unet", "--out", str(tmp_path / "m"), "--cache", "c", "--patients", "7", "--minutes", "2"]
    assert main([*arguments, "--dice", "image", "--quiet"]) == 0
    assert (seen["c"].model, seen["c"].patients, seen["c"].minutes, seen["p"]) == ("unet", 7, 2.0, None)
    assert seen["c"].dice == "image"
    assert capsys.readouterr().out == f"{tmp_path / 'm'}\n"


def test_evaluate_passes_on_what_was_asked_for(tmp_path, capsys, monkeypatch):
    import DSANetLib.evaluation.phantom as phantom

    class Report:
        def to_markdown(self):
            return "# Evaluation"

    def evaluate(out, plan, *, workers, progress):
        progress("patients", 10, 10)
        assert (out, plan.cohort, plan.patients, workers) == (tmp_path, "validation", 3, 2)
        return Report()

    monkeypatch.setattr(phantom, "evaluate_on_phantom", evaluate)
    assert main(["evaluate", "--out", str(tmp_path), "--cohort", "validation", "--patients", "3"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("# Evaluation\n", "patients: 10 of 10\n")


def test_the_untrained_rules_are_measured_on_request(capsys):
    assert main(["evaluate", "--rules", "1", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "Untrained rules on one map" in said
    assert "true liver" in said


@pytest.mark.parametrize(
    ("options", "level"), [({}, logging.WARNING), ({"verbose": True}, logging.DEBUG), ({"quiet": True}, logging.ERROR)]
)
def test_logging_is_set_up_once(options, level):
    logger = logging.getLogger("DSANetLib")
    before = logger.handlers[:], logger.level, logger.propagate
    try:
        set_up_logging(**options)
        set_up_logging(**options)
        assert logger.level == level
        assert len(logger.handlers) == 1
    finally:
        logger.handlers[:], logger.level, logger.propagate = before


def test_a_reader_that_goes_away_is_no_error(monkeypatch):
    def broken(_chosen):
        raise BrokenPipeError

    monkeypatch.setattr("DSANetLib.cli.models_command", broken)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert main(["models"]) == 0


def test_importing_the_command_loads_nothing_heavy(repository):
    code = "import sys, DSANetLib.cli; print([m for m in ('torch', 'cv2', 'matplotlib', 'slicer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_a_terminated_batch_leaves_nothing_half_written(tmp_path, tiny_models, stained_frames, repository):
    from run_files import write_frames

    for i in range(40):
        write_frames(tmp_path / "in" / f"run{i}", stained_frames)
    models = ["--model", tiny_models / "ffs-phantom", "--response-model", tiny_models / "response-film-phantom"]
    command = [sys.executable, "-m", "DSANetLib.cli", "run", tmp_path / "in", "--out", tmp_path / "out", *models]
    process = subprocess.Popen(
        [*map(str, command), "--no-scene", "--no-picture"], cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("out/run*/case.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "Stopped; nothing half-written was left behind."
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert not [name for name in names if name.startswith(".")]
    for folder in (tmp_path / "out").glob("run*"):
        assert (folder / "case.json").is_file()
        assert len(list((folder / "masks").glob("*_labels.png"))) == 3
