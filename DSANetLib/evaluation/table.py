"""A table of figures with intervals, written as Markdown or JSON, the same twice for the same figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Literal

from ..errors import TrainingError
from .statistics import Difference, Estimate

Kind = Literal["text", "count", "fraction", "percent", "number", "p"]
Cell = Estimate | Difference | float | int | str | None

DIGITS: dict[str, int] = {"fraction": 3, "percent": 1, "number": 2}
MISSING = "–"


@dataclass(frozen=True)
class Column:
    """Heading of a column and how its figures are written."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A titled table.

    Parameters
    ----------
    title
        Heading.
    columns
        Their names are the keys of the JSON rows.
    rows
        One cell for each column; None is an undefined figure.
    note
        What a reader must know, a sentence or two.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise TrainingError(f"a row of {len(row)} cells in '{self.title}'", f"Give {len(self.columns)}")

    def to_markdown(self) -> str:
        """Return heading, table and note as Markdown."""
        lines = [f"### {self.title}", ""]
        lines.append("| " + " | ".join(column.name for column in self.columns) + " |")
        lines.append("| " + " | ".join("---" if c.kind == "text" else "---:" for c in self.columns) + " |")
        for row in self.rows:
            cells = [format_cell(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)]
            lines.append("| " + " | ".join(cells) + " |")
        if self.note:
            lines += ["", self.note]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return title, note and rows as JSON-able values; an interval is a dict."""
        names = [column.name for column in self.columns]
        rows = [dict(zip(names, (_plain(cell) for cell in row), strict=True)) for row in self.rows]
        return {"title": self.title, "note": self.note, "rows": rows}


def _plain(cell: Cell) -> Any:
    return asdict(cell) if is_dataclass(cell) else cell


def format_cell(cell: Cell, kind: Kind) -> str:
    """Write one cell: ``0.781 (0.752 to 0.809)`` for an estimate, ``< 0.001`` for a small p."""
    if cell is None:
        return MISSING
    if isinstance(cell, str):
        return cell.replace("|", "\\|")
    if isinstance(cell, (Estimate, Difference)):
        value = format_cell(cell.value, kind)
        if cell.low is None or cell.high is None:
            return value
        return f"{value} ({format_cell(cell.low, kind)} to {format_cell(cell.high, kind)})"
    if kind == "p":
        return "< 0.001" if cell < 0.001 else f"{cell:.3f}"
    if kind == "count":
        return f"{cell:d}" if isinstance(cell, int) else f"{cell:.0f}"
    text = f"{cell:.{DIGITS.get(kind, 2)}f}"
    # -0.000 would differ between machines whose last bit differs.
    return text.lstrip("-") if float(text) == 0 else text
