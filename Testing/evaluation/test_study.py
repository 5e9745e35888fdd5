"""A study's folder: what is written comes back, and damage is named."""

import pytest

from DSANetLib.errors import CohortError
from DSANetLib.evaluation.records import RunRecord
from DSANetLib.evaluation.study import (
    ResponseResult,
    SegmentationResult,
    Study,
    StudyPatient,
    TrainingResult,
    read_study,
    write_study,
)


@pytest.fixture
def study() -> Study:
    record = RunRecord("p1", "p1-r1", False, 0.5, lesions_found=(True,), lesions_cm=(2.0,), artefacts=("motion",))
    return Study(
        {"title": "t", "synthetic": True},
        (SegmentationResult("ffs", 0, -1, "test", record, surface_mm=1.5),),
        (ResponseResult("film", "", 0, 2, "external", "p1", True, 0.25),),
        (TrainingResult("ffs", 0, -1, figures={"dice": 0.5}),),
        (StudyPatient("p1", "test", {"age": 61.0}, True, "PR", 12.5, False, (2.0, 3.5)),),
    )


def test_what_is_written_comes_back(study, tmp_path):
    assert read_study(write_study(study, tmp_path / "s")) == study


def test_a_damaged_line_is_named(study, tmp_path):
    folder = write_study(study, tmp_path)
    (folder / "response.jsonl").write_text("no json\n")
    with pytest.raises(CohortError, match="line 1"):
        read_study(folder)
    (folder / "response.jsonl").write_text("{}\n")
    with pytest.raises(CohortError, match=r"response.jsonl.*line 1"):
        read_study(folder)


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(CohortError, match=r"study\.json"):
        read_study(tmp_path)
