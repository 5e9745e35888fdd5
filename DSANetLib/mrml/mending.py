"""Bring the masks of a run back to what the rest relies on, whatever was done to them by hand or by another program.

An item for every frame, the same two segments on each, a known state, a shown segmentation that saves into its item.
Pixels are never dropped: what is not ours is left where it is, and named.
"""

from __future__ import annotations

from typing import Any

from .attributes import FRAME, STATE, fact, set_facts
from .headless import start
from .labelmap import fill, is_empty, segment_array
from .segmentation import STATES, MaskNodes, show_masks
from .sequence import RunNodes, frame_array, item_number, items, stored_frames
from .terminology import SEGMENTS


def mend(nodes: MaskNodes) -> tuple[MaskNodes, list[str]]:
    """Mend the masks of a run; where nothing is wrong, nothing is changed.

    Parameters
    ----------
    nodes
        Masks of a run, from `find_masks` or `write_masks`.

    Returns
    -------
    MaskNodes
        The nodes to go on with: the shown segmentation may be another one.
    list of str
        What was mended, a sentence without full stop each.
    """
    notes = _missing_items(nodes)
    for frame, item in zip(stored_frames(nodes.run.sequence), items(nodes.sequence), strict=True):
        notes += _mend_item(nodes.run, item, frame)
    return _mend_proxy(nodes, notes), notes


def mend_frame(nodes: MaskNodes, frame: int) -> list[str]:
    """Mend one source frame; cheap where nothing is wrong. See `mend`."""
    return _mend_item(nodes.run, nodes.sequence.GetNthDataNode(item_number(nodes.run.sequence, frame)), frame)


def _missing_items(nodes: MaskNodes) -> list[str]:
    """Give each frame an item: with one missing, browsing would copy masks."""
    run, notes = nodes.run.sequence, []
    for place, frame in enumerate(stored_frames(run)):
        index = run.GetNthIndexValue(place)
        if nodes.sequence.GetItemNumberFromIndexValue(index, True) >= 0:
            continue
        item = start().vtkMRMLSegmentationNode()
        item.SetName(f"{nodes.sequence.GetName()} {frame + 1:04d}")
        fill(item.GetSegmentation(), run.GetNthDataNode(0), None, None)
        set_facts(item, {FRAME: frame, STATE: "empty"})
        nodes.sequence.SetDataNodeAtValue(item, index)
        notes.append(f"Frame {frame + 1} had no mask of its own and was given an empty one")
    return notes


def _mend_item(run: RunNodes, item: Any, frame: int) -> list[str]:
    """Mend segments, frame number and state of one frame."""
    segmentation, notes = item.GetSegmentation(), []
    if any(segmentation.GetSegment(meaning.identifier) is None for meaning in SEGMENTS):
        notes.append(_mend_segments(run, item, frame))
    ours = {meaning.identifier for meaning in SEGMENTS}
    for identifier in [name for name in segmentation.GetSegmentIDs() if name not in ours]:
        if is_empty(segmentation.GetSegment(identifier)):
            segmentation.RemoveSegment(identifier)
            notes.append(f"An empty segment {identifier!r} was removed from frame {frame + 1}")
        else:
            notes.append(
                f"Frame {frame + 1} has a segment {identifier!r} that is no part of its masks and is left alone"
            )
    if fact(item, FRAME) != str(frame):
        set_facts(item, {FRAME: frame})
    if fact(item, STATE) not in STATES:
        drawn = any(not is_empty(segmentation.GetSegment(name)) for name in ours)
        set_facts(item, {STATE: "predicted" if drawn else "empty"})
        if drawn:
            notes.append(f"The state of frame {frame + 1} was unknown and is now 'predicted'")
    return notes


def _mend_segments(run: RunNodes, item: Any, frame: int) -> str:
    """Make missing segments: from another of the same name (its ID was changed), else empty."""
    segmentation, volume = item.GetSegmentation(), run.sequence.GetNthDataNode(0)
    shape, found, renamed = frame_array(volume).shape, [], []
    for meaning in SEGMENTS:
        name = meaning.identifier
        if segmentation.GetSegment(name) is None:
            name = segmentation.GetSegmentIdBySegmentName(meaning.name)
            if name:
                renamed.append(name)
        found.append(segment_array(item, name, shape) if name else None)
    for name in renamed:
        segmentation.RemoveSegment(name)
    fill(segmentation, volume, *found)
    return f"A segment of frame {frame + 1} had been {'renamed' if renamed else 'deleted'} and was made anew"


def _mend_proxy(nodes: MaskNodes, notes: list[str]) -> MaskNodes:
    """Have the browser show and save the masks again."""
    browser, sequence = nodes.run.browser, nodes.sequence
    if not browser.GetSaveChanges(sequence):
        browser.SetSaveChanges(sequence, True)
        notes.append("Changes of masks were not saved into their frames; now they are")
    shown = browser.GetProxyNode(sequence)
    if shown is None:
        notes.append("The segmentation that shows the masks had been removed and was made anew")
    if shown is None or notes:
        return show_masks(nodes.run, sequence)
    return nodes if shown is nodes.segmentation else MaskNodes(nodes.run, sequence, shown)
