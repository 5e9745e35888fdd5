"""Nodes that belong to a run: plots, colour maps and hidden helpers, named for it, found by it, deleted with it."""

from __future__ import annotations

from typing import Any

from .attributes import CASE, PREFIX, ROLE, fact, set_facts
from .headless import scene
from .sequence import RunNodes

RUN_REFERENCE = "DSANet.Run"
OWNED = "Owned"


def own(node: Any, run: RunNodes, role: str, *, hidden: bool = False) -> Any:
    """Make a node the run's: it goes with the run, and `owned` finds it again, also in a scene that was loaded.

    Parameters
    ----------
    node
        In the scene already.
    run
        Whom it belongs to.
    role
        What it is, e.g. ``curve``; several nodes may have the same.
    hidden
        Left out of selectors and lists, for what the user has no use for.

    Returns
    -------
    vtkMRMLNode
        The node.
    """
    # The mark stays when Slicer drops the reference together with the run.
    set_facts(node, {OWNED: True, ROLE: role, CASE: fact(run.sequence, CASE)})
    # A reference, not the name of the case: two runs of a scene may be called the same, and IDs change on loading.
    node.SetNodeReferenceID(RUN_REFERENCE, run.sequence.GetID())
    if hidden:
        node.SetHideFromEditors(True)
    return node


def owned(run: RunNodes, role: str | None = None) -> list[Any]:
    """Return the nodes of a run, of one role or all, in the order of the scene."""
    mine = [node for node in _with_owner() if node.GetNodeReference(RUN_REFERENCE) is run.sequence]
    return [node for node in mine if role is None or fact(node, ROLE) == role]


def remove_owned(run: RunNodes, role: str | None = None) -> None:
    """Remove the nodes of a run, of one role or all, with their display and storage nodes."""
    for node in owned(run, role):
        remove_node(node)


def remove_node(node: Any) -> None:
    """Remove a node with its display and storage nodes; fine where it is gone already."""
    if node is None or node.GetScene() is None:
        return
    for many, one in (
        ("GetNumberOfDisplayNodes", "GetNthDisplayNode"),
        ("GetNumberOfStorageNodes", "GetNthStorageNode"),
    ):
        if hasattr(node, many):
            for other in [getattr(node, one)(i) for i in range(getattr(node, many)())]:
                if other is not None:
                    scene().RemoveNode(other)
    scene().RemoveNode(node)


def _with_owner() -> list[Any]:
    mark = PREFIX + OWNED
    return [node for node in scene().GetNodes() if node.GetAttribute(mark)]
