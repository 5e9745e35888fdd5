"""A table of figures as a table of a report: names for keys, and the paper's figures beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..table import Cell as Figure
from ..table import Table, format_cell
from . import paper
from .document import Cell, Grid
from .names import group_name, input_name, network_name, variable_name

Row = Mapping[str, Figure]
Beside = Callable[[Row, str], str]

# The column of table2 and table3 → the paper's metric.
METRICS2 = dict(
    zip(
        ("Dice", "accuracy %", "sensitivity %", "specificity %", "PPV %", "NPV %", "lesion sensitivity %", "FPR %"),
        paper.TABLE2_METRICS,
        strict=True,
    )
)
METRICS3 = dict(
    zip(
        ("AUC (balanced accuracy)", "accuracy %", "sensitivity %", "specificity %", "PPV %", "NPV %"),
        paper.TABLE3_METRICS,
        strict=True,
    )
)
NARROW, MISPRINT = "‡", "†"

HEADINGS = {
    "group": "cohort",
    "sensitivity %": "pixel sensitivity %",
    "specificity %": "pixel specificity %",
    "accuracy %": "pixel accuracy %",
    "PPV %": "pixel PPV %",
    "NPV %": "pixel NPV %",
}
"""Headings of Table 2, whose figures are pixel-level but for lesion sensitivity and FPR."""


def rows_of(table: Table) -> Iterator[dict[str, Figure]]:
    """Yield each row of a table by its columns' names."""
    names = [column.name for column in table.columns]
    for row in table.rows:
        yield dict(zip(names, row, strict=True))


def grid(
    table: Table,
    *,
    title: str = "",
    note: str | None = None,
    columns: Sequence[str] = (),
    keep: Callable[[Row], bool] = lambda _: True,
    beside: Beside = lambda _row, _column: "",
    headings: Mapping[str, str] | None = None,
    order: Callable[[Row], Any] | None = None,
) -> Grid:
    """Make a report's table of one of a study.

    Parameters
    ----------
    table
        The study's.
    title, note
        In place of the table's own.
    columns
        Those that are shown; all where none is named.
    keep
        Which rows are shown.
    beside
        Gives the paper's figure for a row and the name of a column, or nothing.
    headings
        Column → heading, where they differ.
    order
        Key that rows are sorted by; as the study's table has them where not given.
    """
    shown = [column for column in table.columns if not columns or column.name in columns]
    rows = [row for row in rows_of(table) if keep(row)]
    if order:
        rows.sort(key=order)
    cells = tuple(
        tuple(Cell(_written(row, column.name, column.kind), beside(row, column.name)) for column in shown)
        for row in rows
    )
    return Grid(
        title or table.title,
        tuple((headings or {"group": "cohort"}).get(column.name, column.name) for column in shown),
        cells,
        tuple(column.kind != "text" for column in shown),
        table.note if note is None else note,
    )


def _written(row: Row, column: str, kind: str) -> str:
    value = row[column]
    if not isinstance(value, str):
        return format_cell(value, kind)  # type: ignore[arg-type]
    if column == "group":
        return group_name(value)
    if column == "network":
        return network_name(value)
    if column == "variable":
        return variable_name(value)
    if column == "input":
        return input_name(value, str(row.get("masks") or ""))
    if column in ("first", "second"):
        # A comparison's names are networks or inputs; neither knows the other's.
        return input_name(network_name(value))
    return value


def beside_table2(row: Row, column: str) -> str:
    """Return the paper's figure of Table 2."""
    printed = paper.TABLE2.get((str(row["group"]), str(row["network"])), {}).get(METRICS2.get(column, ""))
    return str(printed) if printed else ""


def beside_dice(figures: Mapping[str, paper.Printed]) -> Beside:
    """Return what finds the Dice of internal networks in a table of the supplement."""

    def beside(row: Row, column: str) -> str:
        printed = figures.get(str(row["network"])) if column == "Dice" and row["group"] == "test" else None
        return str(printed) if printed else ""

    return beside


def beside_table3(row: Row, column: str) -> str:
    """Return the paper's figure of Table 3, marked where it is too narrow or misprinted."""
    key = (str(row["group"]), str(row["input"]), str(row["masks"] or ""))
    printed = paper.TABLE3.get(key, {}).get(METRICS3.get(column, ""))
    return f"{printed} {NARROW}{MISPRINT if key == paper.MISPRINTED else ''}" if printed else ""


def beside_groups(row: Row, column: str) -> str:
    """Return the paper's Dice of FFS in one of its groups of runs, which is named in the second column."""
    subgroup = str(tuple(row.values())[1]).partition(",")[0].replace("magnified", "magnified field")
    return paper.SUBGROUPS.get((str(row["group"]), subgroup), "") if (column, row["network"]) == ("Dice", "ffs") else ""
