"""Tumours and what is mistaken for them: solids in the liver with a perfusion of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .anatomy import Anatomy, Solid
from .geometry import SmoothField

KINDS = ("hypervascular", "hypovascular", "rim", "necrotic")
KIND_SHARES = (0.40, 0.05, 0.33, 0.22)
RIM_CORE = (0.84, 0.93)
NECROTIC_CORE = (0.50, 0.85)
"""Bounds of the dead part's diameter over the whole one's."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """A tumour, or a pseudolesion that only looks like one.

    Parameters
    ----------
    solid
        Its outline.
    diameter_cm
        Longest diameter of the undistorted solid.
    kind
        hypervascular, hypovascular, rim or necrotic; ``pseudolesion`` for a perfusion anomaly.
    perfusion
        Flow per mL of its living tissue over that of the liver around it.
    core
        Size of the part without perfusion over the whole, 0-0.9.
    delay_s
        Later arrival than in the liver around it.
    transit_s
        Mean transit time.
    """

    solid: Solid
    diameter_cm: float
    kind: str
    perfusion: float
    core: float
    delay_s: float
    transit_s: float

    def living(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the path length through perfused tumour at x, y (cm), in cm."""
        whole = self.solid.thickness(x, y)
        if self.core <= 0:
            return whole
        first, second, third = (a * self.core for a in self.solid.axes)
        core = replace(self.solid, axes=(first, second, third))
        return np.maximum(whole - core.thickness(x, y), 0)

    def silhouette(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return where a reader would outline it: path at least a fifth of the thickest, bool."""
        return self.solid.thickness(x, y) > 0.4 * self.solid.axes[2]


def _place(rng: np.random.Generator, anatomy: Anatomy, diameter_cm: float, others: list[Lesion]) -> Solid | None:
    radius = diameter_cm / 2
    for _ in range(60):
        centre = rng.uniform([-12.5, -7.5, -4.0], [6.0, 8.0, 4.0])
        if not anatomy.liver.contains(centre[None], min(0.6 * radius, 2.6))[0]:
            continue
        gaps = [np.hypot(*(centre - np.array(o.solid.centre))[:2]) - radius - o.diameter_cm / 2 for o in others]
        if gaps and min(gaps) < -0.1 * radius:
            continue
        shape = rng.uniform(0.78, 1.0, 2)
        waves = (SmoothField(rng, max(0.8 * radius, 0.6)), SmoothField(rng, max(0.8 * radius, 0.6)))
        return Solid(
            (float(centre[0]), float(centre[1]), float(centre[2])),
            (radius, radius * shape[0], radius * shape[1]),
            rng.uniform(0, np.pi),
            waves,
            0.09 * radius,
        )
    return None


def draw_lesions(rng: np.random.Generator, anatomy: Anatomy, tumour_free: bool) -> list[Lesion]:
    """Draw a patient's tumours: 1-10 cm, one to eight, of four kinds; none where ``tumour_free``."""
    if tumour_free:
        return []
    count = int(rng.choice([1, 2, 3, 4, 5, 6, 8], p=[0.62, 0.17, 0.09, 0.05, 0.03, 0.02, 0.02]))
    lesions: list[Lesion] = []
    first = float(np.clip(np.exp(rng.normal(np.log(5.5), 0.42)), 1.0, 10.0))
    # Tumours of one liver resemble each other.
    common_kind = rng.choice(KINDS, p=KIND_SHARES)
    strength = float(np.exp(rng.normal(np.log(7.0), 0.40)))
    for i in range(count):
        diameter = first if i == 0 else float(np.clip(first * rng.uniform(0.4, 0.9), 1.0, 6.0))
        solid = _place(rng, anatomy, diameter, lesions)
        if solid is None:
            continue
        kind = str(common_kind if rng.random() < 0.75 else rng.choice(KINDS, p=KIND_SHARES))
        if diameter < 2.5 and kind in ("rim", "necrotic"):
            kind = "hypervascular"
        core = {"rim": rng.uniform(*RIM_CORE), "necrotic": rng.uniform(*NECROTIC_CORE)}.get(kind, 0.0)
        perfusion = strength * float(np.exp(rng.normal(0, 0.15)))
        if kind == "hypovascular":
            perfusion = rng.uniform(0.15, 0.4)
        elif kind == "rim":
            perfusion *= 1.5
        lesions.append(
            Lesion(solid, diameter, kind, perfusion, float(core), rng.uniform(-0.15, 0.35), rng.uniform(2.5, 6.0))
        )
    return lesions


def draw_pseudolesions(rng: np.random.Generator, anatomy: Anatomy, tumours: list[Lesion]) -> list[Lesion]:
    """Draw perfusion anomalies that look like tumours on one frame but not over time.

    Late-filling nodules keep their contrast to the end; early ones are gone before the tumours peak.
    """
    found: list[Lesion] = []
    for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.25, 0.28, 0.24, 0.15, 0.08]))):
        diameter = float(np.clip(np.exp(rng.normal(np.log(2.8), 0.45)), 1.0, 7.0))
        solid = _place(rng, anatomy, diameter, tumours + found)
        if solid is None:
            continue
        late = rng.random() < 0.7
        found.append(
            Lesion(
                solid,
                diameter,
                "pseudolesion",
                float(np.exp(rng.normal(np.log(4.5 if late else 6.0), 0.3))),
                0.0,
                rng.uniform(1.0, 2.5) if late else rng.uniform(-0.4, -0.1),
                rng.uniform(12, 30) if late else rng.uniform(0.6, 1.2),
            )
        )
    return found
