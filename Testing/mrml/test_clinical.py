"""Clinical values go into a table of the scene and come back, by the rules of the CSV reader."""

from __future__ import annotations

import pytest

from DSANetLib.clinical import ClinicalRecord
from DSANetLib.errors import ClinicalError, SceneError
from DSANetLib.mrml.clinical import read_clinical_node, write_clinical
from DSANetLib.mrml.table import write_table
from DSANetLib.tables import Column


def test_values_come_back_and_missing_stay_missing(scene):
    one = ClinicalRecord("p1", {"age": 61, "sex": "male", "afp": 340.5, "hbv": "yes"})
    two = ClinicalRecord("p2", {"tbil": 17.1})
    node = write_clinical({"p1": one, "p2": two})
    assert read_clinical_node(node) == {"p1": one, "p2": two}


def test_a_patient_is_replaced_and_the_others_stay(scene):
    node = write_clinical({"p1": ClinicalRecord("p1", {"age": 61}), "p2": ClinicalRecord("p2", {"age": 50})})
    assert write_clinical({"p1": ClinicalRecord("p1", {"age": 62})}) is node
    assert {patient: record.values["age"] for patient, record in read_clinical_node(node).items()} == {
        "p1": 62.0,
        "p2": 50.0,
    }


def test_units_in_titles_of_another_table_are_understood(scene):
    columns = (Column("patient", "", ""), Column("tbil [mg/dL]", "", ""))
    node = write_table(columns, [{"patient": "a", "tbil [mg/dL]": 2.0}], "mine", role="other")
    assert read_clinical_node(node)["a"].values["tbil"] == pytest.approx(34.2)


def test_an_impossible_value_names_table_line_and_column(scene):
    node = write_table(
        (Column("patient", "", ""), Column("age", "years", "")), [{"patient": "a", "age": 900}], "mine", role="other"
    )
    with pytest.raises(ClinicalError, match=r"mine, line 2: column age: age is 900"):
        read_clinical_node(node)
    with pytest.raises(SceneError, match="not a table"):
        read_clinical_node(None)
