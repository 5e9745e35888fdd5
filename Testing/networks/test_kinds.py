"""Every kind of segmenter: one call, one seed, the heads that its configuration promises."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from DSANetLib.networks.config import SegmenterConfig, SegmenterKind
from DSANetLib.networks.factory import build_segmenter, parameter_count
from DSANetLib.networks.losses import joint_loss

KINDS = get_args(SegmenterKind)
FRAMES = torch.rand(2, 10, 32, 32, generator=torch.Generator().manual_seed(1))
KEY = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_called_alike_and_says_what_its_configuration_promises(kind):
    config = SegmenterConfig(kind=kind, width=4)
    network = build_segmenter(config, seed=3).eval()
    with torch.no_grad():
        output = network(FRAMES, KEY)
        again = build_segmenter(config, seed=3).eval()(FRAMES, KEY)
        other = build_segmenter(config, seed=4).eval()(FRAMES, KEY)
        reversed_run = network(FRAMES.flip(1), KEY)
    assert output.tumour_logits.shape == KEY.shape
    assert (output.liver_logits is not None) is config.finds_liver
    assert (output.difference is not None) is config.finds_difference
    assert all(part is None or part.shape == KEY.shape for part in output)
    torch.testing.assert_close(output.tumour_logits, again.tumour_logits)
    assert not torch.allclose(output.tumour_logits, other.tumour_logits)
    assert torch.equal(output.tumour_logits, reversed_run.tumour_logits) is not config.sees_run


@pytest.mark.parametrize("kind", KINDS)
def test_one_run_with_several_key_frames_equals_the_run_repeated(kind):
    network = build_segmenter(SegmenterConfig(kind=kind, width=4)).eval()
    with torch.no_grad():
        once, repeated = network(FRAMES[:1], KEY), network(FRAMES[:1].repeat(2, 1, 1, 1), KEY)
    for a, b in zip(once, repeated, strict=True):
        if a is not None:
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_the_joint_loss_trains_every_parameter_of_every_kind(kind):
    network = build_segmenter(SegmenterConfig(kind=kind, width=4)).train()
    joint_loss(network(FRAMES, KEY), KEY > 0.9, KEY > 0.5, KEY).total.backward()
    untrained = [name for name, p in network.named_parameters() if p.grad is None]
    assert untrained == []


@pytest.mark.parametrize("frames", [5, 8, 10, 12, 15])
@pytest.mark.parametrize("kind", ["tdl", "tempo"])
def test_networks_of_the_run_take_as_many_frames_as_they_are_told(kind, frames):
    network = build_segmenter(SegmenterConfig(kind=kind, width=4, frames=frames)).eval()
    with torch.no_grad():
        assert network(torch.rand(1, frames, 32, 32), KEY).tumour_logits.shape == KEY.shape
    with pytest.raises(RuntimeError):
        network(torch.rand(1, frames + 1, 32, 32), KEY)


def test_u2net_of_width_16_is_as_large_as_the_authors_small_one():
    assert round(parameter_count(build_segmenter(SegmenterConfig(kind="u2net", width=16))) / 1e6, 2) == 1.13


def test_u2net_takes_sides_that_do_not_halve_evenly():
    network = build_segmenter(SegmenterConfig(kind="u2net", width=4)).eval()
    with torch.no_grad():
        assert network(None, torch.rand(1, 1, 48, 80)).tumour_logits.shape == (1, 1, 48, 80)
