"""What ``dsanet phantom`` writes is a cohort's folder: it reads in with its split, and nothing is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DSANetLib.cohort import check_cohort, frame_masks, read_cohort, read_split
from DSANetLib.phantom import OTHER_SCANNER, PhantomConfig, simulate_patient
from DSANetLib.phantom.cohort import write_preset
from DSANetLib.phantom.presets import Group, Preset

TINY = PhantomConfig(rows=96, columns=96)
PRESET = Preset(
    "tiny", "For this test", 32_000_000,
    (
        Group("train", 10, 5, TINY),
        Group("test", 2, 1, TINY),
        Group("external", 2, 1, replace(TINY, scanner=OTHER_SCANNER)),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_preset(tmp_path_factory.mktemp("phantom") / "cohort", PRESET, "dicom")


def test_a_phantom_preset_reads_in_as_it_is(folder):
    cohort = read_cohort(folder)
    assert cohort.synthetic and cohort.name == "phantom-tiny"
    assert [patient.external for patient in cohort.patients] == [False] * 12 + [True] * 2
    assert [sum(patient.responder for patient in part) for part in (cohort.patients[:10], cohort.patients[12:])] == [
        5,
        1,
    ]
    assert {run.site for run in cohort.patients[-1].runs} == {"phantom scanner B"}
    patient = cohort.patients[0]
    made = simulate_patient(int(patient.patient.rpartition("-")[2]), TINY)
    run, truth = patient.runs[0], made.runs[0].truth
    assert run.key_frame == truth.key_frame and run.artefacts == truth.artefacts
    assert run.lesions_cm == pytest.approx([lesion["diameter_cm"] for lesion in truth.lesions], abs=0.006)
    assert patient.outcome.probability == pytest.approx(made.outcome.probability, abs=1e-6)
    assert patient.clinical.values["age"] == made.clinical["age"]
    for annotated in run.frames:
        masks = frame_masks(annotated, 96, 96)
        liver, lesions = truth.masks(annotated.frame)
        np.testing.assert_array_equal(masks.tumour, lesions > 0)
        np.testing.assert_array_equal(masks.liver, liver > 0)


def test_the_split_of_a_phantom_preset_reads_back(folder):
    split = read_split(folder)
    assert (len(split.train), len(split.test), len(split.external), split.folds) == (10, 2, 2, 5)
    training, validating = split.fold(0)
    assert len(validating) == 2 and set(training) | set(validating) == set(split.train)


def test_nothing_is_found_wrong_with_a_phantom_preset(folder):
    assert [str(finding) for finding in check_cohort(folder) if finding.severe] == []
