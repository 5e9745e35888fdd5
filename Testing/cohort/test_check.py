"""One pass over a cohort finds what would spoil a study, and names file, line and remedy."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from labelme_cohort import write_films
from small_cohort import COLUMNS, ROWS, tumour, write_png, write_run

from DSANetLib.cohort import check_cohort, init_cohort


def said(folder, **options):
    return [
        (finding.file, finding.line, finding.problem, finding.severe) for finding in check_cohort(folder, **options)
    ]


def test_nothing_is_found_where_nothing_is_wrong(folder):
    assert check_cohort(folder) == []


def test_same_pixels_under_two_patients(folder, change):
    shutil.rmtree(folder / "runs" / "p3_run1")
    shutil.copytree(folder / "runs" / "p2_run1", folder / "runs" / "p3_run1")
    (finding,) = check_cohort(folder)
    assert (finding.file, finding.line, finding.severe) == ("manifest.csv", 5, True)
    assert "5 frames of case p3_run1 (patient p3) have the same pixels as case p2_run1 (patient p2, line 4)" in str(
        finding
    )
    assert check_cohort(folder, pixels=False) == []


def test_a_single_frame_under_two_patients_in_another_format_and_depth(folder):
    import cv2

    source = folder / "runs" / "p2_run1" / "frame_0004.png"
    image = cv2.imdecode(np.frombuffer(source.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    run = folder / "runs" / "p3_run1"
    for path in run.iterdir():
        frame = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        write_png(path, frame.astype(np.uint16) + 300)
    write_png(run / "frame_0001.png", image.astype(np.uint16))
    assert [text for _, _, text, _ in said(folder)] == [
        "1 frame of case p3_run1 (patient p3) have the same pixels as case p2_run1 (patient p2, line 4)"
    ]


def test_run_of_one_patient_twice_is_wrong_and_a_shared_frame_a_remark(folder):
    one, other = folder / "runs" / "p1_run1", folder / "runs" / "p1_run2"
    shutil.copy(one / "frame_0002.png", other / "frame_0005.png")
    ((_, line, text, severe),) = said(folder)
    assert line == 3 and "1 frame of case p1_run2" in text and not severe
    shutil.rmtree(other)
    shutil.copytree(one, other)
    ((_, line, text, severe),) = said(folder)
    assert line == 3 and "5 frames of case p1_run2 have the same pixels" in text and severe


def test_black_frames_are_nobodys(folder):
    for case in ("p2_run1", "p3_run1"):
        write_png(folder / "runs" / case / "frame_0001.png", np.zeros((ROWS, COLUMNS), np.uint8))
    assert check_cohort(folder) == []


def mask_with(**changes):
    mask = tumour()
    mask[:] = changes.get("all", mask)
    mask[20, 2] = changes.get("dot", 0)
    return mask


@pytest.mark.parametrize(
    ("mask", "text", "severe"),
    [
        (tumour().T, "36 × 24 pixels (rows × columns), the run 24 × 36", True),
        (mask_with(all=0), "the tumour mask of frame 3 of case p2_run1 is empty", True),
        (mask_with(dot=255), "frame 3 of case p2_run1 has 1 lesion of one pixel", False),
        (mask_with(all=255), "covers 100% of the frame", False),
        (None, "p2_run1.png: the file is empty", True),
    ],
)
def test_masks_that_cannot_be_or_seldom_are(folder, mask, text, severe):
    path = folder / "masks" / "p2_run1.png"
    path.write_bytes(b"") if mask is None else write_png(path, np.ascontiguousarray(mask))
    ((file, line, problem, found),) = said(folder)
    assert (file, line, found) == ("manifest.csv", 4, severe) and text in problem


def test_tumour_free_runs_need_no_mask_and_must_have_none(folder):
    manifest = folder / "manifest.csv"
    text = manifest.read_text().replace("liver_mask\n", "liver_mask,tumour_free\n").replace(".png,\n", ".png,,\n")
    manifest.write_text(text.replace("masks/p2_run1.png,,", ",,1"))
    assert check_cohort(folder) == []
    manifest.write_text(text.replace("masks/p2_run1.png,,", "masks/p2_run1.png,,1"))
    assert "tumour-free, but its mask" in said(folder)[0][2]
    manifest.write_text(text.replace("masks/p2_run1.png,,", ",,"))
    assert said(folder)[0][1:] == (4, "frame 3 of case p2_run1 has no tumour mask", True)


def test_frames_and_runs_that_are_not_there(change, folder):
    change("manifest", "p2_run1,3,", "p2_run1,9,")
    assert said(folder)[0][1:] == (4, "frame 9 of case p2_run1, which has 5 frames", True)
    write_png(folder / "runs" / "p3_run1" / "frame_0002.png", np.zeros((3, 3), np.uint8))
    assert [line for _, line, _, _ in said(folder)] == [4, 5]


def test_mask_whose_name_says_another_frame(folder, change):
    (folder / "masks" / "p2_run1.png").rename(folder / "masks" / "frame_0004.png")
    change("manifest", "masks/p2_run1.png", "masks/frame_0004.png")
    assert "the file's name of the mask names frame 4" in said(folder)[0][2]


@pytest.fixture
def drawn(tmp_path):
    """A cohort of LabelMe files, what `check` says of its masks, and a way to change one file."""
    films = write_films(tmp_path)
    init_cohort(tmp_path / "study", runs=films / "films", masks=films / "drawn")

    def changed(name, change):
        path = films / "drawn" / name
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")
        return [one for one in said(tmp_path / "study") if one[0] == "manifest.csv"]

    return changed


def test_a_misspelt_lesion_is_not_left_out_in_silence(drawn):
    lines = drawn("p02_run1_frame_0004.json", lambda d: d["shapes"][3].update(label="tumro"))
    assert lines == [
        (
            "manifest.csv",
            4,
            "the label 'tumro' in p02_run1_frame_0004.json names no tissue, its shapes are left out",
            False,
        )
    ]
    lines = drawn("p03_run1_frame_0004.json", lambda d: d["shapes"][3].update(label="tumro"))
    assert [one[2] for one in lines] == [
        "the label 'tumro' in p02_run1_frame_0004.json and 1 more names no tissue, its shapes are left out"
    ]


def test_an_empty_mask_whose_shapes_have_another_name_says_so(drawn):
    def rename(document):
        document["shapes"] = [{**one, "label": one["label"].replace("tumour", "tumr")} for one in document["shapes"]]

    (wrong, note) = drawn("p02_run1_frame_0004.json", rename)
    assert wrong[2:] == ("the tumour mask of frame 4 of case p02_run1 is empty: tumr means no tumour", True)
    assert "'tumr'" in note[2]


def test_an_annotation_drawn_on_another_case_s_picture_is_remarked(drawn):
    lines = drawn("p02_run1_frame_0004.json", lambda d: d.update(imagePath="..\\p05_run1_frame_0004.png"))
    assert [one[2:] for one in lines] == [
        ("p02_run1_frame_0004.json of case p02_run1 was drawn on a picture of case p05_run1, by its imagePath", False)
    ]
    assert drawn("p02_run1_frame_0004.json", lambda d: d.update(imagePath="p02_run1_frame_0004.png")) == []


@pytest.mark.parametrize(
    ("table", "old", "new", "line", "text"),
    [
        ("clinical", "p5,54,female,24", "p5,54,female,1.4", 6, "tbil: 1.4 µmol/L of patient p5 is 13 times less"),
        ("clinical", "p3,52", "p9,52", None, "patient p9 has no run"),
        ("outcome", "p3,SD,8,0\n", "", 5, "patient p3 has no row in outcome.csv"),
        ("manifest", "p7,p7_run1", "P07,p7_run1", 9, "patient P07 has no row"),
        ("outcome", "p3,SD", "p3,CR+", 4, "column response: 'CR+' is unknown"),
        ("outcome", "p3,SD,8,0", "p3,SD,8,", 4, "column progressed: is empty, but pfs_months is given"),
        ("outcome", "p3,SD,8,0", "p3,SD,-8,0", 4, "column pfs_months: -8 cannot be"),
    ],
)
def test_tables_that_do_not_fit(change, table, old, new, line, text):
    found = said(change(table, old, new), pixels=False)
    assert any(at == line and text in problem for _, at, problem, _ in found), found


def test_a_bilirubin_that_may_be_in_another_unit_is_a_note(change):
    """2.6 mg/dL is high, 2.6 µmol/L less than in health, and not so far from the others that chance is ruled out."""
    ((_, line, problem, severe),) = said(change("clinical", "p5,54,female,24,", "p5,54,female,2.6,"), pixels=False)
    assert (line, severe) == (6, False)
    assert "2.6 µmol/L of patient p5 is less than in health; from mg/dl it would be 44.5" in problem


def test_a_value_out_of_range_names_the_unit_in_which_it_could_be(change):
    found = check_cohort(change("clinical", "p5,54,female,24,", "p5,54,female,0.7,"), pixels=False)
    (line,) = [str(one) for one in found if one.line == 6]
    assert "tbil is 0.7, expected 1 to 1500" in line
    assert "if it is in mg/dl, convert it, or the whole column: tbil [mg/dl]" in line


def test_a_whole_column_in_another_unit(folder):
    table = folder / "clinical.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    for row in rows[1:]:
        row[3] = f"{float(row[3]) / 17.1:.2f}"
    table.write_text("\n".join(",".join(row).replace(",0.", ",1.") for row in rows) + "\n")
    ((file, line, problem, severe),) = said(folder, pixels=False)
    assert (file, line, severe) == ("clinical.csv", 1, True) and "the median is 1." in problem
    table.write_text(table.read_text().replace("tbil [umol/L]", "tbil [mg/dl]"))
    assert check_cohort(folder, pixels=False) == []


def test_wide_but_possible_values_are_left_alone(change):
    # AFP spreads over five orders of magnitude; a bilirubin of 4 is low and of 200 high, and both are seen.
    change("clinical", "p5,54,female,24,", "p5,54,female,4,")
    assert check_cohort(change("clinical", "p6,55,male,27,", "p6,55,male,200,"), pixels=False) == []


def test_units_are_told_apart_in_tables_as_the_paper_describes_them(tmp_path):
    from DSANetLib.clinical import VARIABLES
    from DSANetLib.cohort.check_tables import _check_unit
    from DSANetLib.cohort.findings import Findings
    from DSANetLib.phantom.patient import draw_clinical

    tbil = next(variable for variable in VARIABLES if variable.name == "tbil")
    caught = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = [draw_clinical(rng) for _ in range(60)]
        for variable in (variable for variable in VARIABLES if variable.kind == "number"):
            values = {str(i): float(row[variable.name]) for i, row in enumerate(rows) if row[variable.name]}
            findings = Findings(tmp_path)
            _check_unit(variable, values, {}, findings)
            assert not list(findings), variable.name
        values = {str(i): max(float(row["tbil"]) / (17.1 if i == 7 else 1), 1) for i, row in enumerate(rows)}
        _check_unit(tbil, values, {}, findings)
        caught += any("patient 7 " in finding.problem for finding in findings)
    # A high bilirubin in mg/dL looks like a low one in µmol/L.
    assert caught >= 14


def with_dates(folder, treatment, clinical, outcome):
    lines = (folder / "outcome.csv").read_text().splitlines()
    lines[0] += ",treatment_date,clinical_date,outcome_date"
    lines[1:] = [f"{line},2021-05-04,2021-05-03,2021-07-01" for line in lines[1:]]
    lines[3] = lines[3].replace("2021-05-04,2021-05-03,2021-07-01", f"{treatment},{clinical},{outcome}")
    (folder / "outcome.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    ("dates", "text"),
    [
        (("2021-05-04", "2021-08-03", "2021-07-01"), "clinical values are dated after the outcome"),
        (("2021-05-04", "2021-05-06", "2021-07-01"), "clinical values are dated after the treatment"),
        (("2021-09-04", "2021-05-03", "2021-07-01"), "treatment is dated after the outcome"),
        (("04.05.2021", "2021-05-03", "2021-07-01"), "no date of the form YYYY-MM-DD"),
    ],
)
def test_dates_that_cannot_be_and_none_is_repeated(folder, dates, text):
    ((file, line, problem, severe),) = said(with_dates(folder, *dates), pixels=False)
    assert (file, line, severe) == ("outcome.csv", 4, True) and text in problem and "2021" not in problem


def test_all_is_found_in_one_pass(folder, change):
    change("manifest", "masks/p4_run1.png", "masks/none.png")
    change("outcome", "p2,PR", "p2,XX")
    change("clinical", "p5,54", "p5,fifty")
    change("clinical", "p6,55", "p6,550")
    write_png(folder / "masks" / "p7_run1.png", np.zeros((ROWS, COLUMNS), np.uint8))
    places = {(finding.file, finding.line) for finding in check_cohort(folder)}
    assert places >= {
        ("manifest.csv", 7 - 1), ("outcome.csv", 3), ("clinical.csv", 6), ("clinical.csv", 7), ("manifest.csv", 9)
    }  # fmt: skip


def test_one_class_no_outcome_no_rows(folder, tmp_path):
    outcome = folder / "outcome.csv"
    outcome.write_text("patient,responder\n" + "".join(f"p{i},1\n" for i in range(1, 8)))
    assert said(folder, pixels=False) == [("outcome.csv", None, "all 7 patients with an outcome are responders", True)]
    outcome.unlink()
    assert said(folder, pixels=False) == [("outcome.csv", None, "is not there", False)]
    outcome.write_text("patient,responder\n")
    assert said(folder, pixels=False) == [("outcome.csv", None, "has no patient", False)]
    (tmp_path / "empty").mkdir()
    assert said(tmp_path / "empty")[0] == ("manifest.csv", None, "is not there", True)


def test_runs_made_anew_are_no_twins(folder):
    write_run(folder / "runs" / "p2_run1", seed=99)
    assert check_cohort(folder) == []


@pytest.mark.parametrize(
    ("plant", "found"), [(False, []), (True, ["column afp alone tells responders from the others"])]
)
def test_an_outcome_planted_in_a_clinical_column_is_found(folder, plant, found):
    manifest = (folder / "manifest.csv").read_text().splitlines()
    rng = np.random.default_rng(2)
    lines = {"manifest": manifest[:1], "clinical": ["patient,afp"], "outcome": ["patient,responder"]}
    for i in range(40):
        patient, responder = f"q{'abcdefgh'[i % 8]}{'abcde'[i // 8]}", i % 2
        lines["manifest"].append(manifest[3].replace("p2", patient, 2))
        lines["clinical"].append(f"{patient},{(3 if responder and plant else 30) * rng.uniform(1, 9):.0f}")
        lines["outcome"].append(f"{patient},{responder}")
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    texts = [text for file, _, text, severe in said(folder, pixels=False) if file == "clinical.csv" and severe]
    assert [text.split(" (AUC")[0] for text in texts] == found
