"""Spine and ribs in projection, and how they move: hardly at all, but each layer in its own way.

Drawn from a generator of its own, so that a change here moves no other draw of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy
from .geometry import SmoothField, View
from .ribs import Rib, draw_ribs, project_ribs
from .spine import Vertebra, draw_spine, project_spine

STILL_CM = 0.004
"""Shifts below this (a twentieth of a pixel) are none."""


@dataclass(frozen=True)
class Give:
    """How a layer of bones follows breath and body.

    Parameters
    ----------
    rise, spread
        Share of the diaphragm's way down that the layer goes up, and how much more of it 10 cm further down.
    widen, askew
        Share of it that the layer's sides go outwards, and that one side falls behind the other, 10 cm from the middle.
    follow
        Share of a sudden movement that it takes part in, x and y.
    turn
        Radians it turns in the image by each cm of the movement.
    """

    rise: float
    spread: float
    widen: float
    askew: float
    follow: tuple[float, float]
    turn: float


@dataclass(frozen=True, eq=False)
class Skeleton:
    """One patient's spine and ribs, the chest they hold (x of its middle, half width, cm), and the bone's texture.

    ``gives`` is for the layers of `bone_layers`, in their order.
    """

    middle: float
    half_width: float
    spine: tuple[Vertebra, ...]
    ribs: tuple[Rib, ...]
    trabeculae: SmoothField
    gives: tuple[Give, Give, Give]


def draw_skeleton(rng: np.random.Generator, anatomy: Anatomy) -> Skeleton:
    """Draw a patient's bones; `draw_anatomy` fixed the place and width of the spine and the gap of the ribs."""
    spine = draw_spine(rng, anatomy)
    middle = float(anatomy.spine_x_cm + rng.normal(0, 0.3))
    half_width = float(14.6 * rng.normal(1.0, 0.04))
    ribs = draw_ribs(rng, spine, middle, half_width)
    trabeculae = SmoothField(rng, 0.24)
    # Who lies on the back moves the front of the chest; the spine lies on the table. Ribs turn about their heads:
    # in front they go up by about a quarter of the diaphragm's way in quiet breathing.
    gives = (_draw_give(rng, 0.0, 0.6), _draw_give(rng, 0.05, 0.8), _draw_give(rng, 0.24, 1.0))
    return Skeleton(middle, half_width, spine, ribs, trabeculae, gives)


def _draw_give(rng: np.random.Generator, rise: float, follow: float) -> Give:
    scatter = rng.normal(0, 1, 6)
    return Give(
        rise=float(rise * (1 + 0.25 * scatter[0])),
        spread=float(rise * 0.6 * scatter[1]),
        widen=float(rise * 0.35),
        askew=float(rise * 0.25 * scatter[2]),
        follow=(float(follow + 0.1 * scatter[3]), float(follow + 0.1 * scatter[4])),
        turn=float(0.025 * scatter[5]),
    )


def bone_layers(skeleton: Skeleton, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the attenuation (no unit) of spine, ribs behind and ribs in front, (rows, columns) float32 ≥ 0 each."""
    behind, before = project_ribs(skeleton.ribs, skeleton.trabeculae, view)
    return project_spine(skeleton.spine, skeleton.trabeculae, view), behind, before


def moved_bones(
    skeleton: Skeleton, layers: tuple[np.ndarray, ...], view: View, down_cm: float, jump_cm: np.ndarray
) -> np.ndarray:
    """Return the sum of `bone_layers` with the diaphragm ``down_cm`` lower and the body moved by ``jump_cm`` (x, y)."""
    import cv2

    total = np.zeros((view.rows, view.columns), np.float32)
    for layer, give in zip(layers, skeleton.gives, strict=True):
        turn = give.turn * float(np.hypot(*jump_cm))
        shear = np.array([[give.widen * down_cm / 10, turn], [-turn - give.askew * down_cm / 10, 0]])
        shear[1, 1] = -give.spread * down_cm / 10
        shift = np.array([give.follow[0] * jump_cm[0], give.follow[1] * jump_cm[1] - give.rise * down_cm])
        if max(np.abs(shift).max(), 12 * np.abs(shear).max()) < STILL_CM:
            total += layer
            continue
        # About the middle of the chest, a little below the domes.
        centre = view.pixels(np.array([[skeleton.middle, -4.0]]))[0]
        move = np.hstack([np.eye(2) + shear, (shift / view.spacing_cm - shear @ centre)[:, None]])
        total += cv2.warpAffine(layer, move, (view.columns, view.rows), borderMode=cv2.BORDER_REPLICATE)
    return total
