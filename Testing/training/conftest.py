"""A tiny cohort and a tiny trained segmenter, made once for all tests of training."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest

from DSANetLib.phantom import PhantomConfig
from DSANetLib.preparation import PreparationConfig
from DSANetLib.training import CohortConfig, TrainingConfig, default_config
from DSANetLib.training.data import load_cohort

if find_spec("torch") is None:  # pip install "dsanet[train]"
    collect_ignore_glob = ["test_*.py"]

TINY = {"patients": 8, "validation": 4, "width": 4, "batch": 4, "warmup": 16, "ema": 5.0, "threads": 1, "lr": 4e-3}


@pytest.fixture(scope="session")
def cohort(tmp_path_factory) -> CohortConfig:
    """Frames of 96 x 96, network images of 32 x 32, all in this process."""
    cache = tmp_path_factory.mktemp("cache")
    return CohortConfig(str(cache), PhantomConfig(rows=96, columns=96), PreparationConfig(size=32), workers=1)


@pytest.fixture(scope="session")
def config(cohort) -> TrainingConfig:
    """FFS on eight patients."""
    return default_config("ffs", "", cohort=cohort, samples=240, **TINY)


@pytest.fixture(scope="session")
def patients(config):
    """The training patients in memory."""
    return load_cohort(config.training_seeds, config.cohort)


@pytest.fixture(scope="session")
def held_out(config):
    """The validation patients in memory."""
    return load_cohort(config.validation_seeds, config.cohort)


@pytest.fixture(scope="session")
def said() -> list[str]:
    """The lines of progress of the segmenter's training."""
    return []


@pytest.fixture(scope="session")
def segmenter(config, tmp_path_factory, said):
    """Package of a segmenter trained by the public function."""
    from DSANetLib.training import train

    return train(config, tmp_path_factory.mktemp("models") / "ffs-tiny", progress=said.append)


@pytest.fixture(scope="session")
def response_config(config, segmenter) -> TrainingConfig:
    """Film and clinical values, on the tiny segmenter's masks."""
    settings = TINY | {"patients": 10, "validation": 8, "batch": 8, "lr": 2e-3}
    return default_config("response", "", cohort=config.cohort, segmenter=str(segmenter), samples=160, **settings)


@pytest.fixture
def blank(config):
    """The tiny configuration without augmentation."""
    from DSANetLib.training import AugmentationConfig

    return replace(config, augmentation=AugmentationConfig.none())


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A cohort folder of twelve patients, every third without liver masks."""
    from phantom_folder import write_phantom_folder

    return write_phantom_folder(tmp_path_factory.mktemp("study") / "tiny", 12, 3_000_000, liver_of=lambda i: i % 3 > 0)


@pytest.fixture
def from_folder(folder, config):
    """The tiny configuration on the cohort folder."""
    from DSANetLib.training import CohortSource

    source = CohortSource(str(folder), ("p0", "p1", "p2", "p3", "p4"), ("p5", "p6"), ("p7", "p8", "p9"))
    return replace(config, source=source, samples=32)
