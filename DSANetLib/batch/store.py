"""The tables of a whole batch, in the output folder: a row a case, a row a patient; they grow as it goes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import OutputError
from ..tables import PATIENT_COLUMNS, RESULT_COLUMNS, Cell, Column, to_csv
from ..whole import write_whole

RESULTS, PATIENTS = "results.csv", "patients.csv"


class Store:
    """The two tables of an output folder; rows of earlier batches stay, a row of the same name is replaced.

    Parameters
    ----------
    out
        Output folder; made with the first row.

    Raises
    ------
    OutputError
        Where a table of that name is there and is not ours: it is never overwritten.
    """

    def __init__(self, out: Path) -> None:
        self._results = _Table(out / RESULTS, RESULT_COLUMNS)
        self._patients = _Table(out / PATIENTS, PATIENT_COLUMNS)

    def add(self, results: Sequence[Mapping[str, Cell]], patient: Mapping[str, Cell] | None) -> None:
        """Add the rows of a patient's cases and, where there is a prediction, the patient's own."""
        self._results.put(results)
        if patient is not None:
            self._patients.put([patient])


class _Table:
    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path = path
        self._columns = columns
        self._lines: dict[str, list[str]] = {}
        if path.exists():
            self._read()

    def put(self, rows: Sequence[Mapping[str, Cell]]) -> None:
        key = self._columns[0].name
        for row in rows:
            text = to_csv(self._columns, [row])
            self._lines[str(row[key])] = next(csv.reader(text.splitlines()[1:]))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.name for column in self._columns])
        writer.writerows(self._lines.values())
        write_whole(self._path, out.getvalue())

    def _read(self) -> None:
        try:
            lines = list(csv.reader(self._path.read_text(encoding="utf-8").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error):
            lines = []
        names = [column.name for column in self._columns]
        if not lines or lines[0] != names or any(len(line) != len(names) for line in lines[1:]):
            raise OutputError(
                "this table is not one of this version of dsanet and is left alone", "Choose another --out", self._path
            )
        self._lines = {line[0]: line for line in lines[1:]}
