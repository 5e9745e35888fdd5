"""Training model 2: on the masks of use, with what is known of a patient and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from DSANetLib.clinical import ClinicalRecord
from DSANetLib.errors import TrainingError
from DSANetLib.models import Calibration, load_model
from DSANetLib.phantom import simulate_patient
from DSANetLib.pipeline import predict, response_images, segment
from DSANetLib.training import AugmentationConfig, train
from DSANetLib.training.data import stored_patients
from DSANetLib.training.predicted import cases_of, load_cases, make_masks
from DSANetLib.training.response import LEAST_SLOPE, Predictions, calibrated, make_loop, train_response
from DSANetLib.training.response_batches import N_FACTS, ResponseBatches, facts_of


@pytest.fixture(scope="module")
def cases(response_config):
    return load_cases(response_config, "training")


@pytest.fixture(scope="module")
def package(response_config, tmp_path_factory):
    return train(response_config, tmp_path_factory.mktemp("response") / "response-tiny")


def test_a_case_is_what_the_pipeline_makes_of_the_patient(response_config, cases, segmenter):
    seed = response_config.training_seeds[0]
    patient = simulate_patient(seed, response_config.cohort.phantom)
    images = response_images(segment(patient.runs[0].run, load_model(segmenter)))
    mine = cases[0]
    count = len(images)
    assert mine.responder == patient.responder
    assert mine.probability == patient.outcome.probability
    np.testing.assert_allclose(mine.keys[:count].astype(np.float32), images[:, 0], atol=2e-3)
    assert np.count_nonzero(mine.masks[:count] != (images[:, 2] > 0)) <= 4


def test_masks_are_made_once_and_anew_for_another_segmenter(response_config, cases, tmp_path):
    stored = stored_patients(response_config, "training")
    folder = make_masks(stored, response_config)
    stamps = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert len(stamps) in (len(stored), len(stored) + response_config.validation)
    make_masks(stored, response_config)
    assert stamps == {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    true = replace(response_config, masks="true", segmenter=None)
    assert make_masks(stored[:1], true) != folder


def test_true_masks_are_the_truth(response_config, patients):
    true = replace(response_config, masks="true", segmenter=None, model="response-film", first_patient=1_000_000)
    case, run = cases_of(stored_patients(true, "training")[:1], true)[0], patients[0].runs[0]
    middle = list(range(max(run.key - 1, 0), min(run.key + 2, len(run.times)))).index(run.key)
    np.testing.assert_array_equal(case.masks[middle], run.tumour[run.masked.index(run.key)] >= 128)


def test_the_package_predicts_for_a_new_patient_through_the_pipeline(package, segmenter, response_config):
    model = load_model(package)
    patient = simulate_patient(5_000_001, response_config.cohort.phantom)
    segmentation = segment(patient.runs[0].run, load_model(segmenter))
    response = predict([segmentation], model, ClinicalRecord(patient.patient_id, dict(patient.clinical)))
    assert 0 < response.probability < 1
    card = model.card
    assert card.calibration.cohort == "8 validation patients of the phantom"
    assert card.training["segmenter"]["name"] == "ffs-tiny"
    assert card.metrics["validation_auc"].n == 8
    assert {"value", "low", "high"} <= set(card.metrics["validation_auc"].to_dict())


def test_the_loss_falls_and_a_stop_changes_nothing(response_config, cases, tmp_path):
    from DSANetLib.clinical import ClinicalEncoder

    encoder = ClinicalEncoder.fit([case.record for case in cases])
    config = replace(response_config, samples=240, dropout=0.3)

    def loop(name):
        return make_loop(config, tmp_path / name, cases, cases, encoder, lambda _: None)

    whole = loop("whole").run()
    loop("parts").run(stop_after=5)
    parts = loop("parts").run()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    rows = (tmp_path / "whole" / "log.csv").read_text().splitlines()
    assert float(rows[-1].split(",")[2]) < 0.8 * float(rows[1].split(",")[2])


def test_each_variant_sees_its_own_inputs_only(response_config, tmp_path):
    film = replace(response_config, model="response-film", samples=16, auxiliary=0.0)
    clinical = replace(response_config, model="response-clinical", segmenter=None, samples=16)
    with_film = load_model(train(film, tmp_path / "film-tiny"))
    without = load_model(train(clinical, tmp_path / "clinical-tiny"))
    assert not with_film.card.needs_clinical
    assert not without.card.needs_image
    assert "segmenter" not in without.card.training or without.card.training["segmenter"] is None
    case = load_cases(clinical, "validation")[0]
    assert len(case.keys) == 0
    assert 0 < without.predict(None, without.card.encode([case.record]))[0] < 1


def test_batches_repeat_and_hold_a_binary_mask(response_config, cases):
    batches = ResponseBatches(cases, None, response_config)
    again = ResponseBatches(cases, None, response_config)
    one, same, other = batches(range(24, 32)), again(range(24, 32)), batches(range(32, 40))
    assert torch.equal(one["image"], same["image"])
    assert not torch.equal(one["image"], other["image"])
    assert "clinical" not in one
    image = one["image"].numpy()
    assert set(np.unique(image[:, 2])) <= {0.0, 1.0}
    np.testing.assert_allclose(image[:, 1], image[:, 0] * image[:, 2], atol=1e-6)
    assert one["facts"].shape == (8, N_FACTS)
    still = replace(response_config, augmentation=AugmentationConfig.none())
    plain = ResponseBatches(cases[:1], None, still)(range(1))["image"].numpy()[0]
    assert any(np.allclose(plain[0], key.astype(np.float32)) for key in cases[0].keys)


def test_facts_measure_the_mask():
    key = np.full((32, 32), 0.8, np.float16)
    mask = np.zeros((32, 32), bool)
    assert facts_of(key, mask)[-1] == 0
    mask[2:6, 2:6] = mask[20:24, 20:24] = True
    key[mask] = 0.2
    facts = facts_of(key, mask)
    assert facts[0] == pytest.approx(np.sqrt(32 / 1024))
    assert facts[2] == pytest.approx(-0.6 * (1 - 32 / 1024), abs=1e-3)
    assert facts[3] == pytest.approx(-0.6, abs=1e-3)
    assert facts[5] == pytest.approx(np.log(3))
    assert len(facts) == N_FACTS
    grey_rim = key.copy()
    grey_rim[0:10, 0:10] = grey_rim[16:28, 16:28] = 0.5
    grey_rim[mask] = 0.2
    assert facts_of(grey_rim, mask)[3] > facts[3] + 0.2


def test_a_patient_is_the_mean_over_frames_then_runs():
    logits = np.array([[0, 0], [0, 2], [0, 4.0], [0, -1]])
    found = Predictions(logits, np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]))
    p = Calibration().probability(logits)
    np.testing.assert_allclose(found.by_patient(Calibration()), [((p[0] + p[1]) / 2 + p[2]) / 2, p[3]])


def test_calibration_undoes_overconfidence_and_refuses_to_turn_round(cases):
    rng = np.random.default_rng(0)
    true = rng.normal(size=4000)
    outcome = rng.random(4000) < 1 / (1 + np.exp(-true))
    many = [replace(cases[0], responder=bool(y), probability=0.5 + 1e-9 * i) for i, y in enumerate(outcome)]
    everyone = np.arange(4000)

    def fit(z):
        return calibrated(Predictions(np.stack([-z / 2, z / 2], axis=1), everyone, 0 * everyone), many)

    calibration, metrics = fit(3 * true + 1)
    assert calibration.slope == pytest.approx(1 / 3, abs=0.03)
    assert calibration.intercept == pytest.approx(-1 / 3, abs=0.1)
    assert metrics["validation_brier"].value < 0.22
    assert fit(-true)[0].slope == LEAST_SLOPE


def test_what_cannot_be_trained_on_is_refused(response_config, segmenter, tmp_path):
    with pytest.raises(TrainingError, match="one outcome"):
        train(replace(response_config, validation=1), tmp_path / "a")
    other = replace(response_config.cohort, preparation=response_config.cohort.preparation.with_changes(size=48))
    with pytest.raises(TrainingError, match="another preparation"):
        make_masks([], replace(response_config, cohort=other))
    folder = train_response(replace(response_config, samples=16), tmp_path / "b", None, stop_after=1)
    assert (folder / "checkpoint.pt").exists()


def test_a_response_model_is_no_segmenter(response_config, package):
    with pytest.raises(TrainingError, match="no segmenter"):
        make_masks([], replace(response_config, segmenter=str(package)))
