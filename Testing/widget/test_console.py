"""Every example of docs/console.md runs, one after the other, on the real scene, and does what its comment says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from run_files import write_avi, write_frames


@pytest.fixture
def desk(tmp_path, monkeypatch, stained_frames, tiny_models, use_tiny_models, application):
    """A folder with the files that the examples name, and the logic as Slicer hands it out."""
    from DSANetModuleLib.logic import DSANetModuleLogic

    monkeypatch.chdir(tmp_path)
    write_avi(tmp_path / "run.avi", stained_frames)
    (tmp_path / "letter.txt").write_text("Dear colleague,")
    for name, frames in (("a", stained_frames), ("b", np.zeros((16, 96, 128), np.uint8))):
        write_frames(tmp_path / "runs" / name, frames)
    logic = DSANetModuleLogic()
    monkeypatch.setattr(application.util, "getModuleLogic", lambda name: {"DSANetModule": logic}[name], raising=False)
    # The worker of a batch knows no other packages than the shipped ones: name the tiny ones.
    packages = {"model": tiny_models / "ffs-phantom", "response_model": tiny_models / "response-film-phantom"}
    job = logic.batchJob
    monkeypatch.setattr(logic, "batchJob", lambda inputs, out, **options: job(inputs, out, **{**packages, **options}))
    yield logic
    logic.close()


def test_every_example_runs(desk, repository, tmp_path):
    from DSANetLib.mrml.table import read_table

    blocks = re.findall(r"^```python\n(.*?)^```", (repository / "docs" / "console.md").read_text("utf-8"), re.M | re.S)
    assert len(blocks) >= 14
    names = {"stages": []}
    stale = False
    for block in blocks:
        exec(compile(block, "docs/console.md", "exec"), names)
        if "isStale" in block:
            stale = desk.isStale(names["case"])
            assert "stale" in read_table(names["table"])[-1]["flags"].split()
    assert stale
    assert names["stages"] == ["preparation", "model", "network"]
    assert "letter.txt" in names["said"]
    assert [outcome.done_before for outcome in names["done"]] == [True, False]
    assert names["row"]["runtime"].startswith("onnxruntime")
    assert names["path"].resolve() == tmp_path / "results" / "results.csv"
    assert {"results.csv", "patients.csv"} <= {path.name for path in (tmp_path / "results").iterdir()}
    assert any((tmp_path / "exported").iterdir())
