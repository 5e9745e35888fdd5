"""PreparationConfig: stored with a model, read back equal, refused where impossible."""

from __future__ import annotations

import json

import pytest

from DSANetLib.errors import PreparationError
from DSANetLib.preparation import PreparationConfig


@pytest.mark.parametrize(
    "config", [PreparationConfig(), PreparationConfig.paper(), PreparationConfig(size=64, lead_s=0)]
)
def test_it_survives_json(config):
    assert PreparationConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_paper_preset_follows_the_paper():
    paper = PreparationConfig.paper(size=128)
    assert (paper.size, paper.aspect, paper.sampling, paper.frames) == (128, "squash", "uniform", 10)
    assert (paper.normalisation, paper.outside, paper.difference, paper.key_statistic) == (
        "minmax",
        "keep",
        "key",
        "mean",
    )
    assert paper.interpolation == "nearest"
    default = PreparationConfig()
    assert (default.size, default.aspect, default.sampling, default.frames) == (256, "pad", "seconds", 10)
    assert (default.window_s, default.lead_s, default.interpolation) == (8.0, 0.5, "linear")
    assert (default.normalisation, default.low_percentile, default.high_percentile) == ("robust", 0.5, 99.5)


def test_settings_left_out_keep_their_defaults():
    assert PreparationConfig.from_dict({"size": 64}) == PreparationConfig(size=64)
    assert PreparationConfig().with_changes(size=32) == PreparationConfig(size=32)


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(PreparationError, match="unknown preparation setting sise"):
        PreparationConfig.from_dict({"sise": 64})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aspect", "crop"),
        ("sampling", "random"),
        ("interpolation", "cubic"),
        ("difference", "none"),
        ("normalisation", "z"),
        ("key_statistic", "max"),
        ("outside", "black"),
        ("border", "maybe"),
        ("size", 7),
        ("size", 4097),
        ("frames", 0),
        ("frames", 257),
        ("lead_s", -0.1),
        ("window_s", 0.05),
        ("key_blur", 0.3),
        ("key_smoothing_s", -1.0),
        ("stain_share", 0.0),
        ("stain_share", 1.1),
        ("stain_spread_s", 0.0),
        ("frame_rate", 0.0),
        ("low_percentile", -1.0),
        ("high_percentile", 101.0),
        ("window_s", float("nan")),
    ],
)
def test_an_impossible_value_is_refused_by_name(name, value):
    with pytest.raises(PreparationError, match=f"^{name} is "):
        PreparationConfig(**{name: value})


def test_the_limits_themselves_are_allowed():
    PreparationConfig(
        size=8, frames=1, lead_s=0.0, window_s=0.1, key_blur=0.0, low_percentile=0.0, high_percentile=100.0
    )
    largest = PreparationConfig(size=4096, frames=256, lead_s=60.0, window_s=600.0, stain_share=1.0)
    assert (largest.size, largest.frames) == (4096, 256)


def test_percentiles_must_be_in_order():
    with pytest.raises(PreparationError, match="low_percentile is not below"):
        PreparationConfig(low_percentile=50.0, high_percentile=50.0)
