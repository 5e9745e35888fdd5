"""The table of outcomes: response, survival, and whether their dates can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .data import OUTCOME, RESPONSES, Outcome
from .findings import Findings
from .table import Row, read_rows

COLUMNS = (
    "patient", "response", "responder", "pfs_months", "progressed",
    "treatment_date", "clinical_date", "outcome_date", "probability",
)  # fmt: skip
_WORDS = {
    "complete response": "CR", "partial response": "PR", "stable disease": "SD", "progressive disease": "PD",
}  # fmt: skip
_LONGEST_MONTHS = 600


@dataclass(frozen=True)
class OutcomeRow:
    """The outcome of a patient, and its line in the table."""

    line: int
    outcome: Outcome


def read_outcomes(folder: Path, findings: Findings) -> dict[str, OutcomeRow]:
    """Read ``outcome.csv``: patient → outcome; empty where there is no such table, doubtful cells are findings."""
    path = folder / OUTCOME
    if not path.is_file():
        return {}
    outcomes: dict[str, OutcomeRow] = {}
    for row in read_rows(path, COLUMNS, findings, needed=("patient",)):
        patient = row.text("patient")
        if not patient:
            findings.add(path, row.line, "the patient is missing", "Name the patient, or delete the row")
        elif patient in outcomes:
            findings.add(
                path, row.line, f"patient {patient} is there twice (line {outcomes[patient].line})",
                "Keep one row a patient",
            )  # fmt: skip
        else:
            outcomes[patient] = OutcomeRow(row.line, _outcome(row))
            _check_dates(row)
    return outcomes


def _outcome(row: Row) -> Outcome:
    response, responder = _response(row), row.yes("responder")
    if response:
        by_response = response in ("CR", "PR")
        if responder is not None and responder != by_response:
            row.wrong("responder", f"contradicts the response {response}", "CR and PR are responders, SD and PD not")
        responder = by_response
    progressed, months = row.yes("progressed"), row.number("pfs_months", 0, _LONGEST_MONTHS)
    if progressed is not None and months is None and not row.text("pfs_months"):
        row.wrong("pfs_months", "is empty, but progressed is given", "Give both or neither")
    if months is not None and progressed is None and not row.text("progressed"):
        row.wrong("progressed", "is empty, but pfs_months is given", "Write 1 if it ended by progression or death")
    return Outcome(responder, response, months, progressed, row.number("probability", 0, 1))


def _response(row: Row) -> str:
    text = row.text("response")
    code = _WORDS.get(text.lower(), text.upper())
    if not code or code in RESPONSES:
        return code
    row.wrong("response", f"{text!r} is unknown", f"Write {', '.join(RESPONSES)} (mRECIST), or leave it empty")
    return ""


def _check_dates(row: Row) -> None:
    """Find dates in an order that cannot be. The dates themselves stay out of every message."""
    treated, clinical, outcome = (_date(row, f"{name}_date") for name in ("treatment", "clinical", "outcome"))
    if clinical and outcome and clinical > outcome:
        row.wrong("clinical_date", "the clinical values are dated after the outcome", "Correct one of the dates")
    elif clinical and treated and clinical > treated:
        row.wrong(
            "clinical_date", "the clinical values are dated after the treatment",
            "Give the values before it: those after know its effect",
        )  # fmt: skip
    if treated and outcome and treated > outcome:
        row.wrong("treatment_date", "the treatment is dated after the outcome", "Correct one of the dates")


def _date(row: Row, column: str) -> date | None:
    text = row.text(column)
    if not text:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        row.wrong(column, "is no date of the form YYYY-MM-DD", "Write year, month and day, as 2024-03-09")
        return None
