"""How one run of a batch ended: with a folder, or with one line that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DSANetError


@dataclass(frozen=True)
class CaseOutcome:
    """How one run ended: with a folder, or with one line that says why not.

    ``source`` is what the input is called in messages: its path, or the case's name where a DICOM header
    shows that the path holds patient data. ``row`` is the case's row of the results table, ``timings_s``
    seconds by stage, ``notes`` sentences on what was left out; ``error`` is set where there is no result,
    ``complaint`` where there is one but something that was asked for could not be done. ``done_before``: the
    result of an earlier start, made with the same files, models and settings, was left as it is.
    """

    source: str
    case_id: str
    patient_id: str | None = None
    folder: Path | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    timings_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str | None = None
    complaint: str | None = None
    done_before: bool = False


def reason(error: Exception) -> str:
    """Return why a case failed, for a table: without the path, which may name a person."""
    if isinstance(error, DSANetError):
        return " ".join(str(type(error)(error.problem, error.remedy)).split())
    return one_line(error, "")


def one_line(error: Exception, source: str) -> str:
    """Return one line that names file and remedy, whatever went wrong."""
    if isinstance(error, DSANetError):
        text = str(error) if error.source else str(DSANetError(error.problem, error.remedy, source))
    elif isinstance(error, MemoryError):
        text = str(DSANetError("memory is short", "Close other programs, or use fewer or smaller frames", source))
    else:
        problem = f"unexpected {type(error).__name__}: {error}"
        text = str(DSANetError(problem, "Run again with --verbose and report what it says", source))
    return " ".join(text.split())


def raise_if_stopped(error: Exception) -> None:
    """Ctrl-C in the midst of C code comes out as a SystemError; it is still the user's wish to stop."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        cause = cause.__cause__ or cause.__context__
