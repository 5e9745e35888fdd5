"""Observers of what can change the masks of a run, taken away together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .headless import scene, start
from .segmentation import MaskNodes


class Watch:
    """Calls back when the shown segmentation, the browser or the scene say that something happened.

    Slicer speaks up too often (while browsing) and under many names (a first stroke is a ``SegmentModified``, the next
    a ``SourceRepresentationModified``); whoever is called looks for itself.
    """

    def __init__(
        self,
        nodes: MaskNodes,
        on_masks: Callable[[], None],
        on_browser: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._nodes = nodes
        self._observed: list[tuple[Any, int]] = []
        slicer = start()
        kind = slicer.vtkSegmentation
        for event in (
            kind.SourceRepresentationModified,
            kind.RepresentationModified,
            kind.SegmentModified,
            kind.SegmentAdded,
            kind.SegmentRemoved,
        ):
            self._add(nodes.segmentation, event, on_masks)
        self._add(nodes.run.browser, "ModifiedEvent", on_browser)

        def look() -> None:
            if self.gone():
                on_gone()

        # Only the observers know who is called back: once they are taken away nothing here holds the owner in a
        # circle, and the frames of a closed run are freed at once, not when Python next looks for circles.
        self._add(scene(), slicer.vtkMRMLScene.NodeRemovedEvent, look)

    def stop(self) -> None:
        """Take all observers away."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()

    def gone(self) -> bool:
        """Return whether the masks have left the scene, or are about to."""
        browser, sequence = self._nodes.run.browser, self._nodes.sequence
        removed = None in (browser.GetScene(), sequence.GetScene())
        return removed or scene().IsClosing() or not browser.IsSynchronizedSequenceNode(sequence, True)

    def _add(self, node: Any, event: Any, function: Callable[[], None]) -> None:
        self._observed.append((node, node.AddObserver(event, lambda *_: function())))
