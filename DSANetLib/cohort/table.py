"""A table of a cohort, read row by row; a doubtful cell is a finding with its line."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..clinical.rows import csv_rows
from ..errors import CohortError
from .findings import Findings

log = logging.getLogger(__name__)

_Value = TypeVar("_Value")
_YES = {"1": True, "yes": True, "true": True, "y": True, "0": False, "no": False, "false": False, "n": False}
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "unknown", "?"})


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, and the text of each known column, empty where missing.

    ``findings`` takes what is wrong with a cell.
    """

    path: Path
    line: int
    cells: Mapping[str, str]
    decimal_comma: bool
    findings: Findings

    def text(self, column: str) -> str:
        """Return a cell; empty where it says that nothing is known."""
        value = self.cells.get(column, "").strip()
        return "" if value.lower() in _MISSING else value

    def wrong(self, column: str, problem: str, remedy: str) -> None:
        """Add a finding on a cell."""
        self.findings.add(self.path, self.line, f"column {column}: {problem}", remedy)

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Return a number; None where the cell is empty or, with a finding, no number of the range."""
        return self._parsed(column, self.text(column), self._number, low, high)

    def numbers(self, column: str, low: float, high: float) -> tuple[float, ...]:
        """Return the numbers of a cell, separated by semicolons."""
        parts = [part.strip() for part in self.text(column).split(";") if part.strip()]
        values = (self._parsed(column, part, self._number, low, high) for part in parts)
        return tuple(value for value in values if value is not None)

    def whole(self, column: str, low: float = 0, high: float = math.inf) -> int | None:
        """Return a whole number; None where the cell is empty or, with a finding, no such number."""
        value = self.number(column, low, high)
        if value is not None and value != int(value):
            self.wrong(column, f"{self.text(column)!r} is no whole number", "Write a whole number")
            return None
        return None if value is None else int(value)

    def yes(self, column: str) -> bool | None:
        """Return what a cell of 1 or 0, yes or no says; None where it is empty or, with a finding, neither."""
        text = self.text(column)
        if text and text.lower() not in _YES:
            self.wrong(column, f"{text!r} is neither 1 nor 0", "Write 1 for yes, 0 for no")
        return _YES.get(text.lower())

    def _number(self, text: str) -> float:
        return float(text.replace(",", ".") if self.decimal_comma else text)

    def _parsed(self, column: str, text: str, parse: Callable[[str], float], low: float, high: float) -> float | None:
        if not text:
            return None
        try:
            value = parse(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.wrong(column, f"{text!r} is no number", "Write the number alone, or leave the cell empty")
            return None
        if not low <= value <= high:
            self.wrong(column, f"{value:g} cannot be", f"Give {low:g} to {high:g}" if high < math.inf else
                       f"Give {low:g} or more")  # fmt: skip
            return None
        return value


def read_rows(
    path: Path,
    columns: Collection[str],
    findings: Findings,
    *,
    needed: Collection[str] = (),
    known: Collection[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """Yield the rows of a CSV table (comma, semicolon or tab, UTF-8).

    Parameters
    ----------
    path
        The table.
    columns
        Names of the columns that are used, in any order and case.
    findings
        Takes what is wrong with the table as such.
    needed
        Columns that must be there.
    known
        Columns that may be there and are not used; others are named in the log.
    aliases
        Other spelling → column.
    """
    try:
        rows, semicolon = csv_rows(path, CohortError)
        _, header = next(rows, (1, []))
        titles = [title.strip().lower().replace(" ", "_") for title in header]
        titles = [(aliases or {}).get(title, title) for title in titles]
        missing = [name for name in needed if name not in titles]
        twice = sorted({title for title in titles if title in columns and titles.count(title) > 1})
        if missing:
            findings.add(path, 1, f"has no column {', '.join(missing)}", f"Give the columns {', '.join(needed)}")
            return
        if twice:
            findings.add(path, 1, f"has two columns {', '.join(twice)}", "Keep one of them")
            return
        unused = [title for title in titles if title and title not in columns and title not in known]
        if unused:
            log.warning("%s: columns not used: %s", path.name, ", ".join(unused))
        for line, cells in rows:
            yield Row(path, line, dict(zip(titles, cells, strict=True)), semicolon, findings)
    except CohortError as error:
        # The message of the reader names the line in its source: "…, line 7".
        line_text = (error.source or "").rpartition(", line ")[2]
        findings.add(path, int(line_text) if line_text.isdigit() else None, error.problem, error.remedy)
