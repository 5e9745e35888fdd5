"""Gas in stomach and bowel: lobes along a course that merge, soft in part, mottled by stool.

Drawn from a generator of its own, so that a change here moves no other draw of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import SOFT_TISSUE, Anatomy
from .geometry import SmoothField, View

COLON = ((-11.0, 21.0), (-11.0, 14.0), (-9.0, 8.5), (-4.5, 10.5), (1.5, 12.5), (7.5, 10.5), (12.0, 3.0), (13.5, 13.0))
"""x, y (cm) from the ascending colon over the hepatic flexure, the sagging transverse colon and the splenic flexure."""


@dataclass(frozen=True)
class Lobe:
    """One pouch of gas; lengths in cm.

    Parameters
    ----------
    x, y
        Its middle.
    along, across
        Half axes along the bowel and across it.
    angle
        Of the bowel's course there, radians.
    gas
        Air in the beam at its middle: the gut is seldom filled from front to back.
    stool
        Share of the air that stool may take, 0 to 1.
    """

    x: float
    y: float
    along: float
    across: float
    angle: float
    gas: float
    stool: float


@dataclass(frozen=True)
class Ripple:
    """A place of the wall that peristalsis pushes to and fro.

    Parameters
    ----------
    x, y, reach
        Where, and how far around (cm).
    push
        x, y (cm) of the furthest push of a lively bowel.
    speed, phase
        Radians per second, radians.
    """

    x: float
    y: float
    reach: float
    push: tuple[float, float]
    speed: float
    phase: float


@dataclass(frozen=True, eq=False)
class Bowel:
    """One patient's gas; the fields fold its outline, soften its edge in part, and mottle it."""

    lobes: tuple[Lobe, ...]
    ripples: tuple[Ripple, ...]
    folds: SmoothField
    crimps: SmoothField
    softness: SmoothField
    stool: SmoothField


def draw_bowel(rng: np.random.Generator, anatomy: Anatomy) -> Bowel:
    """Draw a patient's gas: much in some, hardly any in others; `draw_anatomy` fixed the stomach's place."""
    plenty = float(np.exp(rng.normal(0, 0.5)))
    lobes = _draw_colon(rng, plenty) + _draw_stomach(rng, anatomy.stomach.centre) + _draw_loops(rng, plenty)
    # Only here and there a wall moves, and mostly little.
    ripples = [_draw_ripple(rng, lobe) for lobe in lobes if rng.random() < 0.5]
    fields = [SmoothField(rng, scale) for scale in (2.2, 0.7, 2.0, 0.35)]
    return Bowel(tuple(lobes), tuple(ripples), *fields)


def _draw_colon(rng: np.random.Generator, plenty: float) -> list[Lobe]:
    points = np.array(COLON) + rng.normal(0, 1.1, (len(COLON), 2))
    course = np.stack([np.interp(np.linspace(0, 1, 120), np.linspace(0, 1, len(points)), p) for p in points.T], axis=1)
    for _ in range(40):
        course[1:-1] = (course[:-2] + 2 * course[1:-1] + course[2:]) / 4
    steps = np.diff(course, axis=0)
    way = np.concatenate([[0], np.cumsum(np.hypot(*steps.T))])
    lobes: list[Lobe] = []
    start = rng.exponential(4.0)
    while start < way[-1]:
        # A stretch of gas; stool, folds and walls that touch part it from the next.
        long = float(np.clip(rng.lognormal(np.log(4.5 * plenty), 0.7), 0.8, 18))
        calibre, fill = rng.lognormal(np.log(1.7), 0.3), rng.uniform(0.35, 1.2)
        stool = rng.uniform(0.3, 0.9) if rng.random() < 0.35 else 0.1
        at = start
        while at < min(start + long, way[-1]):
            ends = min(at - start, start + long - at)
            size = calibre * min(0.5 + ends / 2.5, 1.0) * rng.lognormal(0, 0.2)
            i = min(int(np.searchsorted(way, at)), len(steps) - 1)
            x, y = course[i] + rng.normal(0, 0.22 * size, 2)
            angle = np.arctan2(steps[i, 1], steps[i, 0]) + rng.normal(0, 0.3)
            along, across = size * rng.uniform(0.65, 1.0), size * rng.uniform(0.85, 1.2)
            gas = fill * min(size, 2.4) * rng.uniform(0.6, 1.2)
            lobes.append(Lobe(float(x), float(y), float(along), float(across), float(angle), float(gas), float(stool)))
            at += size * rng.uniform(0.8, 1.5)
        start += long + 1.5 + rng.exponential(5.0 / plenty)
    return lobes


def _draw_stomach(rng: np.random.Generator, centre: tuple[float, float, float]) -> list[Lobe]:
    """Return the bubble of a patient who lies on the back: in the stomach's front, over fluid, without a level."""
    if rng.random() < 0.3:
        return []
    size, fill, turn = rng.lognormal(np.log(1.9), 0.35), rng.uniform(0.3, 1.0), rng.normal(-0.6, 0.25)
    x, y = centre[0] + rng.normal(-0.5, 1.0), centre[1] + rng.normal(0.5, 1.0)
    lobes = []
    for k in range(int(rng.integers(2, 5))):
        away = (k - 1) * 1.1 * size * rng.uniform(0.6, 1.1)
        here = size * rng.lognormal(-0.12 * k, 0.2)
        place = np.array([x, y]) + away * np.array([np.cos(turn), np.sin(turn)]) + rng.normal(0, 0.3, 2)
        gas = fill * min(here, 2.2)
        lobes.append(
            Lobe(float(place[0]), float(place[1]), float(1.2 * here), float(here), float(turn), float(gas), 0.1)
        )
    return lobes


def _draw_loops(rng: np.random.Generator, plenty: float) -> list[Lobe]:
    """Return the little gas there is in duodenum and small bowel."""
    lobes = []
    for _ in range(int(rng.poisson(1.2 * plenty))):
        x, y, turn = rng.uniform(-5, 9), rng.uniform(6, 17), rng.uniform(0, np.pi)
        size = rng.lognormal(np.log(0.55), 0.35)
        for k in range(int(rng.integers(1, 4))):
            here, bend = size * rng.lognormal(0, 0.25), turn + 0.5 * k
            x, y = x + 1.3 * here * np.cos(bend), y + 1.3 * here * np.sin(bend)
            gas = here * rng.uniform(0.4, 1.2)
            lobes.append(Lobe(float(x), float(y), float(1.3 * here), float(here), float(bend), float(gas), 0.0))
    return lobes


def _draw_ripple(rng: np.random.Generator, lobe: Lobe) -> Ripple:
    side = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(side), np.sin(side)])
    x, y = np.array([lobe.x, lobe.y]) + 0.8 * min(lobe.along, lobe.across) * out
    push = np.clip(rng.lognormal(np.log(0.3), 0.8), 0, 1.0) * out
    reach = max(lobe.along, lobe.across) * rng.uniform(0.5, 1.0)
    return Ripple(
        float(x), float(y), float(reach), (float(push[0]), float(push[1])), float(rng.uniform(0.3, 1.2)),
        float(rng.uniform(0, 2 * np.pi)),
    )  # fmt: skip


class Gas:
    """A patient's gas in one view.

    Parameters
    ----------
    bowel
        The patient's.
    view
        The projection.
    step
        Pixels of the view to one of the images, along rows and columns.
    """

    def __init__(self, bowel: Bowel, view: View, step: int = 2) -> None:
        self._still = np.float32(-SOFT_TISSUE) * air(bowel, view, step)
        x, y = view.axes(step)
        rows, columns = self._still.shape
        self._columns = np.tile(np.arange(columns, dtype=np.float32), (rows, 1))
        self._rows = np.tile(np.arange(rows, dtype=np.float32)[:, None], (1, columns))
        self._ripples: list[tuple[Ripple, tuple[slice, slice], np.ndarray]] = []
        for ripple in bowel.ripples:
            at = _window(x, y, ripple.x, ripple.y, 2.2 * ripple.reach)
            far = ((x[at[1]] - ripple.x) ** 2 + (y[at[0]][:, None] - ripple.y) ** 2) / ripple.reach**2
            bump = np.exp(-far).astype(np.float32) / np.float32(x[1] - x[0])
            if bump.size:
                self._ripples.append((ripple, at, bump))

    def at(self, time_s: float, peristalsis: float) -> np.ndarray:
        """Return the attenuation missing in gas at a time, (rows/step, columns/step) float32 ≤ 0, not breathing.

        ``peristalsis`` 0 is a still bowel, 1 a lively one.
        """
        import cv2

        if not peristalsis or not self._ripples:
            return self._still
        columns, rows = self._columns.copy(), self._rows.copy()
        for ripple, at, bump in self._ripples:
            swing = peristalsis * np.sin(ripple.speed * time_s + ripple.phase)
            columns[at] -= np.float32(swing * ripple.push[0]) * bump
            rows[at] -= np.float32(swing * ripple.push[1]) * bump
        return cv2.remap(self._still, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _window(x: np.ndarray, y: np.ndarray, at_x: float, at_y: float, near: float) -> tuple[slice, slice]:
    """Return rows and columns of axes x, y within ``near`` of a point, all in cm."""
    c0, c1 = np.searchsorted(x, (at_x - near, at_x + near))
    r0, r1 = np.searchsorted(y, (at_y - near, at_y + near))
    return slice(int(r0), int(r1)), slice(int(c0), int(c1))


def air(bowel: Bowel, view: View, step: int = 2) -> np.ndarray:
    """Return the gas in the beam, (rows/step, columns/step) float32 ≥ 0, in cm."""
    import cv2

    columns, rows = view.axes(step)
    x, y = np.meshgrid(columns, rows)
    # No pouch is an ellipse.
    fold, crimp = bowel.folds.at(x, y), bowel.crimps.at(x, y)
    u, v = (
        x + np.float32(0.30) * fold + np.float32(0.08) * crimp,
        y - np.float32(0.25) * fold + np.float32(0.08) * crimp,
    )
    # Gas ends where it thins out over fluid, softly, or at a wall along the beam, sharply: by turns.
    level = np.float32(0.04) + np.float32(0.40) * np.clip(0.4 + 0.6 * bowel.softness.at(x, y), 0, 1)
    merged, stool = np.zeros_like(x), np.zeros_like(x)
    for lobe in bowel.lobes:
        at = _window(columns, rows, lobe.x, lobe.y, 1.3 * max(lobe.along, lobe.across) + 0.6)
        c, s = np.float32(np.cos(lobe.angle)), np.float32(np.sin(lobe.angle))
        p, q = u[at] - np.float32(lobe.x), v[at] - np.float32(lobe.y)
        inside = 1 - np.square((c * p + s * q) / np.float32(lobe.along))
        inside = np.maximum(inside - np.square((c * q - s * p) / np.float32(lobe.across)), 0)
        h = level[at]
        deep = np.float32(lobe.gas) * (np.sqrt(inside + h * h) - h) / (np.sqrt(1 + h * h) - h)
        # Pouches that meet are one; a fold stays between them.
        merged[at] += np.square(np.square(deep))
        stool[at] = np.maximum(stool[at], np.float32(lobe.stool) * np.minimum(2 * inside, 1))
    mottle = np.clip(0.45 + 0.6 * bowel.stool.at(x, y) + 0.35 * crimp, 0, 1)
    deep = np.sqrt(np.sqrt(merged)) * (1 - stool * mottle)
    return cv2.GaussianBlur(deep.astype(np.float32), (0, 0), max(0.04 / view.spacing_cm / step, 0.3))
