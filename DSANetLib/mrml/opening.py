"""A run becomes a case of the scene: one that was read from a file, or one that is in the scene already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import SceneError
from ..preparation import PreparedRun
from .attributes import CASE, FRAME, FRAMES, ROLE, Fact, fact, set_facts
from .headless import logic, scene
from .plots import write_curve
from .run_facts import found_facts, spacing_facts, spacing_of
from .scene import CaseNodes, find_case, find_cases, remove_case
from .segmentation import find_masks, write_masks
from .sequence import ASSUMED_FRAME_RATE, RunNodes, browse, items, write_run
from .subtracted import write_subtracted

_UNSAID: dict[str, Fact] = {"Polarity": "unknown", "Intensity": "unknown"}


def open_run(prepared: PreparedRun, frames: Sequence[int] | None = None) -> CaseNodes:
    """Put a run that was read and prepared into the scene, with empty masks for every frame and its curve.

    Parameters
    ----------
    prepared
        Its run holds the frames; where a case of that name is in the scene already, the name gets a number.
    frames
        Source frames to store, ascending; all where not given.

    Raises
    ------
    SceneError
        Where something does not fit into a scene; then nothing is left of it.
    """
    run = prepared.run.with_changes(case_id=free_name(prepared.run.case_id))
    key = prepared.key_frame
    nodes = write_run(
        run,
        prepared.frame_times,
        frames=frames,
        key_frame=key.index,
        shown_polarity=prepared.polarity,
        visible=prepared.visible_source,
    )
    try:
        set_facts(nodes.sequence, found_facts(prepared))
        write_masks(nodes)
        write_curve(nodes, key.curve, times_s=prepared.frame_times, key_frame=key.index, shown_frame=key.index)
        write_subtracted(nodes, prepared)
        return case_of(nodes.sequence)
    except Exception:
        remove_case(CaseNodes(nodes, find_masks(nodes)))
        raise


def case_of(node: Any) -> CaseNodes:
    """Return the case of a node of it, as it stands now.

    Parameters
    ----------
    node
        A `CaseNodes`; or the sequence, the browser, or what shows its frames or masks.

    Raises
    ------
    SceneError
        Where the node is none of a case of ours, or the case is no longer whole.
    """
    sequence = sequence_of(node)
    case = find_case(sequence)
    if case is not None:
        if case.run.volume is None:
            problem = "the volume that shows its frames was deleted"
            raise SceneError(problem, "Remove the run, and load it again", case.case_id)
        return case
    if fact(sequence, ROLE) == "run":
        raise SceneError("its sequence browser was deleted", "Remove the run, and load it again", sequence.GetName())
    raise SceneError("is no run that DSANet knows", "Choose a run in the section Run first", sequence.GetName())


def adopt_run(node: Any) -> CaseNodes:
    """Make a case of a run that another program put into the scene: sequence, browser, or the volume that shows it.

    The sequence gets our attributes, a neutral name of the case and masks; its images stay as they are. A case of
    ours is returned as it is, with masks where it had none.

    Raises
    ------
    SceneError
        For sequences of 3-D volumes, of colour frames, of anything that is no volume, and of one frame.
    """
    sequence = sequence_of(node)
    if fact(sequence, ROLE) == "run":
        case = case_of(sequence)
        if case.masks is None:
            write_masks(case.run)
        return case_of(sequence)
    volumes = _checked_frames(sequence)
    times = _times(sequence)
    name = free_name("run-1")
    spacing = spacing_of(sequence)
    frames = tuple(range(len(volumes)))
    set_facts(sequence, {ROLE: "run", CASE: name, FRAMES: frames, "SourceFrames": len(frames), **_UNSAID})
    set_facts(sequence, {"TimesFrom": "assumed" if times is None else "source"})
    if spacing is not None:
        set_facts(sequence, spacing_facts(spacing))
    for frame, volume in enumerate(volumes):
        set_facts(volume, {FRAME: frame})
    browser = next((b for b in _browsers() if b.GetMasterSequenceNode() is sequence), None)
    if browser is None or browser.GetProxyNode(sequence) is None:
        assumed = np.arange(len(frames)) / ASSUMED_FRAME_RATE
        run = browse(name, sequence, assumed if times is None else times)
    else:
        run = RunNodes(sequence, browser, browser.GetProxyNode(sequence))
    write_masks(run)
    return case_of(sequence)


def sequence_of(node: Any) -> Any:
    """Return the sequence of frames that a node belongs to; raise `SceneError` where there is none."""
    if isinstance(node, CaseNodes):
        node = node.run.sequence
    if node is None:
        raise SceneError("no run is chosen", "Load a run, or choose one")
    if node.GetScene() is None:
        raise SceneError("the run was removed from the scene", "Load it again")
    if node.IsA("vtkMRMLSequenceNode"):
        return _master(node)
    browser = node
    if not node.IsA("vtkMRMLSequenceBrowserNode"):
        browser = logic("sequences").GetFirstBrowserNodeForProxyNode(node)
    sequence = None if browser is None else browser.GetMasterSequenceNode()
    if sequence is None:
        raise SceneError("is no sequence of frames", "Choose a run: a sequence of single-slice images", node.GetName())
    return sequence


def free_name(name: str) -> str:
    """Return a name that no case of the scene has; where it is taken, its number is counted up."""
    taken = {case.case_id.casefold() for case in find_cases()}
    stem, _, last = name.rpartition("-")
    stem, number = (stem, int(last)) if stem and last.isdecimal() else (name, 1)
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def _master(sequence: Any) -> Any:
    """Return the frames that a sequence of masks belongs to, and any other sequence itself."""
    if fact(sequence, ROLE) != "masks":
        return sequence
    for browser in _browsers():
        if browser.IsSynchronizedSequenceNode(sequence, True):
            return browser.GetMasterSequenceNode()
    return sequence


def _browsers() -> list[Any]:
    found = scene().GetNodesByClass("vtkMRMLSequenceBrowserNode")
    found.UnRegister(None)  # GetNodesByClass hands over its collection
    return [found.GetItemAsObject(i) for i in range(found.GetNumberOfItems())]


def _checked_frames(sequence: Any) -> list[Any]:
    """Return the volumes of a sequence; a sentence for each kind of node that is no frame."""
    name, volumes = sequence.GetName(), items(sequence)
    if len(volumes) < 2:
        raise SceneError(f"holds {len(volumes)} frame, which is no run", "Choose a sequence of all frames", name)
    sizes = set()
    for volume in volumes:
        image = volume.GetImageData() if volume is not None and volume.IsA("vtkMRMLVolumeNode") else None
        if image is None:
            raise SceneError("holds other nodes than images", "Choose a sequence of single-slice images", name)
        if image.GetNumberOfScalarComponents() != 1 or not volume.IsA("vtkMRMLScalarVolumeNode"):
            raise SceneError("holds colour frames", "Convert them to grey, or load the file with DSANet", name)
        if image.GetDimensions()[2] != 1:
            raise SceneError("holds 3-D volumes", "Choose a run of two-dimensional frames", name)
        if image.GetScalarTypeAsString() not in ("unsigned char", "unsigned short", "short"):
            kind = image.GetScalarTypeAsString()
            raise SceneError(f"holds frames of the type {kind}", "Cast them to (unsigned) short", name)
        sizes.add(image.GetDimensions())
    if len(sizes) > 1:
        raise SceneError("holds frames of different sizes", "Choose a sequence of one run", name)
    return volumes


def _times(sequence: Any) -> np.ndarray | None:
    """Return the times of another program's frames in s; None where its index is no time in s that increases."""
    if sequence.GetIndexUnit() != "s":
        return None
    try:
        times = np.array([float(sequence.GetNthIndexValue(i)) for i in range(sequence.GetNumberOfDataNodes())])
    except ValueError:
        return None
    return times if np.isfinite(times).all() and (np.diff(times) > 0).all() else None
