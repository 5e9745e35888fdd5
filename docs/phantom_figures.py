"""The phantom's contact sheet and response figures for ``docs/phantom.md``.

``python docs/phantom_figures.py sheet`` writes ``docs/images/phantom-contact-sheet.png``;
``python docs/phantom_figures.py response`` prints the table of AUCs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from DSANetLib.evaluation.statistics import auc
from DSANetLib.phantom import PhantomRun, simulate_patient
from DSANetLib.phantom.anatomy import draw_anatomy
from DSANetLib.phantom.lesions import draw_lesions
from DSANetLib.phantom.patient import (
    clinical_score,
    draw_clinical,
    draw_outcome,
    film_factors,
    film_score,
)

SIDE = 190
FIRST_SEED = 7_000_100
PATIENTS = 20_000


def panel(made: PhantomRun, frame: int, outlines: bool) -> np.ndarray:
    """Return one frame as it is stored, (SIDE, SIDE, 3) uint8, with the true outlines on request."""
    grey = made.run.frames[frame]
    eight = (grey >> max(made.run.bit_depth - 8, 0)).astype(np.uint8)
    image = cv2.cvtColor(cv2.resize(eight, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    if outlines:
        liver, lesions = made.truth.masks(frame)
        for mask, colour in ((liver, (80, 190, 80)), ((lesions > 0).astype(np.uint8), (60, 60, 235))):
            small = cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
            contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, contours, -1, colour, 1)
    return image


def sheet(path: Path, patients: int = 20, across: int = 2) -> None:
    """Write the contact sheet: four moments of each run, the key frame twice."""
    strips = []
    for i in range(patients):
        made = simulate_patient(FIRST_SEED + i).runs[0]
        key, last = made.truth.key_frame, made.run.count - 1
        moments = ((made.truth.arrival + key) // 2, key, min(last, (key + last + 1) // 2))
        strips.append(np.hstack([panel(made, moments[0], False), panel(made, key, False), panel(made, key, True),
                                 panel(made, moments[2], False)]))  # fmt: skip
    rows = [np.hstack(strips[i : i + across]) for i in range(0, patients, across)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def response_table() -> str:
    """Return the AUC of each score for the response, over PATIENTS patients without films."""
    rng = np.random.default_rng(0)
    bodies = [draw_anatomy(rng) for _ in range(100)]
    rows = []
    for i in range(PATIENTS):
        factors = film_factors(draw_lesions(rng, bodies[i % len(bodies)], rng.random() < 0.05))
        film = film_score(factors)
        clinical = clinical_score(draw_clinical(rng, factors))
        outcome = draw_outcome(rng, clinical, film)
        rows.append((clinical, film, outcome.probability, outcome.responder))
    table = np.array(rows, float)
    truth = table[:, 3] > 0
    lines = [f"| score ({PATIENTS:,} patients, {100 * truth.mean():.1f} % responders) | AUC |", "| --- | --- |"]
    for k, name in enumerate(("clinical score alone", "film score alone (the factors)", "both: the true probability")):
        lines.append(f"| {name} | {auc(table[:, k], truth):.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["sheet"]:
        sheet(Path(__file__).parent / "images" / "phantom-contact-sheet.png")
    elif sys.argv[1:] == ["response"]:
        sys.stdout.write(response_table() + "\n")
    else:
        sys.exit(f"usage: python {sys.argv[0]} sheet|response")
