"""The ribs in projection: those behind and those before the chest's middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import SmoothField, View
from .spine import Vertebra

RIB_FIELD_CM = 9.0
"""Half depth of the chest along the beam."""


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


def chest_reach(half_width: float, y: np.ndarray | float) -> np.ndarray:
    """Return half the width of the rib cage at y (cm), in cm: widest a little above the liver's middle."""
    off = np.asarray(y) + 1.0
    return half_width - np.where(off < 0, 0.013, 0.010) * off**2


def draw_ribs(
    rng: np.random.Generator, spine: tuple[Vertebra, ...], middle: float, half_width: float
) -> tuple[Rib, ...]:
    """Draw twelve pairs of ribs from the heads at their vertebrae; ``middle`` and ``half_width`` (cm) of the chest."""
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
            slope, turn = fall + 0.10 * (k + 4) + rng.normal(0, 0.16) + side * askew, drop + rng.normal(0, 0.4)
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
                    density=float(density * np.clip(rng.normal(1, 0.22), 0.5, 1.5)),
                    wave=(float(rng.uniform(0, 2 * np.pi)), float(rng.normal(0, 0.15))),
                )
            )
    return tuple(ribs)


def project_ribs(ribs: tuple[Rib, ...], trabeculae: SmoothField, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return the attenuation (no unit) of the ribs behind and before the chest's middle, (rows, columns) float32 ≥ 0.

    Ribs are shells: their edges and the chest's side are densest.
    """
    import cv2

    layers = np.zeros((2, view.rows, view.columns), np.float32)
    for rib in ribs:
        line, normal, half, dense = _band(rib, trabeculae)
        # The upper border is round, the lower one a thin blade: marrow lies nearer to the upper one.
        for scale, share, lift in ((1.0, 1.0, 0.0), (0.80, 0.80, 0.10), (0.58, 0.62, 0.16)):
            middle = line - np.array([0, lift]) * half[:, None]
            left, right = (view.pixels(middle + sign * scale * half[:, None] * normal) for sign in (-1, 1))
            corners = np.round(np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1) * 16).astype(np.int32)
            for i, quad in enumerate(corners):
                # Parts before and behind the chest's middle cross: they add up.
                layer = layers[int(i > 0.5 * np.pi / rib.last * len(corners))]
                cv2.fillConvexPoly(layer, quad, float(share * dense[i]), cv2.LINE_8, 4)
    # What lies in front is further from the detector, flatter, and less calcified towards its cartilage: softer.
    behind, before = (max(cm / view.spacing_cm, 0.5) for cm in (0.045, 0.09))
    return cv2.GaussianBlur(layers[0], (0, 0), behind), cv2.GaussianBlur(layers[1], (0, 0), before)


def _band(rib: Rib, trabeculae: SmoothField) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
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
    # Floating ribs end in a point, the others at their cartilage.
    tip = np.clip((rib.last - angle) / (0.4 if rib.last < np.pi / 2 else 0.06), 0.05, 1)
    half *= np.sqrt(tip)
    path = np.minimum(np.hypot(seen, along) / seen, 1.45)
    fade = np.interp(angle, [0.0, 0.25, 1.6, max(rib.last - 0.25, 1.61), max(rib.last, 1.7)], [0.7, 1, 0.9, 0.55, 0.3])
    # No rib is as dense all along.
    uneven = 1 + 0.22 * trabeculae.at(np.float32(0.12) * line[:, 0], np.float32(0.12) * line[:, 1] + rib.wave[0])
    return line, normal, half, 0.09 * rib.density * path * fade * np.minimum(0.3 + tip, 1) * np.clip(uneven, 0.5, 1.5)
