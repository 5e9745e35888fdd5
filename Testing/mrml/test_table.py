from __future__ import annotations

import pytest

from DSANetLib.errors import SceneError
from DSANetLib.mrml.table import find_table, read_columns, read_table, write_table
from DSANetLib.tables import LESION_COLUMNS, Column

ROWS = [
    {"case": "b", "lesion": 1, "frame": 5, "row": 1 / 3, "column": 123.456789, "area_px": 2**30 + 1, "area_mm2": None,
     "longest_diameter_px": 1e-7, "longest_diameter_mm": None},
    {"case": "a", "lesion": 2, "frame": 5, "row": 2.5, "column": 3, "area_px": 1, "area_mm2": 1.5,
     "longest_diameter_px": 9.25, "longest_diameter_mm": None},
]  # fmt: skip


def test_rows_come_back_as_they_went_in():
    node = write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions", case_id="a")
    assert read_table(node) == ROWS
    assert all(isinstance(row["area_px"], int) for row in read_table(node))


def test_columns_say_unit_and_meaning():
    node = write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions")
    assert read_columns(node) == LESION_COLUMNS
    assert node.GetColumnUnitLabel("area_mm2") == "mm2"
    assert node.GetColumnTitle("row") == "row [px]"
    assert node.GetColumnTitle("case") == "case"


def test_a_table_is_found_by_role_and_case_and_filled_anew(scene):
    first = write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions", case_id="a")
    other = write_table(LESION_COLUMNS, ROWS[:1], "lesions", role="lesions", case_id="b")
    again = write_table(LESION_COLUMNS, ROWS[1:], "lesions", role="lesions", case_id="a")
    assert again is first
    assert find_table("lesions", "b") is other
    assert find_table("lesions") is None
    assert read_table(first) == ROWS[1:]
    assert read_columns(first) == LESION_COLUMNS
    assert read_table(other) == ROWS[:1]


def test_a_table_without_rows_keeps_its_columns():
    node = write_table(LESION_COLUMNS, [], "lesions", role="lesions")
    assert read_table(node) == []
    assert read_columns(node) == LESION_COLUMNS


def test_what_slicers_files_cannot_hold_is_written_as_it_can():
    columns = (Column("text", "", ""), Column("nothing", "", ""), Column("size", "mm", ""))
    node = write_table(columns, [{"text": 'a "b"\tc\nd'}, {"text": None, "size": 2.0}], "t", role="t")
    assert read_table(node) == [
        {"text": "a 'b' c d", "nothing": None, "size": None},
        {"text": None, "nothing": None, "size": 2},
    ]


def test_other_nodes_and_ragged_tables_are_refused(nodes):
    for node in (None, nodes.volume):
        with pytest.raises(SceneError, match="not a table"):
            read_table(node)
    node = write_table(LESION_COLUMNS, ROWS, "lesions", role="lesions")
    node.GetTable().GetColumn(0).InsertNextValue("x")
    with pytest.raises(SceneError, match="different lengths"):
        read_table(node)
