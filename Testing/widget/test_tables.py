"""At the panel's usual width what matters is to be read without scrolling: tables, the strip of frames, the model."""

from __future__ import annotations

import types

import pytest
from conftest import put_case

WIDTH = 460


@pytest.fixture
def shown(panel):
    """The panel as wide as Slicer opens it, with all sections open."""
    import slicer

    for section in panel.context.sections:
        section.widget.collapsed = False
    panel.find("predictTables").collapsed = False
    panel.widget.parent.resize(WIDTH, 3000)
    panel.widget.parent.show()
    slicer.app.processEvents()
    return panel


def settle():
    import slicer

    for _round in range(3):
        slicer.app.processEvents()


def cut(table, column):
    """Whether a column reaches beyond what is to be seen of the table."""
    return table.columnViewportPosition(column) + table.columnWidth(column) > table.viewport().width


def height_for(table, row, column):
    """Height that the text of a cell needs at its column's width."""
    import qt

    room = qt.QRect(0, 0, table.columnWidth(column) - 8, 1000)
    return table.fontMetrics().boundingRect(room, int(qt.Qt.TextWordWrap), table.item(row, column).text()).height()


def test_a_batchs_remarks_are_words_and_are_whole(shown):
    (section,) = [s for s in shown.context.sections if s.widget.name == "batchSection"]
    row = {"flags": "taken_as_subtracted edges_repeated film_only", "lesions": 4, "probability": 0.26}
    outcome = types.SimpleNamespace(
        case_id="phantom-0000042", error=None, complaint=None, row={**row, "class": "non-responder"}
    )
    section.addRow(outcome)
    settle()
    table = shown.find("batchTable")
    assert table.item(0, 4).text() == "taken as subtracted, edges repeated, film only"
    assert not cut(table, 4)
    for column in (3, 4):
        assert table.rowHeight(0) >= height_for(table, 0, column), table.item(0, column).text()
    for number in range(12):  # more than there is room for: the scroll bar takes some of the width
        section.addRow(
            types.SimpleNamespace(case_id=f"broken-{number}", error="b.avi: is no film. " * 20, source="b.avi")
        )
    settle()
    assert table.verticalScrollBar().maximum > 0
    assert not cut(table, 4)
    assert table.rowHeight(5) <= 5 * table.fontMetrics().height(), "a long reason does not fill the table"
    assert table.item(5, 4).toolTip().count("is no film") == 20


def test_a_work_lists_flags_are_words_and_are_whole(shown):
    (section,) = [s for s in shown.context.sections if s.widget.name == "worklistSection"]
    item = types.SimpleNamespace(
        case_id="phantom-0000042", state="new", uncertainty=0.07, note="", flags=("taken_as_subtracted", "no_liver")
    )
    section._items = [item]
    section._isOpen = lambda _item: False
    section._showList()
    settle()
    table = shown.find("workTable")
    assert table.item(0, 3).text() == "taken as subtracted, no liver"
    assert not cut(table, 3)
    assert not cut(table, 4)
    assert table.rowHeight(0) >= height_for(table, 0, 3)


def test_the_class_of_a_prediction_is_not_cut(shown):
    from DSANetLib.mrml.table import write_table
    from DSANetLib.tables import LESION_COLUMNS, RESULT_COLUMNS

    name = "phantom-9500006-with-a-long-name"
    rows = [
        {
            "response_model": "response-film-phantom",
            "masks": "predicted",
            "case": name,
            "patient": name,
            "probability": 0.127814,
            "class": "non-responder",
            "threshold": 0.5,
        }
    ]
    write_table(RESULT_COLUMNS, rows, "DSANet results", role="results")
    lesion = {"case": name, "lesion": 1, "frame": 16, "row": 177.459, "column": 228.466}
    write_table(LESION_COLUMNS, [lesion], "lesions", role="lesions", case_id=name)
    put_case(shown, name)
    settle()
    assert not cut(shown.find("resultsTable"), 3)
    lesions = shown.find("lesionsTable")
    assert lesions.isColumnHidden(0), "the case, which stands above"
    assert not cut(lesions, 4)


@pytest.mark.parametrize("frame", [3, 12, 20])
def test_the_shown_frame_is_in_the_middle_of_the_strip_at_any_width(shown, frame):
    put_case(shown, "film")
    shown.context.setFrame(frame)
    strip = shown.find("stateStrip")
    for width in (WIDTH, 900, WIDTH):
        shown.widget.parent.resize(width, 3000)
        settle()
        middle = strip.columnViewportPosition(frame) + strip.columnWidth(frame) / 2
        bar = strip.horizontalScrollBar()
        if bar.minimum < bar.value < bar.maximum:
            assert abs(middle - strip.viewport().width / 2) <= 1.5 * strip.columnWidth(frame)
        assert 0 <= middle <= strip.viewport().width


def test_the_model_says_once_what_it_was_trained_on(panel):
    assert panel.find("modelLabel").text.lower().count("trained on a synthetic phantom") == 1
    assert "Liver and tumour from ten frames" in panel.find("modelLabel").text
