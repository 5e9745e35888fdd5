"""A CSV table as people save it → its rows with their line numbers; what is no table is an error with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from ..errors import ClinicalError, DSANetError


def csv_rows(path: Path, error_type: type[DSANetError] = ClinicalError) -> tuple[Iterator[tuple[int, list[str]]], bool]:
    """Return (line number, cells) of each row that is not blank, and whether semicolons separate the cells.

    Parameters
    ----------
    path
        CSV, UTF-8, separated by comma, semicolon or tab, whichever its first line has most of.
    error_type
        Raised where the file is no such table: at once where it is no text, at the row where a row is odd.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise error_type("is not UTF-8 text", "Save the table as CSV UTF-8", path) from error
    except OSError as error:
        raise error_type(f"cannot be read: {error.strerror}", "Check the path", path) from error
    if "\0" in text:
        raise error_type("is no text file", "Save the table as CSV UTF-8", path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        length = None
        try:
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                length = length or len(cells)
                if len(cells) != length:
                    raise error_type(
                        f"has {len(cells)} cells, the header has {length}",
                        "Give each row a cell for each column; quote text that holds the separator",
                        f"{path}, line {reader.line_num}",
                    )
                yield reader.line_num, cells
        except csv.Error as error:
            raise error_type(
                f"is no CSV: {error}", "Save the table as CSV", f"{path}, line {reader.line_num}"
            ) from error

    return rows(), separator == ";"
