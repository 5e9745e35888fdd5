"""Masks in the scene: a segmentation for *every* frame, made in advance, and a state for each.

Browsing with "save changes" on and items missing copies masks onto other frames, or loses them. So each frame has its
item from the start, with the same two segments, empty where nothing is labelled. "Labelled" is the attribute
``DSANet.FrameState``, never the presence of an item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ..errors import SceneError
from .attributes import CASE, FRAME, ROLE, STATE, Fact, fact, need_fact, set_facts
from .headless import logic, scene, start
from .labelmap import fill, segment_array
from .sequence import RunNodes, frame_array, item_number, items, shown_frame, stored_frames
from .terminology import LIVER, SEGMENTS, TUMOUR

FrameState = Literal["empty", "predicted", "edited", "accepted", "rejected"]
STATES: tuple[FrameState, ...] = get_args(FrameState)


@dataclass(frozen=True)
class MaskNodes:
    """Nodes of the masks of a run: the sequence, and the segmentation that shows the chosen frame."""

    run: RunNodes
    sequence: Any
    segmentation: Any


@dataclass(frozen=True, eq=False)
class StoredMasks:
    """Masks of a frame as they stand in the scene: uint8 (rows, columns), 0 or 1, and their state."""

    liver: np.ndarray
    tumour: np.ndarray
    state: FrameState


def write_masks(
    run: RunNodes,
    masks: Mapping[int, tuple[np.ndarray | None, np.ndarray]] | None = None,
    *,
    state: FrameState | Mapping[int, FrameState] = "predicted",
    facts: Mapping[str, Fact] | None = None,
) -> MaskNodes:
    """Make the mask sequence of a run: an item for every frame, filled where masks are given.

    Parameters
    ----------
    run
        Nodes of the run; times, geometry and browser are shared with it.
    masks
        Source frame (0-based) to (liver or None, tumour), (rows, columns), non-zero = inside.
    state
        State of the frames in ``masks``, one for all or by frame; the others are ``empty``.
    facts
        Kept as attributes ``DSANet.<name>`` of the sequence: model, threshold, … Never patient data.

    Raises
    ------
    SceneError
        Where the run has masks already, or a mask does not fit the frames.
    """
    if find_masks(run) is not None:
        raise SceneError("has masks already", "Change them frame by frame, or remove them", run.sequence.GetName())
    masks = dict(masks or {})
    given = {frame: state if isinstance(state, str) else state[frame] for frame in masks}
    for frame, (liver, tumour) in masks.items():
        item_number(run.sequence, frame)
        _check(run, frame, liver, tumour, given[frame])
    slicer = start()
    name = scene().GenerateUniqueName(f"{run.sequence.GetName()} masks")
    sequence = scene().AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName(run.sequence.GetIndexName())
    sequence.SetIndexUnit(run.sequence.GetIndexUnit())
    sequence.SetIndexType(run.sequence.GetIndexType())
    set_facts(sequence, {**(facts or {}), ROLE: "masks", CASE: need_fact(run.sequence, CASE)})
    template, volume = slicer.vtkMRMLSegmentationNode(), run.sequence.GetNthDataNode(0)
    for place, frame in enumerate(stored_frames(run.sequence)):
        template.SetName(f"{name} {frame + 1:04d}")
        fill(template.GetSegmentation(), volume, *masks.get(frame, (None, None)))
        set_facts(template, {FRAME: frame, STATE: given.get(frame, "empty")})
        sequence.SetDataNodeAtValue(template, run.sequence.GetNthIndexValue(place))
    return join_masks(run, sequence)


def find_masks(run: RunNodes) -> MaskNodes | None:
    """Return the masks that a run has in the scene, None where it has none."""
    from vtkmodules.vtkCommonCore import vtkCollection

    others = vtkCollection()
    run.browser.GetSynchronizedSequenceNodes(others, False)
    for i in range(others.GetNumberOfItems()):
        sequence = others.GetItemAsObject(i)
        if fact(sequence, ROLE) == "masks":
            return MaskNodes(run, sequence, run.browser.GetProxyNode(sequence))
    return None


def set_masks(
    nodes: MaskNodes, frame: int, liver: np.ndarray | None, tumour: np.ndarray | None, state: FrameState
) -> None:
    """Replace masks and state of one source frame; no other frame is touched, whichever is shown.

    ``None`` empties a segment. Keep a copy (`read_masks`) first where the change shall be undone.

    Raises
    ------
    SceneError
        Where the frame is not in the scene, or a mask does not fit it.
    """
    _check(nodes.run, frame, liver, tumour, state)
    item = _item(nodes, frame)
    fill(item.GetSegmentation(), nodes.run.sequence.GetNthDataNode(0), liver, tumour)
    set_facts(item, {STATE: state})
    _refresh(nodes, frame)


def set_state(nodes: MaskNodes, frame: int, state: FrameState) -> None:
    """Set the state of one source frame."""
    if state not in STATES:
        raise SceneError(f"{state!r} is no state of a frame", f"Use one of {', '.join(STATES)}")
    set_facts(_item(nodes, frame), {STATE: state})
    _refresh(nodes, frame)


def set_frame_facts(nodes: MaskNodes, frame: int, facts: Mapping[str, Fact]) -> None:
    """Store facts on the item of one source frame, and on what shows it: each is copied onto the other."""
    set_facts(_item(nodes, frame), facts)
    shown = nodes.run.browser.GetProxyNode(nodes.sequence)
    if shown is not None and shown_frame(nodes.run) == frame:
        set_facts(shown, facts)


def frame_fact(nodes: MaskNodes, frame: int, name: str) -> str | None:
    """Return a fact of the item of one source frame, None where it is not stored."""
    return fact(_item(nodes, frame), name)


def states(nodes: MaskNodes) -> dict[int, FrameState]:
    """Return the state of every frame in the scene, by source frame."""
    return {int(need_fact(item, FRAME)): _state(item) for item in items(nodes.sequence)}


def read_masks(nodes: MaskNodes, frame: int) -> StoredMasks:
    """Return the masks of one source frame, copied out of the scene."""
    item = _item(nodes, frame)
    shape = frame_array(nodes.run.sequence.GetNthDataNode(0)).shape
    return StoredMasks(
        liver=segment_array(item, LIVER, shape), tumour=segment_array(item, TUMOUR, shape), state=_state(item)
    )


def read_labelled(nodes: MaskNodes) -> dict[int, StoredMasks]:
    """Return the masks of every frame whose state is not ``empty``, by source frame."""
    return {frame: read_masks(nodes, frame) for frame, state in states(nodes).items() if state != "empty"}


def copy_frame(nodes: MaskNodes, frame: int) -> Any:
    """Return the segmentation of one source frame as a node of its own, outside the scene."""
    item = _item(nodes, frame)
    copy = start().vtkMRMLSegmentationNode()
    copy.CopyContent(item, True)
    copy.SetName(item.GetName())
    return copy


def join_masks(run: RunNodes, sequence: Any) -> MaskNodes:
    """Let the browser of a run show a mask sequence, and write edits of what is shown back into it."""
    browser = run.browser
    browser.AddSynchronizedSequenceNode(sequence)
    # Slicer crashes on saving where this is set on a sequence the browser does not own (Slicer#5671).
    if not browser.IsSynchronizedSequenceNode(sequence, True):
        raise SceneError("could not be attached to its browser", "Reload the run", sequence.GetName())
    browser.SetSaveChanges(sequence, True)
    return show_masks(run, sequence)


def show_masks(run: RunNodes, sequence: Any) -> MaskNodes:
    """Return the nodes of a mask sequence, with both segments of the shown frame as outlines."""
    logic("sequences").UpdateProxyNodesFromSequences(run.browser)  # makes the shown node where there is none
    segmentation = run.browser.GetProxyNode(sequence)
    segmentation.CreateDefaultDisplayNodes()
    display = segmentation.GetDisplayNode()
    for meaning in SEGMENTS:
        display.SetSegmentVisibility2DOutline(meaning.identifier, True)
        display.SetSegmentVisibility2DFill(meaning.identifier, False)
    return MaskNodes(run, sequence, segmentation)


def _check(run: RunNodes, frame: int, liver: Any, tumour: Any, state: str) -> None:
    if state not in STATES:
        raise SceneError(f"{state!r} is no state of a frame", f"Use one of {', '.join(STATES)}")
    shape = frame_array(run.sequence.GetNthDataNode(0)).shape
    for name, mask in ((LIVER, liver), (TUMOUR, tumour)):
        if mask is not None and np.shape(mask) != shape:
            raise SceneError(
                f"the {name} mask of frame {frame + 1} has shape {np.shape(mask)}, the frames {shape}",
                "Give masks on the source pixels",
                run.sequence.GetName(),
            )


def _item(nodes: MaskNodes, frame: int) -> Any:
    return nodes.sequence.GetNthDataNode(item_number(nodes.sequence, frame))


def _state(item: Any) -> FrameState:
    state = fact(item, STATE) or "empty"
    if state not in STATES:
        raise SceneError(f"{state!r} is no state of a frame", f"Use one of {', '.join(STATES)}", item.GetName())
    return state


def _refresh(nodes: MaskNodes, frame: int) -> None:
    """Show what was changed: else the shown copy would write its old state back with the next edit."""
    if shown_frame(nodes.run) == frame:
        _update_proxies(nodes)


def _update_proxies(nodes: MaskNodes) -> None:
    logic("sequences").UpdateProxyNodesFromSequences(nodes.run.browser)
