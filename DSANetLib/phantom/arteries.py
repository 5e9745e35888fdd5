"""A hepatic arterial tree grown towards the liver and its tumours, with Murray's law for its radii."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Liver
from .geometry import View
from .vessels import Samples, Sway, draw_sway, sample_curves, splat, unit

MURRAY_EXPONENT = 3.0
STEP_PX = 0.7
"""Distance of the samples along a vessel in a film."""


@dataclass(frozen=True, eq=False)
class ArterialTree:
    """Segments of a rooted tree.

    Attributes
    ----------
    start, end
        (N, 3) cm.
    leave, reach
        (N, 3) cm, tangents at start and end: a branch goes on where its parent went.
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
    radii
        (N, 2) cm at start and end: at a fork the stem passes smoothly into its larger branch.
    tortuosity
        (N, 2) at start and end; more the more of the flow goes to tumours.
    sway
        How the tree winds.
    """

    start: np.ndarray
    end: np.ndarray
    leave: np.ndarray
    reach: np.ndarray
    parent: np.ndarray
    flow: np.ndarray
    radius: np.ndarray
    delay: np.ndarray
    end_delay: np.ndarray
    target: np.ndarray
    radii: np.ndarray
    tortuosity: np.ndarray
    sway: Sway

    def samples(self, step_cm: float) -> Samples:
        """Return points along all centre lines about every ``step_cm``."""
        before = np.where(self.parent >= 0, self.end_delay[self.parent], 0.0)
        delays = np.stack([before, self.end_delay], axis=1)
        return sample_curves(
            self.start, self.end, self.leave, self.reach, self.radii, delays, self.tortuosity, self.sway, step_cm
        )


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
    children: list[list[int]] = [[] for _ in range(n)]
    for i, p in enumerate(parent):
        if p >= 0:
            children[p].append(i)
    order = [0]
    for i in order:
        order.extend(children[i])
    flow = np.zeros(n)
    for k in range(len(flows)):
        mine = target == k
        if mine.any():
            flow[mine] = flows[k] / mine.sum()
    flow = _gather(flow, parent, order)
    radius = rng.uniform(0.20, 0.28) * (flow / flow[0]) ** (1 / MURRAY_EXPONENT)
    _straighten(start, end, parent, children, radius)
    length = np.linalg.norm(end - start, axis=1)
    transit = np.pi * radius**2 * length / flow
    end_delay = transit.copy()
    for i in order[1:]:
        end_delay[i] += end_delay[parent[i]]
    # Stems are stretched in time to the 0.8-1.8 s that contrast takes from the proper hepatic
    # artery to its last visible branches; the short transit of a rigid tree would hide the sequence.
    stretch = rng.uniform(0.8, 1.8) / max(float(np.percentile(end_delay, 95)), 1e-6)
    main = np.array([max(c, key=lambda k: radius[k]) if c else -1 for c in children])
    leave, reach = _tangents(start, end, parent, main, unit(rng.standard_normal((n, 3))))
    winding = 0.7 + 1.8 * _gather(np.where(target > 0, flow, 0.0), parent, order) / flow
    tortuosity = np.stack([np.where(parent >= 0, winding[parent], 0.0), winding], axis=1)
    return ArterialTree(
        start, end, leave, reach, parent, flow, radius, (end_delay - transit / 2) * stretch, end_delay * stretch,
        target, _taper(radius, parent, main), tortuosity, draw_sway(rng.spawn(1)[0]),
    )  # fmt: skip


def _gather(amounts: np.ndarray, parent: np.ndarray, order: list[int]) -> np.ndarray:
    """Return (N,) what each segment and all segments beyond it have together."""
    total = amounts.copy()
    for i in reversed(order[1:]):
        total[parent[i]] += total[i]
    return total


def _taper(radius: np.ndarray, parent: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return radii (N, 2) cm at start and end."""
    goes_on = main >= 0
    radii = np.stack([radius, radius], axis=1)
    radii[goes_on, 1] = (radius[goes_on] + radius[main[goes_on]]) / 2
    radii[~goes_on, 1] *= 0.7
    at_fork = np.where(_follows(parent, main), radii[parent, 1], 1.1 * radius)
    radii[parent >= 0, 0] = at_fork[parent >= 0]
    return radii


def _follows(parent: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return (N,) bool: which segments are their parent's larger branch."""
    return np.asarray((parent >= 0) & (main[parent] == np.arange(len(parent))))


def _straighten(
    start: np.ndarray, end: np.ndarray, parent: np.ndarray, children: list[list[int]], radius: np.ndarray
) -> None:
    """Move forks between their neighbours, drawn by each as by a string of its radius; in place."""
    forks = np.array([i for i, c in enumerate(children) if c and parent[i] >= 0], int)
    if not len(forks):
        return
    pair = np.array([children[i] for i in forks])
    weights = np.stack([radius[forks], radius[pair[:, 0]], radius[pair[:, 1]]], axis=1) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    for _ in range(4):
        middle = weights[:, :1] * start[forks] + weights[:, 1:2] * end[pair[:, 0]] + weights[:, 2:] * end[pair[:, 1]]
        end[forks] += 0.35 * (middle - end[forks])
        start[1:] = end[parent[1:]]


def _tangents(
    start: np.ndarray, end: np.ndarray, parent: np.ndarray, main: np.ndarray, bend: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return tangents (N, 3) at start and end: stem and larger branch share one, smaller branches turn off it."""
    chord = end - start
    length = np.linalg.norm(chord, axis=1, keepdims=True)
    ahead = unit(chord)
    follows, last = _follows(parent, main)[:, None], (main < 0)[:, None]
    at_end = np.where(last, ahead, unit(ahead + ahead[main]))
    onwards = at_end[parent]
    at_start = np.where(follows, onwards, unit(0.6 * onwards + 0.8 * ahead) + 0.25 * bend)
    # The common hepatic artery comes from the patient's left, a little downwards, before it rises.
    at_start[0] = unit(np.array([[-1.0, 0.35, 0.1]]))[0]
    return at_start * length, (at_end - np.where(last, 0.25 * bend, 0.0)) * length


def vessel_maps(tree: ArterialTree, view: View, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tree's path length by contrast delay.

    Returns
    -------
    maps
        (bins, rows, columns) float32 cm.
    delays
        (bins,) s; each point of a vessel is shared between the two bins beside its delay.
    """
    samples = tree.samples(STEP_PX * view.spacing_cm)
    delays = np.linspace(0, float(samples.delay.max()) + 1e-6, bins)
    position = samples.delay / (delays[1] - delays[0])
    lower = np.minimum(position.astype(int), bins - 2)
    upper = position - lower
    layers, shares = np.stack([lower, lower + 1], axis=1), np.stack([1 - upper, upper], axis=1)
    return splat(view, samples, layers, shares, bins), delays
