"""Breathing, heartbeat and a patient who moves: displacement of every pixel at every time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .geometry import View


@dataclass(frozen=True)
class Motion:
    """How a patient moves during one run; amplitudes in cm, times in s.

    Parameters
    ----------
    breath_cm, breath_period_s, breath_phase
        Craniocaudal breathing of all soft tissue, less at the spine's height below.
    drift_cm
        Slow relaxation of a breath-hold, towards the head, over the run.
    heart_cm, heart_period_s
        Pulsation of what lies under the heart.
    jump_s, jump_cm
        Time and x, y of one sudden movement of the whole body; bones move too.
    """

    breath_cm: float
    breath_period_s: float
    breath_phase: float
    drift_cm: float
    heart_cm: float
    heart_period_s: float
    jump_s: float
    jump_cm: tuple[float, float]

    def times(self, factor: float) -> Motion:
        """Return the same movement with other amplitudes."""
        return replace(
            self,
            breath_cm=self.breath_cm * factor,
            drift_cm=self.drift_cm * factor,
            heart_cm=self.heart_cm * factor,
            jump_cm=(self.jump_cm[0] * factor, self.jump_cm[1] * factor),
        )

    def jump(self, time_s: float) -> np.ndarray:
        """Return x, y (cm) of the whole body at a time."""
        return np.array(self.jump_cm if time_s >= self.jump_s else (0.0, 0.0))

    def breath(self, time_s: float, end_s: float) -> float:
        """Return the craniocaudal displacement of the diaphragm (cm, feet positive), 0 at time 0."""
        swing = np.sin(2 * np.pi * time_s / self.breath_period_s + self.breath_phase) - np.sin(self.breath_phase)
        return float(self.breath_cm / 2 * swing - self.drift_cm * time_s / max(end_s, 1e-6))


class Displacement:
    """Where each pixel of a frame comes from in the patient at rest.

    Parameters
    ----------
    view
        The projection.
    motion
        The movement.
    dome_y_cm
        Height of the diaphragm's dome; motion fades 25 cm below it.
    end_s
        Time of the last frame.
    """

    def __init__(self, view: View, motion: Motion, dome_y_cm: float, end_s: float) -> None:
        self._view, self._motion, self._end = view, motion, end_s
        x, y = view.axes()
        self._columns = np.broadcast_to(np.arange(view.columns, dtype=np.float32), (view.rows, view.columns))
        self._rows = np.broadcast_to(np.arange(view.rows, dtype=np.float32)[:, None], (view.rows, view.columns))
        self._fade = np.clip(1 - np.maximum(y - dome_y_cm - 8, 0) / 22, 0.25, 1)[:, None]
        self._heart = np.exp(-(((x[None] - 3.5) / 4.5) ** 2) - ((y[:, None] - dome_y_cm - 1) / 4) ** 2)

    def maps(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the column and row in the frame at rest for each pixel at a time, float32, for cv2.remap."""
        px = 1 / self._view.spacing_cm
        jump = self._motion.jump(time_s) * px
        down = np.float32(self._motion.breath(time_s, self._end) * px) * self._fade
        beat = np.float32(self._motion.heart_cm * px * np.sin(2 * np.pi * time_s / self._motion.heart_period_s))
        rows = self._rows - (down + beat * self._heart) - np.float32(jump[1])
        columns = self._columns - np.float32(0.4) * beat * self._heart - np.float32(jump[0])
        return columns.astype(np.float32), rows.astype(np.float32)


def draw_motion(rng: np.random.Generator, end_s: float, still: bool) -> tuple[Motion, tuple[str, ...]]:
    """Draw how a patient moves, and the names of the artefacts this makes."""
    if still:
        return Motion(0, 4, 0, 0, 0, 0.8, np.inf, (0, 0)), ()
    artefacts = []
    hold = rng.random()
    breath = 0.0
    if hold > 0.88:
        breath = rng.uniform(0.5, 1.3)
        artefacts.append("breathing")
    elif hold > 0.6:
        breath = rng.uniform(0.15, 0.5)
    heart = rng.uniform(0.03, 0.12)
    if rng.random() < 0.25:
        heart = rng.uniform(0.15, 0.35)
        artefacts.append("heart")
    jump_s, jump_cm = np.inf, (0.0, 0.0)
    if rng.random() < 0.06:
        jump_s = rng.uniform(0.3, 0.8) * end_s
        jump_cm = (rng.normal(0, 0.3), rng.normal(0, 0.3))
        artefacts.append("patient movement")
    motion = Motion(
        breath,
        rng.uniform(3, 5.5),
        rng.uniform(0, 2 * np.pi),
        rng.uniform(0, 0.2),
        heart,
        rng.uniform(0.65, 1.0),
        jump_s,
        jump_cm,
    )
    return motion, tuple(artefacts)
