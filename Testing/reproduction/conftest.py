"""A small phantom cohort, made once a session, with some of its patients as another hospital's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

PATIENTS, EXTERNAL = 34, 8


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory) -> Path:
    """34 phantom patients of 128 x 128 pixels, the last eight external."""
    from DSANetLib.phantom import write_cohort
    from DSANetLib.phantom.config import PhantomConfig

    folder = tmp_path_factory.mktemp("study") / "cohort"
    write_cohort(folder, PATIENTS, 7_700_000, config=PhantomConfig(rows=128, columns=128))
    path = folder / "manifest.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    others = sorted({row["patient"] for row in rows})[-EXTERNAL:]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"set": "external" if row["patient"] in others else "internal"} for row in rows)
    return folder
