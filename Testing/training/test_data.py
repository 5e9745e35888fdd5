"""Prepared patients on disk: nothing lost, nothing half-written, nothing made twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.errors import OutputError, TrainingError
from DSANetLib.models import load_model
from DSANetLib.phantom import simulate_patient
from DSANetLib.pipeline import response_images, segment, segment_prepared
from DSANetLib.preparation import network_inputs, prepare
from DSANetLib.training.case_files import read_facts, read_patient, write_patient
from DSANetLib.training.cases import from_phantom
from DSANetLib.training.data import cohort_folder, load_cohort, make_cohort, patient_file

SEED = 1_000_001


@pytest.fixture(scope="module")
def original(cohort):
    return simulate_patient(SEED, cohort.phantom)


def test_a_patient_comes_back_from_its_file_unchanged(original, cohort, tmp_path):
    patient = from_phantom(original, SEED, cohort.preparation)
    write_patient(patient, tmp_path / "p.npz")
    back = read_patient(tmp_path / "p.npz")
    assert (back.seed, back.responder, back.factors) == (SEED, original.responder, original.factors)
    assert back.clinical == original.clinical
    for old, new in zip(patient.runs, back.runs, strict=True):
        assert (old.key, old.masked, old.facts, old.geometry) == (new.key, new.masked, new.facts, new.geometry)
        for name in ("stack", "times", "visible", "baseline", "liver", "tumour"):
            np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    assert read_facts(tmp_path / "p.npz")["patient_id"] == original.patient_id
    assert [p.name for p in tmp_path.iterdir()] == ["p.npz"]


def test_the_stored_run_is_the_prepared_run_and_its_truth(original, cohort):
    case = original.runs[0]
    prepared = prepare(case.run, cohort.preparation)
    run = from_phantom(original, SEED, cohort.preparation).runs[0]
    np.testing.assert_allclose(run.grey(run.stack), prepared.stack, atol=0.005)
    again, frame = run.as_prepared(cohort.preparation), prepared.key_frame.index
    for name in ("frames", "key", "difference"):
        ours, theirs = getattr(network_inputs(again, frame), name), getattr(network_inputs(prepared, frame), name)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert {case.truth.key_frame, prepared.key_frame.index, run.picked_in_liver} <= set(run.masked)
    for place, frame in enumerate(run.masked):
        liver, lesions = case.truth.masks(frame)
        for ours, theirs in ((run.liver[place], liver), (run.tumour[place], lesions > 0)):
            area = prepared.geometry.scale[0] * prepared.geometry.scale[1] * np.count_nonzero(theirs)
            assert ours.sum() / 255 == pytest.approx(area, rel=0.05, abs=2)


def test_a_cached_run_goes_through_the_pipeline_like_its_source(original, cohort, segmenter):
    model = load_model(segmenter)
    direct = segment(original.runs[0].run, model)
    cached = segment_prepared(
        from_phantom(original, SEED, cohort.preparation).runs[0].as_prepared(cohort.preparation), model
    )
    assert cached.frames == direct.frames
    difference = response_images(cached) - response_images(direct)
    assert np.count_nonzero(np.abs(difference) > 2e-3) <= 4
    with pytest.raises(TrainingError, match="not kept"):
        cached.prepared.run.frames[0]


def test_a_run_that_cannot_be_prepared_is_left_out_and_named(original, cohort, caplog):
    case = original.runs[0]
    black = replace(case, run=case.run.with_changes(frames=np.zeros((9, 96, 96), np.uint8), times_s=None))
    patient = from_phantom(replace(original, runs=(black, case)), SEED, cohort.preparation)
    assert len(patient.runs) == 1
    assert "every pixel" in patient.refused[0]
    folder = cohort_folder(replace(cohort, cache=cohort.cache + "-refused"))
    write_patient(patient, patient_file(folder, SEED))
    load_cohort([SEED], replace(cohort, cache=cohort.cache + "-refused"))
    assert "1 runs could not be prepared" in caplog.text
    write_patient(replace(patient, runs=()), patient_file(folder, SEED))
    with pytest.raises(TrainingError, match="no run"):
        load_cohort([SEED], replace(cohort, cache=cohort.cache + "-refused"))


def test_two_processes_make_the_files_of_one_and_only_what_is_missing(cohort, tmp_path):
    seeds, lines = range(1_000_000, 1_000_003), []
    two = replace(cohort, cache=str(tmp_path / "two"), workers=2)
    assert make_cohort(seeds[:2], two, lines.append) == 2
    assert "2 of 2 patients" in lines[-1]
    stamp = patient_file(cohort_folder(two), seeds[0]).stat().st_mtime_ns
    assert make_cohort(seeds, two) == 1
    assert patient_file(cohort_folder(two), seeds[0]).stat().st_mtime_ns == stamp
    one = load_cohort(seeds, cohort)
    for ours, theirs in zip(load_cohort(seeds, two), one, strict=True):
        for run, other in zip(ours.runs, theirs.runs, strict=True):
            np.testing.assert_array_equal(run.stack, other.stack)
            np.testing.assert_array_equal(run.tumour, other.tumour)


def test_an_error_in_a_process_comes_out_and_leaves_no_file(cohort, tmp_path):
    broken = replace(cohort, cache=str(tmp_path), workers=2)
    with pytest.raises((ValueError, TypeError)):
        make_cohort([-1, -2], broken)
    assert not list(Path(tmp_path).rglob("*.npz"))


def test_a_damaged_file_is_one_clear_line(cohort, tmp_path):
    path = tmp_path / "p.npz"
    path.write_bytes(b"no zip")
    for read in (read_patient, read_facts):
        with pytest.raises(TrainingError, match="Delete the file"):
            read(path)


def test_changed_sources_are_said(cohort, tmp_path, caplog):
    mine = replace(cohort, cache=str(tmp_path))
    make_cohort([], mine)
    note = cohort_folder(mine) / "cohort.json"
    note.write_text(note.read_text().replace('"sources": "', '"sources": "0'))
    make_cohort([], mine)
    assert "other sources" in caplog.text


def test_a_cache_that_cannot_be_made_is_one_clear_line(cohort, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        make_cohort([], replace(cohort, cache=str(tmp_path / "file")))
