"""The belly without contrast and bones: liver and neighbours as solids, catheter as attenuation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import SmoothField, View

# Linear attenuation at about 60 keV, 1/cm (NIST XCOM, rounded).
SOFT_TISSUE = 0.20


@dataclass(frozen=True, eq=False)
class Solid:
    """An ellipsoid with a wavy outline.

    Parameters
    ----------
    centre
        x, y, z in cm; z is depth along the beam.
    axes
        Half axes in cm.
    tilt
        Rotation in the image plane, radians.
    waves
        Fields that push the outline in x and y, or None for a smooth one.
    wave_cm
        How far they push it.
    """

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    tilt: float = 0.0
    waves: tuple[SmoothField, SmoothField] | None = None
    wave_cm: float = 0.0

    def half_thickness(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return half the path length through the solid at x, y (cm), in cm."""
        if self.waves is not None:
            x = x + self.wave_cm * self.waves[0].at(x, y)
            y = y + self.wave_cm * self.waves[1].at(x, y)
        u, v = x - self.centre[0], y - self.centre[1]
        c, s = np.float32(np.cos(self.tilt)), np.float32(np.sin(self.tilt))
        inside = 1 - ((c * u + s * v) / self.axes[0]) ** 2 - ((c * v - s * u) / self.axes[1]) ** 2
        return np.float32(self.axes[2]) * np.sqrt(np.maximum(inside, 0))

    def thickness(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the path length through the solid at x, y (cm), in cm."""
        return 2 * self.half_thickness(x, y)


@dataclass(frozen=True, eq=False)
class Liver:
    """Two lobes; what both hold is counted once."""

    right: Solid
    left: Solid

    def thickness(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the path length through the liver at x, y (cm), in cm."""
        a, b = self.right.half_thickness(x, y), self.left.half_thickness(x, y)
        za, zb = self.right.centre[2], self.left.centre[2]
        both = np.minimum(za + a, zb + b) - np.maximum(za - a, zb - b)
        return 2 * (a + b) - np.maximum(both, 0) * (a > 0) * (b > 0)

    def contains(self, points: np.ndarray, margin_cm: float = 0.0) -> np.ndarray:
        """Return for points (N, 3) in cm whether they lie at least ``margin_cm`` inside the liver."""
        inside = np.zeros(len(points), bool)
        for lobe in (self.right, self.left):
            half = lobe.half_thickness(points[:, 0].astype(np.float32), points[:, 1].astype(np.float32))
            inside |= np.abs(points[:, 2] - lobe.centre[2]) < half - margin_cm
        return inside


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One patient's body, fixed over all its runs."""

    liver: Liver
    spleen: Solid
    stomach: Solid
    gallbladder: Solid
    duodenum: Solid
    dome_y_cm: float
    texture: SmoothField
    coarse: SmoothField
    body_cm: float
    spine_x_cm: float
    spine_width_cm: float
    rib_gap_cm: float


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a patient's body.

    Sizes follow adult anatomy (liver 1.1-2.2 l, spleen 0.1-0.4 l); the image's left is the patient's right.
    """

    def waves(scale_cm: float) -> tuple[SmoothField, SmoothField]:
        return SmoothField(rng, scale_cm), SmoothField(rng, scale_cm)

    size = rng.normal(1.0, 0.07)
    right = Solid(
        (-6.0 + rng.normal(0, 0.5), 0.5 + rng.normal(0, 0.6), 0.0),
        (7.2 * size, 8.6 * size * rng.normal(1, 0.06), 5.8 * size),
        rng.normal(0.12, 0.08),
        waves(5.0),
        0.55,
    )
    left = Solid(
        (1.8 + rng.normal(0, 0.7), -2.6 + rng.normal(0, 0.5), -1.5),
        (6.6 * size * rng.normal(1, 0.1), 3.9 * size, 3.2 * size),
        rng.normal(-0.2, 0.1),
        waves(4.0),
        0.45,
    )
    spleen = Solid((12.0 + rng.normal(0, 0.8), -1.0 + rng.normal(0, 1), 2.0), (3.0, 5.0, 3.0), 0.4, waves(4.0), 0.3)
    stomach = Solid((7.0 + rng.normal(0, 1), 2.0 + rng.normal(0, 1), -3.0), (4.2, 3.2, 3.0), 0.6, waves(3.0), 0.5)
    gallbladder = Solid(
        (-3.5 + rng.normal(0, 1), 7.0 + rng.normal(0, 0.8), -1.0), (1.5, 3.0, 1.4), 0.3, waves(3.0), 0.2
    )
    duodenum = Solid((1.0 + rng.normal(0, 0.8), 7.5 + rng.normal(0, 1), 0.0), (2.0, 3.0, 1.5), -0.3, waves(2.5), 0.5)
    # Gas was drawn here before it had a generator of its own (bowel.py): what follows must stay what it was.
    rng.random(6 * int(rng.integers(5, 12)))
    rng.standard_normal()
    return Anatomy(
        liver=Liver(right, left),
        spleen=spleen,
        stomach=stomach,
        gallbladder=gallbladder,
        duodenum=duodenum,
        dome_y_cm=float(right.centre[1] - right.axes[1] * 0.98),
        texture=SmoothField(rng, 0.9),
        coarse=SmoothField(rng, 3.5),
        body_cm=float(rng.uniform(18, 25)),
        spine_x_cm=float(rng.normal(1.2, 0.5)),
        spine_width_cm=float(rng.uniform(3.6, 4.6)),
        rib_gap_cm=float(rng.uniform(2.6, 3.4)),
    )


def catheter(anatomy: Anatomy, view: View, tip: np.ndarray, recoil_cm: float) -> np.ndarray:
    """Return the attenuation of a 5 F catheter from the aorta to its tip, (rows, columns) float32.

    ``recoil_cm`` is how far the injection pushes its free part back.
    """
    import cv2

    x = anatomy.spine_x_cm + 0.3
    points = np.array(
        [[x, 24], [x, 14], [x - 0.1, 8.5], [x + 0.5, 6.0], [tip[0] + 0.9, tip[1] + 0.6], [tip[0], tip[1]]]
    )
    points[3:] += np.array([[0.4, 0.3], [0.7, 0.5], [1.0, 0.6]]) * recoil_cm
    knots = np.linspace(0, 1, len(points))
    t = np.linspace(0, 1, 60)
    smooth = np.stack([np.interp(t, knots, points[:, k]) for k in (0, 1)], axis=1)
    for _ in range(25):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    line = np.round(view.pixels(smooth) * 16).astype(np.int32).reshape(1, -1, 2)
    drawn = np.zeros((view.rows, view.columns), np.uint8)
    cv2.polylines(drawn, list(line), False, 255, max(1, round(0.17 / view.spacing_cm)), cv2.LINE_AA, 4)
    return drawn.astype(np.float32) * np.float32(0.30 / 255)
