"""A cohort's folder is read as its tables say, and what contradicts itself is named with file and line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_cohort import COLUMNS, ROWS, tumour, write_png

from DSANetLib.cohort import frame_masks, read_cohort
from DSANetLib.errors import CohortError


def test_tables_become_patients_with_runs(folder):
    cohort = read_cohort(folder)
    assert [p.patient for p in cohort.patients] == [f"p{i}" for i in range(1, 8)]
    first = cohort.patients[0]
    assert [run.case_id for run in first.runs] == ["p1_run1", "p1_run2"]
    assert first.runs[0].frames[0].frame == first.runs[0].key_frame == 2
    assert first.responder and first.outcome.response == "CR" and first.outcome.progressed is False
    assert cohort.patients[3].responder is False and cohort.patients[3].outcome.pfs_months == 9
    assert first.clinical.values["tbil"] == 12 and first.clinical.values["crp"] is None
    assert (cohort.name, cohort.synthetic) == ("study", False)


def test_artefacts_that_nobody_spoke_of_are_not_none(folder, change):
    path = folder / "manifest.csv"
    path.write_text(
        "patient,case,path,frame,tumour_mask,artefacts\n"
        "p1,a,runs/p1_run1,2,masks/p1_run1.png,No\n"
        "p1,a,runs/p1_run1,3,masks/p1_run1.png,gas\n"
        "p2,b,runs/p2_run1,,,no\n"
        "p3,c,runs/p3_run1,,,none\n",
        encoding="utf-8",
    )
    assert [p.runs[0].artefacts for p in read_cohort(folder).patients] == [("gas",), ("none",), ()]


def test_facts_name_the_cohort(folder):
    (folder / "cohort.json").write_text(json.dumps({"format": 1, "name": "Phantom 7", "synthetic": True}))
    cohort = read_cohort(folder)
    assert (cohort.name, cohort.synthetic) == ("Phantom 7", True)


def test_digest_follows_tables_and_sizes_and_not_the_place(folder, tmp_path, change):
    before = read_cohort(folder).digest
    folder.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(folder)
    assert read_cohort(folder).digest == before
    change("outcome", "p2,PR", "p2,CR")
    changed = read_cohort(folder).digest
    assert changed != before
    write_png(folder / "masks" / "p3_run1.png", np.eye(ROWS, COLUMNS, dtype=np.uint8))
    assert read_cohort(folder).digest != changed


def test_columns_beside_the_needed_ones(folder):
    (folder / "manifest.csv").write_text(
        "case;patient;path;frame;tumor_mask;liver_mask;key_frame;set;spacing_mm;frame_rate;artefacts;lesions_cm;site\n"
        "a;x;runs\\p1_run1;2;masks/p1_run1.png;;;external;0,31;3,75;motion; gas;;A\n".replace("motion; gas", "motion")
        + "a;x;runs\\p1_run1;4;masks/p1_run1.png;;1;external;0,31;3,75;;4,5;A\n"
        "b;y;runs/p2_run1;;;;;;;;;;\n",
        encoding="utf-8",
    )
    cohort = read_cohort(folder)
    run = cohort.patients[0].runs[0]
    assert cohort.patients[0].external and not cohort.patients[1].external
    assert (run.spacing_mm, run.frame_rate, run.site, run.key_frame) == (0.31, 3.75, "A", 3)
    assert run.artefacts == ("motion",) and run.lesions_cm == (4.5,)
    assert [f.frame for f in run.frames] == [1, 3]
    assert cohort.patients[1].runs[0].frames == () and cohort.patients[1].runs[0].key_frame is None


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("manifest", "p2,p2_run1,runs/p2_run1", "p2,p2_run1,runs/none", "manifest.csv, line 4: column path: runs/none"),
        ("manifest", "p2,p2_run1,", "p2,p1_run1,", "line 4: case p1_run1 belongs to another patient than in line 2"),
        ("manifest", "p2_run1,3,", "p2_run1,0,", "line 4: column frame: 0 cannot be"),
        ("manifest", "p2_run1,3,", "p2_run1,x,", "line 4: column frame: 'x' is no number"),
        ("manifest", "p2,p2_run1", ",p2_run1", "line 4: patient missing"),
        ("manifest", "runs/p2_run1", "runs/p1_run1", "line 4: case p2_run1 is the same file as case p1_run1 (line 2)"),
        ("manifest", "masks/p2_run1", "masks/p1_run1", "line 4: the mask of case p2_run1 is that of case p1_run1"),
        ("manifest", "patient,case", "patient,name", "line 1: has no column case"),
        ("outcome", "p3,SD", "p3,XX", "outcome.csv, line 4: column response: 'XX' is unknown"),
        ("outcome", "p3,SD", "p2,SD", "outcome.csv, line 4: patient p2 is there twice (line 3)"),
        ("clinical", "p3,52", "p3,520", "clinical.csv, line 4: column age: age is 520"),
        ("clinical", "tbil [umol/L]", "tbil [oz]", "clinical.csv, line 1: tbil has the unknown unit"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_remedy(change, table, old, new, message):
    with pytest.raises(CohortError) as error:
        read_cohort(change(table, old, new))
    assert message in str(error.value) and error.value.remedy


def test_no_folder_no_rows(tmp_path, folder):
    with pytest.raises(CohortError, match="nothing: is no folder"):
        read_cohort(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CohortError, match=r"manifest\.csv: is not there"):
        read_cohort(tmp_path / "empty")
    (folder / "manifest.csv").write_text("patient,case,path,frame,tumour_mask,liver_mask\n")
    with pytest.raises(CohortError, match="the cohort is empty"):
        read_cohort(folder)


def test_png_mask_is_neither_flipped_nor_moved(folder):
    masks = frame_masks(read_cohort(folder).patients[0].runs[0].frames[0], ROWS, COLUMNS)
    assert masks.tumour.dtype == bool and masks.liver is None
    np.testing.assert_array_equal(masks.tumour, tumour() > 0)
    assert set(np.unique(masks.labels)) == {0, 1}


def test_lesions_of_a_png_are_its_numbers_or_its_pieces(folder):
    numbered = np.zeros((ROWS, COLUMNS), np.uint8)
    numbered[2:4, 2:4], numbered[2:4, 4:6] = 1, 2
    path = folder / "masks" / "p1_run1.png"
    write_png(path, numbered)
    frame = read_cohort(folder).patients[0].runs[0].frames[0]
    np.testing.assert_array_equal(frame_masks(frame, ROWS, COLUMNS).labels, numbered)
    write_png(path, np.where(numbered == 1, 255, 0).astype(np.uint8) + np.flipud(numbered == 1).astype(np.uint8) * 255)
    assert frame_masks(frame, ROWS, COLUMNS).labels.max() == 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((COLUMNS, ROWS), np.uint8), "36 × 24 pixels .* the run 24 × 36"),
        (np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS).astype(np.uint8), "is no mask"),
    ],
)
def test_masks_that_cannot_be_are_refused(folder, image, message):
    write_png(folder / "masks" / "p1_run1.png", image)
    with pytest.raises(CohortError, match=message):
        frame_masks(read_cohort(folder).patients[0].runs[0].frames[0], ROWS, COLUMNS)
