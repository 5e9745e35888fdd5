"""The tables of a whole batch, in the output folder: a row a case, a row a patient; they grow as it goes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import OutputError
from ..tables import BATCH_COLUMNS, PATIENT_COLUMNS, Cell, Column, to_csv
from ..whole import write_whole

RESULTS, PATIENTS = "results.csv", "patients.csv"
DONE, FAILED = "done", "failed"


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
        self._results = _Table(out / RESULTS, BATCH_COLUMNS)
        self._patients = _Table(out / PATIENTS, PATIENT_COLUMNS)

    def add(self, result: Mapping[str, Cell], patient: Mapping[str, Cell], *, found_as: str) -> None:
        """Add the row of a case that is done, and its patient's.

        Parameters
        ----------
        result, patient
            Keyed by the names of `RESULT_COLUMNS` and `PATIENT_COLUMNS`.
        found_as
            The case's name before it was read; a row of that name that says why it failed before goes.
        """
        self._drop_failed(found_as)
        self._results.put({**result, "status": DONE, "reason": None})
        self._patients.put(patient)

    def add_failed(self, case_id: str, reason: str) -> None:
        """Add the row of a case that failed, without a patient; a result of the same name that is there stays."""
        if self._results.cell(case_id, "status") != DONE:
            row = dict.fromkeys((column.name for column in BATCH_COLUMNS), None)
            self._results.put({**row, "case": case_id, "status": FAILED, "reason": reason})

    def _drop_failed(self, case_id: str) -> None:
        if self._results.cell(case_id, "status") == FAILED:
            self._results.drop(case_id)


class _Table:
    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path = path
        self._columns = columns
        self._lines: dict[str, list[str]] = {}
        if path.exists():
            self._read()

    def cell(self, key: str, name: str) -> str | None:
        """Return a cell as it stands in the file, None where the row is not there."""
        line = self._lines.get(key)
        return None if line is None else line[[column.name for column in self._columns].index(name)]

    def drop(self, key: str) -> None:
        """Leave a row out from the next `put` on."""
        self._lines.pop(key, None)

    def put(self, row: Mapping[str, Cell]) -> None:
        """Add a row, or replace the one of the same name, and write the table."""
        text = to_csv(self._columns, [row])
        line = next(csv.reader(io.StringIO(text.partition("\n")[2], newline="")))
        if self._path.exists() and self._lines.get(line[0]) == line:
            return
        self._lines[line[0]] = line
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
