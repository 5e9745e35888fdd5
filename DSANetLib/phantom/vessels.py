"""From a tree's nodes to its picture: smooth centre lines that taper, drawn as path lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import View

THINNEST_PX = 0.7
"""Radius below which a vessel is drawn wider and thinner in depth: what a pixel can hold."""


@dataclass(frozen=True, eq=False)
class Sway:
    """How vessels wind: a sum of waves that moves points of space together, so that branches stay joined.

    Parameters
    ----------
    turns
        (K, 3) waves per cm.
    phases
        (K,) radians.
    pushes
        (K, 3) cm; the first half are long waves, the rest short ones, which grow with the tortuosity.
    """

    turns: np.ndarray
    phases: np.ndarray
    pushes: np.ndarray

    def at(self, points: np.ndarray, tortuosity: np.ndarray) -> np.ndarray:
        """Return the displacement (N, 3) cm of points (N, 3) cm with a tortuosity (N,) of about 1."""
        waves = np.sin(2 * np.pi * (points @ self.turns.T) + self.phases)
        waves[:, len(self.phases) // 2 :] *= tortuosity[:, None]
        return np.asarray(waves @ self.pushes)


def draw_sway(rng: np.random.Generator, strength: float = 1.0) -> Sway:
    """Draw long waves of 4-9 cm and short ones of 1.3-2.8 cm."""
    long, short = 1 / rng.uniform(4, 9, 6), 1 / rng.uniform(1.3, 2.8, 6)
    amplitude = np.concatenate([np.full(6, 0.17), np.full(6, 0.045 * strength * rng.uniform(0.6, 1.6))])
    return Sway(
        _directions(rng, 12) * np.concatenate([long, short])[:, None],
        rng.uniform(0, 2 * np.pi, 12),
        _directions(rng, 12) * amplitude[:, None],
    )


def _directions(rng: np.random.Generator, count: int) -> np.ndarray:
    return unit(rng.standard_normal((count, 3)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, 3) with a length of 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


@dataclass(frozen=True, eq=False)
class Samples:
    """Points along vessels: ``points`` (N, 3) cm, ``radius`` (N,) cm, ``volume`` (N,) mL, ``delay`` (N,) s."""

    points: np.ndarray
    radius: np.ndarray
    volume: np.ndarray
    delay: np.ndarray

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the four arrays in the order above."""
        return self.points, self.radius, self.volume, self.delay


def sample_curves(
    start: np.ndarray,
    end: np.ndarray,
    leave: np.ndarray,
    reach: np.ndarray,
    radii: np.ndarray,
    delays: np.ndarray,
    tortuosity: np.ndarray,
    sway: Sway | None,
    step_cm: float,
) -> Samples:
    """Sample cubic Hermite curves about every ``step_cm``.

    Parameters
    ----------
    start, end
        (N, 3) cm.
    leave, reach
        (N, 3) tangents at start and end, cm.
    radii, delays, tortuosity
        (N, 2) at start and end; between them linear.
    sway
        How the curves wind on top.
    step_cm
        Distance between samples.
    """
    count = np.maximum(np.ceil(1.1 * np.linalg.norm(end - start, axis=1) / step_cm).astype(int), 2)
    which = np.repeat(np.arange(len(start)), count)
    first = np.cumsum(count) - count
    u = (np.arange(len(which)) - first[which] + 0.5) / count[which]
    half = 0.5 / count[which]

    def between(pair: np.ndarray) -> np.ndarray:
        return np.asarray(pair[which, 0] + u * (pair[which, 1] - pair[which, 0]))

    bent = between(tortuosity)

    def curve(t: np.ndarray) -> np.ndarray:
        t = t[:, None]
        s = 1 - t
        p = s**2 * (1 + 2 * t) * start[which] + t**2 * (3 - 2 * t) * end[which]
        p = p + s**2 * t * leave[which] - t**2 * s * reach[which]
        return p if sway is None else p + sway.at(p, bent)

    length = np.linalg.norm(curve(u + half) - curve(u - half), axis=1)
    radius = between(radii)
    return Samples(curve(u), radius, np.pi * radius**2 * length, between(delays))


def splat(view: View, samples: Samples, layers: np.ndarray, shares: np.ndarray, count: int) -> np.ndarray:
    """Draw samples as path lengths, so that a map's integral over the plane is their volume.

    A row of flat discs adds up to the path length through a round vessel, 2·√(r² − d²), its Abel transform: so curves
    have no corners and forks no knots.

    Parameters
    ----------
    view
        The projection; what lies outside is lost, as on a detector.
    samples
        What to draw.
    layers, shares
        (N, M) in which of the maps each sample goes, and how much of it.
    count
        Number of maps.

    Returns
    -------
    numpy.ndarray
        (count, rows, columns) float32 cm.
    """
    at = view.pixels(samples.points)
    radius = np.maximum(samples.radius / view.spacing_cm, THINNEST_PX)
    reach = np.ceil(radius + 0.5).astype(int)
    seen = ((at > -reach[:, None] - 1) & (at < np.array([view.columns, view.rows]) + reach[:, None])).all(axis=1)
    cells, amounts = [np.zeros(0, int)], [np.zeros(0)]
    for size in np.unique(reach[seen]):
        some = np.flatnonzero(seen & (reach == size))
        whole = np.round(at[some]).astype(int)
        rest = at[some] - whole
        side = np.arange(-size, size + 1)
        across = side[None] - rest[:, :1]
        down = side[None] - rest[:, 1:]
        distance = np.sqrt(across[:, None, :] ** 2 + down[:, :, None] ** 2)
        disc = np.clip(radius[some, None, None] - distance + 0.5, 0, 1)
        disc *= (samples.volume[some] / disc.sum(axis=(1, 2)) / view.spacing_cm**2)[:, None, None]
        columns, rows = whole[:, :1] + side[None], whole[:, 1:] + side[None]
        inside = ((columns >= 0) & (columns < view.columns))[:, None, :] & ((rows >= 0) & (rows < view.rows))[
            :, :, None
        ]
        cell = (rows * view.columns)[:, :, None] + columns[:, None, :]
        for k in range(layers.shape[1]):
            cells.append((cell + (layers[some, k] * view.rows * view.columns)[:, None, None])[inside])
            amounts.append((disc * shares[some, k, None, None])[inside])
    drawn = np.bincount(np.concatenate(cells), np.concatenate(amounts), count * view.rows * view.columns)
    return drawn.reshape(count, view.rows, view.columns).astype(np.float32)


def sample_line(points: np.ndarray, radii: tuple[float, float], step_cm: float, sway: Sway | None = None) -> Samples:
    """Sample a smooth curve (Catmull-Rom) through points (N, 3) cm that tapers from one radius to the other."""
    chords = np.diff(points, axis=0)
    tangents = np.gradient(points, axis=0)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(chords, axis=1))])
    taper = radii[0] + (radii[1] - radii[0]) * way / way[-1]
    nothing, plain = np.zeros((len(chords), 2)), np.ones((len(chords), 2))
    pairs = np.stack([taper[:-1], taper[1:]], axis=1)
    return sample_curves(points[:-1], points[1:], tangents[:-1], tangents[1:], pairs, nothing, plain, sway, step_cm)
