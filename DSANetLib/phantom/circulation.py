"""Where the contrast goes: vessels and tissues of one patient as maps of path length with time courses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy
from .arteries import ArterialTree, grow_tree, vessel_maps
from .contrast import Injection, TissueCourse, fine_times, perfuse
from .geometry import GRID_STEP_CM, SmoothField, View, patient_grid
from .lesions import Lesion
from .veins import Vein, draw_portal, draw_shunt

Path = Callable[[np.ndarray, np.ndarray], np.ndarray]

VESSEL_BINS = 8
LIVER_TRANSIT_S = (7.0, 12.0)


@dataclass(frozen=True, eq=False)
class Tissue:
    """A perfused compartment.

    Parameters
    ----------
    name
        For the tests and the truth.
    path
        Function of x, y (cm) to the path length through it, cm.
    flow_share
        Its share of the flow that does not reflux.
    delay_s, transit_s
        Arrival after the catheter's tip; mean transit time.
    volume_ml
        Its whole volume, also where a view cuts it.
    """

    name: str
    path: Path
    flow_share: float
    delay_s: float
    transit_s: float
    volume_ml: float


@dataclass(frozen=True, eq=False)
class Circulation:
    """One patient's tree and tissues, fixed over all runs."""

    tree: ArterialTree
    tissues: tuple[Tissue, ...]
    shunt: Vein | None
    portal: Vein
    artefacts: tuple[str, ...]


def _territories(rng: np.random.Generator, anatomy: Anatomy, tumours: list[Lesion]) -> list[tuple[str, Path, float]]:
    seeds = np.array([[-9.5, -3.0], [-8.0, 4.5], [-3.5, -2.5], [3.0, -2.5]]) + rng.normal(0, 0.8, (4, 2))
    strengths = np.exp(rng.normal(0, 0.12, 4))
    mottle = SmoothField(rng, float(rng.uniform(1.2, 2.2)))
    depth = float(rng.uniform(0.05, 0.15))

    kept: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]] = []

    def maps(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        # All four territories are asked for on the same grid, one after the other: the last one is kept.
        if not (kept and kept[0][0] is x and kept[0][1] is y):
            weights = [np.exp(-((x - s[0]) ** 2 + (y - s[1]) ** 2) / 18) for s in seeds]
            living = anatomy.liver.thickness(x, y)
            for t in tumours:
                living = living - t.solid.thickness(x, y)
            living, total, texture = np.maximum(living, 0), sum(weights), 1 + depth * mottle.at(x, y)
            kept[:] = [
                (
                    x,
                    y,
                    [living * (w / total) * texture * np.float32(g) for w, g in zip(weights, strengths, strict=True)],
                )
            ]
        return kept[0][2]

    def path(k: int) -> Path:
        return lambda x, y: maps(x, y)[k]

    return [(f"liver {k + 1}", path(k), 1.0) for k in range(4)]


def _wedge(rng: np.random.Generator, anatomy: Anatomy) -> Path:
    angle, half = rng.uniform(0.6 * np.pi, 1.5 * np.pi), rng.uniform(0.12, 0.3)
    tip = np.array([-2.0, 0.5]) + rng.uniform(2, 5) * np.array([np.cos(angle), np.sin(angle)])

    def through(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = x - tip[0], y - tip[1]
        off = np.abs(np.angle(np.exp(1j * (np.arctan2(v, u) - angle)))).astype(np.float32)
        inside = 1 / (1 + np.exp(np.clip((off - half) * 25, -40, 40)))
        return 0.5 * anatomy.liver.thickness(x, y) * inside * (u * np.cos(angle) + v * np.sin(angle) > 0)

    return through


def draw_circulation(
    rng: np.random.Generator, anatomy: Anatomy, tumours: list[Lesion], pseudo: list[Lesion]
) -> Circulation:
    """Draw a patient's tree and tissues; flow is shared in proportion to volume × perfusion."""
    x, y = patient_grid()
    transit = float(rng.uniform(*LIVER_TRANSIT_S))
    base = float(rng.uniform(0.9, 1.5))
    rows: list[tuple[str, Path, float, float, float]] = [
        (name, path, perfusion, base + rng.uniform(0, 0.4), transit * float(np.exp(rng.normal(0, 0.06))))
        for name, path, perfusion in _territories(rng, anatomy, tumours)
    ]
    for i, t in enumerate(tumours, 1):
        rows.append((f"tumour {i}", t.living, t.perfusion, base + t.delay_s, t.transit_s))
    for i, p in enumerate(pseudo, 1):
        rows.append((f"pseudolesion {i}", p.solid.thickness, p.perfusion, base + p.delay_s, p.transit_s))
    artefacts = ["pseudolesion"] if pseudo else []
    if rng.random() < 0.22:
        rows.append(("wedge", _wedge(rng, anatomy), rng.uniform(0.8, 2.2), base - 0.1, rng.uniform(2.5, 8)))
        artefacts.append("wedge hyperaemia")
    if rng.random() < 0.45:
        wall = anatomy.gallbladder
        rows.append(("gallbladder", wall.thickness, rng.uniform(0.8, 3.0), base + 0.6, rng.uniform(5, 12)))
    volumes = [float(np.sum(path(x, y)) * GRID_STEP_CM**2) for _, path, *_ in rows]
    weights = np.array([v * row[2] for v, row in zip(volumes, rows, strict=True)])
    shares = weights / weights.sum()
    tissues = tuple(
        Tissue(name, path, float(share), float(delay), float(mtt), max(volume, 1e-3))
        for (name, path, _, delay, mtt), share, volume in zip(rows, shares, volumes, strict=True)
    )
    feeders = [
        (np.array(t.solid.centre), t.diameter_cm / 2, 0 if t.kind == "hypovascular" else int(2 + 1.5 * t.diameter_cm))
        for t in tumours
    ]
    flows = np.array([max(1 - shares[4 : 4 + len(tumours)].sum(), 0.2), *shares[4 : 4 + len(tumours)]]) * 4.5
    tree = grow_tree(rng, anatomy.liver, feeders, flows, int(rng.integers(90, 150)))
    portal = draw_portal(rng)
    shunt = None
    if tumours and rng.random() < 0.12:
        near = np.array(max(tumours, key=lambda t: t.diameter_cm).solid.centre)
        shunt = draw_shunt(rng, near, portal)
        artefacts.append("shunt")
    return Circulation(tree, tissues, shunt, portal, tuple(artefacts))


@dataclass(frozen=True, eq=False)
class Opacification:
    """Iodine of one run: maps (K, rows, columns) of path length and courses (K, F) of mg/mL, fine and coarse."""

    vessel_paths: np.ndarray
    vessel_courses: np.ndarray
    tissue_paths: np.ndarray
    tissue_courses: np.ndarray
    names: tuple[str, ...]
    view: View

    def iodine(self, frame: int) -> np.ndarray:
        """Return the iodine per area at a frame, (rows, columns) float32 mg/cm²."""
        import cv2

        soft = np.tensordot(self.tissue_courses[:, frame], self.tissue_paths, 1)
        vessels = np.tensordot(self.vessel_courses[:, frame], self.vessel_paths, 1)
        size = (self.view.columns, self.view.rows)
        return cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR) + vessels

    def course(self, prefix: str) -> np.ndarray:
        """Return the summed iodine of the tissues whose name starts so, by frame, in mg within the view."""
        mass = self.tissue_paths.sum(axis=(1, 2))[:, None] * self.tissue_courses
        chosen = [i for i, name in enumerate(self.names) if name.startswith(prefix)]
        step = self.view.rows * self.view.columns / (self.tissue_paths[0].size)
        return mass[chosen].sum(0) * self.view.spacing_cm**2 * step


def opacify(
    circulation: Circulation, anatomy: Anatomy, view: View, injection: Injection, reflux: float, times: np.ndarray
) -> Opacification:
    """Solve one injection: what every pixel holds at every frame.

    Parameters
    ----------
    circulation, anatomy
        The patient.
    view
        The projection.
    injection
        The bolus.
    reflux
        Share of the bolus that goes to stomach, duodenum and spleen instead, 0-0.3.
    times
        (F,) s.
    """
    fine = fine_times(float(times[-1]))
    forward = injection.flow * (1 - reflux)
    x, y = view.grid(2)
    paths, courses, names = [], [], []
    returned = np.zeros_like(fine)

    def add(name: str, path: np.ndarray, course: TissueCourse, flow: float, volume: float) -> None:
        paths.append(path.astype(np.float32))
        courses.append(course.at(times) * flow / volume)
        names.append(name)

    for tissue in circulation.tissues:
        flow = forward * tissue.flow_share
        course = perfuse(fine, injection.concentration_at(fine, tissue.delay_s), tissue.transit_s)
        add(tissue.name, tissue.path(x, y), course, flow, tissue.volume_ml)
    if reflux > 0:
        for name, solid, share, delay, mtt in (
            ("stomach", anatomy.stomach, 0.4, 1.0, 4.0),
            ("duodenum", anatomy.duodenum, 0.3, 1.2, 4.0),
            ("spleen", anatomy.spleen, 0.3, 1.5, 5.0),
        ):
            volume = 4 / 3 * np.pi * float(np.prod(solid.axes))
            course = perfuse(fine, injection.concentration_at(fine, delay), mtt)
            flow = injection.flow * reflux * share
            add(name, solid.thickness(x, y), course, flow, volume)
            returned += course.outflow * flow
        # Venous blood of gut and spleen comes back through the portal vein after about three seconds.
        late = perfuse(fine, np.interp(fine - 3.0, fine, returned, left=0.0), 1.5)
        liver = perfuse(fine, late.outflow, 10.0)
        liver_path = anatomy.liver.thickness(x, y)
        xs, ys = patient_grid()
        add("portal liver", liver_path, liver, 1.0, float(anatomy.liver.thickness(xs, ys).sum() * GRID_STEP_CM**2))
    vessel_paths, delays = vessel_maps(circulation.tree, view, VESSEL_BINS)
    vessel_courses = [injection.concentration_at(times, d) * (1 - reflux) for d in delays]
    veins = []
    if reflux > 0:
        path, volume = circulation.portal.path_lengths(view)
        veins.append((path, late.at(times) / volume))
    if circulation.shunt is not None:
        dose = 0.25 * injection.concentration_at(times, float(delays[-1]) + 0.4)
        veins.append((circulation.shunt.path_lengths(view)[0], dose))
    if veins:
        vessel_paths = np.concatenate([vessel_paths, np.stack([p for p, _ in veins])])
        vessel_courses += [c for _, c in veins]
    return Opacification(
        vessel_paths,
        np.stack(vessel_courses).astype(np.float32),
        np.stack(paths),
        np.stack(courses).astype(np.float32),
        tuple(names),
        view,
    )
