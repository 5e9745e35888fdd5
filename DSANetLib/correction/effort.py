"""Seconds that a reader spent on a frame: time between signs of life, pauses counted up to a minute."""

from __future__ import annotations

from collections import defaultdict

PAUSE_S = 60.0
"""Longest silence that still counts as work: who goes for a coffee does not correct meanwhile."""


class Effort:
    """A stopwatch by frame.

    The time between two signs of life (a frame is shown, edited, accepted, …) goes to the frame that was
    shown in between, at most `PAUSE_S` of it.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = defaultdict(float)
        self._frame: int | None = None
        self._since = 0.0

    def touch(self, frame: int | None, now: float) -> None:
        """Note a sign of life at `now` (s); `frame` is what the reader looks at from now on, None: nothing."""
        if self._frame is not None:
            self._seconds[self._frame] += min(max(now - self._since, 0.0), PAUSE_S)
        self._frame, self._since = frame, now

    def seconds(self, frame: int) -> float:
        """Return the seconds spent on a frame up to the last sign of life."""
        return self._seconds[frame]

    def start_from(self, frame: int, seconds: float) -> None:
        """Go on counting from what was spent before, e.g. in an earlier session."""
        self._seconds[frame] = seconds
