"""What a task works with: models that stay loaded, and a way to say how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..models.keeper import ModelChoice, ModelKeeper
from .messages import Partial, Progress

T = TypeVar("T")


class Desk:
    """One a worker process; it outlives the tasks.

    Parameters
    ----------
    tell
        Takes `Progress` and `Partial` to the client.
    """

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell
        self._keeper = ModelKeeper()
        self._seconds: dict[tuple[str, str], float] = {}
        self._plan: list[tuple[str, str]] = []
        self._at, self._since, self._device = -1, 0.0, ""

    def plan(self, kind: str, stages: Sequence[str]) -> None:
        """Announce the stages of a task; how long each took the last time gives the time that is left."""
        self._plan, self._at, self._device = [(kind, stage) for stage in stages], -1, ""

    def stage(self, name: str = "") -> None:
        """Say that a stage of the plan begins; without name that the last one ended."""
        now = time.perf_counter()
        if self._at >= 0:
            self._seconds[self._plan[self._at]] = now - self._since
        self._since = now
        if not name:
            return
        self._at = next(i for i, (_, stage) in enumerate(self._plan) if stage == name)
        known = [self._seconds.get(part) for part in self._plan]
        if None in known:
            fraction, left = self._at / len(self._plan), None
        else:
            seconds = [second or 0.0 for second in known]
            left = sum(seconds[self._at :])
            fraction = 1 - left / max(sum(seconds), 1e-9)
        self._tell(Progress(name, fraction, left, self._device))

    def many(self, done: int, total: int, left_s: float | None, stage: str = "batch") -> None:
        """Say how many of many are done."""
        self._tell(Progress(stage, done / max(total, 1), left_s, detail=f"{done} of {total}"))

    def begins(self, stage: str) -> None:
        """Say what begins, where nobody knows how long it takes."""
        self._tell(Progress(stage))

    def partial(self, value: Any) -> None:
        """Give an answer before the last one."""
        self._tell(Partial(value))

    def use(self, choice: ModelChoice, stage: str, work: Callable[[Any], T]) -> tuple[T, str | None]:
        """Load a model (stage ``model``), then do `work` with it in its own stage; see `ModelKeeper.use`."""
        self.stage("model")

        def with_model(model: Any) -> T:
            self._device = model.runtime.rpartition("(")[2].rstrip(")")
            self.stage(stage)
            return work(model)

        return self._keeper.use(choice, with_model)
