"""What another threshold would give, as a coloured overlay: a hidden label map of its own, never the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from DSANetLib.mrml.owned import own

from .layout import SLICE_VIEW

_ROLE = "preview"
_OPACITY = 0.5


class Preview:
    """An overlay in the slice view.

    Parameters
    ----------
    context
        What the sections share.
    """

    def __init__(self, context: Any) -> None:
        self.context = context
        self._node: Any = None

    def show(self, case: Any, mask: np.ndarray) -> None:
        """Show a mask, (rows, columns) non-zero = inside, over the frame of a case."""
        node = self._node
        if node is None or node.GetScene() is None:
            name = slicer.mrmlScene.GenerateUniqueName(_("threshold preview"))
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
            self._node = own(node, case.run, _ROLE, hidden=True)
            node.SetSaveWithScene(False)
            node.CreateDefaultDisplayNodes()
        matrix = vtkMatrix4x4()
        case.run.volume.GetIJKToRASMatrix(matrix)
        node.SetIJKToRASMatrix(matrix)
        slicer.util.updateVolumeFromArray(node, (np.asarray(mask) != 0).astype(np.uint8)[None])
        self._overlay(node.GetID())

    def hide(self) -> None:
        """Take the overlay away, and its node."""
        node, self._node = self._node, None
        if node is None:
            return
        self._overlay(None)
        if node.GetScene() is not None:
            for display in [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]:
                slicer.mrmlScene.RemoveNode(display)
            slicer.mrmlScene.RemoveNode(node)

    def _overlay(self, identifier: str | None) -> None:
        composite = slicer.mrmlScene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode")
        if composite is not None and composite.GetLabelVolumeID() != identifier:
            composite.SetLabelVolumeID(identifier)
            composite.SetLabelOpacity(_OPACITY if identifier else 1.0)
