"""Lesions laid in: contrast and mask move together, a lesion keeps its shape, what does not stand out is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.training import AugmentationConfig
from DSANetLib.training.augment import augmented_sample
from DSANetLib.training.transplant import WIDEST, cut_out, lay_in

SIZE = 64
LEFT = np.zeros((SIZE, SIZE), np.float32)
LEFT[10:50, 4:40] = 1
LESION = np.zeros((SIZE, SIZE), np.float32)
LESION[12:36, 10:14] = 1
LESION[31:36, 14:24] = 1  # an L: neither turned nor mirrored it is itself


def contrast(stain=60.0, liver=20.0, frames=4):
    """Frames in which the lesion washes in and out over a liver of even contrast."""
    course = np.array([0.2, 1.0, 0.6, 0.1], np.float32)[:frames]
    return liver * LEFT + (stain * course)[:, None, None] * LESION


def graft(stain=60.0, liver=20.0):
    frames = contrast(stain, liver)
    return cut_out(frames, frames[1], LESION, LEFT, np.random.default_rng(0))


def test_a_lesion_is_what_it_holds_more_than_the_liver_around_it():
    found = graft()
    inside = LESION > 0
    assert found.around == pytest.approx(20.0)
    np.testing.assert_array_equal(found.mask, LESION)
    np.testing.assert_allclose(found.key[20:27, 11:13], 60.0, atol=0.5)
    np.testing.assert_allclose(found.frames[:, 25, 12], [12, 60, 36, 6], atol=0.5)
    far = np.ones_like(inside)
    far[6:42, 4:32] = False
    assert np.abs(found.frames[:, far]).max() < 0.01


@pytest.mark.parametrize("stain", [-15.0, 0.0])
def test_a_lesion_that_does_not_stand_out_is_left(stain):
    noisy = contrast(stain) + np.random.default_rng(1).normal(0, 5, (4, SIZE, SIZE)).astype(np.float32)
    assert cut_out(noisy, noisy[1], LESION, LEFT, np.random.default_rng(0)) is None


def test_specks_and_runs_without_tumour_give_nothing():
    speck = np.zeros_like(LESION)
    speck[20, 20:23] = 1
    frames = contrast()
    for tumour in (np.zeros_like(LESION), speck):
        assert cut_out(frames, frames[1], tumour, LEFT, np.random.default_rng(0)) is None


def test_one_of_several_lesions_is_taken_whole_and_alone():
    both = LESION.copy()
    both[40:46, 30:36] = 1
    frames = contrast() + 60 * (both - LESION)
    found = {int(cut_out(frames, frames[1], both, LEFT, np.random.default_rng(i)).mask.sum()) for i in range(12)}
    assert found == {int(LESION.sum()), 36}


def test_contrast_and_mask_land_together_in_the_free_liver_and_keep_shape_and_hand():
    theirs = np.zeros((SIZE, SIZE), np.float32)
    theirs[8:40, 20:60] = 1
    taken = np.zeros_like(theirs)
    taken[8:40, 20:40] = 1
    one = graft()
    area = LESION.sum()
    for i in range(30):
        moved = lay_in(one, 20.0, theirs, taken, np.random.default_rng(i))
        rows, columns = np.nonzero(moved.mask >= 0.5)
        if min(rows.min(), columns.min()) == 0 or max(rows.max(), columns.max()) == SIZE - 1:
            continue  # cut by the edge of the picture
        middle = np.average(np.indices((SIZE, SIZE)).reshape(2, -1), axis=1, weights=moved.mask.ravel())
        row, column = np.round(middle).astype(int)
        assert theirs[row, column] > taken[row, column]
        assert moved.mask.sum() == pytest.approx(area, rel=0.02)
        stained = moved.key > 30
        assert 2 * (stained & (moved.mask >= 0.5)).sum() / (stained.sum() + (moved.mask >= 0.5).sum()) > 0.9
        assert _overlap(LESION, moved.mask) > 0.9 > 0.7 > _overlap(LESION[:, ::-1].copy(), moved.mask)


def _overlap(one, other):
    """Return the best Dice of two masks, centred, over all turns of the first."""
    import cv2

    def turned(mask, angle):
        rows, columns = np.nonzero(mask >= 0.5)
        matrix = cv2.getRotationMatrix2D((columns.mean(), rows.mean()), angle, 1)
        matrix[:, 2] += SIZE / 2 - np.array([columns.mean(), rows.mean()])
        return cv2.warpAffine(mask, matrix, (SIZE, SIZE)) >= 0.5

    theirs = turned(other, 0)
    every = (turned(one, angle) for angle in range(0, 360, 5))
    return max(2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()) for mine in every)


def test_contrast_is_scaled_to_the_liver_it_comes_to_within_limits():
    one = graft()
    for around, factor in ((20.0, 1.0), (30.0, 1.5), (1.0, 1 / WIDEST), (500.0, WIDEST), (0.0, 1.0)):
        same = lay_in(one, 20.0, LEFT, np.zeros_like(LEFT), np.random.default_rng(5))
        other = lay_in(one, around, LEFT, np.zeros_like(LEFT), np.random.default_rng(5))
        np.testing.assert_allclose(other.frames, factor * same.frames, atol=1e-3)
        np.testing.assert_array_equal(other.mask, same.mask)


def test_a_liver_without_a_free_place_takes_none():
    assert lay_in(graft(), 20.0, LEFT, LEFT, np.random.default_rng(0)) is None


def test_samples_with_transplants_show_more_tumour_and_repeat(patients, cohort):
    runs = [run for patient in patients for run in patient.runs]
    some = replace(AugmentationConfig.none(), transplant=1.0)
    more = 0
    for i, run in enumerate(runs):
        plain = augmented_sample(run, cohort.preparation, AugmentationConfig.none(), np.random.default_rng(i), runs)
        first, again = (
            augmented_sample(run, cohort.preparation, some, np.random.default_rng(i), runs) for _ in range(2)
        )
        np.testing.assert_array_equal(first.frames, again.frames)
        np.testing.assert_array_equal(first.tumour, again.tumour)
        np.testing.assert_array_equal(first.liver, plain.liver)
        assert (first.tumour >= plain.tumour - 1e-6).all()
        more += first.tumour.sum() > plain.tumour.sum() + 1
    assert more >= 2


def test_without_the_setting_a_sample_is_bit_equal_whoever_could_give(patients, cohort):
    runs = [run for patient in patients for run in patient.runs]
    for i, run in enumerate(runs[:4]):
        alone = augmented_sample(run, cohort.preparation, AugmentationConfig(), np.random.default_rng(i))
        among = augmented_sample(run, cohort.preparation, AugmentationConfig(), np.random.default_rng(i), runs)
        for name in ("frames", "key", "difference", "liver", "tumour"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(among, name))
