"""With the published parameters the ``paper`` preset computes what the authors' published code computes."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.networks.nets import BasicUNet

from DSANetLib.networks.config import LossConfig, ResponseConfig, SegmenterConfig
from DSANetLib.networks.factory import build_response, build_segmenter, parameter_count
from DSANetLib.networks.losses import joint_loss
from DSANetLib.networks.segmenter import Segmenter, UNet

DATA = Path(__file__).parents[1] / "data"
PUBLISHED = json.loads((DATA / "authors_code.json").read_text())
ARRAYS = np.load(DATA / "authors_code.npz")
TOLERANCE = 1e-4


def fill(network: torch.nn.Module, reference: dict) -> None:
    """Fill parameters by their place in the state, as ../shared/reference/README.md says."""
    ours = [name for name, value in network.state_dict().items() if value.is_floating_point()]
    assert len(ours) == len(reference["state"])
    state = network.state_dict()
    for name, (i, published, shape) in zip(ours, reference["state"], strict=True):
        assert list(state[name].shape) == shape, f"{name} is not {published}"
        z = np.random.RandomState(1000 * reference["seed"] + i).standard_normal(shape).astype(np.float32)
        if name.endswith("running_var"):
            z = 1 + 0.1 * np.abs(z)
        elif name.endswith("weight") and z.ndim == 1:
            z = 1 + 0.1 * z
        elif z.ndim == 1:
            z = 0.1 * z
        else:
            # Both factors in float32: rounded once later, the weights differ in their last bit and gradients by 1e-3.
            z = z * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        state[name] = torch.from_numpy(z.astype(np.float32))
    network.load_state_dict(state)


@lru_cache(maxsize=1)
def paper_segmenter() -> Segmenter:
    segmenter = build_segmenter(SegmenterConfig.paper())
    for part in ("TDL", "LRS", "FFS"):
        fill(getattr(segmenter, part.lower()), PUBLISHED[part])
    return segmenter


def random_images(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    source = np.random.RandomState(seed)
    return [source.random_sample(shape) for shape in shapes]


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


def test_each_segmenter_unet_has_the_published_parameters_and_order():
    segmenter = paper_segmenter()  # fill() compares every shape in order
    for part in ("TDL", "LRS", "FFS"):
        assert parameter_count(getattr(segmenter, part.lower())) == PUBLISHED[part]["parameters"]
    assert round(parameter_count(segmenter.tdl) / 1e6, 2) == 17.27
    assert round(parameter_count(segmenter) / 1e6, 1) == 51.8


def test_segmenter_gives_the_published_outputs():
    frames, key = (
        as_tensor(random_images(s, shape)[0]) for s, shape in ((7, (1, 10, 256, 256)), (8, (1, 1, 256, 256)))
    )
    segmenter = paper_segmenter().eval()
    with torch.no_grad():
        tumour, liver, difference = segmenter(frames, key)
    for part, out in (("TDL", difference), ("LRS", liver), ("FFS", tumour)):
        out = out.numpy()[0, 0]
        np.testing.assert_allclose(out[::8, ::8], ARRAYS[f"forward_{part}"], rtol=TOLERANCE, atol=TOLERANCE)
        for name, value in PUBLISHED[part]["output"].items():
            assert getattr(out, name)() == pytest.approx(value, rel=TOLERANCE)


def joint_loss_and_gradients(dtype: torch.dtype) -> tuple[dict[str, float], dict[str, float]]:
    images = random_images(9, (2, 10, 64, 64), *[(2, 1, 64, 64)] * 4)
    frames, key, difference = (as_tensor(image).to(dtype) for image in images[:3])
    liver, tumour = as_tensor(images[3] > 0.6), as_tensor(images[4] > 0.9)
    segmenter = paper_segmenter().to(dtype).train_joint()
    segmenter.zero_grad()
    loss = joint_loss(segmenter(frames, key), tumour, liver, difference, LossConfig.paper())
    loss.total.backward()
    norms = {}
    for part in ("TDL", "LRS", "FFS"):
        gradients = [p.grad.double() for p in getattr(segmenter, part.lower()).parameters()]
        norms[part] = float(sum((g**2).sum() for g in gradients)) ** 0.5
    segmenter.zero_grad()
    segmenter.float()
    fill(segmenter.ffs, PUBLISHED["FFS"])  # training mode moved the batch statistics
    losses = {"L_TDL": loss.tdl, "L_LRS": loss.lrs, "L_seg": loss.seg, "total": loss.total}
    return {name: value.item() for name, value in losses.items()}, norms


def test_joint_loss_is_the_published_one():
    losses, _ = joint_loss_and_gradients(torch.float32)
    for name, value in losses.items():
        assert value == pytest.approx(PUBLISHED["joint_loss"][name], rel=TOLERANCE)


def test_gradient_norms_are_the_published_ones(monkeypatch):
    """Without oneDNN, whose order of sums changes with instruction set and threads (docs/networks.md has the figures).

    A rounding flips ReLUs and pooling maxima, and each flip moves the norm: on a machine that rounds in another order
    than the reference's, the authors' own classes in float32 are off by up to 1.4e-3 as well.
    """
    rounds_alike = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    _, norms = joint_loss_and_gradients(torch.float32)
    for part, norm in PUBLISHED["joint_loss"]["gradient_norm"].items():
        assert norms[part] == pytest.approx(norm, rel=TOLERANCE if rounds_alike else 2e-3)


def test_gradient_norms_are_those_of_the_published_classes_in_float64():
    """On any machine: the authors' classes, unchanged but cast to float64, with the same parameters and images."""
    authors = {"TDL": 1.2724008982, "LRS": 7.2950161995, "FFS": 0.8987506874}
    assert joint_loss_and_gradients(torch.float64)[1] == pytest.approx(authors, rel=1e-6)


def test_response_network_gives_the_published_outputs():
    network = build_response(ResponseConfig.paper(n_clinical=50)).eval()
    for part, name in (("image", "image_branch"), ("table", "table_branch"), ("fusion", "fusion")):
        fill(getattr(network, part), PUBLISHED[name])
    assert parameter_count(network.image) == PUBLISHED["image_branch"]["parameters"]
    image = as_tensor(random_images(11, (2, 3, 256, 256))[0])
    table = as_tensor(random_images(12, (2, 50))[0])
    with torch.no_grad():
        ours = {
            "image_branch_1000": network.image.resnet(image),
            "image_branch": network.image(image),
            "table_branch_hidden": network.table.features(table),
            "table_branch": network.table(table),
            "fusion": network(image, table),
        }
    for name, value in ours.items():
        published = ARRAYS[name] if name in ARRAYS else PUBLISHED[name]["output"]
        np.testing.assert_allclose(value.numpy(), published, rtol=TOLERANCE, atol=TOLERANCE)


def test_monai_basic_unet_is_not_the_papers_unet():
    """Why UNet is ours: MONAI's adds 1x1 convolutions where the paper upsamples alone."""
    monai = BasicUNet(2, 1, 1, features=(64, 128, 256, 512, 512, 64), act="relu", norm="batch", upsample="nontrainable")
    assert parameter_count(monai) != parameter_count(UNet(1, 1, 64))
