"""Operations and parameters: counted, and as the documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from DSANetLib.networks.config import SegmenterConfig
from DSANetLib.networks.operations import operations, operations_table, parameters

DOCS = Path(__file__).parents[2] / "docs" / "networks.md"


def test_one_convolution_counts_two_for_a_multiplication_with_its_addition():
    """The U-Net by hand: 9·in·out multiplications a pixel of each 3×3 convolution, of the width 1 at 16²."""
    full, pixels = 16 * 16, [256, 64, 16, 4, 1]
    encoder = [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8), (8, 8), (8, 8), (8, 8)]
    decoder = [(16, 8), (8, 4), (8, 4), (4, 2), (4, 2), (2, 1), (2, 1), (1, 1)]
    count = sum(9 * a * b * pixels[n // 2] for n, (a, b) in enumerate(encoder))
    count += sum(9 * a * b * pixels[3 - n // 2] for n, (a, b) in enumerate(decoder)) + full
    assert operations(SegmenterConfig(kind="unet", width=1), 16) == pytest.approx(2 * count / 1e9, rel=1e-12)


def test_what_looks_at_the_run_alone_is_computed_once_a_run():
    one, three = (operations(SegmenterConfig(kind="ffs", width=8), 32, keys=k) for k in (1, 3))
    tdl = operations(SegmenterConfig(kind="tdl", width=8), 32, keys=3) / operations(SegmenterConfig(width=8), 32, 3)
    assert three < 2.5 * one and tdl < 0.7


@pytest.mark.parametrize("keys", [1, 3])
@pytest.mark.parametrize("width", [8, 16])
def test_tempo_needs_no_more_than_a_quarter_of_ffs(width, keys):
    ffs, tempo = (operations(SegmenterConfig(kind=kind, width=width), 128, keys) for kind in ("ffs", "tempo"))
    assert tempo <= ffs / 4


def test_full_width_is_counted_without_its_memory():
    assert parameters(SegmenterConfig.paper()) == 51_805_059


def test_the_documented_table_begins_with_what_is_counted():
    """The first column of figures; the others cost half a minute, and are made by the same call."""
    documented = [line.replace(" ", "") for line in DOCS.read_text().splitlines()]
    for line in operations_table(((8, 128),)).splitlines()[2:]:
        assert any(told.startswith(line.replace(" ", "")) for told in documented), line
