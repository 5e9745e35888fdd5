"""Tables in the scene: any rows with columns that have a name, a unit and a description; written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SceneError
from ..tables import Cell, Column
from .attributes import CASE, ROLE, fact, set_facts
from .headless import scene

RESULTS, LESIONS = "results", "lesions"
"""Roles of the tables that follow from a case: `standing` writes them."""


def write_table(
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Cell]],
    name: str,
    *,
    role: str,
    case_id: str | None = None,
    node: Any = None,
) -> Any:
    """Put a table into the scene; `node`, or else one of the same role and case, is filled anew instead.

    Parameters
    ----------
    columns
        Name, unit and description of each; unit and description show in Slicer's table schema.
    rows
        Keyed by column name; None is an empty cell (NaN in a column of numbers).
    name
        Name of a new node.
    role, case_id
        What `find_table` looks for; a table without case serves the whole scene.
    node
        Table node to fill, where it is known; role and case are not looked at then.

    Returns
    -------
    vtkMRMLTableNode
    """
    node = find_table(role, case_id) if node is None else node
    if node is None:
        node = scene().AddNewNodeByClass("vtkMRMLTableNode", scene().GenerateUniqueName(name))
        set_facts(node, {ROLE: role, CASE: case_id})
    node.RemoveAllColumns()
    node.SetUseColumnTitleAsColumnHeader(True)
    for column in columns:
        array = _array([row.get(column.name) for row in rows], column)
        array.SetName(column.name)
        node.AddColumn(array)
        title = f"{column.name} [{column.unit}]" if column.unit not in ("", "1") else column.name
        node.SetColumnTitle(column.name, title)
        node.SetColumnUnitLabel(column.name, column.unit)
        node.SetColumnDescription(column.name, column.description)
        if array.IsNumeric():
            # Else an empty cell of a file comes back as 0.
            node.SetColumnNullValue(column.name, "nan")
    node.Modified()
    return node


def find_table(role: str, case_id: str | None = None) -> Any:
    """Return the table of a role and case, None where the scene has none."""
    return find_tables().get((role, case_id))


def find_tables() -> dict[tuple[str | None, str | None], Any]:
    """Return the first table of each role and case: one look at the scene for all."""
    nodes = scene().GetNodesByClass("vtkMRMLTableNode")
    nodes.UnRegister(None)  # GetNodesByClass hands over its collection
    found: dict[tuple[str | None, str | None], Any] = {}
    for i in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(i)
        found.setdefault((fact(node, ROLE), fact(node, CASE)), node)
    return found


def read_table(node: Any) -> list[dict[str, Cell]]:
    """Return the rows of a table node: numbers as int where they are whole, empty cells as None.

    Raises
    ------
    SceneError
        Where the node is no table, or its columns differ in length.
    """
    if node is None or not node.IsA("vtkMRMLTableNode"):
        raise SceneError("this node is not a table", "Choose a table")
    table = node.GetTable()
    names = [table.GetColumnName(c) for c in range(table.GetNumberOfColumns())]
    if len({table.GetColumn(c).GetNumberOfTuples() for c in range(len(names))}) > 1:
        raise SceneError("has columns of different lengths", "Choose another table", node.GetName())
    return [
        {name: _cell(table.GetColumn(c), r) for c, name in enumerate(names)} for r in range(table.GetNumberOfRows())
    ]


def read_columns(node: Any) -> tuple[Column, ...]:
    """Return name, unit and description of a table's columns."""
    names = [node.GetColumnName(c) for c in range(node.GetNumberOfColumns())]
    return tuple(Column(name, node.GetColumnUnitLabel(name), node.GetColumnDescription(name)) for name in names)


def _array(values: Sequence[Cell], column: Column) -> Any:
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkIntArray, vtkStringArray

    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known) or (not known and not column.unit):
        texts = vtkStringArray()
        for value in values:
            # Slicer writes quotes unescaped and cannot read them back.
            texts.InsertNextValue("" if value is None else " ".join(str(value).replace('"', "'").split()))
        return texts
    numbers = [float("nan") if value is None else float(value) for value in values]
    if len(known) == len(values) and all(isinstance(value, int) for value in known):
        integers = vtkIntArray()
        for number in numbers:
            integers.InsertNextValue(int(number))
        return integers
    array = vtkDoubleArray()
    for number in numbers:
        array.InsertNextValue(number)
    return array


def _cell(array: Any, row: int) -> Cell:
    value = array.GetValue(row)
    if isinstance(value, str):
        return value or None
    if value != value:
        return None
    return int(value) if float(value).is_integer() else float(value)
