"""FrameGeometry: source pixels and network pixels are one map, there and back, to the part of a pixel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from DSANetLib.errors import PreparationError
from DSANetLib.preparation import FrameGeometry
from DSANetLib.preparation.geometry import resize


@st.composite
def geometries(draw, smallest=40, largest=260):
    rows, columns = draw(st.integers(smallest, largest)), draw(st.integers(smallest, largest))
    height, width = draw(st.integers(smallest // 2, rows)), draw(st.integers(smallest // 2, columns))
    return FrameGeometry(
        rows,
        columns,
        draw(st.integers(0, rows - height)),
        draw(st.integers(0, columns - width)),
        height,
        width,
        draw(st.sampled_from((32, 64, 97, 128))),
        draw(st.sampled_from(("pad", "squash"))),
        draw(st.booleans()),
        draw(st.booleans()),
    )


def blob(shape, centre, sigma):
    rows, columns = np.indices(shape)
    return np.exp(-0.5 * (((rows - centre[0]) / sigma[0]) ** 2 + ((columns - centre[1]) / sigma[1]) ** 2))


def centroid(image):
    rows, columns = np.indices(image.shape)
    return np.array([(image * rows).sum(), (image * columns).sum()]) / image.sum()


def test_known_numbers_of_a_padded_geometry():
    g = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "pad")
    assert g.inner == (8, 0, 16, 32)
    assert g.scale == (0.4, 0.4)
    assert g.offset == (10 - 8 / 0.4, 20.0)
    assert g.box == (slice(10, 50), slice(20, 100))
    # The centre of the box's first pixel, and its far corner's edge.
    np.testing.assert_allclose(g.points_to_network(np.array([[10, 20], [49.5, 99.5]])), [[7.7, -0.3], [23.5, 31.5]])
    np.testing.assert_allclose(g.points_to_source(np.array([[7.7, -0.3], [23.5, 31.5]])), [[10, 20], [49.5, 99.5]])


def test_a_tall_box_is_centred_between_left_and_right():
    assert FrameGeometry(90, 60, 0, 0, 90, 45, 30, "pad").inner == (0, 7, 30, 15)
    assert FrameGeometry(90, 60, 0, 0, 90, 1, 30, "pad").inner == (0, 14, 30, 1)


def test_the_short_side_rounds_half_up():
    assert FrameGeometry(10, 20, 0, 0, 5, 20, 10, "pad").inner == (3, 0, 3, 10)
    assert FrameGeometry(10, 20, 0, 0, 3, 20, 10, "pad").inner == (4, 0, 2, 10)


def test_squash_fills_the_square():
    g = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "squash")
    assert g.inner == (0, 0, 32, 32)
    assert g.scale == (0.8, 0.4)
    np.testing.assert_allclose(g.points_to_network(np.array([[9.5, 19.5]])), [[-0.5, -0.5]])


def test_flips_turn_the_network_image():
    plain = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "pad")
    flipped = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "pad", True, False)
    both = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "pad", True, True)
    image = np.random.default_rng(0).random((100, 120))
    np.testing.assert_array_equal(flipped.to_network(image), plain.to_network(image)[::-1])
    np.testing.assert_array_equal(both.to_network(image), plain.to_network(image)[::-1, ::-1])
    point = np.array([[15.0, 30.0]])
    np.testing.assert_allclose(
        flipped.points_to_network(point)[0], [31, 0] + plain.points_to_network(point)[0] * [-1, 1]
    )
    np.testing.assert_allclose(both.points_to_network(point), 31 - plain.points_to_network(point))


def test_shrinking_averages_areas_exactly():
    g = FrameGeometry(4, 6, 0, 0, 4, 4, 2, "squash")
    image = np.array([[1, 3, 5, 7, 90, 90], [1, 3, 5, 7, 90, 90], [0, 0, 8, 8, 90, 90], [4, 4, 0, 0, 90, 90]])
    np.testing.assert_allclose(g.to_network(image), [[2, 6], [2, 4]])
    assert g.to_network(image).dtype == np.float32


def test_a_fraction_of_a_pixel_counts_by_its_area():
    g = FrameGeometry(3, 3, 0, 0, 3, 3, 2, "squash")
    image = np.array([[9.0, 0, 0], [0, 0, 0], [0, 0, 18]])
    np.testing.assert_allclose(g.to_network(image), [[4, 0], [0, 8]], atol=1e-5)


def test_growing_keeps_pixel_edges_on_pixel_edges():
    g = FrameGeometry(2, 2, 0, 0, 2, 2, 4, "squash")
    image = np.array([[0.0, 4.0], [0.0, 4.0]])
    np.testing.assert_allclose(g.to_network(image), [[0, 1, 3, 4]] * 4)


def test_one_axis_may_shrink_while_the_other_grows():
    image = np.array([[0, 4], [0, 4], [2, 6], [2, 6]], np.float32)
    np.testing.assert_allclose(resize(image, 2, 4), [[0, 1, 3, 4], [2, 3, 5, 6]])
    np.testing.assert_allclose(resize(image.T.copy(), 4, 2), resize(image, 2, 4).T)
    np.testing.assert_allclose(resize(image, 4, 4)[0], [0, 1, 3, 4])


def test_the_pads_and_what_lies_outside_the_box_are_filled():
    g = FrameGeometry(20, 40, 5, 0, 10, 40, 16, "pad")
    network = g.to_network(np.full((20, 40), 3.0), fill=-7)
    assert (network[:6] == -7).all()
    assert (network[6:10] == 3).all()
    assert (network[10:] == -7).all()
    source = g.to_source(np.full((16, 16), 2.0), fill=9)
    assert (source[:5] == 9).all()
    assert (source[5:15] == 2).all()
    assert (source[15:] == 9).all()
    assert g.to_network(np.zeros((20, 40)))[0, 0] == 0
    assert g.to_source(np.ones((16, 16)))[0, 0] == 0


def test_the_pads_never_leak_into_the_source():
    g = FrameGeometry(20, 40, 5, 0, 10, 40, 16, "pad")
    network = np.full((16, 16), 100.0)
    network[6:10] = 1
    assert g.to_source(network).max() == 1


def test_masks_come_back_as_bytes_where_half_or_more_is_covered():
    g = FrameGeometry(8, 8, 0, 0, 8, 8, 4, "squash")
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1] = True
    back = g.mask_to_source(mask)
    assert back.dtype == np.uint8
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6, 2:4] = 1
    np.testing.assert_array_equal(back, expected)
    np.testing.assert_array_equal(g.mask_to_source(mask * np.uint8(255)), expected)


def test_exactly_half_belongs_to_the_mask():
    g = FrameGeometry(3, 1, 0, 0, 3, 1, 2, "squash")
    assert g.mask_to_source(np.array([[1, 1], [0, 0]])).ravel().tolist() == [1, 1, 0]


@settings(max_examples=60, deadline=None)
@given(geometries(), st.integers(0, 2**31))
def test_points_go_there_and_back(g, seed):
    points = np.random.default_rng(seed).uniform(-20, 300, (30, 2))
    np.testing.assert_allclose(g.points_to_source(g.points_to_network(points)), points, atol=1e-9)
    np.testing.assert_allclose(g.points_to_network(g.points_to_source(points)), points, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(geometries())
def test_without_flips_the_formula_holds(g):
    g = FrameGeometry.from_dict({**g.to_dict(), "flip_rows": False, "flip_columns": False})
    source = np.array([[0.0, 0.0], [3.25, 71.5]])
    expected = (source + 0.5 - np.array(g.offset)) * np.array(g.scale) - 0.5
    np.testing.assert_allclose(g.points_to_network(source), expected, atol=1e-9)
    corner = np.array([[g.top - 0.5, g.left - 0.5], [g.top + g.height - 0.5, g.left + g.width - 0.5]])
    top, left, height, width = g.inner
    np.testing.assert_allclose(
        g.points_to_network(corner), [[top - 0.5, left - 0.5], [top + height - 0.5, left + width - 0.5]], atol=1e-9
    )


@settings(max_examples=80, deadline=None)
@given(geometries(), st.floats(0.3, 0.7), st.floats(0.25, 0.75))
def test_a_landmark_lies_where_the_points_say_both_ways(g, down, across):
    centre = np.array([g.top + down * (g.height - 1), g.left + across * (g.width - 1)])
    sigma = (g.height / 14, g.width / 11)
    source = blob((g.rows, g.columns), centre, sigma)
    network = g.to_network(source)
    expected = g.points_to_network(centre[None])[0]
    # Below half a source pixel, in network pixels.
    assert (np.abs(centroid(network) - expected) < 0.5 * np.array(g.scale)).all()
    assert (np.abs(centroid(g.to_source(network)) - centre) < 0.5).all()


@settings(max_examples=40, deadline=None)
@given(geometries(), st.integers(0, 2**31))
def test_shrinking_keeps_the_mean(g, seed):
    if g.inner[2] > g.height or g.inner[3] > g.width:
        return
    image = np.random.default_rng(seed).random((g.rows, g.columns))
    weight = g.inner[2] * g.inner[3]
    np.testing.assert_allclose(g.to_network(image).sum() / weight, image[g.box].mean(), rtol=1e-4)


def test_it_can_be_stored_as_json_and_read_back():
    g = FrameGeometry(100, 120, 10, 20, 40, 80, 32, "squash", True, False)
    assert FrameGeometry.from_dict(json.loads(json.dumps(g.to_dict()))) == g


def test_the_whole_frame_is_a_geometry_too():
    assert FrameGeometry.whole(30, 50, 16) == FrameGeometry(30, 50, 0, 0, 30, 50, 16, "pad")
    assert FrameGeometry.whole(30, 50, 16, "squash").aspect == "squash"


@pytest.mark.parametrize(
    "bad",
    [
        (10, 10, -1, 0, 5, 5, 8),
        (10, 10, 0, -1, 5, 5, 8),
        (10, 10, 6, 0, 5, 5, 8),
        (10, 10, 0, 6, 5, 5, 8),
        (10, 10, 0, 0, 0, 5, 8),
        (10, 10, 0, 0, 5, 0, 8),
    ],
)
def test_a_box_outside_the_frame_is_refused(bad):
    with pytest.raises(PreparationError, match="does not lie in a frame of 10 x 10"):
        FrameGeometry(*bad)


def test_the_largest_box_and_the_smallest_are_allowed():
    assert FrameGeometry(10, 10, 5, 5, 5, 5, 1).inner == (0, 0, 1, 1)
    assert FrameGeometry(10, 10, 9, 9, 1, 1, 8).inner == (0, 0, 8, 8)
    assert FrameGeometry(1, 1, 0, 0, 1, 1, 1).scale == (1.0, 1.0)


@pytest.mark.parametrize("bad", [(0, 10, 0, 0, 1, 1, 8), (10, 0, 0, 0, 1, 1, 8), (10, 10, 0, 0, 1, 1, 0)])
def test_a_frame_without_size_is_refused(bad):
    with pytest.raises(PreparationError, match="cannot become"):
        FrameGeometry(*bad)


def test_wrong_words_and_shapes_are_refused():
    with pytest.raises(PreparationError, match=r"aspect is 'crop'. Choose pad or squash"):
        FrameGeometry(10, 10, 0, 0, 5, 5, 8, "crop")
    g = FrameGeometry.whole(10, 12, 8)
    with pytest.raises(PreparationError, match=r"\(12, 10\), the geometry expects \(10, 12\)"):
        g.to_network(np.zeros((12, 10)))
    with pytest.raises(PreparationError, match=r"expects \(8, 8\)"):
        g.to_source(np.zeros((8, 9)))
    with pytest.raises(PreparationError, match=r"points are \(2,\), not \(N, 2\)"):
        g.points_to_network(np.zeros(2))
    with pytest.raises(PreparationError, match="not"):
        g.points_to_source(np.zeros((4, 3)))
