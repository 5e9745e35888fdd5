"""What ``dsanet run`` says: a line a case on stdout, errors and remarks on stderr, a bar while it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from .outcome import CaseOutcome


class Reporter:
    """Says how each case ended, and counts the failures.

    Parameters
    ----------
    total
        Number of runs.
    json_lines
        A JSON object a line on stdout instead of sentences.
    quiet
        Errors only.
    """

    def __init__(self, total: int, *, json_lines: bool = False, quiet: bool = False) -> None:
        from tqdm import tqdm

        self.failed = 0
        self._said: set[str] = set()
        self._json = json_lines
        self._quiet = quiet
        # None: silent where stderr is no terminal, as in a log.
        self._bar = tqdm(total=total, unit="run", file=sys.stderr, disable=True if quiet else None, leave=False)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def add(self, outcome: CaseOutcome) -> None:
        """Report one case."""
        self.failed += outcome.error is not None or outcome.complaint is not None
        for line in (outcome.error, outcome.complaint, *(() if self._quiet else outcome.notes)):
            # What the machine lacks, it lacks for every case: once is enough.
            if line and line not in self._said:
                self._bar.write(line, file=sys.stderr)
                self._said.add(line)
        if self._json:
            line = json.dumps(json_line(outcome), ensure_ascii=False, allow_nan=False)
            self._bar.write(line, file=sys.stdout)
        elif outcome.error is None and not self._quiet:
            self._bar.write(sentence(outcome), file=sys.stdout)
        sys.stdout.flush()
        self._bar.update()


def sentence(outcome: CaseOutcome) -> str:
    """Return the line for people of a case that went well."""
    row = outcome.row
    lesions = f"{row['lesions']} lesion{'' if row['lesions'] == 1 else 's'}"
    response = f"response probability {row['probability']:.2f} ({row['class']})"
    flags = f" [{row['flags']}]" if row["flags"] else ""
    before = " (done before)" if outcome.done_before else ""
    return (
        f"{outcome.case_id}: {lesions} on key frame {row['key_frame']}, {response}{flags} -> {outcome.folder}{before}"
    )


def json_line(outcome: CaseOutcome) -> Mapping[str, Any]:
    """Return the object for machines of a case, whether it went well or not."""
    if outcome.error is not None:
        return {"status": "failed", "input": outcome.source, "error": outcome.error}
    return {
        "status": "ok",
        "input": outcome.source,
        **outcome.row,
        "folder": str(outcome.folder),
        "done_before": outcome.done_before,
        "timings_s": {name: round(seconds, 4) for name, seconds in outcome.timings_s.items()},
        "notes": [*outcome.notes, *([outcome.complaint] if outcome.complaint else [])],
    }
