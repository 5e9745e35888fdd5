"""A job under way in the worker: who waits for it, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _


@dataclass
class Running:
    """A job under way.

    Parameters
    ----------
    job
        A `work.Job`.
    done, failed, cancelled
        Called at its end with what it returns, with the error, or without anything.
    progress, since
        The worker's last word on how far it is, and when it came (`time.monotonic`).
    cancelling
        Whether the user pressed Cancel.
    steps, held
        The rest of an answer that is arriving in the scene, and what keeps the sections from being told meanwhile.
    """

    job: Any
    done: Callable[[Any], None] | None
    failed: Callable[[Exception], None] | None
    cancelled: Callable[[], None] | None
    progress: Any = None
    since: float = 0.0
    cancelling: bool = False
    steps: Generator[None, None, Any] | None = None
    held: ExitStack | None = None

    def told(self) -> tuple[str, float | None, float | None]:
        """Return stage, fraction (0-1) and seconds left, as far as they are known."""
        if self.cancelling:
            return _("Cancelling"), None, None
        progress = self.progress
        if progress is None:
            return _stages()["starting"], None, None
        stage = _stages().get(progress.stage, progress.stage)
        left = progress.left_s
        if left is not None:
            left = max(0.0, left - (time.monotonic() - self.since))
        return f"{stage}: {progress.detail}" if progress.detail else stage, progress.fraction, left

    def giveUp(self) -> None:
        """Let the sections be told again, and clear up after the job; its answer goes nowhere any more."""
        if self.held is not None:
            self.held.close()
        self.job.over()


def _stages() -> dict[str, str]:
    return {
        "starting": _("Starting"),
        "reading": _("Reading the file"),
        "preparation": _("Preparing the frames"),
        "model": _("Loading the model"),
        "network": _("Segmenting"),
        "response": _("Predicting"),
        "batch": _("Working through the runs"),
        "export": _("Exporting the corrected cases"),
        "training": _("Fine-tuning"),
    }
