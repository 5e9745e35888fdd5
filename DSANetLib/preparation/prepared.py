"""The values that preparation makes: a prepared run, and the network's inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import DSARun
from .arrival import without_rim
from .config import PreparationConfig
from .geometry import FrameGeometry
from .keyframe import KeyFrame
from .subtraction import Subtraction


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run ready for the networks.

    Parameters
    ----------
    run
        The run it was made from.
    config
        The choices made.
    geometry
        Source pixels to network pixels and back.
    stack
        (F, S, S) subtracted frames at network size, contrast DARK, grey units (0-255 over the stored range;
        after own subtraction 127.5 where nothing changed, 127.5 less per unit of logarithm). float32, float16
        where the stack would pass `stream.HUGE` bytes.
    frame_times
        (F,) s, true or assumed (then a warning says so).
    visible
        (S, S) bool: network pixels that hold nothing but field.
    visible_source
        (rows, columns) bool: the field on the source frame.
    baseline
        (S, S) float32: median of the contrast-free frames.
    arrival
        Frame of contrast arrival, 0-based.
    key_frame
        The key frame and its curve.
    subtraction
        What was subtracted and who decided.
    polarity
        ``dark_contrast`` or ``bright_contrast``: the stored orientation, said by the source or found.
    polarity_detected
        True where it was found from the film.
    grey_table
        (n,) float32 grey of each stored value less `grey_black`, before the mask is subtracted.
    grey_black
        Stored value of the table's first entry.
    mask
        (S, S) float32 that was subtracted from every frame; None where there is none, or one for each frame.
    warnings
        Sentences for the user; the run's own come first.
    """

    run: DSARun
    config: PreparationConfig
    geometry: FrameGeometry
    stack: np.ndarray
    frame_times: np.ndarray
    visible: np.ndarray
    visible_source: np.ndarray
    baseline: np.ndarray
    arrival: int
    key_frame: KeyFrame
    subtraction: Subtraction
    polarity: str
    polarity_detected: bool
    grey_table: np.ndarray
    grey_black: int
    mask: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    @property
    def opacification(self) -> np.ndarray:
        """(F, S, S) float32: positive part of baseline less frame. Made anew at each call."""
        return np.maximum(self.baseline - self.stack.astype(np.float32), 0.0)

    @property
    def region(self) -> np.ndarray:
        """(S, S) bool: the field without its rim, where curves are measured before the liver is known."""
        return without_rim(self.visible)


@dataclass(frozen=True, eq=False)
class NetworkInputs:
    """What one call of the segmenter sees: float32 in [0, 1].

    Parameters
    ----------
    frames
        (10, S, S) sampled frames, scaled jointly.
    key
        (S, S) key frame or a neighbour, scaled on its own.
    difference
        (S, S) frame-difference image: the target of TDL, and an input of baselines.
    """

    frames: np.ndarray
    key: np.ndarray
    difference: np.ndarray
