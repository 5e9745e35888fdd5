"""What is wrong with a cohort: collected in one pass, so that a user mends it in one go."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import CohortError


@dataclass(frozen=True)
class Finding:
    """One thing that would spoil a study, or deserves a look.

    Parameters
    ----------
    file
        Relative to the cohort's folder where it lies in it.
    line
        Counted from 1, the header is line 1; None where the file has no lines.
    problem
        What is wrong, in one sentence without a full stop.
    remedy
        What to do about it.
    severe
        A study on this cohort would be wrong or fail; otherwise a remark.
    """

    file: str
    line: int | None
    problem: str
    remedy: str
    severe: bool = True

    def __str__(self) -> str:
        """Return one line: ``file, line 3: problem. remedy.``"""
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.problem}. {self.remedy.rstrip('.')}."

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-able values."""
        return asdict(self)


class Findings:
    """The findings of one pass over a cohort's folder.

    Parameters
    ----------
    folder
        Of the cohort; paths of findings are shown relative to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: dict[Finding, None] = {}

    def __iter__(self) -> Any:
        return iter(sorted(self._found, key=lambda finding: not finding.severe))

    def add(self, path: str | Path, line: int | None, problem: str, remedy: str, *, severe: bool = True) -> None:
        """Add a finding; the same one twice is one."""
        path = Path(path)
        inside = path.is_absolute() and path.is_relative_to(self.folder)
        name = path.relative_to(self.folder).as_posix() if inside else path.as_posix()
        self._found[Finding(name, line, " ".join(problem.split()).rstrip("."), remedy, severe)] = None

    def raise_first(self) -> None:
        """Raise the first severe finding as an error that says how many more there are.

        Raises
        ------
        CohortError
            Where there is a severe finding.
        """
        severe = [finding for finding in self if finding.severe]
        if severe:
            first, more = severe[0], len(severe) - 1
            place = self.folder / first.file if first.line is None else f"{self.folder / first.file}, line {first.line}"
            others = f"; 'dsanet cohort check' names {more} more" if more else ""
            raise CohortError(first.problem, first.remedy.rstrip(".") + others, place)
