"""Post-processing drops what anatomy does not allow, and nothing when it is off."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import ModelError
from DSANetLib.postprocessing import PostProcessing, clean_liver, clean_tumour, dilate, drop_small


def _two_pieces():
    mask = np.zeros((60, 80), np.uint8)
    mask[5:8, 5:8] = 1  # 9 px
    mask[30:42, 40:52] = 1  # 144 px
    return mask


def test_paper_changes_nothing():
    mask, liver = _two_pieces(), np.zeros((60, 80), np.uint8)
    liver[0:2, 0:2] = 1
    assert np.array_equal(clean_tumour(mask, liver, 80, PostProcessing.paper()), mask)
    assert np.array_equal(clean_liver(mask, 80, PostProcessing.paper()), mask)


def test_components_below_the_size_are_dropped_and_those_at_it_kept():
    mask = _two_pieces()
    assert drop_small(mask, 9).sum() == 153
    assert drop_small(mask, 10).sum() == 144
    assert drop_small(mask, 145).sum() == 0


def test_sizes_scale_with_the_field():
    settings = PostProcessing(min_diameter=0.05, liver_min_diameter=0.2)
    mask = _two_pieces()
    assert clean_tumour(mask, None, 60, settings).sum() == 153  # a disc of 3 px has 7.07 px
    assert clean_tumour(mask, None, 80, settings).sum() == 144  # of 4 px 12.6 px
    assert clean_liver(mask, 80, settings).sum() == 0  # of 16 px 201 px


def test_tumour_is_kept_inside_the_dilated_liver_only():
    liver = np.zeros((60, 80), np.uint8)
    liver[20:50, 30:60] = 1
    tumour = np.zeros_like(liver)
    tumour[45:55, 40:50] = 1
    kept = clean_tumour(tumour, liver, 100, PostProcessing(liver_margin=0.02))
    assert kept[45:52, 40:50].all()
    assert kept.sum() == 70
    assert clean_tumour(tumour, liver, 100, PostProcessing(liver_margin=0.0)).sum() == 50


def test_a_liver_that_was_not_found_hides_no_tumour():
    mask = _two_pieces()
    settings = PostProcessing(liver_margin=0.02)
    assert np.array_equal(clean_tumour(mask, np.zeros_like(mask), 80, settings), mask)
    assert np.array_equal(clean_tumour(mask, None, 80, settings), mask)


def test_dilation_is_round():
    mask = np.zeros((21, 21), np.uint8)
    mask[10, 10] = 1
    grown = dilate(mask, 5.0)
    row, column = np.mgrid[:21, :21]
    assert np.array_equal(grown > 0, np.hypot(row - 10, column - 10) <= 5.0)
    assert np.array_equal(dilate(mask, 0), mask)


def test_settings_survive_json_and_refuse_what_is_impossible():
    settings = PostProcessing.recommended()
    assert PostProcessing.from_dict(settings.to_dict()) == settings
    with pytest.raises(ModelError, match="min_diameter is -1"):
        PostProcessing(min_diameter=-1)
    with pytest.raises(ModelError, match="unknown post-processing colour"):
        PostProcessing.from_dict({"colour": 1})
