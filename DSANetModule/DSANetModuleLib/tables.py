"""Tables in a panel of some 450 pixels: what matters is to be read without scrolling, the rest by a tooltip."""

from __future__ import annotations

from typing import Any

import qt

_NAME_LETTERS = 12
_LINES = 4


def fitTable(table: Any, narrow: dict[int, str]) -> None:
    """Let a QTableWidget fill its width: the last column takes what the others leave, and rows wrap.

    No row is higher than four lines: whoever fills the table gives what is longer as a tooltip.

    Parameters
    ----------
    table
        With its columns.
    narrow
        Column → a text that its width is for; longer ones are wrapped at a blank. Other columns fit their contents.
    """
    header, last = table.horizontalHeader(), table.columnCount - 1
    for column in range(last):
        if column in narrow:
            header.setSectionResizeMode(column, qt.QHeaderView.Interactive)
            table.setColumnWidth(column, _width(table, narrow[column]))
        else:
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
    header.setStretchLastSection(True)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setMaximumSectionSize(_LINES * table.fontMetrics().height() + 8)
    table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)


def fitView(view: Any, names: int, hidden: int = 0) -> None:
    """Let a qMRMLTableView show as much as it can: columns fit their contents, the first ones hold long names.

    Parameters
    ----------
    view
        With its table node.
    names
        So many columns, from the left, may cut what they hold after a dozen letters: names that stand above as well.
    hidden
        So many columns, from the left, are not shown: they say the same in every row.
    """
    view.resizeColumnsToContents()
    most = _width(view, "n" * _NAME_LETTERS)
    for column in range(names):
        if view.columnWidth(column) > most:
            view.setColumnWidth(column, most)
    for column in range(hidden):
        view.setColumnHidden(column, True)


def flagWords(flags: str) -> str:
    """Return the short names of flags as words: ``no_liver early_end`` → ``no liver, early end``."""
    return ", ".join(code.replace("_", " ") for code in flags.split())


def _width(table: Any, text: str) -> int:
    return int(table.fontMetrics().boundingRect(text).width()) + 16
