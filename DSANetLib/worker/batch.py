"""What the worker does for many runs: the same as ``dsanet run``."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .desk import Desk

if TYPE_CHECKING:
    from ..batch.models import BatchOptions


@dataclass(frozen=True, eq=False)
class BatchSummary:
    """How a batch ended: its table of results, how many cases are done, how many failed."""

    table: Path
    done: int
    failed: int


@dataclass(frozen=True)
class BatchTask:
    """Many runs, as ``dsanet run`` does them; gives each `CaseOutcome` as it comes, and a `BatchSummary`.

    Parameters
    ----------
    inputs, out
        Files and folders, and the folder of results.
    options
        See `batch.models.BatchOptions`.
    clinical, patients
        CSV files, or ``folders`` for `patients`; None where there are none.
    """

    inputs: tuple[str, ...]
    out: str
    options: BatchOptions
    clinical: str | None = None
    patients: str | None = None

    def run(self, desk: Desk) -> BatchSummary:
        """Do it."""
        from ..batch.many import run_inputs
        from ..batch.store import RESULTS

        done = failed = 0
        worked, spent, last = 0, 0.0, time.perf_counter()
        total, outcomes = run_inputs(
            self.inputs, Path(self.out), self.options, clinical=self.clinical, patients=self.patients
        )
        desk.many(0, total, None)
        for outcome in outcomes:
            done, failed = done + (outcome.error is None), failed + (outcome.error is not None)
            now = time.perf_counter()
            if not outcome.done_before:
                worked, spent = worked + 1, spent + now - last
            last = now
            desk.partial(outcome)
            left = spent / worked * (total - done - failed) if worked else None
            desk.many(done + failed, total, left)
        return BatchSummary(Path(self.out) / RESULTS, done, failed)

    def on_cpu(self) -> BatchTask:
        """Return the same for the CPU."""
        return replace(self, options=replace(self.options, device="cpu"))
