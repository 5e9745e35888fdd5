"""A small cohort as files: seven patients, one of them with two runs, asymmetric frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_cohort import tumour, write_png, write_run

RESPONSES = ("CR", "PR", "SD", "PD", "PR", "SD", "PD")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a cohort without a flaw."""
    root = tmp_path / "study"
    manifest = ["patient,case,path,frame,tumour_mask,liver_mask"]
    clinical, outcome = ["patient,age,sex,tbil [umol/L],afp"], ["patient,response,pfs_months,progressed"]
    for i, response in enumerate(RESPONSES):
        patient = f"p{i + 1}"
        for run in range(2 if i == 0 else 1):
            case = f"{patient}_run{run + 1}"
            write_run(root / "runs" / case, seed=10 * i + run)
            write_png(root / "masks" / f"{case}.png", tumour())
            manifest.append(f"{patient},{case},runs/{case},3,masks/{case}.png,")
        clinical.append(f"{patient},{50 + i},{'male' if i % 2 else 'female'},{12 + 3 * i},{5 * 4**i}")
        outcome.append(f"{patient},{response},{6 + i},{int(i > 2)}")
    for name, lines in (("manifest", manifest), ("clinical", clinical), ("outcome", outcome)):
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture
def change(folder):
    """Change a text of a table of the cohort, and return the folder."""

    def changed(table: str, old: str, new: str) -> Path:
        path = folder / f"{table}.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return changed
