from __future__ import annotations

import subprocess
import sys

import numpy as np

from DSANetLib.mrml import headless


def python(code):
    """Run code in a process of its own: what is imported or set up stays out of the other tests."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_starting_twice_gives_the_same_scene():
    first = headless.scene()
    assert headless.start().mrmlScene is first
    assert headless.scene() is first
    assert not headless.in_slicer()


def test_a_scene_that_is_there_is_left_alone():
    done = python(
        "import slicer\n"
        "slicer.mrmlScene = mine = slicer.vtkMRMLScene()\n"
        "from DSANetLib.mrml import headless\n"
        "assert headless.start().mrmlScene is mine and not hasattr(slicer, 'modules')\n"
        "slicer.app = object()\n"
        "assert headless.in_slicer()\n"
    )
    assert done.returncode == 0, done.stderr


def test_without_slicer_one_line_says_what_to_install():
    done = python(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'slicer':\n"
        "            raise ImportError('No module named slicer')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from DSANetLib.errors import DependencyError\n"
        "from DSANetLib.mrml import headless\n"
        "try:\n"
        "    headless.start()\n"
        "except DependencyError as error:\n"
        "    print(error)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "slicer-core" in done.stdout


def test_importing_the_modules_loads_neither_vtk_nor_slicer():
    done = python(
        "import sys\n"
        "from DSANetLib.mrml import attributes, case, files, headless, render, scene\n"
        "from DSANetLib.mrml import segmentation, sequence, table, terminology\n"
        "print([m for m in ('vtk', 'vtkmodules', 'slicer', 'torch', 'cv2') if m in sys.modules])\n"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_slicer_util_brings_segments_through_unchanged(liver):
    headless.start()
    import slicer.util

    volume = slicer.util.addVolumeFromArray(np.zeros((1, *liver.shape), np.int16))
    segmentation = headless.scene().AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("a")
    slicer.util.updateSegmentBinaryLabelmapFromArray(liver[None], segmentation, "a", volume)
    assert np.array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "a", volume)[0], liver)


def test_vtk_talks_to_the_log_and_not_to_the_terminal(tmp_path):
    done = python(
        "from DSANetLib.mrml import headless\n"
        f"assert headless.scene().WriteToMRB({str(tmp_path / 'a.mrb')!r})\n"
        f"assert not headless.scene().ReadFromMRB({str(tmp_path / 'none.mrb')!r})\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_promised_logic_answers():
    names = ("colors", "volumes", "segmentations", "subjecthierarchy", "sequences", "tables")
    assert all(headless.logic(name).GetMRMLScene() is headless.scene() for name in names)
    assert headless.application_logic().GetMRMLScene() is headless.scene()
