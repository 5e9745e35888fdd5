"""Samples: those of inference where nothing is varied, and masks that stay on their tumours where much is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.preparation import network_inputs
from DSANetLib.training import AugmentationConfig
from DSANetLib.training.augment import augmented_sample, choose_key, choose_timing, plain_sample

NAMES = ("frames", "key", "difference", "liver", "tumour")
STRONG = AugmentationConfig(
    stretch=0.5, thin=0.5, drop=0.9, cut=0.9, arrival=0.9, rotation_deg=10, scale=0.2, shift=0.1, border=0.5
)


@pytest.fixture(scope="module")
def runs(patients):
    return [run for patient in patients for run in patient.runs]


def test_a_plain_sample_is_what_inference_sees(runs, cohort):
    for run in runs[:4]:
        ours = plain_sample(run, run.picked, cohort.preparation)
        theirs = network_inputs(run.as_prepared(cohort.preparation))
        for name in ("frames", "key", "difference"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-4)


def test_without_augmentation_a_sample_is_the_plain_one(runs, cohort):
    for i, run in enumerate(runs[:4]):
        rng = np.random.default_rng(i)
        ours = augmented_sample(run, cohort.preparation, AugmentationConfig.none(), rng)
        theirs = plain_sample(run, run.key, cohort.preparation)
        for name in NAMES:
            shown = run.visible if name in ("liver", "tumour") else np.ones_like(run.visible)
            np.testing.assert_allclose(getattr(ours, name)[..., shown], getattr(theirs, name)[..., shown], atol=2e-3)


def test_the_same_generator_state_gives_the_same_sample_and_another_does_not(runs, cohort):
    make = [augmented_sample(runs[0], cohort.preparation, STRONG, np.random.default_rng(s)) for s in (3, 3, 4)]
    for name in NAMES:
        np.testing.assert_array_equal(getattr(make[0], name), getattr(make[1], name))
    assert not np.array_equal(make[0].frames, make[2].frames)


def test_samples_have_the_shapes_and_range_that_the_networks_take(runs, cohort):
    for i, run in enumerate(runs):
        sample = augmented_sample(run, cohort.preparation, STRONG, np.random.default_rng(i))
        assert sample.frames.shape == (10, 32, 32)
        for name in NAMES:
            array = getattr(sample, name)
            assert array.shape[-2:] == (32, 32)
            assert array.dtype == np.float32
            assert array.min() >= 0
            assert array.max() <= 1


def test_masks_move_with_the_image_and_left_stays_left(runs, cohort):
    size, rows = 32, np.arange(32)
    disc = ((rows[:, None] - 10) ** 2 + (rows[None] - 9) ** 2 < 36).astype(np.float32)
    run = runs[0]
    stack = np.full(run.stack.shape, 60_000, np.uint16)
    stack[:, disc > 0] = 5_000
    masks = np.repeat((disc * 255).astype(np.uint8)[None], len(run.masked), axis=0)
    made = replace(run, stack=stack, tumour=masks, liver=masks, visible=np.ones((size, size), bool))
    gentle = AugmentationConfig(border=0.0, noise=0.0, rotation_deg=10, scale=0.2, shift=0.1)
    for i in range(20):
        sample = augmented_sample(made, cohort.preparation, gentle, np.random.default_rng(i))
        dark, tumour = sample.key < 0.5, sample.tumour >= 0.5
        assert 2 * (dark & tumour).sum() / (dark.sum() + tumour.sum()) > 0.9
        assert np.argwhere(tumour)[:, 1].mean() < size / 2 + 2


def test_timing_varies_and_keeps_key_frame_order_and_arrival(runs):
    lengths, stretches = set(), set()
    for i in range(60):
        run = runs[i % len(runs)]
        rng = np.random.default_rng(i)
        frame = choose_key(run, STRONG, rng)
        timing = choose_timing(run, frame, STRONG, rng)
        assert frame in run.masked
        assert timing.kept[timing.key] == frame
        assert (np.diff(timing.times) > 0).all()
        assert len(timing.kept) == len(timing.times)
        assert abs(timing.arrival - int(np.searchsorted(timing.kept, run.arrival))) <= 1
        lengths.add(len(timing.kept) / len(run.times))
        stretches.add(round(float(timing.times[-1] / run.times[timing.kept[-1]]), 3))
    assert min(lengths) < 0.7
    assert max(stretches) > 1.2
    assert min(stretches) < 0.85


def test_every_key_frame_there_is_gets_its_turn(runs):
    run = replace(runs[0], key=8, picked=5, picked_in_liver=6, masked=tuple(range(4, 10)))
    rng = np.random.default_rng(0)
    assert {choose_key(run, AugmentationConfig(), rng) for _ in range(300)} == {4, 5, 6, 7, 8, 9}
    assert {choose_key(run, AugmentationConfig.none(), rng) for _ in range(20)} == {8}
    annotated = replace(run, masked=(7, 9))
    assert {choose_key(annotated, AugmentationConfig(), rng) for _ in range(300)} == {7, 9}
