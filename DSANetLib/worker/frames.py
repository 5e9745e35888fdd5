"""Frames as they come back from the worker: the shape of all, the pixels of some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import RunError


class SomeFrames:
    """Frames of a run of which only some are here; indexing another one is an error.

    Parameters
    ----------
    frames
        The run's own.
    kept
        Those to keep, 0-based.
    """

    def __init__(self, frames: Any, kept: Sequence[int] = ()) -> None:
        self.shape = tuple(frames.shape)
        self.dtype = np.dtype(frames.dtype)
        self.kept = tuple(kept)
        self._frames = {i: np.ascontiguousarray(frames[i]) for i in self.kept}

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, (int, np.integer)):
            if int(index) not in self._frames:
                raise RunError(f"frame {int(index) + 1} was not read", "Ask for a frame that was")
            return self._frames[int(index)]
        return np.stack([self[int(i)] for i in np.arange(len(self))[index]])
