"""A landmark lies where it lay: through every reader, border, aspect option and flip, within half a source pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from films import film
from run_files import write_avi, write_dicom, write_frames

from DSANetLib.phantom.detector import Collimator
from DSANetLib.preparation import PreparationConfig, prepare
from DSANetLib.readers import read_run

ROWS, COLUMNS = 197, 261
BORDERS = {
    "none": Collimator("none", 1, 0, 1),
    "round": Collimator("round", 0.97, 0, 1),
    "turned rectangle": Collimator("rectangle", 0.9, 0.1, 1.1),
    "octagon": Collimator("octagon", 0.95, 0.06, 1.0),
}


def write_sequence(path, frames):
    header = (
        f"NRRD0005\ntype: uint8\ndimension: 4\nsizes: {len(frames)} {frames.shape[2]} {frames.shape[1]} 1\n"
        "kinds: list domain domain domain\nspace: right-anterior-superior\nendian: little\nencoding: raw\n"
        "space directions: none (0.5,0,0) (0,0.5,0) (0,0,1)\nspace origin: (0,0,0)\n"
        "measurement frame: (1,0,0) (0,1,0) (0,0,1)\n\n"
    )
    pixels = np.ascontiguousarray(np.moveaxis(frames, 0, -1))
    path.write_bytes(header.encode() + pixels.tobytes())
    return path


WRITERS = {
    "video.avi": write_avi,
    "folder": write_frames,
    "run.dcm": write_dicom,
    "run.seq.nrrd": write_sequence,
}
OPTIONS = list(itertools.product(("pad", "squash"), (False, True), (False, True)))
CASES = [
    (reader, border, *OPTIONS[(3 * i + j) % len(OPTIONS)])
    for i, reader in enumerate(WRITERS)
    for j, border in enumerate(BORDERS)
]


def landmark(frames, row, column):
    """Draw an asymmetric spot of soft edge whose centre of mass is known, and return that centre."""
    down, across = np.mgrid[:ROWS, :COLUMNS]
    weight = np.exp(-(((down - row) / 3.0) ** 2) - ((across - column) / 4.5) ** 2)
    marked = np.clip(np.round(frames - 70 * weight), 1, 254).astype(np.uint8)
    change = frames[0].astype(float) - marked[0]
    return marked, np.array([(change * down).sum(), (change * across).sum()]) / change.sum()


@pytest.mark.parametrize(("reader", "border", "aspect", "flip_rows", "flip_columns"), CASES)
def test_a_landmark_comes_back_to_its_source_pixel(tmp_path, reader, border, aspect, flip_rows, flip_columns):
    config = PreparationConfig(size=200, aspect=aspect, flip_rows=flip_rows, flip_columns=flip_columns)
    frames, _ = film(rows=ROWS, columns=COLUMNS, count=10, noise=0.5)
    frames = np.clip(frames, 1, 254)
    rng = np.random.default_rng(CASES.index((reader, border, aspect, flip_rows, flip_columns)))
    # Anywhere in the middle half, but never on an axis of symmetry.
    row, column = rng.uniform(0.28, 0.42) * ROWS, rng.choice([0.32, 0.66]) * COLUMNS + rng.uniform(-8, 8)
    marked, centre = landmark(frames, row, column)
    inside = BORDERS[border].inside(ROWS, COLUMNS)
    stacks = []
    for name, pixels in (("plain", frames), ("marked", marked)):
        (tmp_path / name).mkdir()
        path = WRITERS[reader](tmp_path / name / reader, np.ascontiguousarray(pixels * inside))
        prepared = prepare(read_run(path).with_changes(subtracted=True, polarity="dark_contrast"), config)
        stacks.append(prepared.stack[0])
    change = np.maximum(stacks[0] - stacks[1] - 3, 0)
    down, across = np.mgrid[: config.size, : config.size]
    found = np.array([[(change * down).sum(), (change * across).sum()]]) / change.sum()
    np.testing.assert_allclose(prepared.geometry.points_to_source(found)[0], centre, atol=0.5)
    np.testing.assert_allclose(prepared.geometry.points_to_network(centre[None])[0], found[0], atol=0.5)
