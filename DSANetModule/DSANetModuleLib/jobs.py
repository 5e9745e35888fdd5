"""The panel's work: started here, computed in the worker process, put into the scene on the main thread.

A Qt timer asks the worker's client what there is; nothing here waits, and no thread touches the scene.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from functools import partial
from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.errors import DSANetError, WorkerError

from .running import Running
from .work import BATCH, PANEL, TRAINING

logger = logging.getLogger(__name__)

_POLL_MS = 50
_STEP_MS = 1  # between two steps of an answer: the window's turn


class Jobs:
    """At most one job a lane at a time; all calls on the main thread.

    Parameters
    ----------
    logic
        The module's logic, which makes the jobs and applies their answers.
    changed
        Called at the start, at progress and at the end of a job.
    tell
        Called with a sentence where a job of the panel was cancelled and nobody else says so.
    together
        Context manager in which the worker's news are taken: what follows the scene is told once, at its end.
    """

    def __init__(
        self,
        logic: Any,
        changed: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda _text: None,
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._logic, self._changed, self._tell, self._together = logic, changed, tell, together
        self._running: dict[str, Running] = {}
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MS)
        self._timer.connect("timeout()", self.poll)

    @property
    def busy(self) -> bool:
        """Whether a job of the panel runs (a batch does not count: see `isBusy`)."""
        return self.isBusy()

    @property
    def stage(self) -> str:
        """What is done just now, for people; empty where nothing is."""
        return self.progressOf(PANEL)[0]

    @property
    def fraction(self) -> float | None:
        """How much of the job is done, 0-1; None where not known."""
        return self.progressOf(PANEL)[1]

    @property
    def secondsLeft(self) -> float | None:
        """Seconds that the job still takes; None where not known."""
        return self.progressOf(PANEL)[2]

    def start(
        self,
        job: Any,
        *,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        cancelled: Callable[[], None] | None = None,
    ) -> None:
        """Start a `logic.Job`; ``done`` gets what the synchronous function returns.

        Raises
        ------
        WorkerError
            Where a job of the same lane is under way.
        """
        if self.isBusy(job.lane):
            raise WorkerError("another piece of work is under way", "Wait for it, or cancel it")
        try:
            self._logic.client(job.lane).submit(job.task)
        except DSANetError:
            job.over()
            raise
        self._running[job.lane] = Running(job, done, failed, cancelled, since=time.monotonic())
        self._timer.start()
        self._changed()

    def load(self, path: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.loadRun`."""
        self._begin(lambda: self._logic.loadRunJob(path, **options), done, failed)

    def segment(self, case: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.segment`."""
        self._begin(lambda: self._logic.segmentJob(case, **options), done, failed)

    def predict(
        self, cases: Any, clinical: Any = None, *, done: Any = None, failed: Any = None, **options: Any
    ) -> None:
        """Start `logic.predict`."""
        self._begin(lambda: self._logic.predictJob(cases, clinical, **options), done, failed)

    def batch(self, inputs: Any, out: Any, *, done: Any = None, failed: Any = None, **options: Any) -> None:
        """Start `logic.processBatch` in the lane ``batch``; ``outcome`` is called with each `CaseOutcome`."""
        self._begin(lambda: self._logic.batchJob(inputs, out, **options), done, failed, BATCH)

    def fineTune(self, cases: Any, *, done: Any = None, failed: Any = None, cancelled: Any = None, **o: Any) -> None:
        """Start `logic.fineTune` in the lane ``training``."""
        self._begin(lambda: self._logic.fineTuneJob(cases, **o), done, failed, TRAINING, cancelled)

    def isBusy(self, lane: str = PANEL) -> bool:
        """Return whether a job runs in a lane."""
        return lane in self._running

    def progressOf(self, lane: str) -> tuple[str, float | None, float | None]:
        """Return (stage, fraction, seconds left) of a lane."""
        running = self._running.get(lane)
        return ("", None, None) if running is None else running.told()

    def cancel(self, lane: str = PANEL) -> None:
        """End the job of a lane within a second; nothing of it reaches the scene, if it is not arriving already."""
        running = self._running.get(lane)
        if running is None:
            return
        running.cancelling = True
        if running.steps is None:
            self._logic.client(lane).cancel()
            self._changed()

    def drop(self, lane: str = PANEL) -> None:
        """End the job of a lane as its scene is closed, also where its answer is half taken in: that goes as well."""
        running = self._running.get(lane)
        if running is None or running.steps is None:
            self.cancel(lane)
            return
        del self._running[lane]
        running.giveUp()
        self._changed()

    def cleanup(self) -> None:
        """End all jobs, processes and the timer."""
        self._timer.stop()
        given_up = list(self._running.values())
        self._running.clear()
        self._logic.close()
        for running in given_up:
            running.giveUp()

    def poll(self) -> None:
        """Take what the workers say; called by the timer."""
        for lane in list(self._running):
            if self._running[lane].steps is not None:
                self._step(lane)
                continue
            events = self._logic.client(lane).poll()
            if not events:
                _loadForAnswers()
                continue
            with self._together():
                for event in events:
                    if lane in self._running:  # a slot may have ended it
                        self._take(lane, event)
            running = self._running.get(lane)
            if running is not None and running.steps is not None:  # not inside the block above: it would hold nothing
                running.held = ExitStack()
                running.held.enter_context(self._together())
        stepping = any(running.steps is not None for running in self._running.values())
        self._timer.setInterval(_STEP_MS if stepping else _POLL_MS)
        if not self._running:
            self._timer.stop()

    def _begin(self, make: Callable[[], Any], done: Any, failed: Any, lane: str = PANEL, cancelled: Any = None) -> None:
        """Make a job and start it; what is wrong with the request goes to ``failed``, as all that comes later."""
        if self.isBusy(lane):
            raise WorkerError("another piece of work is under way", "Wait for it, or cancel it")
        try:
            self.start(make(), done=done, failed=failed, cancelled=cancelled)
        except DSANetError as error:
            if failed is None:
                raise
            failed(error)

    def _take(self, lane: str, event: Any) -> None:
        from DSANetLib.worker import Partial, Progress, Result

        running = self._running[lane]
        if isinstance(event, Progress):
            running.progress, running.since = event, time.monotonic()
            self._changed()
        elif isinstance(event, Partial):
            if running.job.partial is not None:
                running.job.partial(event.value)
        elif isinstance(event, Result) and running.job.steps is not None:
            running.steps = running.job.steps(event.value)
        else:
            del self._running[lane]
            self._end(lane, running, event)

    def _end(self, lane: str, running: Running, event: Any) -> None:
        from DSANetLib.worker import Cancelled, Failure

        try:
            if isinstance(event, Cancelled):
                if running.cancelled is None and lane == PANEL:
                    self._tell(_("Cancelled. Nothing of it was written."))
                _call(running.cancelled)
            elif isinstance(event, Failure):
                self._fail(running, event.error)
            else:
                self._apply(running, event.value)
        finally:
            running.job.over()
            self._changed()

    def _apply(self, running: Running, value: Any) -> None:
        try:
            answer = running.job.apply(value)
        except DSANetError as error:
            self._fail(running, error)
            return
        _call(running.done, answer)

    def _step(self, lane: str) -> None:
        """Take the next step of an answer into the scene; what follows the scene is told after the last one."""
        running, over, say = self._running[lane], True, partial(_call, None)
        assert running.steps is not None and running.held is not None
        try:
            next(running.steps)
            over = False
        except StopIteration as end:
            say = partial(_call, running.done, end.value)
        except DSANetError as error:
            say = partial(self._fail, running, error)
        finally:
            if over:
                del self._running[lane]
                with running.held:
                    try:
                        say()
                        if running.cancelling:
                            self._tell(_("Too late to cancel: the masks are there. Undo takes them back."))
                    finally:
                        running.job.over()
                        self._changed()

    def _fail(self, running: Running, error: DSANetError) -> None:
        if running.failed is None:
            logger.warning("%s", error)
        _call(running.failed, error)


def _loadForAnswers() -> None:
    """Load OpenCV while the worker computes, in a turn of its own: loading it takes as long as some redraws."""
    with suppress(ImportError):
        import cv2  # noqa: F401


def _call(function: Callable[..., None] | None, *values: Any) -> None:
    if function is not None:
        function(*values)
