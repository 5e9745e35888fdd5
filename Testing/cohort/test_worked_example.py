"""The worked example of docs/cohort.md, from the page alone: LabelMe files and AVIs become a checked, split cohort."""

from __future__ import annotations

import re

import numpy as np
import pytest
from labelme_cohort import COLUMNS, ROWS, write_films

from DSANetLib.cli import main
from DSANetLib.cohort import frame_masks, read_cohort, read_split

pytest.importorskip("sklearn", reason='scikit-learn is not installed (pip install "dsanet[study]")')


@pytest.fixture
def page(repository):
    return (repository / "docs" / "cohort.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(write_films(tmp_path))
    return tmp_path


def test_the_page_leads_from_labelme_and_avi_to_a_split_cohort(page, place, capsys):
    init, check, split, describe = re.findall(r"```bash\ndsanet (cohort .*)\n```", page)
    frames_as_pictures, from_python = re.findall(r"```python\n(.*?)```", page, re.S)
    tables = dict(re.findall(r"```csv (\S+)\n(.*?)```", page, re.S))

    def said(command, code=0):
        assert main(command.split()) == code
        return capsys.readouterr().out.strip()

    drawn = place / "drawn" / "p01_run1_frame_0004.png"
    exec(frames_as_pictures, {})
    assert drawn.is_file()
    assert said(init) in page
    for name, text in tables.items():
        (place / name).write_text(text, encoding="utf-8")
    assert said(check, 1) in page
    clinical = place / "study" / "clinical.csv"
    clinical.write_text(clinical.read_text(encoding="utf-8").replace("p05,66,male,1.1,", "p05,66,male,19,"))
    assert said(check) == "Nothing to mend, 0 notes."
    first, second, *_ = said(split).splitlines()
    assert f"{first}\n{second}\n" in page
    assert "| patients | 9 | 3 | 12 |" in said(describe)
    found: dict = {}
    exec(from_python, found)
    assert found["run"].count == 6 and set(found["training"]).isdisjoint(found["validation"])


def test_what_was_drawn_is_what_is_read(place, capsys):
    assert main(["cohort", "init", "study", "--runs", "films", "--masks", "drawn", "--quiet"]) == 0
    cohort = read_cohort(place / "study")
    assert [len(patient.runs) for patient in cohort.patients] == [2, *[1] * 11]
    assert [frame.frame for frame in cohort.patients[-1].runs[0].frames] == [2, 3]
    masks = frame_masks(cohort.patients[0].runs[0].frames[0], ROWS, COLUMNS)
    expected = np.zeros((ROWS, COLUMNS), np.uint8)
    expected[8:20, 10:26], expected[12:16, 14:18], expected[30:36, 40:48] = 1, 0, 2
    np.testing.assert_array_equal(masks.labels, expected)
    assert masks.liver.sum() == 40 * 55


def test_split_of_the_page_is_the_one_it_shows(place):
    main(["cohort", "init", "study", "--runs", "films", "--masks", "drawn"])
    (place / "study" / "outcome.csv").write_text(
        "patient,responder\n" + "".join(f"p{i:02d},{i % 2}\n" for i in range(1, 13)), encoding="utf-8"
    )
    for _ in range(2):
        assert main(["cohort", "split", "study", "--folds", "3", "--seed", "1", "--overwrite"]) == 0
    split = read_split(place / "study")
    assert len(split.train) == 9 and split.seed == 1
    assert main(["cohort", "split", "study", "--folds", "3"]) == 1
