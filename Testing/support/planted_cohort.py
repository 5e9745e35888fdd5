"""A cohort whose frames, border and tumours have no symmetry: a mask that is turned, swapped or shifted is far off."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from DSANetLib.cohort import Split

ROWS, COLUMNS, COUNT = 120, 184, 8
TOP, LEFT = 8, 32
"""Width of the dark border above and on the left; there is none below and on the right."""
KEY = 6
PATIENTS, TEST, FOLDS = 12, 3, 4


def planted_tumour(number: int) -> np.ndarray:
    """(ROWS, COLUMNS) bool: a thick L in the upper right part of the field, another place for each patient."""
    place = np.random.default_rng(number)
    top, left = TOP + int(place.integers(6, 26)), LEFT + int(place.integers(76, 96))
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[top : top + 40, left : left + 14] = True
    mask[top + 28 : top + 40, left : left + 38] = True
    return mask


def write_planted_cohort(folder: Path) -> Path:
    """Write runs of PNG frames on which the L darkens, a bar on the left too, with masks of frames 6 and 7."""
    rows = []
    for number in range(PATIENTS):
        name = f"p{number:02d}"
        _write_run(folder / "runs" / name, number)
        for frame in (KEY, KEY + 1):
            mask = f"masks/{name}_{frame}.png"
            _write(folder / mask, 255 * planted_tumour(number).astype(np.uint8))
            rows.append(
                {"patient": name, "case": name, "path": f"runs/{name}", "frame": frame, "tumour_mask": mask,
                 "key_frame": int(frame == KEY), "set": "internal", "spacing_mm": 1.0, "frame_rate": 2.0}
            )  # fmt: skip
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    facts = {"format": 1, "name": "planted", "synthetic": True, "description": "shapes without symmetry"}
    (folder / "cohort.json").write_text(json.dumps(facts))
    return folder


def planted_split() -> Split:
    """The last patients test, the others train in four folds."""
    names = [f"p{number:02d}" for number in range(PATIENTS)]
    trained = names[:-TEST]
    sets = dict.fromkeys(trained, "train") | dict.fromkeys(names[-TEST:], "test")
    return Split(sets, {name: i % FOLDS for i, name in enumerate(trained)}, 0, TEST / PATIENTS, {"all": PATIENTS})


def _write_run(folder: Path, number: int) -> None:
    noise = np.random.default_rng(1000 + number)
    bar = np.zeros((ROWS, COLUMNS), bool)
    bar[70:112, LEFT + 12 : LEFT + 18] = True
    for i in range(COUNT):
        grey = 190.0 + noise.normal(0.0, 3.0, (ROWS, COLUMNS))
        grey[bar] -= 20.0 * np.clip(i - 1, 0, 3)
        grey[planted_tumour(number)] -= 25.0 * np.clip(i - 1, 0, 4)
        grey[:TOP], grey[:, :LEFT] = 0.0, 0.0
        _write(folder / f"frame_{i + 1:04d}.png", grey.clip(0, 255).round().astype(np.uint8))


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
