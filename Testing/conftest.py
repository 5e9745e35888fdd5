"""Fixtures that every test folder shares."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

# Tests run side by side on few cores: threads of their own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Matplotlib never opens a window in a test.
os.environ.setdefault("MPLBACKEND", "Agg")
# The models that a developer has imported for himself are no part of a test.
os.environ["DSANET_MODELS"] = os.devnull

ROOT = Path(__file__).resolve().parent.parent
# Helpers that several folders of tests share lie in Testing/support.
sys.path.insert(0, str(ROOT / "Testing" / "support"))


@pytest.fixture(autouse=True)
def _the_log_is_nobodys() -> None:
    """Give each test the library's log as a fresh import has it: a command called before keeps it to itself."""
    logger = logging.getLogger("DSANetLib")
    logger.handlers[:], logger.propagate = [], True
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real angiograms beside the checkout; DSANET_REALDATA names another place."""
    folder = Path(os.environ.get("DSANET_REALDATA", ROOT.parent / "shared" / "realdata"))
    if not (folder / "MANIFEST.json").is_file():
        pytest.skip("the real angiograms are not here (set DSANET_REALDATA to their folder)")
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> Path:
    """A folder of real packages under the shipped names: width 4, 64 x 64 pixels, random weights, real twins."""
    pytest.importorskip("torch", reason='torch is not installed (pip install "dsanet[train]")')
    from tiny_packages import make_packages

    return make_packages(tmp_path_factory.mktemp("models"))


@pytest.fixture
def use_tiny_models(tiny_models, monkeypatch) -> Path:
    """Let the shipped names mean the tiny packages."""
    monkeypatch.setattr("DSANetLib.models.store.models_folder", lambda: tiny_models)
    return tiny_models


@pytest.fixture(scope="session")
def stained_frames():
    """Sixteen 8-bit frames of 96 x 128: noise, a vessel that fills early, a stain top left that peaks at frame 9."""
    from tiny_packages import stained_frames

    return stained_frames()


@pytest.fixture(scope="session")
def tiny_segmentation(tiny_models, stained_frames):
    """The stained frames through the tiny segmenter."""
    import numpy as np

    from DSANetLib.models import load_model
    from DSANetLib.pipeline import segment
    from DSANetLib.run import DSARun

    run = DSARun(
        frames=stained_frames, case_id="stained", times_s=np.arange(16) * 0.5, polarity="dark_contrast", subtracted=True
    )
    return segment(run, load_model(tiny_models / "ffs-phantom"))
