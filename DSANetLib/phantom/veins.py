"""The portal vein, and a shunt into it, as smooth lines that taper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .geometry import View
from .vessels import Samples, Sway, draw_sway, sample_line, splat


@dataclass(frozen=True, eq=False)
class Vein:
    """A vein with its branches.

    Attributes
    ----------
    branches
        (points (N, 3) cm, radii in cm at start and end) of each.
    sway
        How they wind.
    """

    branches: tuple[tuple[np.ndarray, tuple[float, float]], ...]
    sway: Sway

    def path_lengths(self, view: View) -> tuple[np.ndarray, float]:
        """Return its path lengths in a view, (rows, columns) float32 cm, and its whole volume in mL."""
        parts = [sample_line(points, radii, 0.7 * view.spacing_cm, self.sway) for points, radii in self.branches]
        samples = Samples(*(np.concatenate(both) for both in zip(*(p.arrays() for p in parts), strict=True)))
        count = len(samples.volume)
        drawn = splat(view, samples, np.zeros((count, 1), int), np.ones((count, 1)), 1)[0]
        return drawn, float(samples.volume.sum())


def draw_portal(rng: np.random.Generator) -> Vein:
    """Draw a trunk that rises from the confluence and divides at the hilum, right into two sectors, left by a bow."""
    trunk = np.array([[5.0, 6.5, 1.0], [1.5, 4.0, 1.0], [-1.0, 1.5, 0.5], [-4.5, 0.0, 0.0], [-7.5, -2.0, 0.0]])
    trunk += rng.normal(0, 0.4, (5, 3))
    own = rng.spawn(1)[0]
    hilum, right, far = trunk[2:]

    def branch(start: np.ndarray, steps: Sequence[Sequence[float]], radii: tuple[float, float]) -> None:
        way = start + np.array(steps)
        way[1:] += own.normal(0, 0.5, (len(steps) - 1, 3))
        branches.append((way, radii))

    branches = [(trunk[:3], (0.5, 0.45)), (np.stack([trunk[1], hilum, right, far]), (0.35, 0.16))]
    branch(hilum, [[0, 0, 0], [1.5, -1.5, 1], [3.8, -2.0, 2], [5.2, -4.2, 2.5]], (0.3, 0.12))
    branch(right, [[0, 0, 0], [-0.6, -2.2, 1], [-1.8, -5.0, 2]], (0.24, 0.1))
    branch(right, [[0, 0, 0], [-2.0, 1.6, -1], [-4.0, 4.0, -2]], (0.24, 0.1))
    for _ in range(6):
        way = branches[own.integers(1, len(branches))][0]
        aside = own.normal(0, 1.5, 3)
        branches.append((way[-2] + np.array([0.0, 0.6, 1.4])[:, None] * aside, (0.12, 0.07)))
    return Vein(tuple(branches), draw_sway(own))


def draw_shunt(rng: np.random.Generator, tumour: np.ndarray, portal: Vein) -> Vein:
    """Draw an early draining vein from a tumour's centre (3,) cm to where the portal vein divides."""
    hilum = portal.branches[0][0][-1]
    aside = rng.normal(0, 0.5, 3)
    own = rng.spawn(1)[0]
    shares = np.array([0.0, 0.2, 0.42, 0.66, 0.86, 1.0])[:, None]
    way = tumour + shares * (hilum - tumour) + 4 * shares * (1 - shares) * aside
    way[1:-1] += own.normal(0, 0.35, (4, 3))
    return Vein(((way, (0.1, 0.26)),), draw_sway(own, 2.0))
