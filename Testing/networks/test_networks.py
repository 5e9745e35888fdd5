"""Configurations, forward passes and losses: what each setting promises."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from DSANetLib.networks.config import LossConfig, ResponseConfig, SegmenterConfig
from DSANetLib.networks.factory import build_response, build_segmenter, parameter_count
from DSANetLib.networks.losses import dice_loss, joint_loss, mask_loss

FRAMES = torch.rand(2, 10, 32, 32, generator=torch.Generator().manual_seed(1))
KEY = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    "config",
    [
        SegmenterConfig(),
        SegmenterConfig.paper(),
        SegmenterConfig(kind="unet", width=8),
        ResponseConfig(n_clinical=31, dropout=0.3),
        ResponseConfig.paper(),
        LossConfig(tdl=0.2),
        LossConfig.paper(),
    ],
)
def test_a_configuration_comes_back_from_json_unchanged(config):
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: SegmenterConfig(width=0), "width"),
        (lambda: SegmenterConfig(width=True), "width"),
        (lambda: SegmenterConfig(kind="transformer"), "u2net or tempo"),
        (lambda: SegmenterConfig(handover="mask"), "probability or logits"),
        (lambda: SegmenterConfig.from_dict({"depth": 3}), "depth"),
        (lambda: ResponseConfig(), "n_clinical"),
        (lambda: ResponseConfig(image=False, clinical=False), "see nothing"),
        (lambda: ResponseConfig(n_clinical=4, dropout=1.0), "dropout"),
        (lambda: ResponseConfig(n_clinical=4, fusion="vote"), "features or decision"),
        (lambda: LossConfig(bce_share=1.5), "bce_share"),
        (lambda: LossConfig(tdl=-1.0), "negative"),
    ],
)
def test_an_impossible_configuration_is_refused_by_name(build, word):
    with pytest.raises(ValueError, match=word):
        build()


def test_one_run_with_several_key_frames_equals_the_run_repeated():
    segmenter = build_segmenter(SegmenterConfig(width=4)).eval()
    with torch.no_grad():
        once = segmenter(FRAMES[:1], KEY)
        repeated = segmenter(FRAMES[:1].repeat(2, 1, 1, 1), KEY)
    for a, b in zip(once, repeated, strict=True):
        assert a.shape == (2, 1, 32, 32)
        torch.testing.assert_close(a, b)


def test_handover_setting_changes_what_ffs_sees_and_nothing_else():
    outputs = {}
    for handover in ("probability", "logits"):
        segmenter = build_segmenter(SegmenterConfig(width=4, handover=handover), seed=3).eval()
        with torch.no_grad():
            outputs[handover] = segmenter(FRAMES, KEY)
    torch.testing.assert_close(outputs["probability"].liver_logits, outputs["logits"].liver_logits)
    assert not torch.allclose(outputs["probability"].tumour_logits, outputs["logits"].tumour_logits)


def test_key_frame_unet_ignores_the_other_frames():
    network = build_segmenter(SegmenterConfig(kind="unet", width=4)).eval()
    with torch.no_grad():
        a, b = network(FRAMES, KEY), network(None, KEY)
    torch.testing.assert_close(a.tumour_logits, b.tumour_logits)
    assert a.liver_logits is None and a.difference is None


def test_seed_fixes_the_weights_and_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    networks = [build_segmenter(SegmenterConfig(width=4), seed) for seed in (5, 5, 6)]
    build_response(ResponseConfig(width=4, n_clinical=3), seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [n.tdl.outc.weight for n in networks]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_joint_mode_freezes_the_batch_statistics_of_tdl_and_lrs_only():
    segmenter = build_segmenter(SegmenterConfig(width=4)).train_joint()
    before = {k: v.clone() for k, v in segmenter.state_dict().items()}
    segmenter(FRAMES, KEY)
    moved = {k.split(".")[0] for k, v in segmenter.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"ffs"}


def test_forward_and_loss_run_under_autocast_and_the_loss_is_float32():
    segmenter = build_segmenter(SegmenterConfig(width=4)).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        output = segmenter(FRAMES, KEY)
        assert output.tumour_logits.dtype == torch.bfloat16
        loss = joint_loss(output, KEY > 0.9, KEY > 0.5, KEY)
    loss.total.backward()
    assert all(part.dtype == torch.float32 and torch.isfinite(part) for part in loss)
    assert all(torch.isfinite(p.grad).all() for p in segmenter.parameters())


def test_mask_losses_reward_the_right_mask_and_weigh_as_told():
    mask = (KEY > 0.7).float()
    right, wrong = 20 * mask - 10, 10 - 20 * mask
    assert dice_loss(right, mask) < 0.01 < 0.9 < dice_loss(wrong, mask)
    assert dice_loss(torch.full_like(mask, -50), torch.zeros_like(mask)) == pytest.approx(0.0, abs=1e-5)
    bce_only, dice_only = (mask_loss(KEY, mask, LossConfig(bce_share=share)) for share in (1.0, 0.0))
    assert mask_loss(KEY, mask).item() == pytest.approx((bce_only.item() + dice_only.item()) / 2, rel=1e-6)


def test_joint_loss_of_the_baseline_is_its_mask_loss_and_missing_truth_is_refused():
    baseline = build_segmenter(SegmenterConfig(kind="unet", width=4))
    output = baseline(None, KEY)
    loss = joint_loss(output, KEY > 0.5)
    assert loss.total is loss.seg and loss.lrs is None and loss.tdl is None
    full = build_segmenter(SegmenterConfig(width=4))(FRAMES, KEY)
    with pytest.raises(ValueError, match="liver"):
        joint_loss(full, KEY > 0.5)
    with pytest.raises(ValueError, match="difference"):
        joint_loss(full, KEY > 0.5, KEY > 0.5)


@pytest.mark.parametrize("fusion", ["features", "decision"])
@pytest.mark.parametrize(("image", "clinical"), [(True, True), (True, False), (False, True)])
def test_response_network_uses_exactly_the_inputs_it_has(fusion, image, clinical):
    config = ResponseConfig(
        width=4, fusion=fusion, image=image, clinical=clinical, n_clinical=6, hidden=8, image_outputs=10
    )
    network = build_response(config).eval()
    images, tables = FRAMES[:, :3], torch.arange(12.0).reshape(2, 6) / 12
    with torch.no_grad():
        out = network(images if image else None, tables if clinical else None)
        changed_image = network(images.flip(-1), tables)
        changed_table = network(images, tables.flip(-1))
    assert out.shape == (2, 2)
    assert torch.allclose(out, changed_image) is not image
    assert torch.allclose(out, changed_table) is not clinical
    if image != clinical:
        missing = (None, tables) if image else (images, None)
        with pytest.raises(ValueError, match="needs its"):
            network(*missing)


def test_features_fusion_joins_512_and_128_features_at_full_width():
    network = build_response(ResponseConfig(width=64, n_clinical=20))
    assert network.fusion.in_features == 512 + 128
    assert network.image.decision is None and network.table.decision is None


def test_paper_preset_starts_from_the_published_distribution():
    network = build_response(ResponseConfig.paper())
    assert network.table.up.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert (network.fusion.bias == 0.1).all() and (network.table.decision.bias == 0.1).all()
    xavier = (2 / 1001) ** 0.5
    assert network.image.decision.weight.std().item() == pytest.approx(xavier, rel=0.1)
    assert network.image.dropout.p == 0.2 and network.table.dropout.p == 0.0


def test_dropout_acts_in_training_only():
    network = build_response(ResponseConfig(width=4, n_clinical=6, image=False, dropout=0.5))
    table = torch.rand(4, 6, generator=torch.Generator().manual_seed(3))
    network.eval()
    assert torch.equal(network(None, table), network(None, table))
    network.train()
    network.table.norm.eval()
    assert not torch.equal(network(None, table), network(None, table))


def test_narrow_networks_are_sixteen_times_smaller():
    narrow, full = (parameter_count(build_segmenter(SegmenterConfig(width=w)).lrs) for w in (16, 64))
    assert narrow == pytest.approx(full / 16, rel=0.01)


def test_configurations_load_without_torch():
    code = "import sys, DSANetLib.networks.config; sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
