"""The settings of a training: what they fix, what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from DSANetLib.errors import DependencyError, TrainingError
from DSANetLib.phantom import PhantomConfig
from DSANetLib.phantom.config import TEST
from DSANetLib.preparation import PreparationConfig
from DSANetLib.training import CohortConfig, default_config, train
from DSANetLib.training.variation import AugmentationConfig


def test_importing_training_loads_no_torch():
    code = "import sys, DSANetLib.training as t; t.default_config('ffs', 'x'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_patient_serves_two_purposes():
    segmenter, response = default_config("ffs", "x"), default_config("response", "x")
    groups = [
        segmenter.training_seeds,
        segmenter.validation_seeds,
        response.training_seeds,
        range(TEST, TEST + 100_000),
    ]
    everyone = [seed for group in groups for seed in group]
    assert len(everyone) == len(set(everyone))
    assert segmenter.training_seeds.start == 1_000_000
    assert response.training_seeds.start == 2_000_000
    assert response.validation_seeds.start == 5_000_000
    assert default_config("ffs", "x", first_patient=7, patients=3).training_seeds == range(7, 10)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"model": "vnet"}, "vnet"),
        ({"precision": "fp8"}, "bf16"),
        ({"patients": 0}, "patients"),
        ({"samples": 3}, "batch"),
        ({"minutes": 0.0}, "minutes"),
        ({"lr": -1.0}, "lr is -1"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"cohort": CohortConfig("x", preparation=PreparationConfig(size=50))}, "Give a multiple of 16, as 48"),
        ({"alone": 0.3}, "samples"),
        ({"model": "response-film", "segmenter": None}, "segmenter"),
    ],
)
def test_an_impossible_setting_is_refused_by_name(changes, word):
    with pytest.raises(TrainingError, match=word):
        replace(default_config("ffs", "x"), **changes)


def test_settings_are_json_and_name_no_folder_of_this_machine():
    config = default_config("response", "/home/somebody/cache")
    text = json.dumps(config.to_dict())
    assert "somebody" not in text
    assert json.loads(text)["preparation"]["size"] == 128


def test_each_phantom_and_preparation_has_a_folder_of_its_own():
    one = CohortConfig("a")
    assert one.key == CohortConfig("b", workers=5).key
    assert one.key != CohortConfig("a", PhantomConfig(rows=256)).key


def test_no_augmentation_means_none():
    assert set(vars(AugmentationConfig.none()).values()) == {0.0}


def test_without_torch_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r"dsanet\[train\]"):
        train(default_config("ffs", "x"), tmp_path / "out")
