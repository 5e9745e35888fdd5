"""The projection plane: where a point of the patient lies on the detector, and smooth random fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HALF_WIDTH_CM = 27.5
GRID_STEP_CM = 0.5


@dataclass(frozen=True)
class View:
    """Pixel grid of one run in the isocentre plane.

    x runs to the right of the image (the patient's left), y downwards (towards the feet), in cm.
    """

    rows: int
    columns: int
    spacing_cm: float
    x_cm: float
    y_cm: float

    def axes(self, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return x (columns/step,) and y (rows/step,) of the centres of step × step pixel blocks, in cm."""
        columns, rows = self.columns // step, self.rows // step
        scale_x, scale_y = self.columns / columns, self.rows / rows
        x = ((np.arange(columns) + 0.5) * scale_x - self.columns / 2) * self.spacing_cm + self.x_cm
        y = ((np.arange(rows) + 0.5) * scale_y - self.rows / 2) * self.spacing_cm + self.y_cm
        return x.astype(np.float32), y.astype(np.float32)

    def grid(self, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y of every pixel block as two (rows/step, columns/step) float32 arrays, in cm."""
        x, y = self.axes(step)
        return np.broadcast_to(x, (len(y), len(x))), np.broadcast_to(y[:, None], (len(y), len(x)))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return (column, row) of points (N, 2) given as x, y in cm."""
        centre = np.array([self.x_cm, self.y_cm])
        half = np.array([self.columns, self.rows]) / 2
        return (np.asarray(points)[:, :2] - centre) / self.spacing_cm + half - 0.5


class SmoothField:
    """A smooth random function of the plane, fixed to the patient: mean 0, standard deviation about 1.

    Parameters
    ----------
    rng
        Source of randomness.
    scale_cm
        Distance over which the field changes.
    """

    def __init__(self, rng: np.random.Generator, scale_cm: float) -> None:
        self.scale_cm = scale_cm
        count = int(np.ceil(2 * HALF_WIDTH_CM / scale_cm)) + 4
        self._turn = float(rng.uniform(0, np.pi / 2))
        self._nodes = rng.standard_normal((count, count)).astype(np.float32)

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the field at points of any common shape (x, y in cm), float32."""
        import cv2

        # Turned, so that the lattice of nodes does not show along the image's axes.
        c, s = np.float32(np.cos(self._turn) / self.scale_cm), np.float32(np.sin(self._turn) / self.scale_cm)
        middle = np.float32((len(self._nodes) - 1) / 2)
        column = np.ascontiguousarray(c * x + s * y + middle, np.float32)
        row = np.ascontiguousarray(c * y - s * x + middle, np.float32)
        shape = column.shape
        if column.ndim != 2:
            column, row = column.reshape(1, -1), row.reshape(1, -1)
        field = cv2.remap(self._nodes, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return field.reshape(shape) * np.float32(1.35)


def patient_grid() -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a coarse grid over the whole patient, in cm: for volumes that a view may cut."""
    axis = np.arange(-HALF_WIDTH_CM, HALF_WIDTH_CM, GRID_STEP_CM, dtype=np.float32) + np.float32(GRID_STEP_CM / 2)
    return np.broadcast_to(axis, (len(axis), len(axis))), np.broadcast_to(axis[:, None], (len(axis), len(axis)))
