"""The patient around the run: clinical values after the paper's Table 1, response and survival.

The response model is documented in ``docs/phantom.md``: a logistic model in a clinical and a film score,
both about standard normal over patients with tumour, with weights set so that the clinical score alone has
an AUC of about 0.72, the film's factors 0.80 and both 0.85. Size and number of the tumours lead the film's
score, as in the six-and-twelve score of TACE (Wang et al., J Hepatol 2019), and can be seen in the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lesions import Lesion

CLINICAL_WEIGHT = 0.87
FILM_WEIGHT = 1.42
INTERCEPT = -0.06
BURDEN_SHARE = 0.4
"""Correlation of the severity behind the blood values with the burden on film: large tumours make patients ill."""

Value = float | str | None


@dataclass(frozen=True)
class Outcome:
    """Response to the first session and progression-free survival (months, censored at 36)."""

    responder: bool
    probability: float
    film_score: float
    clinical_score: float
    pfs_months: float
    progressed: bool


def draw_clinical(rng: np.random.Generator, factors: dict[str, float] | None = None) -> dict[str, float | str]:
    """Draw the twelve variables.

    Marginals follow Table 1 of the paper (all patients); a common severity makes them worsen together.
    Units: years, ng/mL (AFP), s (PT), µmol/L (TBIL), g/L (ALB), U/L (AST, ALT), mg/L (CRP).

    Parameters
    ----------
    factors
        `film_factors` of the patient, whose burden the severity goes along with; None for any patient's.
    """
    severity = float(rng.standard_normal())
    if factors is not None:
        severity = BURDEN_SHARE * burden_score(factors) + float(np.sqrt(1 - BURDEN_SHARE**2)) * severity

    def worse(share: float) -> float:
        return share * severity + np.sqrt(1 - share**2) * float(rng.standard_normal())

    reserve = worse(0.55)
    values: dict[str, float | str] = {
        "age": float(np.clip(np.round(55.0 + 11.9 * rng.standard_normal()), 18, 88)),
        "sex": "male" if rng.random() < 0.906 else "female",
        "hbv": "yes" if rng.standard_normal() < 1.155 else "no",
        "afp": float(np.round(np.clip(np.exp(4.75 + 2.6 * worse(0.60)), 0.8, 120000), 1)),
        "pt": float(np.round(np.clip(12.5 + 1.3 * (0.6 * reserve + 0.8 * rng.standard_normal()), 9, 22), 1)),
        "child_pugh": 5.0 + float(np.searchsorted([0.62, 1.28, 1.86, 2.6], reserve)),
        "ascites": "yes" if 0.7 * reserve + 0.71 * rng.standard_normal() > 1.47 else "no",
        "tbil": float(np.round(np.clip(np.exp(2.70 + 0.5 * (0.6 * reserve + 0.8 * worse(0.3))), 3, 180), 1)),
        "alb": float(np.round(np.clip(39.7 - 4.8 * (0.65 * reserve + 0.76 * worse(0.2)), 20, 56), 1)),
        "ast": float(np.round(np.clip(np.exp(3.82 + 0.6 * worse(0.55)), 8, 900))),
        "alt": float(np.round(np.clip(np.exp(3.71 + 0.6 * worse(0.25)), 6, 900))),
        "crp": float(np.round(np.clip(np.exp(1.3 + 1.15 * worse(0.5)), 0.1, 180), 1)),
    }
    return values


def clinical_score(values: dict[str, float | str]) -> float:
    """Return the clinical score of complete values: about standard normal, high is favourable."""
    afp, ast, crp, tbil = (float(np.log(float(values[k]))) for k in ("afp", "ast", "crp", "tbil"))
    burden = (
        0.55 * (afp - 4.75) / 2.6
        + 0.30 * (ast - 3.82) / 0.6
        + 0.35 * (crp - 1.30) / 1.15
        + 0.15 * (tbil - 2.70) / 0.5
        + 0.35 * (float(values["child_pugh"]) - 5.40) / 0.75
        - 0.25 * (float(values["alb"]) - 39.7) / 5.0
        + 0.20 * ((values["hbv"] == "yes") - 0.876) / 0.33
    )
    return -burden / 1.30


def hide_some(rng: np.random.Generator, values: dict[str, float | str]) -> dict[str, Value]:
    """Return the values with 3-10 % of them missing; age and sex are always known."""
    share = rng.uniform(0.03, 0.10)
    return {k: None if k not in ("age", "sex") and rng.random() < share else v for k, v in values.items()}


def film_factors(lesions: list[Lesion]) -> dict[str, float]:
    """Return what of the tumours decides the response: burden, stain over liver, necrosis, count.

    ``burden_cm`` is the diameter of a sphere of the tumours' projected area.
    """
    if not lesions:
        return {"burden_cm": 0.0, "stain": 1.0, "necrosis": 0.0, "count": 0.0}
    area = np.array([np.pi / 4 * s.diameter_cm**2 for s in lesions])
    weight = area / area.sum()
    return {
        "burden_cm": float(np.sqrt(area.sum() * 4 / np.pi)),
        "stain": float(np.exp((weight * np.log([s.perfusion for s in lesions])).sum())),
        "necrosis": float((weight * [s.core for s in lesions]).sum()),
        "count": float(len(lesions)),
    }


def burden_score(factors: dict[str, float]) -> float:
    """Return the logarithm of the burden, standardised over patients with tumour; 0 where there is none."""
    return 0.0 if factors["count"] == 0 else float((np.log(factors["burden_cm"]) - 1.81) / 0.41)


def film_score(factors: dict[str, float]) -> float:
    """Return the film score: about standard normal, high is favourable (small, few, bright, living); 0 without any."""
    if factors["count"] == 0:
        return 0.0
    count = (np.log(factors["count"]) - 0.39) / 0.57
    stain = (np.log(factors["stain"]) - 1.90) / 0.84
    necrosis = (factors["necrosis"] - 0.41) / 0.39
    return float(-0.70 * burden_score(factors) - 0.45 * count + 0.30 * stain - 0.20 * necrosis)


def draw_response(rng: np.random.Generator, values: dict[str, float | str], factors: dict[str, float]) -> Outcome:
    """Draw the outcome of a patient of these clinical values and film factors."""
    return draw_outcome(rng, clinical_score(values), film_score(factors))


def draw_outcome(rng: np.random.Generator, clinical: float, film: float) -> Outcome:
    """Draw response and progression-free survival from both scores."""
    logit = INTERCEPT + CLINICAL_WEIGHT * clinical + FILM_WEIGHT * film
    probability = float(1 / (1 + np.exp(-logit)))
    responder = bool(rng.random() < probability)
    median = 13.0 * np.exp(0.55 * (1 if responder else -1) + 0.15 * clinical)
    event = float(rng.weibull(1.2) * median / np.log(2) ** (1 / 1.2))
    followed = float(min(36.0, rng.uniform(6, 60)))
    return Outcome(responder, probability, film, clinical, round(min(event, followed), 1), event <= followed)
