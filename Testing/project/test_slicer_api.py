"""Every call of Slicer that the code makes stands in docs/slicer-api.md, with source file and oldest release."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (5, 10)
# Newer than the oldest supported release, and asked for only where it is there.
GUARDED = {"slicer.packaging.pip_install"}
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| (\d+\.\d+|–|any) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs" / "slicer-api.md").read_text(encoding="utf-8")
    return {name: (source, since) for name, source, since in ROW.findall(text)}


@pytest.fixture(scope="module")
def used() -> list[str]:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import slicer_api
    finally:
        sys.path.pop(0)
    return slicer_api.used()


def test_every_call_is_listed(rows, used):
    assert {"AddSynchronizedSequenceNode", "slicer.util.loadUI", "vtkMRMLSequenceNode"} <= set(used)
    missing = sorted(set(used) - set(rows))
    assert not missing, f"python docs/slicer_api.py CLONE_OF_SLICER > docs/slicer-api.md; missing: {missing}"


def test_what_is_vtks_is_called_so(rows):
    """Names that every VTK object has, and those of images and matrices, are no finds in Slicer's filters."""
    for name in ("AddObserver", "Modified", "AllocateScalars", "GetExtent", "SetElement", "TransformPoint", "Update"):
        assert rows[name] == ("VTK", "–")
    for name in ("SetDimensions", "DeepCopy", "GetName"):
        assert rows[name][0].startswith("VTK; Libs/")
    assert rows["AddDisplayableManager"][0] == "Libs/MRML/DisplayableManager/vtkMRMLDisplayableManagerGroup.h"
    assert not [name for name, (source, _since) in rows.items() if "vtkITK" in source]


def test_the_file_is_that_of_the_class_on_which_it_is_called(rows):
    """Names that several classes have; each was looked up by hand."""
    wanted = {
        "GetMRMLApplicationLogic": "Libs/MRML/Logic/vtkMRMLAbstractLogic.h",
        "SetLineWidth": "Libs/MRML/Core/vtkMRMLPlotSeriesNode.h",
        "GetObjectToWorldMatrix": "Libs/MRML/Core/vtkMRMLMarkupsROINode.h",
        "GetDataIOManager": "Libs/MRML/Logic/vtkMRMLRemoteIOLogic.h",
        "GetCacheManager": "Libs/MRML/Logic/vtkMRMLRemoteIOLogic.h; Libs/MRML/Core/vtkMRMLScene.h",
        "slicer.parameterNodeWrapper.WithinRange": "Base/Python/slicer/parameterNodeWrapper/validators.py",
        "slicer.parameterNodeWrapper.parameterNodeWrapper": "Base/Python/slicer/parameterNodeWrapper/wrapper.py",
    }
    assert {name: rows[name][0] for name in wanted} == wanted


def test_every_call_is_in_the_oldest_supported_release(rows, used):
    for name in set(used) & set(rows):
        since = rows[name][1]
        if re.fullmatch(r"\d+\.\d+", since) and name not in GUARDED:
            assert tuple(map(int, since.split("."))) <= OLDEST, f"{name} came with Slicer {since}"


def test_guarded_calls_are_guarded():
    packages = (ROOT / "DSANetModule" / "DSANetModuleLib" / "packages.py").read_text(encoding="utf-8")
    assert 'find_spec("slicer.packaging")' in packages
