"""Clinical values: what is read, what is refused and in which words, and what the networks get."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.clinical import VARIABLES, ClinicalEncoder, ClinicalRecord, read_clinical
from DSANetLib.errors import ClinicalError
from DSANetLib.phantom import simulate_patient
from DSANetLib.phantom.patient_files import CLINICAL_HEADER

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "authors_code.json").read_text())["clinical_encoding"]
THEIR_NAMES = {
    "HB": "hbv", "serum": "tbil", "AST": "ast", "CP": "child_pugh", "gender": "sex", "age": "age", "ALB": "alb",
    "PT": "pt", "ALT": "alt", "CPR": "crp", "AFP": "afp",
}  # fmt: skip
DRUG = slice(1, 8)
"""Where the published 50 numbers hold the leaking drug-new: six bins and an offset after HB."""

COMPLETE = {
    "age": 61.0, "sex": "male", "hbv": "yes", "afp": 340.0, "pt": 12.5, "child_pugh": 6.0, "ascites": "no",
    "tbil": 18.0, "alb": 38.0, "ast": 55.0, "alt": 47.0, "crp": 4.0,
}  # fmt: skip


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "clinical.csv"
    path.write_bytes(text.encode(encoding))
    return path


def records(count: int = 40) -> list[ClinicalRecord]:
    return [ClinicalRecord(str(i), simulate_clinical(i)) for i in range(count)]


def simulate_clinical(seed: int) -> dict[str, float | str]:
    from DSANetLib.phantom.patient import draw_clinical

    return draw_clinical(np.random.default_rng(seed))


def published_patients() -> list[ClinicalRecord]:
    columns = PUBLISHED["patients"]
    words = {"hbv": {1: "yes", 0: "no"}, "sex": {1: "male", 0: "female"}}
    found = []
    for i in range(4):
        values = {ours: columns[theirs][i] for theirs, ours in THEIR_NAMES.items()}
        values |= {name: mapping[values[name]] for name, mapping in words.items()} | {"ascites": "no"}
        found.append(ClinicalRecord(str(i), values))
    return found


def test_paper_bins_are_the_published_numbers_without_the_leak():
    patients = published_patients()
    encoder = ClinicalEncoder.fit(patients, "paper_bins")
    ours = encoder.transform(patients)
    published = np.delete(np.array(PUBLISHED["encoded"]), DRUG, axis=1)
    assert published.shape == (4, 43) and encoder.size == 44
    np.testing.assert_allclose(ours[:, :43], published, rtol=1e-4, atol=1e-6)
    assert encoder.names[43] == "ascites" and not ours[:, 43].any()


def test_paper_bins_keep_the_limits_of_training():
    encoder = ClinicalEncoder.fit(published_patients(), "paper_bins")
    beyond = ClinicalRecord("x", COMPLETE | {"afp": 90000.0, "age": 20.0, "ascites": "yes"})
    row = dict(zip(encoder.names, encoder.transform([beyond])[0], strict=True))
    assert row["afp bin 3"] == 1 and row["afp offset"] == pytest.approx(0.5)
    assert row["age bin 0"] == 1 and row["age offset"] == pytest.approx(-0.5)
    assert row["ascites"] == 1


def test_paper_bins_stand_where_training_leaves_the_outer_bins_empty():
    patients = [ClinicalRecord(str(i), COMPLETE | {"tbil": 20.0 + i, "afp": 100.0 + i}) for i in range(3)]
    encoded = ClinicalEncoder.fit(patients, "paper_bins").transform(patients)
    assert np.isfinite(encoded).all() and np.abs(encoded).max() <= 1.0


def test_standard_encoding_standardises_flags_and_imputes():
    patients = records()
    encoder = ClinicalEncoder.fit(patients)
    encoded = encoder.transform(patients)
    assert encoded.shape == (40, 27) == (40, encoder.size) and encoded.dtype == np.float32
    column = dict(zip(encoder.names, encoded.T, strict=True))
    for name in ("age", "afp", "pt", "tbil", "alb", "ast", "alt", "crp"):
        assert column[name].mean() == pytest.approx(0, abs=1e-5) and column[name].std() == pytest.approx(1, rel=1e-4)
        assert not column[f"{name} missing"].any()
    np.testing.assert_array_equal(sum(column[f"child_pugh {s}"] for s in (5, 6, 7, 8)), 1)
    empty = dict(zip(encoder.names, encoder.transform([ClinicalRecord("e", {})])[0], strict=True))
    assert all(empty[f"{v.name} missing"] == 1 for v in VARIABLES)
    afp = np.log1p(np.array([p.values["afp"] for p in patients]))
    median = np.log1p(np.median([p.values["afp"] for p in patients]))
    assert empty["afp"] == pytest.approx((median - afp.mean()) / afp.std(), rel=1e-4)
    assert empty["sex"] == 1 and empty["child_pugh 5"] == 1


def test_child_pugh_above_eight_shares_the_last_category():
    encoder = ClinicalEncoder.fit(records())
    rows = encoder.transform([ClinicalRecord("a", COMPLETE | {"child_pugh": s}) for s in (8, 11)])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_fitted_encoding_does_not_depend_on_who_is_encoded():
    patients = records()
    encoder = ClinicalEncoder.fit(patients[:30])
    np.testing.assert_array_equal(encoder.transform(patients)[35], encoder.transform(patients[35:36])[0])


@pytest.mark.parametrize("preset", ["standard", "paper_bins"])
def test_encoder_comes_back_from_json_unchanged(preset):
    encoder = ClinicalEncoder.fit(records(), preset)
    again = ClinicalEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    np.testing.assert_array_equal(again.transform(records()), encoder.transform(records()))


def test_constant_variable_encodes_to_zero_and_unknown_one_is_refused():
    same = [ClinicalRecord(str(i), COMPLETE) for i in range(3)]
    assert np.isfinite(ClinicalEncoder.fit(same).transform(same)).all()
    with pytest.raises(ClinicalError, match="no patient has a value of crp"):
        ClinicalEncoder.fit([ClinicalRecord("a", COMPLETE | {"crp": None})])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(preset="bins"), "no clinical encoding"),
        (lambda d: d.pop("median"), "cannot be read"),
        (lambda d: d["median"].pop("afp"), "median does not fit"),
        (lambda d: d["scale"].update(bmi=1.0), "scale does not fit"),
        (lambda d: d["centre"].update(afp="high"), "cannot be read"),
    ],
)
def test_damaged_encoder_is_refused(change, word):
    values = ClinicalEncoder.fit(records()).to_dict()
    change(values)
    with pytest.raises(ClinicalError, match=word):
        ClinicalEncoder.from_dict(values)


def test_unknown_preset_is_refused():
    with pytest.raises(ClinicalError, match="standard or paper_bins"):
        ClinicalEncoder.fit(records(), "onehot")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"bmi": 25}, "unknown variable bmi"),
        ({"age": 400}, "age is 400, expected 1 to 120 years"),
        ({"tbil": 0.8}, "µmol/L"),
        ({"child_pugh": 6.5}, "whole number"),
        ({"child_pugh": 4}, "5 to 15"),
        ({"afp": "high"}, "expected a number"),
        ({"afp": float("inf")}, "expected a number"),
        ({"afp": True}, "expected a number"),
        ({"sex": 1}, "male or female"),
        ({"hbv": "maybe"}, "yes or no"),
    ],
)
def test_impossible_value_is_refused_by_name(values, word):
    with pytest.raises(ClinicalError, match=word) as error:
        ClinicalRecord("p9", values)
    assert str(error.value).startswith("p9: ")


def test_record_holds_all_twelve_and_takes_true_and_nan():
    record = ClinicalRecord("a", {"hbv": True, "ascites": 0.0, "afp": float("nan"), "sex": "F"})
    assert list(record.values) == [v.name for v in VARIABLES]
    assert (record.values["hbv"], record.values["ascites"], record.values["sex"]) == ("yes", "no", "female")
    assert record.values["afp"] is None and record.values["age"] is None


def test_phantom_patients_fit_the_variables_and_their_table_reads_back(tmp_path):
    patient = simulate_patient(3)
    record = ClinicalRecord(patient.patient_id, patient.clinical)
    header = ["patient", *CLINICAL_HEADER.values()]
    cells = [
        patient.patient_id,
        *("" if patient.clinical[n] is None else str(patient.clinical[n]) for n in CLINICAL_HEADER),
    ]
    path = write(tmp_path, ",".join(header) + "\n" + ",".join(cells) + "\n")
    assert read_clinical(path) == {patient.patient_id: record}


HEADER = "patient,age,sex,hbv,afp,pt,child_pugh,ascites,tbil,alb,ast,alt,crp"
ROW = "p1,61,male,yes,340,12.5,6,no,18,38,55,47,4"


def test_table_in_standard_units_is_read(tmp_path):
    found = read_clinical(write(tmp_path, f"{HEADER}\n{ROW}\np2,NA,,n/a,,,,,,,,,\n\n"))
    assert found["p1"].values == COMPLETE
    assert set(found["p2"].values.values()) == {None}
    assert list(found) == ["p1", "p2"]


def test_spreadsheet_export_with_bom_semicolons_and_decimal_commas_is_read(tmp_path):
    text = f"{HEADER}\n{ROW.replace('12.5', '12,5x')}\n".replace(",", ";").replace("12;5x", "12,5")
    assert read_clinical(write(tmp_path, text, "utf-8-sig"))["p1"].values == COMPLETE


@pytest.mark.parametrize(
    ("title", "cell", "name", "value"),
    [
        ("tbil [mg/dL]", "2", "tbil", 34.2),
        ("TBIL (µmol/L)", "20", "tbil", 20),
        ("Total Bilirubin (μmol / l)", "20", "tbil", 20),
        ("tbil_mg_dL", "1", "tbil", 17.1),
        ("albumin [g/dl]", "3.9", "alb", 39),
        ("afp [IU/mL]", "100", "afp", 121),
        ("afp [µg/L]", "100", "afp", 100),
        ("ast [µkat/L]", "1.5", "ast", 90),
        ("CRP [mg/dL]", "0.4", "crp", 4),
        ("Child-Pugh score", "7", "child_pugh", 7),
        ("Gender", "F", "sex", "female"),
        ("ascites [-]", "0", "ascites", "no"),
        ("age", "6.1e1", "age", 61),
    ],
)
def test_titles_and_units_are_understood(tmp_path, title, cell, name, value):
    found = read_clinical(write(tmp_path, f"case\t{title}\nrun1\t{cell}\n"))["run1"].values[name]
    assert found == (pytest.approx(value) if isinstance(value, int | float) else value)


def test_row_of_units_is_understood(tmp_path):
    found = read_clinical(write(tmp_path, "patient,tbil,alb,age,sex\nunit,mg/dL,g/dL,,\np1,1,4,50,m\n"))["p1"].values
    assert found["tbil"] == pytest.approx(17.1) and found["alb"] == pytest.approx(40) and found["age"] == 50


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        (HEADER, ["holds no patients"]),
        ("name,age\na,5\n", ["no column named patient"]),
        ("patient,weight\na,80\n", ["no column of a known variable"]),
        ("patient,tbil [furlong]\na,8\n", ["line 1", "tbil", "furlong", "µmol/L", "mg/dl"]),
        ("patient,pt [INR]\na,1.1\n", ["pt has the unknown unit 'INR'", "Use s."]),
        ("patient,afp,AFP [ng/mL]\na,8,8\n", ["afp has two columns"]),
        ("patient,afp\na,high\n", ["line 2", "column afp", "'high' is no number"]),
        ("patient,afp\na,<0.5\n", ["line 2", "'<0.5' is no number"]),
        ('patient,afp\na,"1,200"\n', ["line 2", "'1,200' is no number"]),
        ("patient,afp\na,1_000\n", ["is no number"]),
        ("patient,afp\na,inf\n", ["is no number"]),
        ("patient,afp\na,-5\n", ["afp is -5, expected 0"]),
        ("patient,tbil\na,0.9\n", ["tbil is 0.9", "tbil [mg/dl]"]),
        ("patient,hbv\na,perhaps\n", ["column hbv", "yes or no"]),
        ("patient,afp\na,5\na,6\n", ["line 3", "a is there twice"]),
        ("patient,afp\n,5\n", ["line 2", "patient is missing"]),
        ("patient,afp\na,5,6\n", ["line 2", "3 cells, the header has 2"]),
        ('patient,afp\na,"5\n', ["is no CSV"]),
        ("patient,afp\na,\0\n", ["is no text file"]),
    ],
)
def test_doubtful_table_is_refused_with_file_place_and_remedy(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(ClinicalError) as error:
        read_clinical(path)
    message = str(error.value)
    assert message.startswith(str(path)) and "\n" not in message
    for word in words:
        assert word in message


def test_table_that_is_missing_or_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(ClinicalError, match="cannot be read"):
        read_clinical(tmp_path / "none.csv")
    with pytest.raises(ClinicalError, match="UTF-8"):
        read_clinical(write(tmp_path, f"{HEADER}\nJosé{ROW}\n", "latin-1"))


def test_a_bilirubin_below_health_is_doubted_with_the_other_unit(tmp_path, caplog):
    with caplog.at_level("WARNING", "DSANetLib"):
        read_clinical(write(tmp_path, "patient,tbil\na,1.4\nb,3.0\n"))
    (said,) = [record.getMessage() for record in caplog.records if "less than in" in record.getMessage()]
    assert "line 2: tbil of 1.4 µmol/L" in said and "title the column tbil [mg/dl]" in said


def test_columns_left_out_and_columns_not_used_are_said(tmp_path, caplog):
    with caplog.at_level("WARNING", "DSANetLib"):
        read_clinical(write(tmp_path, "patient,age,weight\na,50,80\n"))
    assert "no column for sex" in caplog.text and "not used: weight" in caplog.text
