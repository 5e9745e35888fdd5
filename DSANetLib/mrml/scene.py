"""Files of the scene: ``.mrb``, ``.seq.nrrd``, ``.seg.nrrd`` and ``.csv``, written whole or not at all, and read.

Slicer's own storage nodes write and read them, so Slicer opens each without this extension.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, SceneError
from .attributes import CASE, FRAME, PREFIX, ROLE, STATE, as_text, fact, set_facts
from .files import complete, existing_file, truncated, whole_file
from .headless import clear, logic, scene, start
from .labelmap import segment_array
from .owned import remove_node, remove_owned
from .segmentation import MaskNodes, StoredMasks, copy_frame, find_masks
from .sequence import RunNodes
from .table import find_table, find_tables
from .terminology import LIVER, TUMOUR


@dataclass(frozen=True)
class CaseNodes:
    """All nodes of a case; None for what it does not have."""

    run: RunNodes
    masks: MaskNodes | None = None
    results: Any = None
    lesions: Any = None

    @property
    def case_id(self) -> str:
        """Name of the case."""
        return fact(self.run.sequence, CASE) or str(self.run.sequence.GetName())


def find_cases() -> list[CaseNodes]:
    """Return the cases that the scene holds, in the order in which they were added."""
    tables = find_tables()
    return [_case(browser, sequence, tables) for browser, sequence in _run_browsers()]


def find_case(sequence: Any) -> CaseNodes | None:
    """Return the case of a run's sequence; None where it is no run. The scene's other cases cost nothing."""
    for browser, own in _run_browsers():
        if own is sequence:
            return _case(browser, sequence, find_tables())
    return None


def _run_browsers() -> list[tuple[Any, Any]]:
    """Return browser and sequence of each run."""
    browsers = scene().GetNodesByClass("vtkMRMLSequenceBrowserNode")
    browsers.UnRegister(None)  # GetNodesByClass hands over its collection
    found = [browsers.GetItemAsObject(i) for i in range(browsers.GetNumberOfItems())]
    pairs = [(browser, browser.GetMasterSequenceNode()) for browser in found]
    return [pair for pair in pairs if pair[1] is not None and fact(pair[1], ROLE) == "run"]


def _case(browser: Any, sequence: Any, tables: dict[tuple[str | None, str | None], Any]) -> CaseNodes:
    run = RunNodes(sequence, browser, browser.GetProxyNode(sequence))
    lesions = tables.get(("lesions", fact(sequence, CASE)))
    return CaseNodes(run, find_masks(run), tables.get(("results", None)), lesions)


def remove_case(case: CaseNodes) -> None:
    """Remove a case and everything that belongs to it; the results table of the scene stays."""
    run, name = case.run, case.case_id
    sequences = [run.sequence, *([case.masks.sequence] if case.masks else [])]
    shown = [run.volume, *([case.masks.segmentation] if case.masks else [])]
    remove_owned(run)
    run.browser.RemoveAllSequenceNodes()
    for node in [run.browser, *sequences, *shown, case.lesions, find_table("curve", name)]:
        remove_node(node)


def save_scene(path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the whole scene as ``.mrb``.

    Raises
    ------
    SceneError
        Where the file exists already (without ``overwrite``).
    OutputError
        Where it cannot be written; nothing is left behind.
    """
    with whole_file(path, (".mrb",), overwrite) as temporary:
        messages = start().vtkMRMLMessageCollection()
        done = scene().WriteToMRB(str(temporary), None, messages)
        if not done or not complete(temporary):
            raise _unwritten(path, messages)
    return Path(path)


def load_scene(path: str | Path, *, keep: bool = False) -> list[CaseNodes]:
    """Open a ``.mrb`` and return its cases.

    Parameters
    ----------
    path
        File to open.
    keep
        True adds to the scene; else what it holds is closed first, once the file has proved readable.

    Raises
    ------
    SceneError
        Where the file is missing, damaged or no scene.
    """
    path = check_bundle(path)
    before = {case.run.sequence.GetID() for case in find_cases()} if keep else set()
    messages = start().vtkMRMLMessageCollection()
    if not scene().ReadFromMRB(str(path), not keep, messages):
        if not keep:
            clear()
        raise _failure("cannot be read", path, messages)
    cases = [case for case in find_cases() if case.run.sequence.GetID() not in before]
    show_items()
    return cases


def show_items() -> None:
    """Let each case show the frame and the masks that its browser is on; call it after a scene file was read.

    A file holds shown frame and item apart, and edits must land in the item. Where the scene held cases already, the
    masks that one of them showed may have been overwritten with those of the file, as both had the same node ID.
    """
    for case in find_cases():
        logic("sequences").UpdateProxyNodesFromSequences(case.run.browser)


def check_bundle(path: str | Path) -> Path:
    """Return the absolute path of a ``.mrb``; raise `SceneError` where it is missing, damaged or no scene."""
    path = existing_file(path)
    try:
        with zipfile.ZipFile(path) as bundle:
            damaged = "it is truncated" if truncated(bundle) else bundle.testzip()
            scenes = [name for name in bundle.namelist() if name.endswith(".mrml")]
    except (zipfile.BadZipFile, OSError) as error:
        raise SceneError(f"is not a Slicer scene bundle ({error})", "Choose a .mrb file", path) from error
    if damaged or not scenes:
        raise SceneError(f"is damaged ({damaged or 'no .mrml inside'})", "Save it again, or use a copy", path)
    return path


def save_run(run: RunNodes, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the frames of a run as ``.seq.nrrd``, with times, spacing and facts."""
    with whole_file(path, (".seq.nrrd",), overwrite) as temporary:
        _store(start().vtkMRMLVolumeSequenceStorageNode(), run.sequence, temporary, path)
    return Path(path)


def load_run(path: str | Path) -> Any:
    """Open a ``.seq.nrrd`` and return its sequence node (in the scene, without browser)."""
    path = existing_file(path)
    messages = start().vtkMRMLMessageCollection()
    node = logic("sequences").AddSequence(str(path), messages)
    if node is None:
        raise _failure("cannot be read", path, messages)
    return node


def save_masks(masks: MaskNodes, frame: int, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the masks of one source frame (0-based) as ``.seg.nrrd``; state and frame stand in segment tags."""
    copy = copy_frame(masks, frame)
    segmentation = copy.GetSegmentation()
    for identifier in (LIVER, TUMOUR):
        for name in (STATE, FRAME):
            segmentation.GetSegment(identifier).SetTag(PREFIX + name, as_text(fact(copy, name)))
    with whole_file(path, (".seg.nrrd",), overwrite) as temporary:
        _store(start().vtkMRMLSegmentationStorageNode(), copy, temporary, path)
    return Path(path)


def load_masks(path: str | Path, shape: tuple[int, int]) -> StoredMasks:
    """Read a ``.seg.nrrd`` of `save_masks`, without touching Slicer's scene.

    Parameters
    ----------
    path
        File to read.
    shape
        (rows, columns) of the frame.
    """
    path = existing_file(path)
    slicer = start()
    aside = slicer.vtkMRMLScene()
    node, storage = aside.AddNewNodeByClass("vtkMRMLSegmentationNode"), slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        raise _failure("is no readable segmentation", path, storage.GetUserMessages())
    node.SetName(path.name)
    liver, tumour = (segment_array(node, identifier, shape) for identifier in (LIVER, TUMOUR))
    return StoredMasks(liver, tumour, _tag(node.GetSegmentation().GetSegment(TUMOUR), STATE) or "predicted")


def save_table(node: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table as ``.csv``; types, units and descriptions stand beside it in ``.schema.csv``, as Slicer does."""
    with whole_file(path, (".csv", ".tsv"), overwrite) as temporary:
        _store(start().vtkMRMLTableStorageNode(), node, temporary, path)
    return Path(path)


def load_table(path: str | Path, *, role: str | None = None) -> Any:
    """Open a ``.csv`` as a table node in the scene."""
    path = existing_file(path)
    if path.suffix not in (".csv", ".tsv"):
        raise SceneError("is no readable table", "Choose a .csv or .tsv file", path)
    node = scene().AddNewNodeByClass("vtkMRMLTableNode", scene().GenerateUniqueName(path.name.split(".")[0]))
    storage = start().vtkMRMLTableStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        scene().RemoveNode(node)
        raise _failure("is no readable table", path, storage.GetUserMessages())
    set_facts(node, {ROLE: role})
    return node


def _store(storage: Any, node: Any, temporary: Path, path: str | Path) -> None:
    storage.SetFileName(str(temporary))
    storage.SetUseCompression(True)
    if not storage.WriteData(node) or not complete(temporary):
        raise _unwritten(path, storage.GetUserMessages())


def _tag(segment: Any, name: str) -> Any:
    from vtkmodules.vtkCommonCore import reference

    value = reference("")
    return str(value) if segment.GetTag(PREFIX + name, value) else None


def _failure(problem: str, path: str | Path, messages: Any) -> SceneError:
    return SceneError(f"{problem}{_reason(messages)}", "Check the file", path)


def _unwritten(path: str | Path, messages: Any) -> OutputError:
    return OutputError(f"cannot be written{_reason(messages)}", "Make room on the disk, or choose another folder", path)


def _reason(messages: Any) -> str:
    texts = [messages.GetNthMessageText(i) for i in range(messages.GetNumberOfMessages())] if messages else []
    # Without VTK's "ERROR: In file, line: class (address):", which tells a user nothing.
    return f" ({re.sub(r'^.*?[(]0x[0-9a-f]+[)]: *', '', ' '.join(texts[0].split())).rstrip('.')})" if texts else ""
