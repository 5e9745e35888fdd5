"""Surface distances are MONAI's, in mm."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import TrainingError
from DSANetLib.evaluation.surfaces import surface_distance


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of several ragged pieces, one of which touches the border."""
    from scipy import ndimage

    generator = np.random.default_rng(seed)
    smooth = [ndimage.gaussian_filter(generator.normal(size=(48, 64)), 3) for _ in range(2)]
    smooth[1] = 0.6 * smooth[0] + 0.4 * smooth[1]
    return tuple(field > np.quantile(field, 0.85) for field in smooth)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.3, 0.8), (1.7, 0.25)])
def test_distances_are_those_of_monai(seed, spacing):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    predicted, true = blobs(seed)
    found = surface_distance(predicted, true, spacing)
    pair = [torch.as_tensor(mask[None, None].astype(np.float32)) for mask in (predicted, true)]
    common = {"include_background": True, "spacing": list(spacing)}
    mean = metrics.compute_average_surface_distance(*pair, symmetric=True, **common).item()
    percentile = metrics.compute_hausdorff_distance(*pair, percentile=95, **common).item()
    # MONAI counts in single precision.
    assert found.mean_mm == pytest.approx(mean, rel=1e-6, abs=1e-6)
    assert found.hausdorff95_mm == pytest.approx(percentile, rel=1e-6, abs=1e-6)


def test_two_pixels_are_as_far_apart_as_the_spacing_says():
    one, other = np.zeros((9, 9)), np.zeros((9, 9))
    one[2, 2], other[5, 6] = 1, 1
    found = surface_distance(one, other, (2.0, 0.5))
    assert found.mean_mm == found.hausdorff95_mm == pytest.approx(np.hypot(6.0, 2.0))
    assert surface_distance(one, one, (2.0, 0.5)).mean_mm == 0


def test_an_empty_mask_has_no_surface():
    one, none = np.ones((4, 4)), np.zeros((4, 4))
    assert surface_distance(one, none, (1, 1)) is None
    assert surface_distance(none, none, (1, 1)) is None


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(TrainingError, match="Compare one frame"):
        surface_distance(np.ones((4, 4)), np.ones((4, 5)), (1, 1))
    for spacing in ((0.0, 1.0), (1.0, float("nan")), (1.0,)):
        with pytest.raises(TrainingError, match="spacing"):
            surface_distance(np.ones((4, 4)), np.ones((4, 4)), spacing)
