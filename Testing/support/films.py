"""Small films with known truth, shared by the tests of the preparation."""

from __future__ import annotations

import numpy as np

from DSANetLib.run import DSARun

ARRIVAL_S = 2.0
STAIN_S = 6.0


def film(
    *, count=24, rate=2.0, rows=120, columns=150, subtracted=True, inverted=False, noise=1.0, seed=0, dtype=np.uint8
):
    """(F, rows, columns) stored values: a vessel from 2 s on (peak 3 s), a stain with its peak at 6 s."""
    rng = np.random.default_rng(seed)
    times = np.arange(count) / rate
    down, across = np.mgrid[:rows, :columns]
    anatomy = 60.0 * (across < columns * 0.3) + 50.0 * (np.abs(across - 0.7 * columns) < 12) if not subtracted else 0.0
    vessel = (np.abs(down - rows / 2 - 8 * np.sin(across / 9)) < 1.5) & (across > 0.35 * columns)
    stain = (down - 0.6 * rows) ** 2 + (across - 0.55 * columns) ** 2 < (0.14 * rows) ** 2
    frames = []
    for t in times:
        in_vessel = np.exp(-0.5 * ((t - 3.0) / 0.6) ** 2) * (t >= ARRIVAL_S)
        in_stain = np.exp(-0.5 * ((t - STAIN_S) / 1.5) ** 2) * (t >= ARRIVAL_S + 0.5)
        iodine = 0.5 * vessel * in_vessel + 0.3 * stain * in_stain
        level = 190.0 - 300.0 * iodine if subtracted else (200.0 - anatomy) * np.exp(-iodine)
        frames.append(level + rng.normal(0, noise, (rows, columns)))
    values = np.clip(np.round(frames), 1, 254)
    values = 255 - values if inverted else values
    return values.astype(dtype), times


def film_run(*, unknown=False, case_id="film", **settings):
    """A DSARun of the film; with `unknown` it says nothing of itself."""
    subtracted, inverted = settings.get("subtracted", True), settings.get("inverted", False)
    frames, times = film(**settings)
    facts = (
        {}
        if unknown
        else {
            "subtracted": subtracted,
            "polarity": "bright_contrast" if inverted else "dark_contrast",
            "intensity": "log" if subtracted else "linear",
        }
    )
    return DSARun(frames, case_id, times_s=times, **facts)
