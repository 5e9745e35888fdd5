"""A run on disk, and the command itself."""

from __future__ import annotations

import pytest
from run_files import write_frames


@pytest.fixture
def run_folder(tmp_path, stained_frames):
    """A folder of 16 PNG frames that goes through."""
    return write_frames(tmp_path / "in" / "good", stained_frames)


@pytest.fixture
def dsanet(tmp_path, use_tiny_models, capsys):
    """Call ``dsanet run`` in this process: (exit code, stdout lines, stderr lines), results in tmp_path / "out"."""
    from DSANetLib.cli import main

    def call(*inputs, options=("--no-scene", "--no-picture")):
        capsys.readouterr()
        code = main(["run", *map(str, inputs), "--out", str(tmp_path / "out"), *map(str, options)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out.splitlines(), said.err.splitlines()

    return call
