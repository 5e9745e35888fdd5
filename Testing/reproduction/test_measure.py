"""A prediction is measured with what is known of the run, and with nothing that is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.cohort import CohortRun, read_cohort
from DSANetLib.evaluation.segmentation import SIZES
from DSANetLib.preparation import PreparationConfig
from DSANetLib.reproduction.measure import Trial, measure, true_masks
from DSANetLib.training.cases import TrainingRun
from DSANetLib.training.from_cohort import _training_run

TRIAL = Trial("unet", 0, 0, "test")


@pytest.fixture(scope="module")
def prepared(cohort_folder) -> tuple[CohortRun, TrainingRun]:
    runs = [run for patient in read_cohort(cohort_folder).patients for run in patient.runs]
    case = next(run for run in runs if run.lesions_cm)
    return case, _training_run(case, PreparationConfig(size=64))


def measured(case: CohortRun, run: TrainingRun):
    rows, columns = run.geometry.rows, run.geometry.columns
    return measure(TRIAL, case, run, true_masks(case, run.key, rows, columns).tumour, None)


def test_the_header_s_spacing_and_frame_rate_are_taken_where_the_manifest_has_none(prepared):
    case, run = prepared
    bare = replace(case, spacing_mm=None, frame_rate=None, lesions_cm=())
    told, header = measured(replace(case, lesions_cm=()), run), measured(bare, run)
    assert case.spacing_mm == pytest.approx(run.facts["spacing_mm"], rel=1e-3)
    assert header.record.field_mm == pytest.approx(told.record.field_mm, rel=1e-3)
    assert header.record.lesions_cm == pytest.approx(told.record.lesions_cm, rel=1e-3)
    assert header.record.frame_rate == pytest.approx(case.frame_rate, rel=0.05)
    assert header.surface_mm == told.surface_mm == 0.0


def test_a_lesion_of_unknown_size_is_in_no_group_of_sizes(prepared):
    case, run = prepared
    unknown = replace(run, facts=run.facts | {"spacing_mm": None})
    record = measured(replace(case, spacing_mm=None, lesions_cm=()), unknown).record
    assert record.lesions_cm and not any(record.lesions_cm)
    assert not any(belongs(record) for _, belongs in SIZES)
    assert record.field_mm is None and np.all(record.lesions_found)


def test_a_prediction_of_everything_is_all_of_the_field_and_no_more(prepared):
    case, run = prepared
    rows, columns = run.geometry.rows, run.geometry.columns
    hidden = replace(run, visible=run.visible & (np.arange(run.visible.shape[1]) > 20))
    record = measure(TRIAL, case, hidden, np.ones((rows, columns), bool), None).record
    assert record.predicted_share == pytest.approx(100.0)
