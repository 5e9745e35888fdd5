"""Colour maps of a run as scalar volumes in the geometry of its frames, with a colour legend that says the unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import SceneError
from ..maps import ParameterMap
from .attributes import fact, set_facts
from .headless import scene, start
from .owned import own, owned, remove_owned
from .sequence import RunNodes, frame_array

MAP = "map"
KIND, UNIT = "MapKind", "MapUnit"

OUTSIDE = -1000.0
"""Value where a map has none, hidden by the display's threshold. Not NaN: Slicer's histograms cannot take it."""

# A legend's labels; seconds with a decimal, grey units without.
_LABELS, _FEW = 5, 100.0

# Early is warm and late is cold; of the others, little is dark and much is bright, as users of perfusion expect.
_COLOURS = {"time_to_peak": "Rainbow", "peak": "Iron", "area_under_curve": "Iron", "wash_in_slope": "Iron"}


def write_map(run: RunNodes, found: ParameterMap) -> Any:
    """Put a map into the scene; the run's earlier one of the same kind is filled anew.

    Parameters
    ----------
    run
        Whose frames it lies on: the same pixels, the same place.
    found
        From `DSANetLib.maps.parameter_map`.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        float32; `OUTSIDE` where there is no value; attributes ``MapKind`` and ``MapUnit``.

    Raises
    ------
    SceneError
        Where the map does not fit the frames.
    """
    frame = run.sequence.GetNthDataNode(0)
    shape = frame_array(frame).shape
    if found.values.shape != shape:
        name = run.sequence.GetName()
        raise SceneError(f"a map of {found.values.shape} does not fit frames of {shape}", "Compute it anew", name)
    node = find_map(run, found.kind)
    if node is None:
        title = found.kind.replace("_", " ")
        name = scene().GenerateUniqueName(f"{run.sequence.GetName()} {title} [{found.unit}]")
        node = own(scene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", name), run, MAP)
        node.CreateDefaultDisplayNodes()
    set_facts(node, {KIND: found.kind, UNIT: found.unit})
    node.SetAndObserveImageData(_image(found.values))
    node.CopyOrientation(frame)
    _display(node, found)
    _legend(node, found)
    return node


def find_map(run: RunNodes, kind: str) -> Any:
    """Return the run's map of a kind, None where it has none."""
    return next((node for node in owned(run, MAP) if fact(node, KIND) == kind), None)


def remove_maps(run: RunNodes) -> None:
    """Remove all maps of a run."""
    remove_owned(run, MAP)


def map_array(node: Any) -> np.ndarray:
    """Return the values of a map, (rows, columns) float32, NaN where there is none; copied."""
    values = frame_array(node)
    return np.where(values == np.float32(OUTSIDE), np.float32(np.nan), values)


def _image(values: np.ndarray) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    rows, columns = values.shape
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    filled = np.where(np.isfinite(values), values, OUTSIDE).astype(np.float32)
    image.GetPointData().SetScalars(numpy_to_vtk(filled.ravel(), deep=True))
    return image


def _display(node: Any, found: ParameterMap) -> None:
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(found.low, found.high)
    display.AutoThresholdOff()
    display.SetThreshold(OUTSIDE + 1, float(np.finfo(np.float32).max))
    display.ApplyThresholdOn()
    # Interpolated, the rim would run through all colours on its way to OUTSIDE.
    display.SetInterpolate(False)
    display.SetAndObserveColorNodeID(f"vtkMRMLColorTableNode{_COLOURS[found.kind]}")


def _legend(node: Any, found: ParameterMap) -> None:
    """Show which colour is which value, in the map's unit, wherever the map is shown."""
    legend = start().vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node.GetDisplayNode())
    if legend is None:
        return  # a host without Slicer's Colors module
    legend.SetTitleText(f"{found.kind.replace('_', ' ')} [{found.unit}]")
    legend.SetLabelFormat("%.1f" if found.high - found.low < _FEW else "%.0f")
    legend.SetNumberOfLabels(_LABELS)
    legend.SetVisibility(True)
