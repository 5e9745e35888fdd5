"""Every real file ends with a result or one clear line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("DSANET_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata"))


def _entries() -> list[str]:
    """Return what a user would give: each DICOM or video file, and each folder of frames."""
    manifest = FOLDER / "MANIFEST.json"
    if not manifest.is_file():
        return ["(absent)"]
    found = set()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix.lower() in (".dcm", ".avi", ".mp4"):
            found.add(path.relative_to(FOLDER).as_posix())
        elif path.is_file() and path.suffix.lower() in (".png", ".bmp", ".jpg", ".tif"):
            found.add(path.parent.relative_to(FOLDER).as_posix())
    return sorted(found)


@pytest.mark.parametrize("entry", _entries())
def test_a_real_file_ends_with_a_result_or_one_clear_line(realdata, dsanet, tmp_path, entry):
    code, out, err = dsanet(realdata / entry, options=("--no-scene", "--no-picture", "--json"))
    rows = [json.loads(line) for line in out]
    assert rows
    assert code == (1 if any(row["status"] == "failed" for row in rows) else 0)
    for row in rows:
        if row["status"] == "ok":
            assert (tmp_path / "out" / row["case"] / "case.json").is_file()
            assert 0 <= row["probability"] <= 1
        else:
            assert row["error"] in err
            assert row["error"].endswith(".")
    assert len(err) == sum(row["status"] == "failed" for row in rows)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    "entry", ["dicom/xa_coronary_96f_8bit_jpegbaseline_maskmodule.dcm", "frames/dsa_cerebral_png_pair"]
)
def test_a_real_file_gets_its_picture(realdata, dsanet, tmp_path, entry):
    assert dsanet(realdata / entry, options=("--no-scene",))[0] == 0
    assert len(list((tmp_path / "out").rglob("picture.png"))) == 1
