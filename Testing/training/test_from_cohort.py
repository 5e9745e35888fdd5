"""A cohort folder as training patients: annotated frames and none else, kept by content, figures of the held out."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from DSANetLib.errors import TrainingError
from DSANetLib.models import load_model
from DSANetLib.training import CohortSource, train
from DSANetLib.training.from_cohort import cohort_patients, store_patients
from DSANetLib.training.objective import mask_loss
from DSANetLib.training.segmenter import SegmenterBatches


@pytest.fixture
def own(folder, tmp_path):
    """A copy of the cohort folder that a test may change."""
    return shutil.copytree(folder, tmp_path / "own")


def test_runs_carry_the_annotated_frames_and_what_the_tables_say(folder, cohort):
    patients = cohort_patients(folder, ["p1", "p0"], cohort)
    assert [p.patient_id for p in patients] == ["p1", "p0"]
    assert [p.responder for p in patients] == [True, False]
    assert patients[0].clinical["age"] == 51
    for patient in patients:
        for run in patient.runs:
            assert run.key in run.masked
            assert len(run.masked) in (2, 3)
            assert run.judged in run.masked
            assert run.facts["spacing_mm"] > 0
            assert run.tumour.shape == (len(run.masked), 32, 32)
    assert all(run.has_liver(run.key) for run in patients[0].runs)
    assert not any(run.has_liver(run.key) for run in patients[1].runs)


def test_a_file_is_kept_by_its_content_and_tables_are_read_anew(own, cohort, tmp_path):
    mine = replace(cohort, cache=str(tmp_path / "cache"))
    (first,) = store_patients(own, ["p2"], mine)
    stamp = first.path.stat().st_mtime_ns
    outcome = own / "outcome.csv"
    outcome.write_text(outcome.read_text().replace("p2,0", "p2,1"))
    (same,) = store_patients(own, ["p2"], mine)
    assert same.path == first.path
    assert same.path.stat().st_mtime_ns == stamp
    assert same.read().responder is True
    run = first.read().runs[0]
    mask = own / "masks" / f"{run.case_id}-{run.key}.png"
    other = next(path for path in (own / "masks").glob("*.png") if path.read_bytes() != mask.read_bytes())
    mask.write_bytes(other.read_bytes())
    (changed,) = store_patients(own, ["p2"], mine)
    assert changed.path != first.path


def test_a_run_without_tumour_is_trained_on_as_it_is(own, cohort):
    manifest = own / "manifest.csv"
    header, *rows = manifest.read_text().splitlines()
    mine = [row for row in rows if row.startswith("p3,")]
    case, path = mine[0].split(",")[1:3]
    others = [row for row in rows if not row.startswith("p3,")]
    manifest.write_text("\n".join([header, *others, f"p3,{case},{path},,,,,,1,"]) + "\n")
    (patient,) = cohort_patients(own, ["p3"], cohort)
    (run,) = patient.runs
    assert len(run.masked) >= 2
    assert not run.tumour.any()
    assert run.facts["tumour_free"]


def test_without_a_liver_mask_the_liver_says_nothing_to_the_loss(folder, from_folder, cohort):
    patients = cohort_patients(folder, ["p0", "p1"], cohort)
    batch = SegmenterBatches([run for p in patients for run in p.runs], from_folder)(range(8))
    known = batch["has_liver"]
    assert 0 < int(known.sum()) < 8
    logits = torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for dice in ("batch", "image"):
        loss = mask_loss(logits, batch["liver"], dice, known)
        (grad,) = torch.autograd.grad(loss, logits)
        assert float(grad[~known].abs().max()) == 0
        assert float(loss.detach()) == pytest.approx(
            float(mask_loss(logits[known], batch["liver"][known], dice).detach()), abs=1e-6
        )
    assert float(mask_loss(logits, batch["liver"], "image", torch.zeros(8, dtype=bool)).detach()) == 0


def test_a_segmenter_is_trained_on_a_cohort_and_measured_on_who_was_held_out(from_folder, tmp_path):
    lines = []
    package = train(replace(from_folder, patience=2, samples=96, lr=1e-6), tmp_path / "mine", progress=lines.append)
    card = load_model(package).card
    assert card.data["cohort"]["name"] == "tiny"
    assert card.data["training"] == {"patients": 5, "runs": 5}
    assert card.metrics["held_out_dice_tumour"].n <= 3
    assert "p1" not in card.data.values()
    assert 0 < card.training["best_after_samples"] < 96
    pictures = list((tmp_path / "mine.training").glob("validation-*.png"))
    assert pictures
    assert pictures[0].stat().st_size > 1000


def test_a_response_model_is_trained_on_a_cohort(from_folder, tmp_path, response_config):
    config = replace(
        response_config, model="response-film", masks="none", segmenter=None, auxiliary=0.0, samples=16,
        source=replace(from_folder.source, training=("p0", "p1"), validation=("p2", "p3", "p4", "p5"),
                       held_out=("p6", "p7", "p8", "p9")),
    )  # fmt: skip
    card = load_model(train(config, tmp_path / "mine")).card
    assert card.calibration.cohort == "4 validation patients of the cohort"
    assert card.metrics["held_out_auc"].n == 4
    assert "validation_auc_bayes" not in card.metrics


def test_who_is_missing_or_in_two_parts_is_refused(folder, cohort):
    with pytest.raises(TrainingError, match="1 of 2 patients are not in the cohort"):
        cohort_patients(folder, ["p1", "nobody"], cohort)
    with pytest.raises(TrainingError, match="in two of"):
        CohortSource(str(folder), ("p1", "p2"), ("p3",), ("p1",))
    with pytest.raises(TrainingError, match="no training"):
        CohortSource(str(folder), (), ("p1",))


def test_without_validation_patients_nothing_is_trained_that_needs_them(folder, from_folder, tmp_path):
    source = CohortSource(str(folder), ("p1", "p2"), ())
    for model in ("ffs", "response-clinical"):
        with pytest.raises(TrainingError, match="no validation patients"):
            train(replace(from_folder, source=source, model=model), tmp_path / "mine")


def test_other_patients_are_another_training(own, from_folder, tmp_path):
    from DSANetLib.training.segmenter import train_segmenter

    config = replace(from_folder, source=replace(from_folder.source, folder=str(own)))
    train_segmenter(config, tmp_path / "mine", None, stop_after=1)
    outcome = own / "outcome.csv"
    outcome.write_text(outcome.read_text().replace("p2,0", "p2,1"))
    with pytest.raises(TrainingError, match="other patients"):
        train_segmenter(config, tmp_path / "mine", None, stop_after=2)


def test_the_nearest_annotated_frame_is_taken(folder, cohort):
    run = cohort_patients(folder, ["p1"], cohort)[0].runs[0]
    assert replace(run, masked=(2, 8)).nearest_masked(5) == 2
    assert replace(run, masked=(2, 8)).nearest_masked(np.int64(6)) == 8
