"""Slice view and plot side by side while the module is open; the user's layout comes back on leaving."""

from __future__ import annotations

from typing import Any

import slicer

from DSANetLib.mrml.subtracted import viewed_volume

# Any number that Slicer and its extensions do not use; the description is added once a scene's layout node.
LAYOUT_ID = 40644
SLICE_VIEW = "Red"
PLOT_VIEW = "PlotView1"
_ORIENTATION = "Axial"

_LAYOUT = f"""
<layout type="horizontal" split="true">
 <item splitSize="600"><view class="vtkMRMLSliceNode" singletontag="{SLICE_VIEW}">
  <property name="orientation" action="default">{_ORIENTATION}</property>
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
        self._entered = False

    def enter(self) -> None:
        """Take the layout; remember the user's."""
        self._entered = True
        self.update()
        node = layoutNode()
        if node is None or node.GetViewArrangement() == LAYOUT_ID:
            return
        if not node.IsLayoutDescription(LAYOUT_ID):
            node.AddLayoutDescription(LAYOUT_ID, _LAYOUT)
        self._before = node.GetViewArrangement()
        node.SetViewArrangement(LAYOUT_ID)

    def exit(self) -> None:
        """Give the user's layout back, unless the user chose another one meanwhile."""
        self._entered = False
        node = layoutNode()
        if node is not None and self._before is not None and node.GetViewArrangement() == LAYOUT_ID:
            node.SetViewArrangement(self._before)
        self._before = None

    def update(self) -> None:
        """Show the chosen run in the slice view, once: what the user does with the view afterwards stays.

        Tilting it or moving it off the frame does not stay: a stroke would miss the frame. Slicer has no lock for it;
        the view is put right on entering, on choosing a run and with each frame that is shown.
        """
        case = self.context.case
        volume = viewed_volume(case.run) if case else None
        identifier = volume.GetID() if volume is not None else ""
        if identifier != self._shown:
            self._shown = identifier
            if identifier:
                showVolume(identifier)
        elif volume is not None and self._entered:
            keepUpright(volume)


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
    view.SetOrientation(_ORIENTATION)
    logic = slicer.app.applicationLogic().GetSliceLogic(view)
    if logic is not None:
        logic.FitSliceToBackground()


def keepUpright(volume: Any) -> None:
    """Turn the slice view back to a volume's plane where it shows that volume; zoom and shift in the plane stay."""
    scene = slicer.mrmlScene
    composite = scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode")
    view = scene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceNode")
    if view is None or composite is None or composite.GetBackgroundVolumeID() != volume.GetID():
        return
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    if view.GetOrientation() != _ORIENTATION:
        view.SetOrientation(_ORIENTATION)
    if not bounds[4] < view.GetSliceOffset() < bounds[5]:
        view.SetSliceOffset((bounds[4] + bounds[5]) / 2)


def showChart(chart: Any) -> None:
    """Show a plot chart node in the plot view; None empties it."""
    view = slicer.mrmlScene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if view is not None:
        view.SetPlotChartNodeID(chart.GetID() if chart is not None else None)
