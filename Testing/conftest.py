"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side on few cores: threads of their own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Matplotlib never opens a window in a test.
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parent.parent


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
