"""Phantom patients: the same from the same seed, with a truth that lies where the contrast is."""

from __future__ import annotations

import numpy as np
import pytest

from DSANetLib.errors import DSANetError
from DSANetLib.phantom import PhantomConfig, simulate_patient
from DSANetLib.phantom.lesions import Lesion
from DSANetLib.phantom.patient import (
    burden_score,
    clinical_score,
    draw_clinical,
    draw_outcome,
    film_factors,
    film_score,
    hide_some,
)

SMALL = PhantomConfig(rows=150, columns=201)
CLEAN = PhantomConfig(rows=160, columns=192, clean=True, subtracted_share=1.0, tumour_free_share=0.0)


@pytest.fixture(scope="module")
def patient():
    return simulate_patient(21, CLEAN)


def test_the_same_seed_gives_the_same_patient():
    a, b, c = simulate_patient(5, SMALL), simulate_patient(5, SMALL), simulate_patient(6, SMALL)
    assert a.clinical == b.clinical and a.outcome == b.outcome
    np.testing.assert_array_equal(a.runs[0].run.frames, b.runs[0].run.frames)
    assert a.clinical != c.clinical


def test_frames_have_the_size_asked_for_and_rising_times():
    run = simulate_patient(5, SMALL).runs[0].run
    assert run.frames.shape[1:] == (150, 201)
    assert (np.diff(run.times_s) > 0).all()
    assert run.spacing.calibration == "calibrated"


def test_tumours_are_darker_than_the_liver_around_them_at_the_key_frame():
    # Averaged over patients: single ones may be hypovascular or hidden.
    differences = []
    for seed in range(30, 42):
        made = simulate_patient(seed, CLEAN).runs[0]
        liver, lesions = made.truth.masks(made.truth.key_frame)
        frame = made.run.frames[made.truth.key_frame].astype(float)
        if (lesions > 0).any() and any(lesion["kind"] == "hypervascular" for lesion in made.truth.lesions):
            differences.append(frame[lesions > 0].mean() - frame[(liver > 0) & (lesions == 0)].mean())
    assert len(differences) >= 5
    assert np.mean(differences) < -5


def test_lesions_lie_in_the_liver_and_have_about_their_diameter(patient):
    truth = patient.runs[0].truth
    liver, lesions = truth.masks(truth.key_frame)
    assert (liver[lesions > 0] == 1).all()
    for lesion in truth.lesions:
        area = (lesions == lesion["number"]).sum() * truth.spacing_mm**2 / 100
        assert 0.2 * lesion["diameter_cm"] ** 2 < area < 1.1 * lesion["diameter_cm"] ** 2


def test_the_mask_moves_with_the_breath():
    for seed in range(200):
        made = simulate_patient(seed, SMALL).runs[0]
        if "breathing" in made.truth.artefacts and not made.truth.tumour_free:
            break
    tops = [np.flatnonzero(made.truth.masks(i)[0].any(axis=1))[0] for i in range(made.run.count)]
    assert max(tops) - min(tops) >= 2


def test_contrast_arrives_before_it_is_full():
    for seed in range(8):
        truth = simulate_patient(seed, SMALL).runs[0].truth
        assert truth.arrival <= truth.key_frame
        assert truth.peak_s >= truth.protocol.injection.start_s - 0.01 or "early contrast" in truth.artefacts


def test_impossible_settings_are_refused():
    with pytest.raises(DSANetError, match="at least 96"):
        PhantomConfig(rows=10)
    with pytest.raises(DSANetError, match="frames per second"):
        PhantomConfig(frame_rates=(100.0,))


def test_a_frame_rate_can_be_set():
    run = simulate_patient(3, PhantomConfig(rows=96, columns=96, frame_rates=(5.0,))).runs[0].run
    np.testing.assert_allclose(np.diff(run.times_s), 0.2, atol=1e-3)


def test_clinical_values_follow_table_1():
    rng = np.random.default_rng(0)
    drawn = [draw_clinical(rng) for _ in range(4000)]
    share = lambda name, test: np.mean([test(d[name]) for d in drawn])  # noqa: E731
    assert share("sex", lambda v: v == "male") == pytest.approx(0.906, abs=0.02)
    assert share("hbv", lambda v: v == "yes") == pytest.approx(0.876, abs=0.02)
    assert share("afp", lambda v: v >= 200) == pytest.approx(0.441, abs=0.04)
    assert share("ast", lambda v: v >= 40) == pytest.approx(0.58, abs=0.04)
    assert share("alt", lambda v: v >= 40) == pytest.approx(0.514, abs=0.04)
    assert share("crp", lambda v: v >= 1) == pytest.approx(0.869, abs=0.03)
    assert share("child_pugh", lambda v: v == 5) == pytest.approx(0.722, abs=0.03)
    assert share("ascites", lambda v: v == "yes") == pytest.approx(0.071, abs=0.015)
    assert np.mean([d["age"] for d in drawn]) == pytest.approx(55.0, abs=0.7)
    scores = np.array([clinical_score(d) for d in drawn])
    assert abs(scores.mean()) < 0.06 and scores.std() == pytest.approx(1.0, abs=0.06)


def test_large_tumours_go_with_worse_blood_values_and_leave_the_marginals_alone():
    rng = np.random.default_rng(3)
    burden = rng.standard_normal(3000)
    factors = [film_factors([lesion(float(np.exp(1.81 + 0.41 * b)), 7)]) for b in burden]
    scores = np.array([clinical_score(draw_clinical(rng, f)) for f in factors])
    assert -0.45 < np.corrcoef(burden, scores)[0, 1] < -0.2
    assert abs(scores.mean()) < 0.08 and scores.std() == pytest.approx(1.0, abs=0.07)


def test_three_to_ten_per_cent_of_the_values_are_missing():
    rng = np.random.default_rng(2)
    hidden = [hide_some(rng, draw_clinical(rng)) for _ in range(500)]
    missing = [v is None for values in hidden for name, v in values.items() if name not in ("age", "sex")]
    assert all(values["age"] is not None and values["sex"] is not None for values in hidden)
    assert 0.05 < np.mean(missing) < 0.08


def lesion(diameter: float, perfusion: float, core: float = 0.0) -> Lesion:
    return Lesion(None, diameter, "hypervascular", perfusion, core, 0.0, 4.0)  # type: ignore[arg-type]


def test_small_bright_living_tumours_respond():
    good, bad = film_factors([lesion(3, 9)]), film_factors([lesion(9, 3, 0.6), lesion(4, 3, 0.6)])
    assert film_score(good) > 1 > -1 > film_score(bad)
    assert film_score(film_factors([])) == burden_score(film_factors([])) == 0
    one, four = film_factors([lesion(6, 7)]), film_factors([lesion(3, 7)] * 4)
    assert burden_score(one) == pytest.approx(burden_score(four)) and film_score(one) > film_score(four) + 0.5
    assert bad["burden_cm"] == pytest.approx(np.hypot(9, 4))
    rng = np.random.default_rng(0)
    for clinical in (-1.0, 1.0):
        rates = [np.mean([draw_outcome(rng, clinical, s).responder for _ in range(400)]) for s in (-1.5, 1.5)]
        assert rates[1] > rates[0] + 0.3


def test_responders_stay_free_of_progression_longer():
    rng = np.random.default_rng(1)
    outcomes = [draw_outcome(rng, 0.0, 0.0) for _ in range(2000)]
    months = {r: np.mean([o.pfs_months for o in outcomes if o.responder is r]) for r in (True, False)}
    assert months[True] > 1.3 * months[False]
    assert all(0 <= o.pfs_months <= 36 for o in outcomes)
    assert 0 < np.mean([o.progressed for o in outcomes]) < 1
