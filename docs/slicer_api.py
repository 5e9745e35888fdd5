"""Write slicer-api.md: every call of Slicer in the module and DSANetLib/mrml, its source file, its oldest release.

    python docs/slicer_api.py CLONE_OF_SLICER > docs/slicer-api.md

The clone needs its tags. The test in Testing/project/test_slicer_api.py uses `used` alone, and needs no clone.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("DSANetModule", "DSANetLib/mrml")
RELEASES = ("v5.4.0", "v5.6.2", "v5.8.1", "v5.10.0", "v5.12.0", "HEAD")
_CLASS = re.compile(r"(vtkMRML|vtkSlicer|vtkSegment|qMRML|qSlicer)\w+")
_METHOD = re.compile(r"[A-Z][a-z]*[A-Z]\w*|\w*MRML\w*")
_WORD = re.compile(r"[A-Z][a-z]+")
_DECLARED = re.compile(
    r"(?<![.>\w])(\w+) ?\(|\bdef (\w+)|\bclass (?:\w+ )?(\w+)\b|^[ \t]*(\w+)(?: = [^,\n]+)?,?[ \t]*(?://.*)?$",
    re.MULTILINE,
)
_MACRO = re.compile(r"vtk(Set|Get|Boolean)\w*Macro ?\( ?(\w+)")
# Templates and filters that call or override what VTK declares; nothing here uses them.
_NEVER = ("Libs/vtkITK/", "Base/CLI/", "Libs/MRML/Core/vtkITKTransform", "Base/Logic/vtkImage")
# VTK's classes that the code uses itself; what vtkObject has is VTK's wherever it is called.
_VTK = {
    "vtkCommonCore": ("vtkDataArray", "vtkPoints", "vtkStringArray", "vtkLookupTable"),
    "vtkCommonDataModel": ("vtkImageData", "vtkTable", "vtkPolyData", "vtkPointData"),
    "vtkCommonMath": ("vtkMatrix4x4",),
    "vtkCommonTransforms": ("vtkGeneralTransform",),
    "vtkRenderingCore": ("vtkRenderer", "vtkRenderWindow", "vtkActor2D", "vtkImageMapper", "vtkWindowToImageFilter"),
}
# Of a name that several classes have, the one that ours is.
_FIRST = (
    *("Libs/MRML/Core/vtkMRMLNode.h", "Libs/MRML/Core/vtkMRMLScene.h", "Libs/MRML/Core/vtkMRMLSequenceNode.h"),
    *("Modules/Loadable/Sequences/MRML/vtkMRMLSequenceBrowserNode.h", "Libs/MRML/Core/vtkMRMLSequenceBrowserNode.h"),
    *("Libs/MRML/Core/vtkMRMLVolumeNode.h", "Libs/MRML/Core/vtkMRMLSegmentationNode.h"),
    *("Libs/vtkSegmentationCore/vtkSegmentation.h", "Libs/vtkSegmentationCore/vtkSegment.h"),
    *("Libs/MRML/Core/vtkMRMLDisplayableNode.h", "Libs/MRML/Core/vtkMRMLStorageNode.h"),
    *("Libs/MRML/Logic/vtkMRMLApplicationLogic.h", "Base/QTCore/qSlicerCoreApplication.h"),
    *("Libs/MRML/Core/vtkMRMLTableNode.h", "Libs/MRML/Core/vtkMRMLDisplayNode.h", "Base/Python/slicer/util.py"),
)
# What the order above gets wrong: the class on which ours calls the name, looked up by hand.
_LOGIC = "Libs/MRML/Logic/"
_OURS = {
    "AddDataIOToScene": (f"{_LOGIC}vtkMRMLRemoteIOLogic.h",),
    "GetCacheManager": (f"{_LOGIC}vtkMRMLRemoteIOLogic.h", "Libs/MRML/Core/vtkMRMLScene.h"),
    "GetDataIOManager": (f"{_LOGIC}vtkMRMLRemoteIOLogic.h",),
    "GetImageDataConnection": (f"{_LOGIC}vtkMRMLSliceLogic.h",),
    "GetLabelValue": ("Libs/vtkSegmentationCore/vtkSegment.h",),
    "GetMRMLApplicationLogic": (f"{_LOGIC}vtkMRMLAbstractLogic.h",),
    "GetObjectToWorldMatrix": ("Libs/MRML/Core/vtkMRMLMarkupsROINode.h",),
    "GetSize": ("Libs/MRML/Core/vtkMRMLMarkupsROINode.h",),
    "RemoveSegment": ("Libs/vtkSegmentationCore/vtkSegmentation.h",),
    "SetColor": ("Libs/vtkSegmentationCore/vtkSegment.h", "Libs/MRML/Core/vtkMRMLPlotSeriesNode.h"),
    "SetLineWidth": ("Libs/MRML/Core/vtkMRMLPlotSeriesNode.h",),
    "SetMRMLApplicationLogic": (f"{_LOGIC}vtkMRMLAbstractLogic.h",),
    "SetMRMLScene": (f"{_LOGIC}vtkMRMLAbstractLogic.h",),
    "SetRenderer": ("Libs/MRML/DisplayableManager/vtkMRMLDisplayableManagerGroup.h",),
    "SetViewArrangement": ("Libs/MRML/Core/vtkMRMLLayoutNode.h",),
}
# Called on VTK's objects alone, though classes of Slicer have the name too.
_VTK_ALONE = {
    *("AddItem", "GetNumberOfItems", "GetOutput", "GetValue", "ModifiedEvent", "RemoveItem", "Render"),
    *("SetInputData", "SetSize", "SetValue", "TransformPoint", "Update", "Write"),
}
HEAD = """\
# Calls of Slicer

Oldest supported release: **Slicer 5.10** (November 2025), the first with Python 3.12; the library needs Python 3.10.
Slicer 5.12 brings a progress window for packages (`slicer.packaging`), and all versions of packages that DSANet needs.

Every call of Slicer in `DSANetModule` and `DSANetLib/mrml`, the file of Slicer's sources that declares it, and the
oldest release whose sources have the name ("5.4" stands for 5.4 and older). What is `VTK` is declared there; `VTK;` and
a file: a name that VTK's classes and a node of Slicer both have, and that is called on both or on either.
Written by `docs/slicer_api.py` from a clone of Slicer; a test says which calls are missing here.

| call | declared in | since |
| --- | --- | --- |
"""
TAIL = """
Widgets, whose methods Qt makes known by their lower case:

| call | declared in | since |
| --- | --- | --- |
| `qMRMLSegmentEditorWidget`: `setSegmentationNode`, `setCurrentSegmentID`, `currentSegmentID`, \
`setActiveEffectByName`, `effectByName`, `setEffectNameOrder`, `setUnorderedEffectsVisible`, \
`setSegmentationNodeSelectorVisible`, \
`setSwitchToSegmentationsButtonVisible`, `setUndoEnabled`, `setupViewObservations`, `removeViewObservations` \
| Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h | 5.4 |
| `setSourceVolumeNode`, `setSourceVolumeNodeSelectorVisible` | the same | 5.4 |
| `setAddRemoveSegmentButtonsVisible`, `setShow3DButtonVisible`, `setSpecifyGeometryButtonVisible`, \
`setMaskingSectionVisible` | the same | 5.8 |
| `DSANetModuleFileReader`: `supportedNameFilters`, `userMessages` of its parent | \
Base/QTCore/qSlicerFileReader.h, Base/QTCore/qSlicerIO.h | 5.4 |
"""

# What no declaration in Slicer's sources would tell.
_ELSEWHERE = {
    "GetProperty": "VTK | –",
    "PyTorchUtils.PyTorchUtilsLogic": "the extension PyTorch, PyTorchUtils/PyTorchUtils.py | any",
    "slicer.app.connect": "Qt | –",
    "slicer.app.testingEnabled": "Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h | 5.4",
    "slicer.dicomDatabase.fileValue": "CTK, Libs/DICOM/Core/ctkDICOMDatabase.h | any",
    "VTKObservationMixin": "Base/Python/slicer/util.py | 5.4",
    "SampleDataLogic": "Modules/Scripted/SampleData/SampleData.py | 5.4",
    "slicer.modules.dicomPlugins": "made by the first DICOM plug-in, Modules/Scripted/DICOM/DICOM.py | 5.4",
    "vtkMRMLColorTableNodeGrey": "ID of a default node, Modules/Loadable/Colors/Logic | 5.4",
}


def used() -> list[str]:
    """Return the names of Slicer, MRML and VTK that the code uses, sorted."""
    found: set[str] = set()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                found.update(_names(node))
    # slicer.util.errorDisplay says all that slicer.util does.
    return sorted(n for n in found if not any(other.startswith(n + ".") for other in found))


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("slicer", "DICOMLib", "PyTorchUtils"):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CLASS.fullmatch(node.value):
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # A single word may be anything, unless it is called: node.Modified().
        return [node.func.attr] if _WORD.fullmatch(node.func.attr) and not _elsewhere(_chain(node.func)) else []
    if not isinstance(node, ast.Attribute):
        return []
    parts = _chain(node)
    if parts[:1] == ["slicer"]:
        # slicer.mrmlScene.AddNode: the method is a name of its own.
        cut = len(parts) if len(parts) == 2 or not _METHOD.fullmatch(parts[-1]) else -1
        return [".".join(parts[:cut]), *parts[cut:]] if cut == -1 else [".".join(parts)]
    known = _CLASS.fullmatch(node.attr) or _METHOD.fullmatch(node.attr)
    return [node.attr] if known and not _elsewhere(parts) else []


def _elsewhere(parts: list[str]) -> bool:
    """Return whether a name belongs to Python or Qt."""
    return bool(parts) and parts[0] in {"qt", "ctk", "vtk", "np"} | sys.stdlib_module_names


def _chain(node: ast.expr) -> list[str]:
    """Return the names of ``a.b.c``, empty where it begins with a call."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return [node.id, *parts] if isinstance(node, ast.Name) else []


def _declared(clone: str, release: str, wanted: set[str]) -> dict[str, list[str]]:
    """Return name → headers and Python files that declare it, of one release."""
    found: dict[str, list[str]] = {}
    command = ["git", "-C", clone, "archive", release, "Base", "Libs", "Modules"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        for member in tar:
            if not member.name.endswith((".h", ".py")) or "/Testing/" in member.name or "/tests/" in member.name:
                continue
            file = tar.extractfile(member)
            text = file.read().decode(errors="replace") if file else ""
            for name in wanted & set(_declarations(text)):
                found.setdefault(name, []).append(member.name)
    return found


def _declarations(text: str) -> Iterator[str]:
    for match in _DECLARED.finditer(text):
        yield next(group for group in match.groups() if group)
    for kind, name in _MACRO.findall(text):
        yield from (name + "On", name + "Off") if kind == "Boolean" else (kind + name,)


@cache
def _vtk() -> tuple[set[str], set[str]]:
    """Return the names that every VTK object has, and those of the classes that the code uses."""
    from vtkmodules.vtkCommonCore import vtkObject

    classes = [getattr(import_module(f"vtkmodules.{module}"), name) for module in _VTK for name in _VTK[module]]
    return set(dir(vtkObject)), {name for each in classes for name in dir(each)}


def _row(name: str, declared: dict[str, dict[str, list[str]]]) -> str:
    """Return the table's row of a name."""
    of_all, of_vtk = _vtk()
    if name in _ELSEWHERE:
        return f"| `{name}` | {_ELSEWHERE[name]} |\n"
    if name in of_all or name in _VTK_ALONE:
        return f"| `{name}` | VTK | – |\n"
    module, _, last = name.rpartition(".")
    # slicer.util.loadUI is in slicer/util.py and nowhere else; methods of nodes are in headers.
    suffix = f"{module.replace('.', '/')}.py" if module.startswith("slicer.") else ".py" if module else ".h"
    files = {r: [file for file in found.get(last, []) if file.endswith(suffix)] for r, found in declared.items()}
    package = f"Base/Python/{module.replace('.', '/')}/"
    if module.startswith("slicer.") and any(file.startswith(package) for file in declared["HEAD"].get(last, [])):
        # What a package offers is declared in a file of it.
        files = {r: [file for file in found.get(last, []) if file.startswith(package)] for r, found in declared.items()}
    if module == "slicer.app" or (module.startswith("slicer") and not any(files.values())):
        files = {release: found.get(last, []) for release, found in declared.items()}
    files = {release: [file for file in found if not file.startswith(_NEVER)] for release, found in files.items()}
    now = files["HEAD"]
    if not now:
        return f"| `{name}` | VTK | – |\n"
    # A class is declared in the file of its name.
    named = [file for file in now if Path(file).stem == last]
    best = next((file for file in (*named, *_FIRST) if file in now), min(now, key=lambda f: (f.count("/"), f)))
    if name in _OURS:
        if gone := set(_OURS[name]) - set(now):
            raise SystemExit(f"{name} is not declared in {', '.join(sorted(gone))}: mend _OURS")
        best = "; ".join(_OURS[name])
    since = next(release for release in RELEASES if files[release])
    best = f"VTK; {best}" if name in of_vtk else best
    return f"| `{name}` | {best} | {'5.13' if since == 'HEAD' else '.'.join(since[1:].split('.')[:2])} |\n"


def main() -> None:
    """Write the page to the standard output."""
    names = used()
    wanted = {name.rpartition(".")[2] for name in names}
    declared = {release: _declared(sys.argv[1], release, wanted) for release in RELEASES}
    sys.stdout.write(HEAD + "".join(_row(name, declared) for name in names) + TAIL)


if __name__ == "__main__":
    main()
