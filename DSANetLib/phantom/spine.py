"""The spine in projection: bodies, discs, arches and their processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy
from .geometry import SmoothField, View

FIRST_LEVEL, LAST_LEVEL = -11, 6
"""Vertebrae from the first thoracic to the first sacral, so that none ends in view; level 0 is the twelfth thoracic."""


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
    rims
        Strength of the upper and the lower end plate, about 1.
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
    rims: tuple[float, float]


def draw_spine(rng: np.random.Generator, anatomy: Anatomy) -> tuple[Vertebra, ...]:
    """Draw a patient's vertebrae, from above; `draw_anatomy` fixed place, width and the height of one."""
    bend, turn, length = rng.normal(0, 0.35), rng.uniform(0, 2 * np.pi), rng.uniform(22, 40)
    density = np.clip(rng.normal(1.0, 0.18), 0.6, 1.5)
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
                height=pitch[k] * float(np.clip(0.80 - 0.012 * k + rng.normal(0, 0.025), 0.68, 0.92)),
                pitch=pitch[k],
                tilt=float(-bend * 2 * np.pi / length * np.cos(phase) + rng.normal(0, 0.02)),
                # The beam spreads: far from its middle it crosses the end plates, and their rims part.
                lean=float(abs(0.08 + lordosis * k + 0.03 * y + rng.normal(0, 0.06))),
                density=float(density * rng.normal(1.0, 0.06)),
                sides=(float(rng.normal(1, 0.08)), float(rng.normal(1, 0.08))),
                spinous=float(rng.normal(0, 0.12)),
                rims=(float(rng.lognormal(0, 0.35)), float(rng.lognormal(0, 0.35))),
            )
        )
        y += 0.5 * (pitch[k] + pitch.get(k + 1, pitch[k]))
    return tuple(found)


def project_spine(spine: tuple[Vertebra, ...], trabeculae: SmoothField, view: View) -> np.ndarray:
    """Return the attenuation (no unit) of the spine above that of soft tissue, (rows, columns) float32 ≥ 0."""
    import cv2

    image = np.zeros((view.rows, view.columns), np.float32)
    x, y = view.axes()
    for vertebra in spine:
        columns = np.flatnonzero(np.abs(x - vertebra.centre[0]) < 2.2 * vertebra.half_width)
        rows = np.flatnonzero(np.abs(y - vertebra.centre[1]) < 1.25 * vertebra.pitch)
        if not len(columns) or not len(rows):
            continue
        at = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        u = (x[columns] - vertebra.centre[0])[None]
        v = (y[rows] - vertebra.centre[1])[:, None] - np.float32(vertebra.tilt) * u
        u = np.broadcast_to(u, v.shape)
        image[at] += _body(vertebra, u, v, trabeculae) + _arch(vertebra, u, v, trabeculae)
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
    rims = np.where(v < 0, np.float32(vertebra.rims[0]), np.float32(vertebra.rims[1]))
    plates = rims * shown * (0.11 * _ridge(front, 0.06) + 0.065 * _ridge(back, 0.07))
    shell = 0.08 * _ridge(side, 0.07) * _inside(front, 0.3)
    disc = 0.07 * depth * _inside(vertebra.pitch / 2 - np.abs(v), 0.2)
    return np.float32(vertebra.density) * (drum * 0.18 * depth * (1 + grain) + plates + shell + disc)


def _arch(vertebra: Vertebra, u: np.ndarray, v: np.ndarray, trabeculae: SmoothField) -> np.ndarray:
    """Return the attenuation of pedicles, laminae, facet joints, spinous and transverse processes."""
    height, width = vertebra.height, vertebra.half_width
    lumbar = vertebra.level > 0
    off = np.abs(u)
    sized = np.where(u < 0, np.float32(vertebra.sides[0]), np.float32(vertebra.sides[1]))
    ring = np.hypot((off - 0.62 * width) / (0.34 * sized), (v + 0.14 * height) / (0.52 * sized))
    image = (0.10 if lumbar else 0.07) * _ridge(ring - 1, 0.28) + 0.03 * _inside(1 - ring, 0.5)
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
    image += sized * (0.07 * _inside(edge, 0.15) + 0.04 * _ridge(edge, 0.10))
    return np.float32(vertebra.density) * image
