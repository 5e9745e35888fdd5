"""What an interrupted evaluation has done already, and when the test set was opened: two JSON-lines files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import OutputError

# Whatever in the library decides a record: where it changes, records of before are not used again.
SOURCES = (
    "phantom",
    "preparation",
    "models",
    "pipeline.py",
    "postprocessing.py",
    "lesions.py",
    "run.py",
    "clinical",
    "evaluation/metrics.py",
    "evaluation/records.py",
    "evaluation/phantom.py",
)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value, keys sorted: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def source_digest() -> str:
    """SHA-256 of the library's sources that decide a record."""
    root = Path(__file__).resolve().parent.parent
    total = hashlib.sha256()
    for name in SOURCES:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if path.is_file():
                total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


class RecordCache:
    """Results by seed in a JSON-lines file; lines of another key (other packages, seeds, sources) are ignored.

    Parameters
    ----------
    path
        The file; made with its folder on the first result.
    key
        Whatever decides a result, as one string.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._results: dict[int, dict[str, Any]] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = _entry(line)
                if entry.get("key") == key:
                    self._results[int(entry["seed"])] = entry["result"]

    def __contains__(self, seed: int) -> bool:
        return seed in self._results

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, seed: int) -> dict[str, Any]:
        return self._results[seed]

    def add(self, seed: int, result: Mapping[str, Any]) -> None:
        """Keep one result; it is on disk when this returns."""
        # Through JSON at once, so that a result is the same whether it was kept or made in this run.
        line = json.dumps({"key": self.key, "seed": seed, "result": result}, ensure_ascii=False)
        _append(self.path, line)
        self._results[seed] = json.loads(line)["result"]


def _entry(line: str) -> dict[str, Any]:
    """Read one line; a line cut short by a kill is empty."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return entry if isinstance(entry, dict) and {"key", "seed", "result"} <= entry.keys() else {}


def _append(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if cut else "") + line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", "Choose another folder", path) from error


@dataclass(frozen=True)
class Opening:
    """One opening of a test set.

    Parameters
    ----------
    when
        UTC, ISO 8601.
    cohort
        Which patients: seeds and settings, as one sentence.
    packages
        Package name → checksum.
    """

    when: str
    cohort: str
    packages: Mapping[str, str]

    def sentence(self) -> str:
        """Return what is printed: when, on whom, with which packages."""
        names = ", ".join(f"{name} {value[:12]}" for name, value in sorted(self.packages.items()))
        return f"Test set opened {self.when} ({self.cohort}) with {names}"


def _opening(line: str) -> Opening | None:
    try:
        return Opening(**json.loads(line))
    except (json.JSONDecodeError, TypeError):
        return None


def open_test_set(
    path: Path, cohort: str, packages: Mapping[str, str], *, now: datetime | None = None
) -> list[Opening]:
    """Record that a test set is opened, and return all its openings so far, oldest first.

    Going on with the same packages on the same patients (after an interruption) is not a new opening.

    Parameters
    ----------
    path
        The stamp file, JSON lines, only ever appended to.
    cohort, packages
        Of this opening.
    now
        Time of the opening; the clock's where not given.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    openings = [opening for line in lines if (opening := _opening(line))]
    if any(o.cohort == cohort and dict(o.packages) == dict(packages) for o in openings):
        return openings
    moment = (now or datetime.now(timezone.utc)).isoformat(timespec="seconds")
    opening = Opening(moment, cohort, dict(packages))
    _append(path, json.dumps(asdict(opening), ensure_ascii=False))
    return [*openings, opening]
