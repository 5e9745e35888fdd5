"""A hepatic arterial tree grown towards the liver and its tumours, with Murray's law for its radii."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Liver
from .geometry import View

MURRAY_EXPONENT = 3.0


@dataclass(frozen=True, eq=False)
class ArterialTree:
    """Segments of a rooted tree.

    Attributes
    ----------
    start, end
        (N, 3) cm.
    middle
        (N, 3) cm, the point through which the segment bends.
    parent
        (N,) index of the segment upstream, -1 for the root.
    flow
        (N,) mL/s.
    radius
        (N,) cm; radius³ of a parent is the sum of its children's (Murray 1926).
    delay
        (N,) s from the catheter's tip to the middle of the segment.
    end_delay
        (N,) s to its end.
    target
        (N,) which compartment a terminal feeds: 0 liver, 1… lesion; -1 where not a terminal.
    """

    start: np.ndarray
    end: np.ndarray
    middle: np.ndarray
    parent: np.ndarray
    flow: np.ndarray
    radius: np.ndarray
    delay: np.ndarray
    end_delay: np.ndarray
    target: np.ndarray


def _terminal_points(rng: np.random.Generator, liver: Liver, count: int) -> np.ndarray:
    low, high = np.array([-14.0, -9.0, -6.0]), np.array([9.0, 10.0, 6.0])
    points = rng.uniform(low, high, (count * 14, 3))
    points = points[liver.contains(points, 0.4)]
    kept: list[np.ndarray] = []
    gap = 1.7
    for p in points:
        if len(kept) == count:
            break
        if not kept or np.min(np.linalg.norm(np.array(kept) - p, axis=1)) > gap:
            kept.append(p)
        else:
            gap *= 0.995
    return np.array(kept)


class _Growth:
    """Segments while the tree grows: a terminal joins the nearest segment by a bifurcation."""

    def __init__(self, room: int, root: np.ndarray) -> None:
        self.start = np.zeros((room, 3))
        self.end = np.zeros((room, 3))
        self.parent = np.full(room, -1)
        self.target = np.full(room, -1)
        self.start[0], self.end[0] = root
        self.count = 1

    def join(self, point: np.ndarray, target: int) -> None:
        n = self.count
        along = self.end[:n] - self.start[:n]
        share = np.einsum("ij,ij->i", point - self.start[:n], along) / np.maximum((along**2).sum(1), 1e-9)
        # The main stem keeps its first half free: it is the artery in which the catheter lies.
        share = np.clip(share, np.where(self.parent[:n] < 0, 0.75, 0.2), 0.9)
        nearest = self.start[:n] + share[:, None] * along
        s = int(np.argmin(((point - nearest) ** 2).sum(1)))
        fork = nearest[s] + 0.2 * (point - nearest[s])
        for new, (a, b) in zip((n, n + 1), ((fork, self.end[s].copy()), (fork, point)), strict=True):
            self.start[new], self.end[new] = a, b
        self.parent[:n][self.parent[:n] == s] = n
        self.parent[n] = self.parent[n + 1] = s
        self.target[n], self.target[n + 1], self.target[s] = self.target[s], target, -1
        self.end[s] = fork
        self.count += 2


def grow_tree(
    rng: np.random.Generator,
    liver: Liver,
    lesions: list[tuple[np.ndarray, float, int]],
    flows: np.ndarray,
    terminals: int = 80,
) -> ArterialTree:
    """Grow a tree into the liver, then feeders into the lesions.

    Parameters
    ----------
    rng
        Source of randomness.
    liver
        The liver, within which terminals lie.
    lesions
        (centre (3,) cm, radius cm, number of feeders) of each lesion.
    flows
        (1 + lesions,) mL/s to the liver and to each lesion.
    terminals
        Terminals of the liver itself.

    Returns
    -------
    ArterialTree
        With flow conserved at every fork.
    """
    points = _terminal_points(rng, liver, terminals)
    root = np.array([[3.2 + rng.normal(0, 0.6), 4.6 + rng.normal(0, 0.6), 0.0], [-1.2 + rng.normal(0, 0.5), 1.6, 0.0]])
    growth = _Growth(2 * (len(points) + sum(f for _, _, f in lesions)) + 4, root)
    growth.target[0] = 0
    for p in points:
        growth.join(p, 0)
    for i, (centre, radius, feeders) in enumerate(lesions, 1):
        for _ in range(feeders):
            direction = rng.standard_normal(3)
            growth.join(centre + direction / np.linalg.norm(direction) * radius * rng.uniform(0.1, 0.95), i)
    return _finish(rng, growth, flows)


def _finish(rng: np.random.Generator, growth: _Growth, flows: np.ndarray) -> ArterialTree:
    n = growth.count
    start, end, parent, target = growth.start[:n], growth.end[:n], growth.parent[:n], growth.target[:n]
    flow = np.zeros(n)
    for k in range(len(flows)):
        mine = target == k
        if mine.any():
            flow[mine] = flows[k] / mine.sum()
    children: list[list[int]] = [[] for _ in range(n)]
    for i, p in enumerate(parent):
        if p >= 0:
            children[p].append(i)
    order = [0]
    for i in order:
        order.extend(children[i])
    for i in reversed(order):
        if parent[i] >= 0:
            flow[parent[i]] += flow[i]
    root_radius = rng.uniform(0.20, 0.28)
    radius = root_radius * (flow / flow[0]) ** (1 / MURRAY_EXPONENT)
    length = np.linalg.norm(end - start, axis=1)
    transit = np.pi * radius**2 * length / flow
    end_delay, delay = np.zeros(n), np.zeros(n)
    for i in order:
        before = end_delay[parent[i]] if parent[i] >= 0 else 0.0
        delay[i], end_delay[i] = before + transit[i] / 2, before + transit[i]
    # Stems are stretched in time to the 0.8-1.8 s that contrast takes from the proper hepatic
    # artery to its last visible branches; the short transit of a rigid tree would hide the sequence.
    stretch = rng.uniform(0.8, 1.8) / max(float(np.percentile(end_delay, 95)), 1e-6)
    bend = rng.standard_normal((n, 3)) * (0.10 * length)[:, None]
    return ArterialTree(
        start, end, (start + end) / 2 + bend, parent, flow, radius, delay * stretch, end_delay * stretch, target
    )


def draw_vessel(image: np.ndarray, view: View, points: np.ndarray, radius_cm: float, volume_ml: float) -> None:
    """Add a vessel's path length (cm) to an image so that its integral over the plane is its volume.

    Parameters
    ----------
    image
        (rows, columns) float32, changed in place.
    view
        The projection.
    points
        (N, 3) cm along the centre line.
    radius_cm
        Radius; widened to what a pixel can hold, the volume kept.
    volume_ml
        Volume of the whole line; parts outside the view are lost, as on a detector.
    """
    line = view.pixels(points)
    reach = max(radius_cm / view.spacing_cm, 0.7)
    length = np.linalg.norm(np.diff(points, axis=0), axis=1)
    for a, b, share in zip(line[:-1], line[1:], length / max(length.sum(), 1e-9), strict=True):
        low = np.floor(np.minimum(a, b) - reach - 1).astype(int)
        high = np.ceil(np.maximum(a, b) + reach + 2).astype(int)
        c = np.arange(low[0], high[0], dtype=np.float32)[None] - np.float32(a[0])
        r = np.arange(low[1], high[1], dtype=np.float32)[:, None] - np.float32(a[1])
        d = (b - a).astype(np.float32)
        t = np.clip((c * d[0] + r * d[1]) / max(float(d @ d), 1e-6), 0, 1)
        profile = np.sqrt(np.maximum(reach**2 - (c - t * d[0]) ** 2 - (r - t * d[1]) ** 2, 0))
        total = float(profile.sum()) * view.spacing_cm**2
        if total <= 0:
            continue
        r0, r1 = max(low[1], 0), min(high[1], view.rows)
        c0, c1 = max(low[0], 0), min(high[0], view.columns)
        if r0 < r1 and c0 < c1:
            part = profile[r0 - low[1] : r1 - low[1], c0 - low[0] : c1 - low[0]]
            image[r0:r1, c0:c1] += part * np.float32(volume_ml * share / total)


def vessel_maps(tree: ArterialTree, view: View, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tree's path length by contrast delay.

    Returns
    -------
    maps
        (bins, rows, columns) float32 cm.
    delays
        (bins,) s; a segment is shared between the two bins beside its delay.
    """
    delays = np.linspace(0, float(tree.delay.max()) + 1e-6, bins)
    maps = np.zeros((bins, view.rows, view.columns), np.float32)
    position = tree.delay / (delays[1] - delays[0])
    lower = np.minimum(position.astype(int), bins - 2)
    for i in np.argsort(lower, kind="stable"):
        points = np.stack([tree.start[i], (tree.start[i] + 2 * tree.middle[i] + tree.end[i]) / 4, tree.end[i]])
        length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
        volume = np.pi * tree.radius[i] ** 2 * length
        upper = position[i] - lower[i]
        nearest = lower[i] + round(float(upper))
        draw_vessel(maps[nearest], view, points, float(tree.radius[i]), volume)
    return maps, delays
