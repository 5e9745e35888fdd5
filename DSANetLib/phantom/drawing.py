"""What is drawn of a patient before any film is made: body, bones, tumours, vessels, clinical values, response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy, draw_anatomy
from .bowel import Bowel, draw_bowel
from .circulation import Circulation, draw_circulation
from .config import PhantomConfig
from .lesions import Lesion, draw_lesions, draw_pseudolesions
from .patient import Outcome, Value, draw_clinical, draw_response, film_factors, hide_some
from .skeleton import Skeleton, draw_skeleton
from .trunk import Trunk, draw_trunk

SKELETON, TRUNK, BOWEL = 1000, 1001, 1002
"""Bones, trunk and gas have generators of their own, beside those of the patient (0) and the runs (1…)."""


@dataclass(frozen=True, eq=False)
class DrawnPatient:
    """A patient as drawn; ``cases`` names the runs to be filmed."""

    patient_id: str
    cases: tuple[str, ...]
    anatomy: Anatomy
    skeleton: Skeleton
    trunk: Trunk
    bowel: Bowel
    tumours: list[Lesion]
    circulation: Circulation
    factors: dict[str, float]
    clinical: dict[str, Value]
    outcome: Outcome


def draw_patient(seed: int, config: PhantomConfig) -> DrawnPatient:
    """Draw a patient. The order of the draws is part of what a seed means: new ones get generators of their own."""
    rng = np.random.default_rng([seed, 0])
    anatomy = draw_anatomy(rng)
    tumours = draw_lesions(rng, anatomy, bool(rng.random() < config.tumour_free_share))
    pseudo = draw_pseudolesions(rng, anatomy, tumours)
    circulation = draw_circulation(rng, anatomy, tumours, pseudo)
    factors = film_factors(tumours)
    values = draw_clinical(rng, factors)
    outcome = draw_response(rng, values, factors)
    count = 1 + int(rng.random() < 0.03) + int(rng.random() < 0.008)
    name = f"phantom-{seed:07d}"
    skeleton = draw_skeleton(np.random.default_rng([seed, SKELETON]), anatomy)
    return DrawnPatient(
        patient_id=name,
        cases=(name,) if count == 1 else tuple(f"{name}-run{i + 1}" for i in range(count)),
        anatomy=anatomy,
        skeleton=skeleton,
        trunk=draw_trunk(np.random.default_rng([seed, TRUNK]), anatomy, skeleton),
        bowel=draw_bowel(np.random.default_rng([seed, BOWEL]), anatomy),
        tumours=tumours,
        circulation=circulation,
        factors=factors,
        clinical=hide_some(rng, values),
        outcome=outcome,
    )
