"""Models stay loaded, and a device that fails gives way to the CPU."""

from __future__ import annotations

import os

import pytest

from DSANetLib.errors import ModelError
from DSANetLib.models import keeper
from DSANetLib.models.keeper import ModelChoice, ModelKeeper


class Model:
    """Stands for a model on a device that this machine does not have; it cannot compute."""

    def __init__(self, device):
        self.runtime = f"torch 2 ({device})"


@pytest.fixture
def loads(monkeypatch, tmp_path):
    """Every load, by device; a package named for what its device does."""
    (tmp_path / "card.json").write_text("{}")
    done = []

    def load(package, *, runtime, device, threads):
        done.append(device)
        if device == "cuda:7":
            raise ModelError("there is no device cuda:7", "Use cpu")
        return Model("cpu" if device in ("auto", "cpu") else device)

    monkeypatch.setattr(keeper, "load_model", load)
    monkeypatch.setattr(keeper, "find_package", lambda _name: tmp_path)
    return done


def _work(model):
    if "cuda" in model.runtime:
        raise RuntimeError("CUDA error: out of memory\nmore lines")
    return model.runtime


def test_a_model_is_loaded_once_until_its_package_changes(loads, tmp_path):
    kept = ModelKeeper()
    for _ in range(3):
        assert kept.use(ModelChoice("any"), _work) == ("torch 2 (cpu)", None)
    assert loads == ["auto"]
    (tmp_path / "card.json").touch()
    os.utime(tmp_path / "card.json", (1, 1))
    kept.use(ModelChoice("any"), _work)
    assert loads == ["auto", "auto"]


@pytest.mark.parametrize(
    ("device", "reason"), [("cuda:0", "CUDA error: out of memory"), ("cuda:7", "there is no device cuda:7. Use cpu")]
)
def test_a_device_that_fails_gives_way_to_the_cpu_and_says_so(loads, device, reason):
    runtime, note = ModelKeeper().use(ModelChoice("any", device=device), _work)
    assert runtime == "torch 2 (cpu)"
    assert note == f"Computed on the CPU, as the device failed: {reason}"
    assert loads == [device, "cpu"]


def test_what_fails_on_the_cpu_is_not_tried_twice(loads):
    def fail(model):
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        ModelKeeper().use(ModelChoice("any"), fail)
    assert loads == ["auto"]
