"""Trunk and lungs in projection: what breathes and has no contrast.

Drawn from a generator of its own, so that a change here moves no other draw of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import SOFT_TISSUE, Anatomy, Solid
from .geometry import SmoothField, View
from .ribs import chest_reach
from .skeleton import Skeleton

LUNG_CM = 5.6
"""Air in the beam where the lung is thickest: less than the 11 cm of a trunk, as wedge filters lie over the lungs."""
RECESS_CM = 1.5
"""Air in the beam of the lung that hangs down behind the liver's dome."""
VESSEL_CM = (0.60, 0.46, 0.36, 0.27, 0.20)
"""Width of the lungs' vessels, arteries and veins together, by order of branching."""


@dataclass(frozen=True, eq=False)
class Trunk:
    """One patient's trunk, heart and lungs; lengths in cm.

    Parameters
    ----------
    middle
        x of the chest's middle.
    half_width
        Of the rib cage where it is widest.
    flank
        Half width of the trunk, skin to skin.
    heart
        x, y of its middle, its half axes, and its tilt (radians).
    mediastinum
        Half width of the shadow of vessels and muscles along the spine.
    markings
        The lungs' vessels: per order of branching, lines (N, 2) in cm, thick ones first.
    mottle
        Vessels too small to be seen one by one.
    kidneys
        Right and left.
    """

    middle: float
    half_width: float
    flank: float
    heart: tuple[float, float, float, float, float]
    mediastinum: float
    markings: tuple[tuple[np.ndarray, ...], ...]
    mottle: SmoothField
    kidneys: tuple[Solid, Solid]


def draw_trunk(rng: np.random.Generator, anatomy: Anatomy, skeleton: Skeleton) -> Trunk:
    """Draw a patient's trunk and lungs; the liver fixed the diaphragm's height, the ribs the chest's width."""
    middle, dome = skeleton.middle, anatomy.dome_y_cm
    heart = (
        float(middle + rng.normal(3.4, 0.4)),
        float(dome - rng.normal(4.6, 0.5)),
        float(rng.normal(10.0, 0.5)),
        float(rng.normal(6.6, 0.35)),
        float(rng.normal(0.75, 0.12)),
    )
    hila = [(middle + side * rng.normal(4.0, 0.4), dome - rng.normal(7.5, 0.8), side) for side in (-1, 1)]
    trees = [_draw_vessels(rng, *hilum) for hilum in hila]
    return Trunk(
        middle=middle,
        half_width=skeleton.half_width,
        flank=float(skeleton.half_width + rng.uniform(5.0, 8.5)),
        heart=heart,
        mediastinum=float(rng.normal(3.0, 0.25)),
        markings=tuple(tuple(trees[0][k] + trees[1][k]) for k in range(len(VESSEL_CM))),
        mottle=SmoothField(rng, 0.55),
        kidneys=(_draw_kidney(rng, middle, -1), _draw_kidney(rng, middle, 1)),
    )


def _draw_kidney(rng: np.random.Generator, middle: float, side: int) -> Solid:
    centre = (middle + side * float(rng.normal(6.4, 0.4)), float(rng.normal(7.0 - 0.6 * side, 0.8)), 5.0)
    axes = (float(rng.normal(2.7, 0.2)), float(rng.normal(5.4, 0.4)), 2.2)
    waves = (SmoothField(rng, 4.0), SmoothField(rng, 4.0))
    return Solid(centre, axes, side * float(rng.normal(-0.25, 0.06)), waves, 0.25)


def _draw_vessels(rng: np.random.Generator, x: float, y: float, side: float) -> list[list[np.ndarray]]:
    """Return one lung's vessels from its hilum outwards, per order of branching."""
    # Angles from downwards to the side; most of what a film of the liver shows runs down and out.
    tips = [(np.array([x, y]) + rng.normal(0, 0.6, 2), a + rng.normal(0, 0.12)) for a in np.linspace(-0.25, 2.5, 8)]
    orders: list[list[np.ndarray]] = []
    for order in range(len(VESSEL_CM)):
        lines, forks = [], []
        for start, angle in tips:
            length = rng.uniform(0.7, 1.3) * (3.2, 2.7, 2.2, 1.7, 1.3)[order]
            bend = angle + np.cumsum(rng.normal(0, 0.10, 6))
            steps = np.stack([side * np.sin(bend), np.cos(bend)], axis=1) * length / 6
            lines.append(np.concatenate([start[None], start + np.cumsum(steps, axis=0)]))
            spread = rng.uniform(0.25, 0.65)
            forks += [(lines[-1][-1], bend[-1] + spread * share) for share in (-0.7, 0.7)]
        orders.append(lines)
        tips = forks
    return orders


def soft_tissue(anatomy: Anatomy, trunk: Trunk, view: View) -> np.ndarray:
    """Return the attenuation of all that breathes: trunk, lungs, heart, liver, (rows, columns) float32, no unit."""
    import cv2

    x, y = view.grid(2)
    path = anatomy.body_cm + 0.25 * anatomy.coarse.at(x, y) + 0.06 * anatomy.texture.at(x, y)
    path += 0.025 * trunk.mottle.at(x, y)
    # Aorta, caval vein and crura make the middle denser, without an edge.
    path += 1.2 * np.exp(-(((x - trunk.middle) / (1.4 * trunk.mediastinum)) ** 2)) + 0.55 * _psoas(
        trunk, x, y, 0.5 * anatomy.coarse.at(x, y)
    )
    # The trunk is oval: the beam's way through it is shorter at the flanks, and nowhere ends at an edge.
    path -= 3.8 * (np.abs(x - trunk.middle) / trunk.flank) ** 3
    # Fat around them shows liver and kidneys; their rims are round, and breathing blurs what is left of an edge.
    organs = 0.018 * anatomy.liver.thickness(x, y) + 0.012 * sum(k.thickness(x, y) for k in trunk.kidneys)
    attenuation = SOFT_TISSUE * path + cv2.GaussianBlur(organs, (0, 0), 0.16 / view.spacing_cm)
    size = (view.columns, view.rows)
    smooth = cv2.resize(attenuation.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    # What borders on air has sharp edges, unlike all the rest: it needs every pixel.
    x, y = view.grid()
    air = _air(anatomy, trunk, x, y)
    aerated = np.minimum(air / np.float32(0.5 * LUNG_CM), 1)
    vessels = _markings(trunk, view) + np.float32(0.08) * trunk.mottle.at(x, y)
    return smooth + np.float32(SOFT_TISSUE) * (aerated * vessels - air)


def _psoas(trunk: Trunk, x: np.ndarray, y: np.ndarray, uneven: np.ndarray) -> np.ndarray:
    """Return 0 outside, 1 inside the muscles from the lumbar spine down to the hips at x, y; ``uneven`` of edge; cm."""
    edge = 2.0 + 1.05 * np.maximum(y - 4, 0) ** 0.7 - np.abs(x - trunk.middle) + uneven
    return np.clip(0.5 + edge / 1.3, 0, 1) * np.clip((y - 3) / 5, 0, 1)


def _air(anatomy: Anatomy, trunk: Trunk, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the air in the beam at x, y (cm), float32, in cm."""
    # Domes are flat on top and fall steeply to the angle between diaphragm and ribs.
    across = x[:1]
    u, w = (across - anatomy.liver.right.centre[0]) ** 2, (across - trunk.middle - 8) ** 2
    right = np.minimum(anatomy.dome_y_cm + 0.025 * u + 0.0009 * u**2, 40)
    left = np.minimum(anatomy.dome_y_cm + 1.2 + 0.025 * w + 0.0009 * w**2, 40)
    # They meet in the diaphragm's flat centre, under the heart.
    dome = -0.8 * np.logaddexp(-right / 0.8, -left / 0.8)
    below = dome + np.float32(0.10) * anatomy.coarse.at(x, y) - y
    reach = chest_reach(trunk.half_width, y[:, :1]).astype(np.float32) - np.float32(0.5)
    side = np.maximum(1 - ((x - np.float32(trunk.middle)) / reach) ** 2, 0) ** np.float32(0.42)
    above = np.clip(below / 6, 0, 1) ** np.float32(0.26)
    behind = np.clip((below + np.float32(4.5)) / 7, 0, 1) ** np.float32(1.5)
    # Caval vein, gullet and fat fill the angle between heart and diaphragm.
    wide = trunk.mediastinum + 2.2 * np.exp(-(((y[:, :1] - anatomy.dome_y_cm - 0.5) / 2.5) ** 2))
    middle = np.exp(-np.square(np.square(np.square((across - np.float32(trunk.middle)) / wide))))
    filled = 1 - np.maximum(np.float32(0.80) * _heart(trunk, x, y), np.float32(0.82) * middle)
    return np.asarray(side * (np.float32(LUNG_CM) * above * filled + np.float32(RECESS_CM) * behind), np.float32)


def _heart(trunk: Trunk, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return 0 outside, 1 inside the heart and the great vessels on it, at x, y (cm), float32."""
    hx, hy, long, short, tilt = (np.float32(value) for value in trunk.heart)
    c, s = np.cos(tilt), np.sin(tilt)
    ring = np.hypot((c * (x - hx) + s * (y - hy)) / long, (c * (y - hy) - s * (x - hx)) / short)
    vessels = np.hypot((x - hx + 2) / np.float32(4.6), (y - hy + short) / np.float32(7.5))
    ring = np.minimum(ring, vessels)
    return np.clip(np.float32(0.5) + (1 - ring) * np.float32(9), 0, 1)


def _markings(trunk: Trunk, view: View) -> np.ndarray:
    """Return the path through the lungs' vessels, (rows, columns) float32, in cm."""
    import cv2

    image = np.zeros((view.rows, view.columns), np.float32)
    for width, lines in zip(VESSEL_CM, trunk.markings, strict=True):
        drawn = np.zeros(image.shape, np.uint8)
        points = [np.round(view.pixels(line) * 16).astype(np.int32) for line in lines]
        cv2.polylines(drawn, points, False, 255, max(1, round(0.8 * width / view.spacing_cm)), cv2.LINE_AA, 4)
        # Where a vessel forks it is no thicker.
        image = np.maximum(image, drawn * np.float32(1.25 * width / 255))
    return cv2.GaussianBlur(image, (0, 0), max(0.05 / view.spacing_cm, 0.4))
