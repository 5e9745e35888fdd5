"""Slicer's own segment editor inside the panel, set up for the masks of one frame."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import translate

from DSANetLib.mrml.scene import CaseNodes
from DSANetLib.mrml.terminology import LIVER, TUMOUR

# What makes sense in one slice. Not here: Fill between slices, Grow from seeds, Hollow, Mask volume.
EFFECTS = (
    "Paint", "Draw", "Erase", "Level tracing", "Threshold", "Islands", "Smoothing", "Margin", "Scissors",
    "Logical operators",
)  # fmt: skip
NODE_NAME = "DSANet segment editor"


class SegmentEditor:
    """The widget, made when it is first needed, and its node, which lives as long as there is a case.

    Parameters
    ----------
    frame
        Empty widget with a layout to put the editor into.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._node: Any = None
        self._observing = False
        self.widget: Any = None

    def show(self, case: CaseNodes | None) -> None:
        """Edit the masks of a case on its images; None lets go of everything in the scene."""
        masks = case.masks if case is not None else None
        if case is None or masks is None or masks.segmentation is None:
            self._letGo()
            return
        self._takeNode()
        if self.widget.segmentationNode() is not masks.segmentation:
            self.widget.setSegmentationNode(masks.segmentation)
            self.widget.setSourceVolumeNode(case.run.volume)
            self.widget.setCurrentSegmentID(TUMOUR)

    def enter(self) -> None:
        """Let effects work in the views."""
        if self.widget is not None and self._node is not None and not self._observing:
            self.widget.setupViewObservations()
            self._observing = True

    def exit(self) -> None:
        """Give the views back."""
        if self.widget is not None and self._observing:
            self.widget.setActiveEffectByName("")
            self.widget.removeViewObservations()
            self._observing = False

    def cleanup(self) -> None:
        """Let go of views and scene."""
        self.exit()
        self._letGo()

    def choose(self, place: int) -> None:
        """Choose the effect at a place in the list of effects, counted from 0; -1 none."""
        if self.widget is not None and self._node is not None and place < len(EFFECTS):
            self.widget.setActiveEffectByName(EFFECTS[place] if place >= 0 else "")

    def segment(self) -> str:
        """Return the ID of the chosen segment."""
        chosen = self.widget.currentSegmentID() if self.widget is not None and self._node is not None else ""
        return chosen if chosen in (LIVER, TUMOUR) else TUMOUR

    def _takeNode(self) -> None:
        if self._node is not None and self._node.GetScene() is not None:
            return
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode", NODE_NAME)
        node.SetSaveWithScene(False)
        node.SetHideFromEditors(True)
        # A tumour lies in the liver: painting one must not erase the other, unless the user asks for it.
        node.SetOverwriteMode(node.OverwriteNone)
        self._node = node
        if self.widget is None:
            self._makeWidget()
        else:
            self.widget.setMRMLSegmentEditorNode(node)

    def _makeWidget(self) -> None:
        editor = self.widget = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLSegmentEditorNode(self._node)  # before the scene, or the editor makes up its own
        editor.setMRMLScene(slicer.mrmlScene)
        editor.setEffectNameOrder(EFFECTS)
        editor.setUnorderedEffectsVisible(False)
        editor.setSegmentationNodeSelectorVisible(False)
        editor.setSourceVolumeNodeSelectorVisible(False)
        editor.setAddRemoveSegmentButtonsVisible(False)  # a segment deleted on one frame stays on the others
        editor.setShow3DButtonVisible(False)
        editor.setSwitchToSegmentationsButtonVisible(False)
        editor.setSpecifyGeometryButtonVisible(False)
        editor.setUndoEnabled(False)  # Slicer's own history is emptied by every change of the frame
        editor.setMaskingSectionVisible(True)
        self._frame.layout().addWidget(editor)
        self._hideSphereBrush()

    def _hideSphereBrush(self) -> None:
        """A sphere has no meaning in one slice; the box has no name of its own."""
        text = translate("qSlicerSegmentEditorPaintEffect", "Sphere brush")
        for name in ("Paint", "Erase"):
            effect = self.widget.effectByName(name)
            for box in slicer.util.findChildren(effect.optionsFrame(), className="QCheckBox") if effect else ():
                if box.text == text:
                    box.setVisible(False)

    def _letGo(self) -> None:
        node, self._node = self._node, None
        if node is None:
            return
        self.exit()
        self.widget.setSegmentationNode(None)
        self.widget.setSourceVolumeNode(None)
        self.widget.setMRMLSegmentEditorNode(None)
        if node.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(node)
