"""Promises of the phantom's look: noise spectrum, edges and noise against grey lie among those of real films."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.phantom import PhantomConfig, simulate_patient


def _load():
    # Beside this file; importlib mode puts no test folder on the path.
    spec = importlib.util.spec_from_file_location("phantom_realism", Path(__file__).with_name("realism.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


realism = _load()
ramp = np.linspace(200.0, 2000.0, 512)[None].repeat(512, 0)


def quanta(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(ramp).astype(np.float64)


def test_white_noise_is_white_and_blurred_noise_is_not():
    from scipy import ndimage

    white = realism.measure(quanta())
    assert white.noise_ratio == pytest.approx(1.0, abs=0.05)
    assert white.noise_slope == pytest.approx(0.0, abs=0.05)
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 30, ramp.shape), 0.7)
    blurred = realism.measure(ramp + noise)
    assert blurred.noise_ratio < 0.3
    assert blurred.noise_slope < -1


@pytest.mark.parametrize(("power", "slope"), [(1.0, 1.0), (0.5, 0.0), (0.4, -0.5)])
def test_variance_against_mean_follows_the_grey_scale(power, slope):
    # Var of quanta^p is about p² · mean^(2p - 1): against the mean of quanta^p a slope of 2 - 1/p.
    assert realism.measure(quanta() ** power).variance_slope == pytest.approx(slope, abs=0.12)


def test_variance_against_mean_is_undefined_without_a_range_of_greys():
    flat = np.random.default_rng(0).poisson(np.full((256, 256), 500.0))
    flat[100:103] = 900  # an edge to measure
    assert np.isnan(realism.measure(flat).variance_slope)


@pytest.mark.parametrize("sigma", [0.9, 1.3])
def test_edge_width_is_that_of_a_known_blur(sigma):
    from scipy import ndimage

    image = np.full((256, 256), 800.0)
    rows, columns = np.mgrid[:256, :256]
    image[(rows + 2 * columns) % 90 < 45] = 1600.0
    image = ndimage.gaussian_filter(image, sigma) + np.random.default_rng(0).normal(0, 4, image.shape)
    image[0, 0], image[0, 1] = 0, 4000
    assert realism.edge_width(image) == pytest.approx(2.563 * sigma, abs=0.35)


def test_ranges_of_the_real_files_are_those_of_the_docs(realdata, repository):
    measured = [realism.measure(frame) for _, frame in realism.real_frames(realdata)]
    assert len(measured) == 30
    found = realism.ranges(measured)
    text = (repository / "docs" / "phantom-realism.md").read_text(encoding="utf-8")
    for name, (low, high) in realism.RANGES.items():
        assert found[name] == pytest.approx((low, high), rel=0.02, abs=0.01), name
        assert f"{low:.2f} to {high:.2f}".replace("-", "−") in text, name


@pytest.mark.parametrize("seed", [102, 104, 106, 110, 116])
def test_an_unsubtracted_lossless_phantom_frame_lies_among_the_real_ones(seed):
    patient = simulate_patient(seed, PhantomConfig(subtracted_share=0.0))
    film = next((each for each in patient.runs if "lossy codec" not in each.truth.artefacts), None)
    if film is None:
        pytest.skip("this patient's film is compressed")
    for index in (0, film.truth.key_frame):
        frame = np.asarray(film.run.frames[index])
        if film.run.polarity == "bright_contrast":
            frame = frame.max() - frame
        result = realism.measure(frame)
        for name, (low, high) in realism.RANGES.items():
            value = getattr(result, name)
            assert np.isnan(value) or low <= value <= high, f"{name} {value:.3f} of frame {index}: {low} to {high}"
