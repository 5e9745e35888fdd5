"""Fine-tuning in the background: what the panel's button starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .desk import Desk

if TYPE_CHECKING:
    from ..training.finetune import FineTuned


@dataclass(frozen=True)
class FineTuneTask:
    """Fine-tune a segmenter on a cohort folder; gives a `FineTuned`. Cancelled, it leaves no package.

    Parameters
    ----------
    package
        Name or folder of the segmenter to start from.
    cohort
        Folder of a cohort, such as the export of corrected cases.
    out
        Folder of the new package, not there yet; its name is the model's.
    cache
        Where prepared runs are kept.
    samples, seed, threads
        As of `training.finetune.fine_tune`.
    """

    package: str
    cohort: str
    out: str
    cache: str
    samples: int | None = None
    seed: int = 0
    threads: int | None = None

    def run(self, desk: Desk) -> FineTuned:
        """Do it; progress counts steps."""
        from ..training.finetune import fine_tune

        began = time.perf_counter()

        def watch(done: int, total: int) -> None:
            desk.many(done, total, (time.perf_counter() - began) / done * (total - done))

        return fine_tune(
            self.package, self.cohort, self.out, cache=self.cache, samples=self.samples, seed=self.seed,
            threads=self.threads, watch=watch,
        )  # fmt: skip

    def on_cpu(self) -> FineTuneTask:
        """Return itself: it takes what device there is."""
        return self
