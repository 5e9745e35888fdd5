"""Fine-tuning in the background: what the panel's button starts."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DependencyError, OutputError, TrainingError
from .desk import Desk

if TYPE_CHECKING:
    from ..correction.work import WorkItem
    from ..training.finetune import FineTuned


@dataclass(frozen=True)
class FineTuneTask:
    """Fine-tune a segmenter on a cohort folder; gives a `FineTuned`. Cancelled, it leaves no package.

    Parameters
    ----------
    package
        Name or folder of the segmenter to start from.
    cohort
        Folder of a cohort, such as the export of corrected cases; where there are `items`, to be made.
    out
        Folder of the new package, not there yet; its name is the model's.
    cache
        Where prepared runs are kept.
    samples, minutes, share, seed, threads
        As of `training.finetune.fine_tune`.
    items, reader
        Cases of a work list, exported to `cohort` first, as of `correction.export.export_training`.
    """

    package: str
    cohort: str
    out: str
    cache: str
    samples: int | None = None
    seed: int = 0
    threads: int | None = None
    minutes: float | None = None
    share: float | None = None
    items: tuple[WorkItem, ...] = ()
    reader: str | None = None

    def run(self, desk: Desk) -> FineTuned:
        """Do it; progress counts steps."""
        left_out = self._export(desk) if self.items else ()
        try:
            from ..training.finetune import SHARE, fine_tune
        except ImportError as error:
            raise DependencyError(
                f"fine-tuning needs {error.name}, which is not installed", 'Use pip install "dsanet[train]"'
            ) from error
        desk.begins("preparation")
        began = 0.0

        def watch(done: int, total: int) -> None:
            nonlocal began
            began = began or time.perf_counter()  # the first step comes with the preparation behind it
            left = (time.perf_counter() - began) / (done - 1) * (total - done) if done > 1 else None
            desk.many(done, total, left, "training")

        try:
            tuned = fine_tune(
                self.package, self.cohort, self.out, cache=self.cache, samples=self.samples, minutes=self.minutes,
                share=SHARE if self.share is None else self.share, seed=self.seed, threads=self.threads, watch=watch,
            )  # fmt: skip
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(
                f"cannot be written ({reason})", "Make room on this disk", Path(self.out).parent
            ) from error
        return replace(tuned, left_out=left_out)

    def on_cpu(self) -> FineTuneTask:
        """Return itself: it takes what device there is."""
        return self

    def _export(self, desk: Desk) -> tuple[str, ...]:
        from ..correction.export import export_training

        desk.begins("export")
        try:
            written = export_training(self.items, self.cohort, reader=self.reader)
        except OutputError as error:
            raise TrainingError(error.problem, error.remedy) from error  # the folder is ours: it tells nobody anything
        return (*written.left_out, *written.passed_over)
