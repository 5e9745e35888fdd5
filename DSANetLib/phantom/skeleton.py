"""Spine and ribs in projection: what does not breathe, and cancels in subtraction while the patient lies still.

Drawn from a generator of its own, so that a change here moves no other draw of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy
from .geometry import SmoothField, View

FIRST_LEVEL, LAST_LEVEL = -11, 6
"""Vertebrae from the first thoracic to the first sacral, so that none ends in view; level 0 is the twelfth thoracic."""
RIB_FIELD_CM = 9.0
"""Half depth of the chest along the beam."""


@dataclass(frozen=True)
class Vertebra:
    """One vertebra; lengths in cm, u to the image's right and v downwards from the middle of its body.

    Parameters
    ----------
    level
        0 is the twelfth thoracic, below it positive.
    centre
        x, y of the body's middle.
    half_width, height
        Of the body; what of ``pitch`` it has not is disc.
    pitch
        Height of body and disc together.
    tilt
        Slope of the end plates in the image.
    lean
        How far the end plates are turned out of the beam: their front and back rims part, cm.
    density
        Of the bone, about 1.
    sides
        Size of the pedicle left and right in the image, about 1.
    spinous
        u of the spinous process.
    """

    level: int
    centre: tuple[float, float]
    half_width: float
    height: float
    pitch: float
    tilt: float
    lean: float
    density: float
    sides: tuple[float, float]
    spinous: float


@dataclass(frozen=True)
class Rib:
    """One rib as a band around the chest; lengths in cm.

    Parameters
    ----------
    head
        x, y where it leaves the spine.
    side
        1 to the right of the image, -1 to the left.
    reach
        Half width of the chest at its height.
    slope, drop
        How it falls on its way around the chest: evenly, and more the further it is round.
    last
        Angle around the chest where its bone ends, radians; π/2 is the side.
    height
        Of the band.
    density
        Of the bone, about 1.
    wave
        Phase and size (cm) of its unevenness.
    """

    head: tuple[float, float]
    side: int
    reach: float
    slope: float
    drop: float
    last: float
    height: float
    density: float
    wave: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """One patient's spine and ribs, the chest they hold (x of its middle, half width, cm), and the bone's texture."""

    middle: float
    half_width: float
    spine: tuple[Vertebra, ...]
    ribs: tuple[Rib, ...]
    trabeculae: SmoothField


def draw_skeleton(rng: np.random.Generator, anatomy: Anatomy) -> Skeleton:
    """Draw a patient's bones; `draw_anatomy` fixed the place and width of the spine and the gap of the ribs."""
    spine = _draw_spine(rng, anatomy)
    middle = float(anatomy.spine_x_cm + rng.normal(0, 0.3))
    half_width = float(14.6 * rng.normal(1.0, 0.04))
    ribs = _draw_ribs(rng, spine, middle, half_width)
    return Skeleton(middle, half_width, spine, ribs, SmoothField(rng, 0.24))


def chest_reach(half_width: float, y: np.ndarray | float) -> np.ndarray:
    """Return half the width of the rib cage at y (cm), in cm: widest a little above the liver's middle."""
    off = np.asarray(y) + 1.0
    return half_width - np.where(off < 0, 0.013, 0.010) * off**2


def _draw_spine(rng: np.random.Generator, anatomy: Anatomy) -> tuple[Vertebra, ...]:
    bend, turn, length = rng.normal(0, 0.35), rng.uniform(0, 2 * np.pi), rng.uniform(22, 40)
    density = rng.normal(1.0, 0.12)
    lordosis = rng.normal(0.05, 0.03)
    levels = range(FIRST_LEVEL, LAST_LEVEL + 1)
    pitch = {k: anatomy.rib_gap_cm * (0.98 + 0.035 * k + rng.normal(0, 0.012)) for k in levels}
    y = rng.normal(2.3, 0.9) + sum(-0.5 * (pitch[k] + pitch[k + 1]) for k in range(FIRST_LEVEL, 0))
    found: list[Vertebra] = []
    for k in levels:
        phase = 2 * np.pi * y / length + turn
        x = anatomy.spine_x_cm + bend * (np.sin(phase) - np.sin(turn))
        found.append(
            Vertebra(
                level=k,
                centre=(float(x), float(y)),
                half_width=anatomy.spine_width_cm / 2 * (1.06 + 0.028 * k + rng.normal(0, 0.015)),
                height=pitch[k] * float(np.clip(0.80 - 0.012 * k + rng.normal(0, 0.015), 0.68, 0.92)),
                pitch=pitch[k],
                tilt=float(-bend * 2 * np.pi / length * np.cos(phase) + rng.normal(0, 0.02)),
                # The beam spreads: far from its middle it crosses the end plates, and their rims part.
                lean=float(abs(0.08 + lordosis * k + 0.03 * y + rng.normal(0, 0.06))),
                density=float(density * rng.normal(1.0, 0.06)),
                sides=(float(rng.normal(1, 0.08)), float(rng.normal(1, 0.08))),
                spinous=float(rng.normal(0, 0.12)),
            )
        )
        y += 0.5 * (pitch[k] + pitch.get(k + 1, pitch[k]))
    return tuple(found)


def _draw_ribs(
    rng: np.random.Generator, spine: tuple[Vertebra, ...], middle: float, half_width: float
) -> tuple[Rib, ...]:
    fall, drop = rng.normal(1.2, 0.25), rng.normal(5.2, 0.5)
    density, askew = rng.normal(1.0, 0.12), rng.normal(0, 0.06)
    ribs: list[Rib] = []
    for vertebra in spine:
        k = vertebra.level
        if k > 0:
            break
        # The two lowest ribs float: short, and not around the chest.
        last = {0: 0.62, -1: 1.25, -2: 1.95}.get(k, 2.55)
        for side in (-1, 1):
            x = vertebra.centre[0] + side * 0.95 * vertebra.half_width
            y = vertebra.centre[1] - 0.32 * vertebra.pitch + rng.normal(0, 0.1)
            slope, turn = fall + 0.10 * (k + 4) + rng.normal(0, 0.12) + side * askew, drop + rng.normal(0, 0.25)
            # At its side every rib touches the same smooth wall.
            wall = middle + side * (chest_reach(half_width, y + slope * np.pi / 2 + turn) + rng.normal(0, 0.06))
            ribs.append(
                Rib(
                    head=(float(x), float(y)),
                    side=side,
                    reach=float(abs(wall - x)),
                    slope=float(slope),
                    drop=float(turn),
                    last=float(last + rng.normal(0, 0.10)),
                    height=float(np.clip(rng.normal(1.25, 0.10) - (0.2 if k == 0 else 0), 0.8, 1.6)),
                    density=float(density * rng.normal(1, 0.10)),
                    wave=(float(rng.uniform(0, 2 * np.pi)), float(rng.normal(0, 0.15))),
                )
            )
    return tuple(ribs)


def bones(skeleton: Skeleton, view: View) -> np.ndarray:
    """Return the attenuation (no unit) of spine and ribs above that of soft tissue, (rows, columns) float32 ≥ 0."""
    import cv2

    image = _project_ribs(skeleton, view)
    x, y = view.axes()
    for vertebra in skeleton.spine:
        columns = np.flatnonzero(np.abs(x - vertebra.centre[0]) < 2.2 * vertebra.half_width)
        rows = np.flatnonzero(np.abs(y - vertebra.centre[1]) < 1.25 * vertebra.pitch)
        if not len(columns) or not len(rows):
            continue
        at = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        u = (x[columns] - vertebra.centre[0])[None]
        v = (y[rows] - vertebra.centre[1])[:, None] - np.float32(vertebra.tilt) * u
        u = np.broadcast_to(u, v.shape)
        image[at] += _body(vertebra, u, v, skeleton.trabeculae) + _arch(vertebra, u, v, skeleton.trabeculae)
    # A vertebra is round: none of its edges is cut sharply by the beam.
    return cv2.GaussianBlur(np.maximum(image, 0), (0, 0), max(0.02 / view.spacing_cm, 0.3))


def _inside(distance: np.ndarray, softness: float) -> np.ndarray:
    """Return 0 outside, 1 inside, and the way between over ``softness`` cm of the signed distance to an edge."""
    return np.clip(np.float32(0.5) + distance / np.float32(softness), 0, 1)


def _ridge(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / np.float32(width)) ** 2))


def _body(vertebra: Vertebra, u: np.ndarray, v: np.ndarray, trabeculae: SmoothField) -> np.ndarray:
    """Return the attenuation of a body: a waisted drum of trabecular bone in a thin shell, dense at the end plates."""
    height, width = vertebra.height, vertebra.half_width
    side = width * (0.83 + 0.18 * np.minimum((2 * v / height) ** 2, 1.3)) - np.abs(u)
    across = np.minimum((u / width) ** 2, 1.0)
    # The body is round: the beam's way through it is short at its sides, which have no edge but the thin shell.
    depth = np.sqrt(np.clip(side / width * (2 - side / width), 0, 1))
    # Concave end plates; front and back rims part where the disc space is not seen along the beam.
    front = height / 2 - 0.10 * (1 - across) - np.abs(v)
    back = front - vertebra.lean * np.sqrt(1 - across)
    drum = _inside(front - 0.5 * vertebra.lean, 0.25 + vertebra.lean)
    x, y = u + np.float32(vertebra.centre[0]), v + np.float32(vertebra.centre[1])
    grain = 0.07 * trabeculae.at(x, 0.55 * y) + 0.14 * trabeculae.at(0.4 * x, 0.3 * y)
    shown = _inside(side, 0.1)
    plates = shown * (0.11 * _ridge(front, 0.06) + 0.065 * _ridge(back, 0.07))
    shell = 0.08 * _ridge(side, 0.07) * _inside(front, 0.3)
    disc = 0.07 * depth * _inside(vertebra.pitch / 2 - np.abs(v), 0.2)
    return np.float32(vertebra.density) * (drum * 0.20 * depth * (1 + grain) + plates + shell + disc)


def _arch(vertebra: Vertebra, u: np.ndarray, v: np.ndarray, trabeculae: SmoothField) -> np.ndarray:
    """Return the attenuation of pedicles, laminae, facet joints, spinous and transverse processes."""
    height, width = vertebra.height, vertebra.half_width
    lumbar = vertebra.level > 0
    off = np.abs(u)
    sized = np.where(u < 0, np.float32(vertebra.sides[0]), np.float32(vertebra.sides[1]))
    ring = np.hypot((off - 0.62 * width) / (0.34 * sized), (v + 0.14 * height) / (0.52 * sized))
    image = (0.075 if lumbar else 0.055) * _ridge(ring - 1, 0.28) + 0.03 * _inside(1 - ring, 0.5)
    # Spinous process: a drop on end, hanging over the disc below.
    reach = 0.46 if lumbar else 0.62
    drop = np.hypot((u - vertebra.spinous) / (0.26 + 0.05 * lumbar), (v - reach * height) / 0.62)
    image += 0.08 * _ridge(drop - 1, 0.30) + 0.05 * _inside(1 - drop, 0.6)
    roof = v - 0.10 * height - 0.45 * off
    image += 0.05 * _ridge(roof, 0.35) * _inside(0.72 * width - off, 0.6)
    for sign in (-1, 1):
        below = v - sign * height * 0.52
        facet = np.hypot((off - 0.56 * width + 0.25 * below) / 0.34, below / 0.62)
        image += 0.05 * _inside(1 - facet, 0.8) + 0.02 * _ridge(facet - 1, 0.25)
    # Laminae and joints lie over each other along the whole canal: unevenly dense, without an outline.
    x, y = u + np.float32(vertebra.centre[0]), v + np.float32(vertebra.centre[1])
    canal = _inside(0.75 * width - off, 0.9) * _inside(vertebra.pitch / 2 - np.abs(v), 0.3)
    image += 0.04 * canal * (1 + 0.6 * trabeculae.at(0.45 * y, 0.45 * x))
    out = off - 0.75 * width
    length, thick, rise = (0.85, 0.42, 0.15) if lumbar else (0.55, 0.45, 0.45)
    edge = np.minimum(np.minimum(out, length * width - out), thick - 0.08 * out - abs(v + 0.18 * height + rise * out))
    image += sized * (0.055 * _inside(edge, 0.15) + 0.03 * _ridge(edge, 0.10))
    return np.float32(vertebra.density) * image


def _project_ribs(skeleton: Skeleton, view: View) -> np.ndarray:
    """Return the ribs' attenuation: shells, so that their edges and the chest's side are densest."""
    import cv2

    layers = np.zeros((2, view.rows, view.columns), np.float32)
    for rib in skeleton.ribs:
        line, normal, half, dense = _band(rib)
        for scale, share in ((1.0, 1.0), (0.66, 0.62)):
            left, right = (view.pixels(line + sign * scale * half[:, None] * normal) for sign in (-1, 1))
            corners = np.round(np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1) * 16).astype(np.int32)
            for i, quad in enumerate(corners):
                # Parts before and behind the chest's middle cross: they add up.
                layer = layers[int(i > 0.5 * np.pi / rib.last * len(corners))]
                cv2.fillConvexPoly(layer, quad, float(share * dense[i]), cv2.LINE_8, 4)
    return cv2.GaussianBlur(layers[0] + layers[1], (0, 0), max(0.035 / view.spacing_cm, 0.5))


def _band(rib: Rib) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a rib's middle line (N, 2) in cm, its normals (N, 2), half widths (N,) cm and attenuation (N,)."""
    angle = np.linspace(0.03, rib.last, 56)
    x = rib.head[0] + rib.side * rib.reach * np.sin(angle) ** 0.75
    y = rib.head[1] + rib.slope * angle + rib.drop * (1 - np.cos(angle))
    y += rib.wave[1] * np.sin(2.2 * angle + rib.wave[0])
    line = np.stack([x, y], axis=1)
    step = np.gradient(line, axis=0)
    along = np.gradient(-RIB_FIELD_CM * np.cos(angle))
    seen = np.hypot(step[:, 0], step[:, 1])
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / seen[:, None]
    # At the chest's side the band is seen on edge: narrow there, and dense, as the beam runs along it.
    half = np.hypot(0.5 * rib.height * normal[:, 1], 0.32)
    half *= 1 + 0.08 * np.sin(5 * angle + rib.wave[0])
    half *= np.sqrt(np.clip((rib.last - angle) / 0.06, 0.05, 1))
    path = np.minimum(np.hypot(seen, along) / seen, 1.45)
    fade = np.interp(angle, [0.0, 0.25, 1.6, max(rib.last - 0.25, 1.61), max(rib.last, 1.7)], [0.7, 1, 0.9, 0.55, 0.3])
    return line, normal, half, 0.09 * rib.density * path * fade
