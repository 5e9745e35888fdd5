from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from DSANetLib.mrml.files import complete
from DSANetLib.mrml.scene import save_run, save_scene


def test_a_file_that_was_cut_anywhere_is_told_from_a_whole_one(masks, tmp_path):
    for path in (save_scene(tmp_path / "a.mrb"), save_run(masks.run, tmp_path / "a.seq.nrrd")):
        whole = path.read_bytes()
        assert complete(path)
        for part in range(10):
            path.write_bytes(whole[: len(whole) * part // 10])
            assert not complete(path), f"{path.name} after {part} tenths"
        path.write_bytes(whole[:-1])
        assert not complete(path)


def test_a_bundle_of_cut_files_is_not_whole(masks, tmp_path):
    """What comes of a temporary folder that ran full: a sound bundle with truncated frames in it."""
    with zipfile.ZipFile(save_scene(tmp_path / "a.mrb")) as bundle:
        members = {name: bundle.read(name) for name in bundle.namelist()}
    big = [name for name in members if name.endswith((".seq.nrrd", ".seq.mrb"))]
    assert len(big) == 2
    for name in big:
        with zipfile.ZipFile(tmp_path / "b.mrb", "w") as bundle:
            for other, data in members.items():
                bundle.writestr(other, data[: len(data) // 2] if other == name else data)
        assert not complete(tmp_path / "b.mrb")


def test_files_that_are_no_files_of_ours_are_not_whole(tmp_path):
    for name, data in (
        ("a.nrrd", b"NRRD0004\nencoding: raw\n\n1234"),
        ("b.nrrd", b"NRRD0004\nencoding: gzip\n\nno gzip"),
        ("c.nrrd", b"NRRD0004"),
        ("d.mrb", b"no zip"),
        ("e.csv", b""),
    ):
        (tmp_path / name).write_bytes(data)
        assert not complete(tmp_path / name), name
    assert not complete(tmp_path / "none.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX's")
def test_a_disk_that_runs_full_leaves_no_file_and_one_line(tmp_path):
    """A limit on the size of files stands for the full disk; Slicer's frame writer reports success on both."""
    code = f"""
import resource
from pathlib import Path
import numpy as np
from DSANetLib.errors import OutputError
from DSANetLib.mrml.render import missing_libraries, render_slice_view
from DSANetLib.mrml.scene import save_masks, save_run, save_scene
from DSANetLib.mrml.segmentation import write_masks
from DSANetLib.mrml.sequence import write_run
from DSANetLib.run import DSARun
noise = np.random.default_rng(0).integers(0, 255, (5, 200, 300)).astype(np.uint8)
run = write_run(DSARun(frames=noise, case_id="a"))
masks = write_masks(run, {{1: (None, noise[0] > 127)}})
folder = Path({str(tmp_path)!r})
saves = [lambda: save_scene(folder / "a.mrb"), lambda: save_run(run, folder / "a.seq.nrrd")]
saves.append(lambda: save_masks(masks, 1, folder / "a.seg.nrrd"))
if not missing_libraries():
    saves.append(lambda: render_slice_view(run, folder / "a.png"))
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for save in saves:
    try:
        save()
        print("written")
    except OutputError as error:
        print("refused", str(error).count(chr(10)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) > 3
    assert set(done.stdout.strip().split("\n")) == {"refused 0"}
    assert list(tmp_path.iterdir()) == []
