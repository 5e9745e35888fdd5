"""Promises of the evaluation on phantom patients: the real pipeline, every run counted, nothing done twice."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.clinical import ClinicalEncoder
from DSANetLib.errors import ModelError, TrainingError
from DSANetLib.evaluation import phantom as evaluation
from DSANetLib.evaluation.metrics import dice
from DSANetLib.evaluation.plan import UNSEEN_OFFSET, EvaluationPlan, Task
from DSANetLib.evaluation.records import RunRecord
from DSANetLib.models.card import ModelCard
from DSANetLib.models.model import ResponseModel, SegmentationModel
from DSANetLib.networks.config import ResponseConfig, SegmenterConfig
from DSANetLib.phantom import PhantomConfig, simulate_patient
from DSANetLib.phantom.config import RESPONSE_TRAINING, SEGMENTATION_TRAINING, TEST, VALIDATION
from DSANetLib.preparation import PreparationConfig

SMALL = PhantomConfig(rows=160, columns=200)


PREPARATION = PreparationConfig(size=64)


class DarkIsTumour:
    """A runtime without parameters: tumour where the key frame is dark. All else is the real model class."""

    name = "rule"

    def __init__(self, level: float, *, liver: bool) -> None:
        self.level, self.liver, self.calls = level, liver, 0

    def run(self, inputs):
        self.calls += 1
        tumour = (inputs["keys"] < self.level).astype(np.float32)
        return {"tumour": tumour, "liver": np.ones_like(tumour)} if self.liver else {"tumour": tumour}


class Broken:
    name = "broken"

    def run(self, inputs):
        raise ModelError(f"it broke on {len(inputs)} inputs")


class SmallMaskResponds:
    """Response is the likelier the smaller the mask; with clinical values, the likelier the higher their sum."""

    name = "rule"

    def run(self, inputs):
        score = -3.0 * inputs["images"][:, 2].mean(axis=(1, 2)) if "images" in inputs else 0.0
        score = score + (0.1 * inputs["clinical"].sum(axis=1) if "clinical" in inputs else 0.0)
        return {"logits": np.stack([np.zeros_like(score), score], axis=1).astype(np.float32)}


def card(name: str, network, **values) -> ModelCard:
    return ModelCard(name=name, network=network, preparation=PREPARATION, checksums={"weights": name}, **values)


@pytest.fixture
def runtimes(monkeypatch):
    encoder = ClinicalEncoder.fit([evaluation.clinical_record(simulate_patient(seed, SMALL)) for seed in range(4)])
    made = {
        "one": DarkIsTumour(0.35, liver=True),
        "two": DarkIsTumour(0.15, liver=False),
        "broken": Broken(),
        "film": SmallMaskResponds(),
        "clinical": SmallMaskResponds(),
    }
    models = {
        "one": SegmentationModel(card("one", SegmenterConfig()), made["one"]),
        "two": SegmentationModel(card("two", SegmenterConfig(kind="unet")), made["two"]),
        "broken": SegmentationModel(card("broken", SegmenterConfig()), made["broken"]),
        "film": ResponseModel(card("film", ResponseConfig(clinical=False), threshold=0.4), made["film"]),
        "clinical": ResponseModel(
            card(
                "clinical",
                ResponseConfig(image=False, clinical=True, n_clinical=encoder.size),
                clinical_encoder=encoder,
            ),
            made["clinical"],
        ),
    }
    monkeypatch.setattr(evaluation, "_model", models.__getitem__)
    return models, made


@pytest.fixture
def models(runtimes):
    return runtimes[0]


def plan(**changes) -> EvaluationPlan:
    values = {"cohort": "validation", "patients": 3, "baseline_patients": 2, "unseen_patients": 1}
    values |= {"segmenters": ("one", "two"), "responders": {"film": "film"}, "config": SMALL}
    return EvaluationPlan(**(values | changes))


def test_cohorts_share_no_seed():
    test, validation = EvaluationPlan(), EvaluationPlan(cohort="validation")
    assert (test.first_seed, validation.first_seed) == (TEST, VALIDATION) == (13_000_000, 5_000_000)
    starts = sorted([SEGMENTATION_TRAINING, RESPONSE_TRAINING, VALIDATION, TEST])
    assert min(np.diff(starts)) >= 2 * UNSEEN_OFFSET
    assert test.sentence() == ("test patients, seeds 13000000–13000999; at 5 /s seeds 13500000–13500099")
    assert EvaluationPlan(unseen_patients=0, patients=1).sentence() == "test patients, seeds 13000000–13000000"
    for bad in ({"patients": 0}, {"patients": UNSEEN_OFFSET + 1}, {"unseen_patients": -1}, {"baseline_patients": -1}):
        with pytest.raises(TrainingError, match="an evaluation of"):
            EvaluationPlan(**bad)
    with pytest.raises(TrainingError, match="no segmentation model"):
        EvaluationPlan(segmenters=())
    assert EvaluationPlan().packages == (
        "ffs-phantom",
        "unet-phantom",
        "response-clinical-phantom",
        "response-film-phantom",
        "response-phantom",
    )


def test_a_run_is_measured_on_the_source_pixels_of_the_chosen_frame(models):
    patient = simulate_patient(VALIDATION, SMALL)
    phantom = patient.runs[0]
    record, result = evaluation.evaluate_run(patient.patient_id, phantom, models["one"])
    index = result.key_frame.index
    liver, lesions = phantom.truth.masks(index)
    assert record.dice == dice(result.masks[index].tumour, lesions)
    assert record.liver_dice == dice(result.masks[index].liver, liver)
    assert record.predicted_share == pytest.approx(
        100 * result.masks[index].tumour.sum() / result.prepared.visible_source.sum()
    )
    assert (record.key_frame, record.true_key_frame) == (index, phantom.truth.key_frame)
    times = phantom.run.times_s
    assert record.key_error_s == pytest.approx(times[index] - times[phantom.truth.key_frame])
    assert record.artefacts == phantom.truth.artefacts
    assert record.frame_rate == phantom.truth.frame_rate
    assert record.field_mm == pytest.approx(phantom.truth.spacing_mm * 200)
    shown = [lesion for lesion in phantom.truth.lesions if (lesions == lesion["number"]).any()]
    assert record.lesions_cm == tuple(lesion["diameter_cm"] for lesion in shown)
    assert record.largest_cm == max(record.lesions_cm)
    assert (record.patient, record.error, record.tumour_free) == (patient.patient_id, "", False)
    later, _ = evaluation.evaluate_run(patient.patient_id, phantom, models["one"], key_frame=index + 2)
    assert later.key_frame == index + 2


def test_a_failed_run_counts_with_dice_0_and_all_lesions_missed(models):
    patient = simulate_patient(VALIDATION, SMALL)
    record, result = evaluation.evaluate_run(patient.patient_id, patient.runs[0], models["broken"])
    assert result is None
    assert (record.dice, record.error, record.key_frame_hit) == (0.0, "it broke on 2 inputs.", False)
    assert len(record.lesions_found) > 0
    assert not any(record.lesions_found)
    assert record.largest_cm == max(record.lesions_cm) > 0
    free = simulate_patient(VALIDATION, PhantomConfig(rows=160, columns=200, tumour_free_share=1.0))
    record, _ = evaluation.evaluate_run(free.patient_id, free.runs[0], models["broken"])
    assert (record.tumour_free, record.lesions_cm) == (True, ())


def test_models_are_compared_on_the_frame_that_the_first_chose(models):
    result = evaluation.evaluate_patient(VALIDATION + 1, Task(("one", "two"), (("film", "film"),), SMALL))
    one, two = ([RunRecord.from_dict(row) for row in result["runs"][name]] for name in ("one", "two"))
    assert [r.key_frame for r in one] == [r.key_frame for r in two]
    assert (one[0].liver_dice is None, two[0].liver_dice is None) == (False, True)
    patient = simulate_patient(VALIDATION + 1, SMALL)
    assert result["patient"]["responder"] is patient.responder
    assert result["patient"]["bayes"] == patient.outcome.probability
    assert 0 < result["patient"]["probabilities"]["film"] < 1
    assert result["patient"]["thresholds"] == {"film": 0.4}
    json.dumps(result)


def test_a_patient_whose_runs_all_fail_has_no_probability_but_a_reason(models):
    result = evaluation.evaluate_patient(VALIDATION, Task(("broken",), (("film", "film"),), SMALL))
    runs = len(simulate_patient(VALIDATION, SMALL).runs)
    assert result["patient"]["probabilities"] == {}
    assert result["patient"]["errors"] == ("it broke on 2 inputs.",) * runs
    assert len(result["runs"]["broken"]) == runs


def test_a_response_model_that_fails_is_named_and_the_others_are_kept(models, monkeypatch):
    def fail(inputs):
        raise ModelError(f"no response from {sorted(inputs)}")

    monkeypatch.setattr(models["film"]._runtime, "run", fail)
    inputs = (("film", "film"), ("clinical", "clinical"))
    result = evaluation.evaluate_patient(VALIDATION, Task(("one",), inputs, SMALL))
    assert result["patient"]["errors"] == ("film: no response from ['images'].",)
    assert set(result["patient"]["probabilities"]) == {"clinical"}


def test_an_evaluation_goes_on_where_it_was_and_ends_the_same(runtimes, tmp_path):
    models, made = runtimes
    seen: list[tuple[str, int, int]] = []
    first = evaluation.evaluate_on_phantom(tmp_path, plan(), workers=1, progress=lambda *step: seen.append(step))
    assert seen == [
        ("patients", 1, 2), ("patients", 2, 2), ("more patients", 3 - 2, 1), ("unseen frame rate", 1, 1)
    ]  # fmt: skip
    patients = {record.patient for record in first.models["one"]}
    assert len(patients) == 3
    assert len({record.patient for record in first.models["two"]}) == 2
    assert {record.frame_rate for record in first.unseen["one"]} == {5.0}
    assert len(first.patients) == 3
    report = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert report == first.to_markdown()
    assert "Validation patients, seeds 5000000–5000002" in report
    assert not (tmp_path / "test-set-openings.jsonl").exists()

    lines = (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "records.jsonl").write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:40], encoding="utf-8")
    calls = made["one"].calls
    seen.clear()
    again = evaluation.evaluate_on_phantom(tmp_path, plan(), workers=1, progress=lambda *step: seen.append(step))
    assert seen == [("unseen frame rate", 1, 1)]
    assert made["one"].calls > calls
    assert again.to_markdown() == report

    models["two"].card = replace(models["two"].card, checksums={"weights": "other"})
    seen.clear()
    evaluation.evaluate_on_phantom(tmp_path, plan(), workers=1, progress=lambda *step: seen.append(step))
    assert [part for part, _, _ in seen] == ["patients", "patients", "unseen frame rate"]  # not where "two" has no part


def test_the_test_set_is_opened_on_record(models, tmp_path):
    small = plan(cohort="test", patients=1, baseline_patients=1, unseen_patients=0)
    first = evaluation.evaluate_on_phantom(tmp_path, small, workers=1)
    assert first.facts[0] == "Test patients, seeds 13000000–13000000"
    assert first.facts[1].startswith("Test set opened 20")
    models["one"].card = replace(models["one"].card, checksums={"weights": "retrained"})
    second = evaluation.evaluate_on_phantom(tmp_path, small, workers=1)
    assert len(second.facts) == 3
    assert second.facts[1] == first.facts[1]
    assert first.unseen == {}
