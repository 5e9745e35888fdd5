"""A clinical table (CSV) → records; whatever is doubtful is an error that names file, line and column."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ClinicalError
from .rows import csv_rows
from .variables import BY_NAME, HEALTHY_LEAST, VARIABLES, ClinicalRecord, Value, Variable, other_unit, plain_unit

log = logging.getLogger(__name__)

_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "missing", "unknown", "?", "."})
_ID_COLUMNS = ("patient", "patient_id", "case", "case_id", "id")
_UNIT_ROW = frozenset({"unit", "units", "[unit]", "[units]"})
_BRACKETED = re.compile(r"(.*?)\s*[\[(]\s*(.*?)\s*[\])]\s*")


@dataclass(frozen=True)
class _Column:
    variable: Variable
    title: str
    factor: float


def read_clinical(
    path: str | Path, on_error: Callable[[ClinicalError], None] | None = None
) -> dict[str, ClinicalRecord]:
    """Read a clinical table.

    Parameters
    ----------
    path
        CSV, UTF-8, separated by comma, semicolon (then a decimal comma is understood) or tab. One row a patient; a
        column ``patient``; a column a variable, titled with its name and, if it is not the standard one, its unit:
        ``tbil [mg/dL]``. Units may instead stand in a row of their own whose first cell is ``unit``. Empty cells and
        NA are missing values; a variable without a column is missing for all.
    on_error
        Given each doubtful row or cell, which is then left out, so that one pass finds them all; by default the
        first is raised.

    Returns
    -------
    dict
        Patient → record, in the order of the rows.

    Raises
    ------
    ClinicalError
        For unknown units, text in numbers, impossible values, duplicate patients, and files that are no tables.

    Examples
    --------
    >>> read_clinical("clinical.csv")["p07"].values["afp"]         # doctest: +SKIP
    340.0
    """
    path = Path(path)
    rows, semicolon = csv_rows(path)
    header_line, header = next(rows, (0, []))
    if not header:
        raise ClinicalError("is empty", "Give a table with a header and a row a patient", path)
    id_at, body = _id_column(header, path), list(rows)
    units = None
    if body and body[0][1][id_at].strip().lower() in _UNIT_ROW:
        units = body.pop(0)[1]
    columns = _columns(header, units, f"{path}, line {header_line}")
    report = on_error or _raise
    records: dict[str, ClinicalRecord] = {}
    for line, cells in body:
        place = f"{path}, line {line}"
        patient = cells[id_at].strip()
        if not patient:
            report(ClinicalError("the patient is missing", "Name the patient in each row", place))
            continue
        if patient in records:
            report(ClinicalError(f"patient {patient} is there twice", "Keep one row a patient", place))
            continue
        values = _values(cells, columns, semicolon, place, report)
        records[patient] = ClinicalRecord(patient, values)
        if on_error is None:
            _warn_of_low(values, place)
    if not records:
        raise ClinicalError("holds no patients", "Give a row a patient below the header", path)
    return records


def clinical_lines(path: str | Path) -> dict[str, int]:
    """Return patient → line of a table that :func:`read_clinical` reads, the first line where there are several."""
    rows, _ = csv_rows(Path(path))
    _, header = next(rows, (0, []))
    id_at = _id_column(header, Path(path))
    lines: dict[str, int] = {}
    for line, cells in rows:
        lines.setdefault(cells[id_at].strip(), line)
    return lines


def _raise(error: ClinicalError) -> None:
    raise error


def _values(
    cells: list[str], columns: dict[int, _Column], semicolon: bool, place: str, report: Callable[[ClinicalError], None]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for i, column in columns.items():
        try:
            values[column.variable.name] = _value(cells[i], column, semicolon, place)
        except ClinicalError as error:
            report(error)
    return values


def _warn_of_low(values: dict[str, Value], place: str) -> None:
    for name, least in HEALTHY_LEAST.items():
        value, variable = values.get(name), BY_NAME[name]
        if isinstance(value, float) and value < least:
            log.warning(
                "%s: %s of %g %s is less than in health; if it is in %s, title the column %s [%s]",
                place, name, value, variable.unit, other_unit(variable), name, other_unit(variable),
            )  # fmt: skip


def _id_column(header: list[str], path: Path) -> int:
    titles = [_plain_title(title) for title in header]
    for name in _ID_COLUMNS:
        if name in titles:
            return titles.index(name)
    raise ClinicalError("has no column named patient", "Title the column of patients 'patient'", path)


def _columns(header: list[str], units: list[str] | None, place: str) -> dict[int, _Column]:
    """Return index → column for the columns that are variables."""
    columns: dict[int, _Column] = {}
    unused = []
    for i, title in enumerate(header):
        variable, unit = _split_title(title)
        if variable is None:
            unused += [] if _plain_title(title) in _ID_COLUMNS else [title.strip()]
            continue
        if variable.name in {column.variable.name for column in columns.values()}:
            raise ClinicalError(f"{variable.name} has two columns", "Keep one of them", place)
        unit = unit or (units[i].strip() if units else "")
        columns[i] = _Column(variable, title.strip(), _factor(variable, unit, place))
    absent = [v.name for v in VARIABLES if v.name not in {c.variable.name for c in columns.values()}]
    if not columns:
        raise ClinicalError("has no column of a known variable", f"Title the columns {', '.join(BY_NAME)}", place)
    if absent:
        log.warning("%s: no column for %s: taken as missing", place, ", ".join(absent))
    if unused:
        log.warning("%s: not used: %s", place, ", ".join(unused))
    return columns


def _split_title(title: str) -> tuple[Variable | None, str]:
    """Return the variable that a column's title names, and the unit in it, empty where it names none."""
    bracketed = _BRACKETED.fullmatch(title)
    name, unit = bracketed.groups() if bracketed else (title, "")
    name = _plain_title(name)
    for variable in VARIABLES:
        for known in (variable.name, *variable.other_names):
            if name == known:
                return variable, unit
            if not unit and name.startswith(f"{known}_") and _is_unit(variable, name[len(known) + 1 :]):
                return variable, name[len(known) + 1 :]
    return None, ""


def _plain_title(title: str) -> str:
    return "_".join(title.strip().lower().replace("-", " ").replace("–", " ").replace("_", " ").split())


def _is_unit(variable: Variable, text: str) -> bool:
    # In a title an underscore may stand for the stroke: tbil_umol_L.
    return _unit(text) in variable.units


def _unit(text: str) -> str:
    return plain_unit(text).replace("_", "/")


def _factor(variable: Variable, unit: str, place: str) -> float:
    if unit.strip().lower() in ("", "-", "1"):
        return 1.0
    if variable.kind in ("yes_no", "sex", "score"):
        return 1.0
    factor = variable.units.get(_unit(unit))
    if factor is None:
        others = ", ".join(name for name, factor in variable.units.items() if factor != 1.0)
        remedy = f"Use {variable.unit}" + (f" (or {others})" if others else "")
        raise ClinicalError(f"{variable.name} has the unknown unit {unit!r}", remedy, place)
    return factor


def _value(cell: str, column: _Column, semicolon: bool, place: str) -> Value:
    text, variable = cell.strip(), column.variable
    if text.lower() in _MISSING:
        return None
    value: object = text
    if variable.kind in ("number", "score"):
        if semicolon and re.fullmatch(r"-?\d+,\d+", text):
            text = text.replace(",", ".")
        # Only plain numbers: float() would also take 1_000, inf and other scripts' digits.
        if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text, re.ASCII):
            raise ClinicalError(
                f"column {column.title}: {cell.strip()!r} is no number",
                "Write the number alone, or leave it empty",
                place,
            )
        value = float(text) * column.factor
    try:
        return variable.checked(value)
    except ValueError as error:
        raise ClinicalError(f"column {column.title}: {variable.name} {error}", _remedy(column, text), place) from error


def _remedy(column: _Column, text: str) -> str:
    """Return what to do about a value out of range: the unit in which it could be is named."""
    variable = column.variable
    if not variable.units:
        return "Correct it"
    for unit, factor in variable.units.items():
        if factor != column.factor and variable.low <= float(text) * factor <= variable.high:
            return f"Correct it; if it is in {unit}, convert it, or the whole column: {variable.name} [{unit}]"
    return f"Correct it, or name the column's unit: {variable.name} [unit]"
