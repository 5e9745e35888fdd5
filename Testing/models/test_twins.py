"""The exported twin says what torch says, from the same weights, whatever the batch or the threads."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from DSANetLib.models import list_packages, load_model
from DSANetLib.models.card import ModelCard
from DSANetLib.networks.config import SegmenterConfig
from DSANetLib.preparation.config import PreparationConfig

from .conftest import SIZE, make_cards, trained

KINDS = ("tdl", "lrs", "unetpp", "attention-unet", "u2net", "tempo")
SEGMENTERS = ("ffs-small", "logits-small", "unet-small", *(f"{kind}-small" for kind in KINDS))
RESPONDERS = ("response-small", "film-small", "clinical-small", "decision-small")
SHIPPED = [package.name for package in list_packages()]
TOLERANCE = 1e-4


def images(count: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    return random.random((10, size, size)), random.random((count, size, size)), random.random((count, 3, size, size))


def clinical(card: ModelCard, count: int) -> np.ndarray | None:
    return np.random.default_rng(5).normal(size=(count, card.network.n_clinical)) if card.needs_clinical else None


def assert_runtimes_agree(name: str, folder=None, count: int = 3) -> None:
    twin, torch = (load_model(name, runtime=r, folder=folder) for r in ("onnx", "torch"))
    assert twin.runtime.startswith("onnxruntime") and torch.runtime.startswith("torch")
    frames, keys, film = images(count, twin.card.preparation.size)
    if twin.card.task == "response":
        values = clinical(twin.card, count)
        ours, theirs = twin.predict(film, values), torch.predict(film, values)
        assert ours.shape == (count,) and ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)
        return
    ours, theirs = twin.segment(frames, keys), torch.segment(frames, keys)
    network = twin.card.network
    found = {"tumour": True, "liver": network.finds_liver, "difference": network.finds_difference}
    for part, there in found.items():
        if there:
            np.testing.assert_allclose(getattr(ours, part), getattr(theirs, part), atol=TOLERANCE, rtol=0)
        else:
            assert getattr(ours, part) is None and getattr(theirs, part) is None


@pytest.mark.parametrize("name", SEGMENTERS + RESPONDERS)
def test_twin_equals_torch(written_packages, name):
    assert_runtimes_agree(name, written_packages)


@pytest.mark.parametrize("name", SHIPPED or ["none"])
def test_shipped_twin_equals_torch_and_package_is_small(name):
    if not SHIPPED:
        pytest.skip("no packages are in Resources/Models yet")
    pytest.importorskip("torch", reason="the comparison needs dsanet[train]")
    assert_runtimes_agree(name)
    package = next(p for p in list_packages() if p.name == name)
    assert package.size_mb <= 10
    assert package.folder.name == name
    card = load_model(name).card
    assert "phantom" in card.warning and "esearch" in card.intended_use and card.metrics and card.seeds


@pytest.mark.parametrize("name", ["ffs-small", "response-small"])
def test_twin_does_not_depend_on_batch_or_threads(written_packages, name):
    frames, keys, film = images(3)
    outputs = []
    for threads in (1, 2, 3):
        model = load_model(name, runtime="onnx", folder=written_packages, threads=threads)
        values = clinical(model.card, 3)
        if model.card.task == "segmentation":
            outputs.append(model.segment(frames, keys).tumour)
            outputs.append(np.concatenate([model.segment(frames, keys[i : i + 1]).tumour for i in range(3)]))
        else:
            outputs.append(model.logits(film, values))
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_segmenter_sees_frames_in_their_order_and_each_key_by_itself(written_packages):
    model = load_model("ffs-small", folder=written_packages)
    frames, keys, _ = images(2)
    maps = model.segment(frames, keys)
    assert maps.tumour.shape == maps.liver.shape == (2, SIZE, SIZE) and maps.difference.shape == (SIZE, SIZE)
    assert maps.tumour.min() >= 0 and maps.tumour.max() <= 1
    assert np.abs(maps.difference - model.segment(frames[::-1], keys).difference).max() > 1e-3
    np.testing.assert_array_equal(model.segment(frames, keys[::-1]).tumour, maps.tumour[::-1])


def test_torch_runtime_leaves_the_process_its_threads(written_packages):
    import torch

    before = torch.get_num_threads()
    model = load_model("unet-small", runtime="torch", folder=written_packages, threads=before + 1)
    model.segment(*images(1)[:2])
    assert torch.get_num_threads() == before


def test_twin_holds_no_weights_of_its_own(written_packages):
    import onnx

    folder = written_packages / "ffs-small"
    model = onnx.load(folder / "twin.onnx", load_external_data=False)
    weights = (folder / "weights.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", weights[:8])
    stored = json.loads(weights[8 : 8 + length])
    external = [t for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    assert len(external) == len([name for name in stored if name != "__metadata__"])
    assert all(entry["dtype"] == "F16" for name, entry in stored.items() if name != "__metadata__")
    assert sum(len(t.raw_data) for t in model.graph.initializer) < 1000
    onnx.checker.check_model(str(folder / "twin.onnx"))


def test_weights_that_fp16_cannot_hold_are_refused_and_nothing_is_left(tmp_path):
    import torch

    from DSANetLib.errors import ModelError
    from DSANetLib.models.export import export_package

    card = make_cards()[2]
    network = trained(card)
    with torch.no_grad():
        network.unet.outc.bias.fill_(1e6)
    with pytest.raises(ModelError, match="fp16"):
        export_package(tmp_path / card.name, card, network)
    assert not list(tmp_path.iterdir())


def test_export_refuses_a_twin_that_differs(tmp_path, monkeypatch):
    from DSANetLib.errors import ModelError
    from DSANetLib.models import export

    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    card = make_cards()[2]
    with pytest.raises(ModelError, match="differ"):
        export.export_package(tmp_path / card.name, card, trained(card))
    assert not list(tmp_path.iterdir())


def test_export_leaves_the_trained_network_as_it_is(tmp_path):
    import torch

    from DSANetLib.models.export import export_package

    card = make_cards()[2]
    network = trained(card).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    export_package(tmp_path / card.name, card, network)
    assert network.training
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_paper_sized_segmenter_needs_no_other_code():
    """The full-width package is not committed; its card is the same kind of card."""
    card = ModelCard("paper", SegmenterConfig.paper(), PreparationConfig.paper(), tumour_threshold=0.2)
    assert ModelCard.from_dict(card.to_dict()) == card
