"""The phantom obeys its physics: mass, flow, dose and noise."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.phantom import PhantomConfig
from DSANetLib.phantom.anatomy import draw_anatomy
from DSANetLib.phantom.arteries import vessel_maps
from DSANetLib.phantom.circulation import draw_circulation, opacify
from DSANetLib.phantom.contrast import STEP_S, Injection, fine_times, perfuse
from DSANetLib.phantom.detector import Detector
from DSANetLib.phantom.geometry import View
from DSANetLib.phantom.lesions import draw_lesions, draw_pseudolesions
from DSANetLib.phantom.protocol import draw_protocol
from DSANetLib.phantom.veins import Vein
from DSANetLib.phantom.vessels import Sway

WHOLE = View(300, 300, 0.18, -2.0, 0.0)
"""A view of 54 cm: the whole trunk, so that nothing is lost at the edges."""


@pytest.fixture(scope="module")
def body():
    rng = np.random.default_rng(4)
    anatomy = draw_anatomy(rng)
    tumours = draw_lesions(rng, anatomy, tumour_free=False)
    pseudo = draw_pseudolesions(rng, anatomy, tumours)
    return anatomy, draw_circulation(rng, anatomy, tumours, pseudo)


@pytest.mark.parametrize("delay", [0.0, 0.7, 3.0])
def test_a_bolus_keeps_its_mass_on_its_way(delay):
    injection = Injection(2.0, 3.0, 150.0, 4.0)
    times = np.arange(-5, 40, 0.01)
    assert np.trapezoid(injection.concentration_at(times, delay), times) == pytest.approx(450.0, rel=1e-6)


def test_a_bolus_widens_and_is_late_by_its_delay():
    injection = Injection(2.0, 3.0, 150.0, 4.0)
    times = np.arange(-5, 40, 0.01)
    early, late = injection.concentration_at(times, 0.0), injection.concentration_at(times, 3.0)
    assert np.average(times, weights=late) - np.average(times, weights=early) == pytest.approx(3.0, abs=0.01)
    assert late.max() < early.max()


def test_what_comes_into_a_tissue_is_in_it_or_has_left():
    times = fine_times(20.0)
    inflow = Injection(1.0, 3.0, 150.0, 4.0).concentration_at(times, 0.5)
    course = perfuse(times, inflow, 4.0)
    entered = np.cumsum(inflow) * STEP_S
    left = np.cumsum(course.outflow) * STEP_S
    np.testing.assert_allclose(course.content + left, entered, atol=1e-8 * entered[-1])
    assert course.content.argmax() * STEP_S == pytest.approx(4.5, abs=0.5)


def test_the_mean_transit_time_is_the_one_asked_for():
    times = fine_times(120.0)
    pulse = np.zeros_like(times)
    pulse[0] = 1.0
    out = perfuse(times, pulse, 4.0).outflow
    assert np.average(times, weights=out) == pytest.approx(4.0, rel=0.03)


def test_all_contrast_of_a_run_is_somewhere(body):
    # With an endless transit nothing leaves: tissues hold what was injected, less what is still in vessels.
    anatomy, circulation = body
    injection = Injection(1.0, 2.0, 200.0, 5.0)
    times = np.array([0.0, 30.0])
    opacification = opacify(circulation, anatomy, WHOLE, injection, 0.0, times)
    held = sum(
        perfuse(fine_times(30.0), injection.concentration_at(fine_times(30.0), t.delay_s), t.transit_s).at(times)
        * injection.flow
        * t.flow_share
        for t in circulation.tissues
    )
    assert opacification.course("")[1] == pytest.approx(held[1], rel=0.03)
    assert sum(t.flow_share for t in circulation.tissues) == pytest.approx(1.0)
    endless = sum(
        perfuse(fine_times(30.0), injection.concentration_at(fine_times(30.0), t.delay_s), 1e9).at(times)[1]
        * injection.flow
        * t.flow_share
        for t in circulation.tissues
    )
    assert endless == pytest.approx(injection.mass_mg, rel=1e-3)


def test_reflux_takes_from_the_liver_what_it_gives_to_the_gut(body):
    anatomy, circulation = body
    injection, times = Injection(1.0, 2.0, 200.0, 5.0), np.array([0.0, 4.0])
    without = opacify(circulation, anatomy, WHOLE, injection, 0.0, times)
    with_reflux = opacify(circulation, anatomy, WHOLE, injection, 0.25, times)
    assert with_reflux.course("liver")[1] == pytest.approx(0.75 * without.course("liver")[1], rel=1e-5)
    assert with_reflux.course("stomach")[1] > 0
    assert without.course("stomach")[1] == 0


def test_flow_is_conserved_and_radii_follow_murray(body):
    tree = body[1].tree
    for i in range(len(tree.flow)):
        children = np.flatnonzero(tree.parent == i)
        if len(children):
            assert tree.flow[children].sum() == pytest.approx(tree.flow[i])
            assert (tree.radius[children] ** 3).sum() == pytest.approx(tree.radius[i] ** 3)
            assert (tree.delay[children] > tree.delay[i]).all()
            np.testing.assert_allclose(tree.start[children], np.broadcast_to(tree.end[i], (len(children), 3)))


def test_a_drawn_vessel_has_its_volume_and_the_path_length_of_a_round_tube():
    view = View(120, 160, 0.05, 0.0, 0.0)
    points = np.array([[-3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    still = Sway(np.zeros((2, 3)), np.zeros(2), np.zeros((2, 3)))
    image, volume = Vein(((points, (0.4, 0.4)),), still).path_lengths(view)
    assert volume == pytest.approx(np.pi * 0.4**2 * 6, rel=1e-3)
    assert image.sum() * view.spacing_cm**2 == pytest.approx(np.pi * 0.4**2 * 6, rel=1e-3)
    y = view.grid()[1][:, 80]
    np.testing.assert_allclose(image[:, 80], 2 * np.sqrt(np.maximum(0.16 - y**2, 0)), atol=0.06)


def test_the_vessel_maps_hold_the_trees_volume(body):
    tree = body[1].tree
    maps, delays = vessel_maps(tree, WHOLE, 8)
    samples = tree.samples(0.05)
    assert maps.sum() * WHOLE.spacing_cm**2 == pytest.approx(samples.volume.sum(), rel=0.01)
    # A winding, tapering branch holds about what its stem's radius and the straight way would.
    straight = np.pi * (tree.radius**2 * np.linalg.norm(tree.end - tree.start, axis=1)).sum()
    assert samples.volume.sum() == pytest.approx(straight, rel=0.25)
    assert (np.diff(delays) > 0).all()


def test_branches_have_no_corners(body):
    tree = body[1].tree
    # Of two branches just as large either may be the one that goes on.
    main = [max(np.flatnonzero(tree.parent == i), key=lambda k: tree.radius[k]) for i in set(tree.parent) - {-1}]
    a, b = tree.reach[tree.parent[main]], tree.leave[main]
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-9)
    np.testing.assert_allclose(tree.radii[main, 0], tree.radii[tree.parent[main], 1])


DETECTOR = Detector(quanta=4000.0, scatter=0.5, glare=0.05, blur_px=0.8, electronic=8.0)


def test_the_expected_dose_is_linear_in_the_beam():
    rng = np.random.default_rng(0)
    attenuation = rng.uniform(2, 5, (64, 96)).astype(np.float32)
    dose = DETECTOR.expected(attenuation, 4.0)
    twice = DETECTOR.expected(attenuation - np.float32(np.log(2)), 4.0)
    np.testing.assert_allclose(twice, 2 * dose, rtol=1e-4)


def test_an_even_beam_gives_the_set_number_of_quanta():
    dose = DETECTOR.expected(np.full((64, 96), 4.0, np.float32), 4.0)
    np.testing.assert_allclose(dose, 4000.0, rtol=1e-4)


@pytest.mark.parametrize("mean", [500.0, 2000.0, 8000.0])
def test_noise_variance_is_the_mean_plus_electronics(mean):
    rng = np.random.default_rng(1)
    exposed = DETECTOR.expose(np.full((400, 400), mean, np.float32), rng)
    assert exposed.mean() == pytest.approx(mean, rel=0.005)
    assert exposed.var() == pytest.approx(mean + 64.0, rel=0.05)


def test_a_clean_protocol_has_no_artefact():
    protocol = draw_protocol(np.random.default_rng(3), PhantomConfig(clean=True))
    assert set(protocol.artefacts) <= {"varying frame rate", "not subtracted"}
    assert protocol.motion.breath_cm == 0
    assert protocol.reflux == 0


def test_frame_rates_lie_in_the_band_of_real_protocols():
    for seed in range(60):
        times = np.array(draw_protocol(np.random.default_rng(seed), PhantomConfig()).times)
        steps = np.diff(times)
        assert (steps > 1 / 7.51).all() and (steps <= 1.0001).all()
        assert 8 <= len(times) <= 30
