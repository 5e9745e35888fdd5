"""What a hospital's station does to every film before it is stored: edges enhanced, turned by quarters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import Scanner

REACH = 1 / 64
"""Of a frame's shorter side: standard deviation of the blur that edge enhancement takes away (8 pixels of 512)."""


@dataclass(frozen=True)
class Station:
    """The same for all films of a scanner; as it is here, nothing is changed.

    Parameters
    ----------
    quarter_turns
        Turns of films and masks by 90°, counter-clockwise, 0-3: a C-arm that comes from the patient's side and whose
        image nobody turns back. Text is burnt in upright afterwards.
    edges
        Unsharp masking: this share of what a blur takes away is added.
    """

    quarter_turns: int = 0
    edges: float = 0.0

    def enhance(self, grey: np.ndarray) -> np.ndarray:
        """Return a frame (rows, columns), float32 grey, with its edges enhanced; not turned."""
        if not self.edges:
            return grey
        import cv2

        blurred = cv2.GaussianBlur(grey, (0, 0), REACH * min(grey.shape))
        return cv2.addWeighted(grey, 1 + self.edges, blurred, -self.edges, 0)

    def turn(self, image: np.ndarray) -> np.ndarray:
        """Return a frame or mask (rows, columns) as it is stored; (columns, rows) after an odd number of turns."""
        return np.ascontiguousarray(np.rot90(image, self.quarter_turns)) if self.quarter_turns else image


TURNED_SCANNER = Scanner(name="C")
"""The usual C-arm, from the patient's side: its films differ from the usual ones by its station alone."""
STATIONS = {TURNED_SCANNER.name: Station(quarter_turns=1, edges=1.0)}
"""By the scanner's name; the others store films as they come."""


def station_of(scanner: Scanner) -> Station:
    """Return the station of a scanner."""
    return STATIONS.get(scanner.name, Station())
