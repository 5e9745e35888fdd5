"""A real scene for every test, empty before and after, and a run that no flip maps onto itself."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.run import DSARun, MaskSubtraction, PixelSpacing

pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')

FRAMES, ROWS, COLUMNS = 12, 60, 83


def node_names(scene):
    return sorted(scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes()))


@pytest.fixture(autouse=True)
def scene():
    """The scene, emptied; a test that leaves more than Slicer's own nodes behind after clearing fails."""
    from DSANetLib.mrml import headless

    headless.clear()
    before = node_names(headless.scene())
    yield headless.scene()
    headless.clear()
    assert node_names(headless.scene()) == before


@pytest.fixture
def frames():
    return np.random.default_rng(5).integers(-900, 3000, (FRAMES, ROWS, COLUMNS)).astype(np.int16)


@pytest.fixture
def run(frames):
    """Twelve frames with pixels that are not square, at three frames a second and slower from the seventh on."""
    times = np.concatenate([np.arange(6) / 3, 2 + np.arange(6) / 1.5])
    return DSARun(
        frames=frames,
        case_id="case é ł 中",
        times_s=times,
        spacing=PixelSpacing(0.154, 1 / 3, "detector"),
        polarity="dark_contrast",
        subtracted=False,
        bit_depth=12,
        intensity="log",
        mask=MaskSubtraction("AVG_SUB", (0, 1), (0.5, -0.25)),
    )


@pytest.fixture
def liver():
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[5:40, 10:70] = 1
    mask[39, 10:20] = 0
    return mask


@pytest.fixture
def tumour():
    """Partly outside the liver, and touching the frame's last column."""
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[30:45, 60:83] = 1
    mask[3, 2] = 1
    return mask


@pytest.fixture
def nodes(run):
    from DSANetLib.mrml.sequence import write_run

    return write_run(run, key_frame=4)


@pytest.fixture
def masks(nodes, liver, tumour):
    """Frame 4 with both masks, frame 5 with a tumour alone."""
    from DSANetLib.mrml.segmentation import write_masks

    return write_masks(nodes, {4: (liver, tumour), 5: (None, tumour)}, facts={"Model": "ffs", "TumourThreshold": 0.35})
