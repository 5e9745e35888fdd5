"""Slice view and plot side by side while the module is open; the user's layout comes back on leaving."""

from __future__ import annotations

from typing import Any

import slicer

from DSANetLib.mrml.subtracted import viewed_volume

# Any number that Slicer and its extensions do not use; the description is added once a scene's layout node.
LAYOUT_ID = 40644
SLICE_VIEW = "Red"
PLOT_VIEW = "PlotView1"

_LAYOUT = f"""
<layout type="horizontal" split="true">
 <item splitSize="600"><view class="vtkMRMLSliceNode" singletontag="{SLICE_VIEW}">
  <property name="orientation" action="default">Axial</property>
  <property name="viewlabel" action="default">R</property>
  <property name="viewcolor" action="default">#F34A33</property>
 </view></item>
 <item splitSize="400"><view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">
  <property name="viewlabel" action="default">P</property>
 </view></item>
</layout>
"""


class Layout:
    """Frame and time–contrast curve side by side.

    Parameters
    ----------
    context
        What the sections share.
    """

    def __init__(self, context: Any) -> None:
        self.context = context
        self._before: int | None = None
        self._shown = ""

    def enter(self) -> None:
        """Take the layout; remember the user's."""
        node = layoutNode()
        if node is None or node.GetViewArrangement() == LAYOUT_ID:
            return
        if not node.IsLayoutDescription(LAYOUT_ID):
            node.AddLayoutDescription(LAYOUT_ID, _LAYOUT)
        self._before = node.GetViewArrangement()
        node.SetViewArrangement(LAYOUT_ID)

    def exit(self) -> None:
        """Give the user's layout back, unless the user chose another one meanwhile."""
        node = layoutNode()
        if node is not None and self._before is not None and node.GetViewArrangement() == LAYOUT_ID:
            node.SetViewArrangement(self._before)
        self._before = None

    def update(self) -> None:
        """Show the chosen run in the slice view, once: what the user does with the view afterwards stays."""
        case = self.context.case
        identifier = viewed_volume(case.run).GetID() if case else ""
        if identifier != self._shown:
            self._shown = identifier
            if identifier:
                showVolume(identifier)


def layoutNode() -> Any:
    """Return the scene's layout node, None where there are no views."""
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def showVolume(identifier: str) -> None:
    """Show a volume alone in the slice view, upright and whole."""
    scene = slicer.mrmlScene
    composite = scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode")
    view = scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceNode")
    if composite is None or view is None:
        return
    composite.SetBackgroundVolumeID(identifier)
    composite.SetForegroundVolumeID(None)
    composite.SetLabelVolumeID(None)
    view.SetOrientation("Axial")
    logic = slicer.app.applicationLogic().GetSliceLogic(view)
    if logic is not None:
        logic.FitSliceToBackground()


def showChart(chart: Any) -> None:
    """Show a plot chart node in the plot view; None empties it."""
    view = slicer.mrmlScene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if view is not None:
        view.SetPlotChartNodeID(chart.GetID() if chart is not None else None)
