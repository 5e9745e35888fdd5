"""Nodes that a user deletes by hand, in any module: what goes with them, and what is made again.

A run takes along what was made for it. Its browser, and the volume that shows its frames, are made again from the
sequences: without them the frames and the masks on them could not be reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .attributes import ROLE, fact
from .headless import logic, scene
from .owned import owned, remove_node
from .scene import CaseNodes, find_cases
from .segmentation import join_masks
from .sequence import browse, times_of
from .subtracted import SUBTRACTED, join_subtracted

Outcome = Literal["run", "masks", "restored"]
"""What was made for the run went with it; the masks went; the browser or the volume was made again."""


@dataclass(frozen=True, eq=False)
class Deletion:
    """A part of a case that is about to leave the scene, and what hangs on it.

    Parameters
    ----------
    case
        As it was.
    belongings
        What goes where the run goes; nothing that the user made.
    shown
        What showed each of the run's sequences: (sequence, node, its display node).
    item, rate
        Place that the browser shows, and frames a second.
    """

    case: CaseNodes
    belongings: tuple[Any, ...]
    shown: tuple[tuple[Any, Any, Any], ...]
    item: int
    rate: float


def about_to_delete(node: Any) -> Deletion | None:
    """Return what hangs on a node; None where it is no part of a case, or the whole scene comes or goes.

    Call it at ``NodeAboutToBeRemovedEvent``: afterwards Slicer has dropped the references.
    """
    if scene().IsClosing() or scene().IsImporting() or scene().IsRestoring():
        return None
    for case in find_cases():
        run, masks = case.run, case.masks
        held = [run.sequence, *owned(run, SUBTRACTED), *([masks.sequence] if masks else [])]
        shown = [run.browser.GetProxyNode(sequence) for sequence in held]
        if not any(node is part for part in (*held, *shown, run.browser)):
            continue
        mine = [*owned(run), *held[1:], *shown[1:], case.lesions]
        if fact(run.browser, ROLE) == "browser":  # a run of another program came with its own browser and volume
            mine += [run.browser, run.volume]
        return Deletion(
            case,
            tuple(part for part in mine if part is not None),
            tuple((s, part, part.GetDisplayNode()) for s, part in zip(held, shown, strict=True) if part is not None),
            run.browser.GetSelectedItemNumber(),
            run.browser.GetPlaybackRateFps(),
        )
    return None


def after_deleting(deletion: Deletion) -> Outcome | None:
    """Clear away, or make again, what a deletion left; None where nothing was left to do.

    Call it when the scene is at rest again: whoever deletes one node often deletes the next as well.
    """
    case = deletion.case
    if case.run.sequence.GetScene() is None:
        left = [node for node in deletion.belongings if node.GetScene() is not None]
        _let_go(case.run.browser, left)
        for node in left:
            remove_node(node)
        return "run" if left else None
    if case.run.browser.GetScene() is None or (case.run.volume is not None and case.run.volume.GetScene() is None):
        return _restore(deletion)
    if case.masks is not None and case.masks.sequence.GetScene() is None:
        left = [node for node in (case.masks.segmentation, case.lesions) if node is not None and node.GetScene()]
        for node in left:
            remove_node(node)
        return "masks" if left else None
    return None


def _let_go(browser: Any, nodes: list[Any]) -> None:
    """Take sequences off a browser; Slicer crashes where a browser's last one is removed from the scene."""
    if browser.GetScene() is None:
        return
    for node in nodes:
        if node.IsA("vtkMRMLSequenceNode") and browser.IsSynchronizedSequenceNode(node, True):
            browser.RemoveSynchronizedSequenceNode(node.GetID())


def _restore(deletion: Deletion) -> Outcome | None:
    """Make browser and shown nodes anew; frames, masks and states stand in the sequences, which are not written."""
    case, run = deletion.case, deletion.case.run
    if run.browser.GetScene() is None:
        if any(other.run.sequence is run.sequence for other in find_cases()):
            return None  # several of its nodes were deleted at once, and this was done already
        for _sequence, node, _display in deletion.shown:
            remove_node(node)
        run = browse(case.case_id, run.sequence, times_of(run.sequence))
        run.browser.SetPlaybackRateFps(deletion.rate)
        run.browser.SetSelectedItemNumber(deletion.item)
        for sequence in owned(run, SUBTRACTED):
            join_subtracted(run, sequence)
        if case.masks is not None and case.masks.sequence.GetScene() is not None:
            join_masks(run, case.masks.sequence)
    logic("sequences").UpdateProxyNodesFromSequences(run.browser)
    for sequence, before, display in deletion.shown:
        node = run.browser.GetProxyNode(sequence) if sequence.GetScene() is not None else None
        if node is not None and node is not before and display is not None:
            node.CreateDefaultDisplayNodes()
            node.GetDisplayNode().CopyContent(display)
            remove_node(display)
    return "restored"
