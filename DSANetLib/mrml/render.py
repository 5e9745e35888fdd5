"""Slicer's own slice view as a picture: slice logic and segmentation display, rendered off screen.

Off-screen rendering needs a graphics library of the system: on Linux EGL with Mesa's drivers (or a screen, or
OSMesa). Without it VTK does not fail but crashes the process, so `missing_libraries` is asked before the first window.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SceneError
from .files import whole_file
from .headless import application_logic, scene, start
from .segmentation import MaskNodes
from .sequence import RunNodes, show_frame, shown_frame

# Debian's and Ubuntu's names; together they bring EGL and a driver that renders without graphics card.
PACKAGES = ("libegl1", "libgl1-mesa-dri")

_OUTLINE_PX = 2
_OVERLAY = 0.6
_VIEW = "DSANetPicture"


def missing_libraries() -> tuple[str, ...]:
    """Return the Debian packages to install before anything can be rendered; empty where rendering works."""
    # VTK asks X11 for a screen first, and crashes where not even the library is there; libegl1 brings it along.
    if sys.platform == "linux" and not _loads("libX11.so.6"):
        return PACKAGES
    from vtkmodules import vtkRenderingOpenGL2  # noqa: F401 - registers the window classes
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    # VTK picks a screen, then EGL, then falls back on OSMesa whether that is there or not.
    if vtkRenderWindow().GetClassName() != "vtkOSOpenGLRenderWindow" or ctypes.util.find_library("OSMesa"):
        return ()
    return PACKAGES


def missing_graphics() -> SceneError | None:
    """Return the error that says which packages rendering lacks on this machine, None where it lacks none."""
    missing = missing_libraries()
    if not missing:
        return None
    remedy = f"sudo apt-get install {' '.join(missing)}"
    return SceneError("no picture can be rendered without a graphics library", remedy)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def render_slice_view(
    run: RunNodes,
    path: str | Path,
    *,
    masks: MaskNodes | None = None,
    frame: int | None = None,
    longest_side: int = 768,
    overwrite: bool = False,
) -> Path:
    """Write a frame as Slicer's slice view shows it, filling the picture, as PNG.

    Parameters
    ----------
    run, masks
        Nodes of the run, and the masks whose outlines are drawn, in the segments' colours.
    path
        Picture to write.
    frame
        Source frame, 0-based; the one that is shown where not given. The browser is left as it was.
    longest_side
        Pixels of the picture's longer side; the other follows the frame's size in mm.

    Raises
    ------
    SceneError
        Where a system library is missing (its Debian package is named).
    OutputError
        Where the file cannot be written.
    """
    with whole_file(path, (".png",), overwrite) as temporary:
        _write_png(slice_view(run, masks=masks, frame=frame, longest_side=longest_side), temporary)
    return Path(path)


def slice_view(
    run: RunNodes,
    *,
    masks: MaskNodes | None = None,
    frame: int | None = None,
    longest_side: int = 768,
    overlay: Any = None,
) -> np.ndarray:
    """Return what `render_slice_view` writes, uint8 (height, width, 3), the top row first.

    ``overlay`` is a volume laid over the frame, as a colour map of `maps.write_map`, with its legend.
    """
    if (error := missing_graphics()) is not None:
        raise error
    before = shown_frame(run)
    try:
        show_frame(run, before if frame is None else frame)
        with _shown_alone(masks), _temporary_nodes():
            return _render(run, longest_side, overlay)
    finally:
        show_frame(run, before)


def _render(run: RunNodes, longest_side: int, overlay: Any) -> np.ndarray:
    slicer = start()
    window, renderer = _window()
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application_logic())
    logic.SetMRMLScene(scene())
    view = logic.AddSliceNode(_VIEW)
    width, height = _look_at_frame(view, run.volume, longest_side)
    window.SetSize(width, height)
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(run.volume.GetID())
    logics = _slice_logics()
    logics.AddItem(logic)  # where the legend's manager looks for what the view shows
    if overlay is not None:
        logic.GetSliceCompositeNode().SetForegroundVolumeID(overlay.GetID())
        logic.GetSliceCompositeNode().SetForegroundOpacity(_OVERLAY)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    group.SetMRMLDisplayableNode(view)
    for manager in (slicer.vtkMRMLSegmentationsDisplayableManager2D(), slicer.vtkMRMLColorLegendDisplayableManager()):
        manager.SetMRMLApplicationLogic(application_logic())
        group.AddDisplayableManager(manager)
    if overlay is not None:
        _show_legend(overlay)
    logic.UpdatePipeline()
    renderer.AddViewProp(_image_actor(logic))
    try:
        window.Render()
        return _grab(window)
    finally:
        logics.RemoveItem(logic)
        group.SetMRMLDisplayableNode(None)
        logic.SetMRMLScene(None)
        window.Finalize()


def _show_legend(overlay: Any) -> None:
    """Add a copy of a volume's legend: the manager takes notice only of those that come after it."""
    legend = start().vtkSlicerColorLogic.GetColorLegendDisplayNode(overlay)
    if legend is not None:
        copy = scene().AddNewNodeByClass(legend.GetClassName())
        copy.Copy(legend)
        copy.SetAndObservePrimaryDisplayNode(legend.GetPrimaryDisplayNode())
        overlay.AddAndObserveDisplayNodeID(copy.GetID())
        copy.Modified()


def _slice_logics() -> Any:
    """Return the application's collection of slice logics; the bare core has none."""
    from vtkmodules.vtkCommonCore import vtkCollection

    application = application_logic()
    if application.GetSliceLogics() is None:
        application.SetSliceLogics(vtkCollection())
    return application.GetSliceLogics()


def _window() -> tuple[Any, Any]:
    from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkRenderWindowInteractor

    window, renderer, interactor = vtkRenderWindow(), vtkRenderer(), vtkRenderWindowInteractor()
    window.SetOffScreenRendering(True)
    window.SetShowWindow(False)
    window.SetMultiSamples(0)  # the same picture on every driver
    renderer.GetActiveCamera().ParallelProjectionOn()
    window.AddRenderer(renderer)
    interactor.SetRenderWindow(window)  # the displayable managers ask for it
    return window, renderer


def _look_at_frame(view: Any, volume: Any, longest_side: int) -> tuple[int, int]:
    """Let a slice node look along S at exactly one frame; return the picture's size."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    size = np.array([bounds[1] - bounds[0], bounds[3] - bounds[2]])
    width, height = (max(1, round(float(side))) for side in size * longest_side / size.max())
    view.SetOrientation("Axial")
    to_ras = view.GetSliceToRAS()
    # A slice view samples at its pixels' corners; a frame fills the picture where these are half a pixel further in.
    inwards = (size[0] / width / 2, size[1] / height / 2)
    for axis in range(3):
        middle = (bounds[2 * axis] + bounds[2 * axis + 1]) / 2
        shift = sum(to_ras.GetElement(axis, side) * inwards[side] for side in (0, 1))
        to_ras.SetElement(axis, 3, middle + shift)
    view.SetDimensions(width, height, 1)
    view.SetFieldOfView(float(size[0]), float(size[1]), 1.0)
    return width, height


def _image_actor(logic: Any) -> Any:
    """Return the actor of the blended image; Slicer's widget has one of CTK's, which the core lacks."""
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkImageMapper

    mapper, actor = vtkImageMapper(), vtkActor2D()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    mapper.SetInputConnection(logic.GetImageDataConnection())
    actor.SetMapper(mapper)
    actor.GetProperty().SetDisplayLocationToBackground()
    return actor


def _grab(window: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

    grabber = vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()


@contextmanager
def _shown_alone(masks: MaskNodes | None) -> Iterator[None]:
    """Show the given masks and no other segmentation for a while, with outlines that a small picture keeps."""
    nodes = scene().GetNodesByClass("vtkMRMLSegmentationDisplayNode")
    nodes.UnRegister(None)  # GetNodesByClass hands over its collection
    displays = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
    own = masks.segmentation.GetDisplayNode() if masks else None
    before = [(display, display.GetVisibility(), display.GetSliceIntersectionThickness()) for display in displays]
    try:
        for display in displays:
            display.SetVisibility(display is own)
            display.SetSliceIntersectionThickness(_OUTLINE_PX)
        yield
    finally:
        for display, visible, thickness in before:
            display.SetVisibility(visible)
            display.SetSliceIntersectionThickness(thickness)


@contextmanager
def _temporary_nodes() -> Iterator[None]:
    """Remove afterwards whatever nodes a view adds to the scene."""
    before = {scene().GetNthNode(i).GetID() for i in range(scene().GetNumberOfNodes())}
    try:
        yield
    finally:
        after = [scene().GetNthNode(i) for i in range(scene().GetNumberOfNodes())]
        for node in after:
            if node.GetID() not in before:
                scene().RemoveNode(node)


def _write_png(pixels: np.ndarray, path: Path) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkPNGWriter

    image = vtkImageData()
    image.SetDimensions(pixels.shape[1], pixels.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(pixels[::-1]).reshape(-1, 3), deep=True))
    writer = vtkPNGWriter()
    writer.SetInputData(image)
    writer.WriteToMemoryOn()
    writer.Write()
    path.write_bytes(vtk_to_numpy(writer.GetResult()).tobytes())
