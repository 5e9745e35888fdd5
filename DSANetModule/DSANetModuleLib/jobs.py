"""The panel's work: started here, computed in the worker process, put into the scene on the main thread.

A Qt timer asks the worker's client what there is; nothing here waits, and no thread touches the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Jobs:
    """At most one job a lane at a time; all calls on the main thread.

    Parameters
    ----------
    logic
        The module's logic, which makes the jobs and applies their answers.
    changed
        Called at the start, at progress and at the end of a job.

    Attributes
    ----------
    busy
        Whether a job of the panel runs (a batch does not count: see `isBusy`).
    stage
        A sentence for people on what is done just now, translated; empty where nothing is.
    fraction, secondsLeft
        0-1 and seconds, None where not known.
    """

    def __init__(self, logic: Any, changed: Callable[[], None] = lambda: None) -> None:
        raise NotImplementedError

    def start(
        self,
        job: Any,
        *,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        cancelled: Callable[[], None] | None = None,
    ) -> None:
        """Start a `logic.Job`; ``done`` gets what the synchronous function returns. A second one in a lane raises."""
        raise NotImplementedError

    def load(self, path: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.loadRun`."""
        raise NotImplementedError

    def segment(self, case: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.segment`."""
        raise NotImplementedError

    def predict(
        self, cases: Any, clinical: Any = None, *, done: Any = None, failed: Any = None, **options: Any
    ) -> None:
        """Start `logic.predict`."""
        raise NotImplementedError

    def batch(self, inputs: Any, out: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.processBatch` in the lane ``batch``; ``outcome`` is called with each `CaseOutcome`."""
        raise NotImplementedError

    def isBusy(self, lane: str = "panel") -> bool:
        """Return whether a job runs in a lane."""
        raise NotImplementedError

    def progressOf(self, lane: str) -> tuple[str, float | None, float | None]:
        """Return (stage, fraction, seconds left) of a lane."""
        raise NotImplementedError

    def cancel(self, lane: str = "panel") -> None:
        """End the job of a lane within a second; nothing of it reaches the scene."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """End all jobs, processes and the timer."""
        raise NotImplementedError
