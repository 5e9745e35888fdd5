"""The section *Explore*: how contrast comes and goes, as colour maps on the frame and as curves of regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from DSANetLib.errors import DSANetError
from DSANetLib.mrml.scene import CaseNodes

from .layout import SLICE_VIEW, showChart
from .panel import BaseSection

MAPS = {
    "time to peak": "time_to_peak",
    "peak": "peak",
    "area under the curve": "area_under_curve",
    "wash-in slope": "wash_in_slope",
}
"""What the user chooses → kind of map in `DSANetLib.maps`."""


class ExploreSection(BaseSection):
    """Colour maps and curves of the chosen case; the prepared run is computed once and kept while it holds."""

    uiName = "Explore"

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._prepared: tuple[Any, Any] | None = None

    def setup(self) -> None:
        """Connect the buttons."""
        self.ui.showMapButton.connect("clicked(bool)", self.onShowMap)
        self.ui.hideMapButton.connect("clicked(bool)", self.onHideMap)
        self.ui.curvesButton.connect("clicked(bool)", self.onShowCurves)
        self.ui.removeButton.connect("clicked(bool)", self.onRemove)
        self.ui.opacitySlider.connect("valueChanged(double)", self.onOpacity)

    def update(self) -> None:
        """Follow the chosen case, the shown frame and the background work."""
        case = self.context.case
        mine = _nodesByRole(case)
        free = case is not None and not self.context.jobs.isBusy()
        shown = _shownMap(mine)
        for button in (self.ui.showMapButton, self.ui.curvesButton):
            button.setEnabled(free)
        self.ui.hideMapButton.setEnabled(shown is not None)
        self.ui.removeButton.setEnabled(bool(mine["map"] or mine["regions"]))
        self.ui.mapValueLabel.text = _mapText(shown)
        if case is None:
            self._prepared = None
        table = mine["region-values"][0] if mine["region-values"] else None
        if self.ui.valuesTable.mrmlTableNode() is not table:
            self.ui.valuesTable.setMRMLTableNode(table)
            self.ui.valuesTable.resizeColumnsToContents()  # names with units are longer than Slicer's columns
        if mine["regions"]:
            self._markFrames(case)

    def cleanup(self) -> None:
        """Forget the prepared run."""
        self._prepared = None

    def onShowMap(self, _checked: bool = False) -> None:
        """Compute the chosen map and lay it over the frame."""
        kind = MAPS[self.context.parameters.exploreMap]
        self._withPrepared(lambda case, prepared: self._layMap(case, prepared, kind))

    def onHideMap(self, _checked: bool = False) -> None:
        """Take the map off the frame."""
        composite = _composite()
        if composite is not None and _shownMap(_nodesByRole(self.context.case)) is not None:
            composite.SetForegroundVolumeID(None)
        self.context.changed("map")

    def onShowCurves(self, _checked: bool = False) -> None:
        """Show the curves of the chosen regions."""
        self._withPrepared(self._drawCurves)

    def onRemove(self, _checked: bool = False) -> None:
        """Remove maps and curves of the run."""
        from DSANetLib.mrml.maps import remove_maps
        from DSANetLib.mrml.plots import find_plot
        from DSANetLib.mrml.regions import remove_region_curves

        case = self.context.case
        if case is None:
            return
        self.onHideMap()
        remove_maps(case.run)
        remove_region_curves(case.run)
        curve = find_plot(case.run)
        showChart(curve.chart if curve else None)
        self.context.changed("map")

    def onOpacity(self, value: float) -> None:
        """Set how much the map covers the frame."""
        composite = _composite()
        if composite is not None and _shownMap(_nodesByRole(self.context.case)) is not None:
            composite.SetForegroundOpacity(value)

    def _withPrepared(self, use: Callable[[CaseNodes, Any], None]) -> None:
        """Call ``use`` with the case and its prepared run, computed in the background where it is not there yet."""
        case = self.context.case
        if case is None:
            return
        key = _key(case)

        def done(prepared: Any) -> None:
            self._prepared = (key, prepared)
            if self.context.case is not None and self.context.case.run.sequence is case.run.sequence:
                try:
                    use(case, prepared)
                except DSANetError as error:
                    self.context.failed(error)
            self.context.changed("map")

        if self._prepared is not None and self._prepared[0] == key:
            done(self._prepared[1])
        else:
            with self.context.attempt():
                self.context.jobs.start(self.context.logic.prepareJob(case), done=done, failed=self.context.failed)

    def _layMap(self, case: CaseNodes, prepared: Any, kind: str) -> None:
        from DSANetLib.maps import parameter_map
        from DSANetLib.mrml.maps import write_map

        node = write_map(case.run, parameter_map(prepared, kind))
        composite = _composite()
        if composite is not None:
            composite.SetForegroundVolumeID(node.GetID())
            composite.SetForegroundOpacity(self.context.parameters.exploreOpacity)
        self.context.tell(_("{map} is shown.").format(map=node.GetName()))

    def _drawCurves(self, case: CaseNodes, prepared: Any) -> None:
        from DSANetLib.errors import SceneError
        from DSANetLib.maps import region_curve
        from DSANetLib.mrml.regions import region_masks, write_region_curves

        node = self.ui.regionSelector.currentNode() or (case.masks.segmentation if case.masks else None)
        if node is None:
            raise SceneError("there is no region", "Segment the run, or draw a closed curve or a ROI, and choose it")
        curves = {name: region_curve(prepared, mask) for name, mask in region_masks(case.run, node).items()}
        plot, _table = write_region_curves(
            case.run, curves, key_frame=self.context.logic.keyFrame(case), shown_frame=self.context.frame
        )
        showChart(plot.chart)
        self.context.tell(_("Curves of {regions} are shown.").format(regions=", ".join(curves)))

    def _markFrames(self, case: CaseNodes) -> None:
        from DSANetLib.mrml.plots import REGIONS, find_plot, mark_frames

        plot = find_plot(case.run, REGIONS)
        if plot is not None:
            key = self.context.logic.keyFrame(case)
            mark_frames(case.run, plot, key_frame=key, shown_frame=self.context.frame)


def _composite() -> Any:
    """Return what the slice view shows, None where there are no views."""
    return slicer.mrmlScene.GetSingletonNode(SLICE_VIEW, "vtkMRMLSliceCompositeNode")


def _nodesByRole(case: CaseNodes | None) -> dict[str, list[Any]]:
    """Return the case's own nodes by role; looked up once, as this happens at every frame."""
    from DSANetLib.mrml.attributes import ROLE, fact
    from DSANetLib.mrml.owned import owned

    found: dict[str, list[Any]] = {"map": [], "regions": [], "region-values": []}
    for node in owned(case.run) if case is not None else []:
        found.setdefault(fact(node, ROLE) or "", []).append(node)
    return found


def _shownMap(mine: dict[str, list[Any]]) -> Any:
    """Return the case's map that lies over the frame, None where there is none."""
    composite = _composite()
    shown = composite.GetForegroundVolumeID() if composite is not None else None
    return next((node for node in mine["map"] if node.GetID() == shown), None)


def _mapText(node: Any) -> str:
    display = node.GetDisplayNode() if node is not None else None
    if display is None:  # none, or one that is just being removed
        return _("no map")
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    return _("{name}, colours from {low:.3g} to {high:.3g}").format(name=node.GetName(), low=low, high=high)


def _key(case: CaseNodes) -> tuple[Any, ...]:
    """Return what a prepared run depends on: the run's facts, where the user's mask frame and shift are among them."""
    sequence = case.run.sequence
    return sequence.GetID(), tuple((name, sequence.GetAttribute(name)) for name in sequence.GetAttributeNames())
