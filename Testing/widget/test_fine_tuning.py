"""The button Fine-tune: the real worker process, a tiny network, corrected cases; nothing half-made is left behind."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed (pip install "dsanet[train]")')

LANE = "training"


@pytest.fixture(autouse=True)
def places(use_tiny_models, tmp_path, monkeypatch):
    """The user's own models, and temporary files, in a folder of the test."""
    from DSANetModuleLib.models_text import forgetModels

    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("DSANET_MODELS", str(tmp_path / "models é"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    forgetModels()
    yield
    forgetModels()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A cohort folder of four patients, as an export for training is one."""
    from phantom_folder import write_phantom_folder

    return write_phantom_folder(tmp_path_factory.mktemp("study") / "exported", 4, 3_000_000)


@pytest.fixture
def ready(panel, exported):
    """The panel with the exported folder chosen, and the shortest of trainings."""
    panel.find("fineTuneFolderEdit").currentPath = str(exported)
    panel.context.parameters.fineTuneSamples = 8
    return panel


def wait(panel, until=None, seconds=120.0):
    """Run the event loop until the fine-tuning has ended, or until something holds."""
    import slicer

    end = time.monotonic() + seconds
    while panel.context.jobs.isBusy(LANE) and not (until and until()):
        slicer.app.processEvents()
        assert time.monotonic() < end, f"does not end: {panel.context.jobs.progressOf(LANE)}"
        time.sleep(0.005)
    slicer.app.processEvents()


def entries(panel, name):
    box = panel.find(name)
    return [box.itemText(i) for i in range(box.count)]


def left_behind(tmp_path):
    return [path.name for path in (tmp_path / "temporary").glob("dsanet-fine-tuning-*")]


def models(tmp_path):
    folder = tmp_path / "models é"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def cancel(panel, tmp_path):
    """Start a long fine-tuning and cancel it in the middle."""
    panel.context.parameters.fineTuneSamples = 100000
    panel.press("fineTuneButton")
    wait(panel, until=lambda: "s left" in panel.find("fineTuneProgressBar").format)
    assert "of 25000" in panel.find("fineTuneProgressBar").format
    began = time.monotonic()
    panel.press("fineTuneCancelButton")
    wait(panel)
    assert time.monotonic() - began < 1.0
    assert "cancelled; no model was made" in panel.status
    assert (models(tmp_path), left_behind(tmp_path)) == ([], [])
    panel.context.parameters.fineTuneSamples = 8


def test_cancelled_it_leaves_nothing_and_started_again_it_makes_a_model_that_is_offered(ready, tmp_path):
    from DSANetLib.models import load_model, read_card

    cancel(ready, tmp_path)
    before = ready.context.parameters.model
    ready.press("fineTuneButton")
    assert "go on working" in ready.status
    assert not ready.find("fineTuneButton").enabled
    assert ready.find("loadFileButton").enabled
    assert not ready.context.jobs.busy
    wait(ready, until=lambda: "Fine-tuning: 2 of 2" in ready.find("fineTuneProgressBar").format)
    assert ready.context.jobs.isBusy(LANE), ready.status
    wait(ready)
    assert models(tmp_path) == ["ffs-phantom-tuned"]
    package = tmp_path / "models é" / "ffs-phantom-tuned"
    card = read_card(package)
    load_model(package)
    assert card.training["from_package"]["name"] == "ffs-phantom"
    assert card.data["held_out"]["patients"] == 1
    said = ready.find("fineTuneLabel").text
    assert "fine-tuned from ffs-phantom on" in said
    assert "of 3 patients, not for diagnosis" in said
    assert " after. " in said
    assert ready.status == said
    assert ready.context.parameters.model == before
    for box in ("modelComboBox", "fineTuneModelComboBox"):
        assert any(text.startswith("ffs-phantom-tuned (fine-tuned from ffs-phantom on") for text in entries(ready, box))
    assert left_behind(tmp_path) == []
    assert ready.find("fineTuneButton").enabled


def test_a_killed_worker_is_a_sentence(ready, tmp_path):
    ready.press("fineTuneButton")
    os.kill(ready.context.logic.client(LANE).pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    wait(ready)
    assert "ended unexpectedly" in ready.status
    assert (models(tmp_path), left_behind(tmp_path)) == ([], [])


def test_a_refusal_of_the_packages_leaves_a_usable_panel(ready, tmp_path, monkeypatch):
    import standins
    from DSANetModuleLib import packages

    there = packages._satisfied
    monkeypatch.setattr(packages, "_satisfied", lambda wanted: wanted.name != "torch" and there(wanted))
    monkeypatch.setattr(packages, "_installed", dict)
    monkeypatch.setattr("slicer.app.testingEnabled", lambda: False, raising=False)
    asked = []
    monkeypatch.setattr("slicer.util.confirmOkCancelDisplay", lambda text, **_: bool(asked.append(text)), raising=False)
    ready.press("fineTuneButton")
    assert len(asked) == 1
    assert "torch" in asked[0]
    assert "torch are not installed. Press Work list > Fine-tune to be asked again" in ready.status
    assert not ready.context.jobs.isBusy(LANE)
    assert ready.find("fineTuneButton").enabled
    assert left_behind(tmp_path) == []
    assert standins.dialogs == []


@pytest.mark.parametrize(
    ("name", "word"),
    [("Mine!", "no name for a model"), ("unet-phantom", "there already"), ("ffs-phantom", "there already")],
)
def test_a_name_that_cannot_be_is_said_before_hours_are_spent(ready, tmp_path, name, word):
    ready.find("fineTuneNameEdit").text = name
    ready.press("fineTuneButton")
    assert word in ready.status
    assert not ready.context.jobs.isBusy(LANE)
    assert left_behind(tmp_path) == []


def test_a_models_folder_that_cannot_be_written_to_is_said_first(ready, tmp_path):
    from disks import read_only

    (tmp_path / "models é").mkdir()
    with read_only(tmp_path / "models é"):
        ready.press("fineTuneButton")
        assert "models é" in ready.status
        assert "cannot be written" in ready.status
    assert not ready.context.jobs.isBusy(LANE)


def test_nothing_corrected_and_too_few_patients_are_sentences(panel, tmp_path):
    from test_correct import ROWS, COLUMNS, make_folder, open_row, paint  # noqa: I001

    from DSANetLib.run import DSARun

    assert not panel.find("fineTuneButton").enabled
    frames = np.random.default_rng(3).integers(0, 255, (8, ROWS, COLUMNS)).astype(np.uint8)
    tumour = np.zeros((ROWS, COLUMNS), np.uint8)
    tumour[5:15, 8:30] = 1
    run = DSARun(frames=frames, case_id="film", times_s=np.arange(8) / 2)
    folder = make_folder(panel, run, tumour, tmp_path)
    panel.press("fineTuneButton")
    wait(panel)
    assert panel.status == "Problem: no frame was edited or accepted. Correct and save some cases first."
    paint(open_row(panel, 0), tumour[::-1])
    panel.press("saveButton")
    panel.press("fineTuneButton")
    wait(panel)
    assert "only 1 patient has corrected runs. Correct runs of 2 patients or more." in panel.status
    assert json.loads((folder / "unsure" / "case.json").read_text())["case"] == "unsure"
    assert (models(tmp_path), left_behind(tmp_path)) == ([], [])
