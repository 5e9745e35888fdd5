"""A small host for Slicer's core outside Slicer: the scene and the few logics that `mrml` and `slicer.util` use.

Inside Slicer (or any host that has set ``slicer.mrmlScene``) `start` changes nothing. Outside, it makes of the
package ``slicer-core`` what our code needs: a scene with Slicer's default colours, the logics of volumes,
segmentations, sequences, tables, colours and subject hierarchy, and a cache folder, without which ``.mrb`` files
cannot be opened. VTK's messages go to Python's logging, as they would otherwise fill the terminal.

What it lacks: ``slicer.app`` and all of Qt (panels, layouts, dialogs, settings), ``coreIOManager`` (so none of
``slicer.util``'s ``load*``, ``save*`` and ``exportNode``; `mrml.scene` has its own), automatic subject hierarchy
items, the terminology lists of the Terminologies module (codes and colours of segments are kept all the same),
scripted modules, DICOM, and every module that is not named above. Slice views are made by `mrml.render`.
"""

from __future__ import annotations

import logging
import tempfile
from types import SimpleNamespace
from typing import Any

from ..errors import DependencyError

logger = logging.getLogger(__name__)

# The sequences logic has to be there before the first browser: it registers the browser's class and updates proxies.
_LOGICS = {
    "colors": "vtkMRMLColorLogic",
    "volumes": "vtkSlicerVolumesLogic",
    "segmentations": "vtkSlicerSegmentationsModuleLogic",
    "subjecthierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "sequences": "vtkSlicerSequencesLogic",
    "tables": "vtkSlicerTablesLogic",
}

# Slicer's application owns its logics and folders; here nobody else would, and they must outlive the call.
_kept: list[Any] = []


def start() -> Any:
    """Return the package ``slicer`` with a scene, started on first use.

    Returns
    -------
    module
        ``slicer``: with ``mrmlScene`` and ``modules.<name>.logic()`` for volumes, segmentations,
        sequences, tables, colors and subjecthierarchy.

    Raises
    ------
    DependencyError
        Where neither Slicer nor slicer-core is there.
    """
    try:
        import slicer
    except ImportError as error:
        raise DependencyError(
            f"Slicer's core cannot be imported ({error})", 'Run inside 3D Slicer, or: pip install "slicer-core"'
        ) from error
    if getattr(slicer, "mrmlScene", None) is None:
        _boot(slicer)
    return slicer


def in_slicer() -> bool:
    """Return whether this is the Slicer application, not its bare core."""
    return hasattr(start(), "app")


def scene() -> Any:
    """Return the MRML scene, started on first use."""
    return start().mrmlScene


def logic(name: str) -> Any:
    """Return the logic of a module by Slicer's name for it, e.g. ``sequences``."""
    return getattr(start().modules, name).logic()


def application_logic() -> Any:
    """Return Slicer's application logic."""
    slicer = start()
    return slicer.app.applicationLogic() if hasattr(slicer, "app") else logic("colors").GetMRMLApplicationLogic()


def clear() -> None:
    """Remove everything but Slicer's own singletons from the scene."""
    scene().Clear(False)


def _boot(slicer: Any) -> None:
    _log_vtk_messages()
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    slicer.modules = SimpleNamespace()
    for name, class_name in _LOGICS.items():
        made = application.GetColorLogic() if name == "colors" else getattr(slicer, class_name)()
        made.SetMRMLApplicationLogic(application)
        made.SetMRMLScene(scene)
        setattr(slicer.modules, name, SimpleNamespace(logic=lambda made=made: made))
    slicer.modules.colors.logic().AddDefaultColorNodes()
    # In Slicer the Colors module registers it; without, no legend could be made or read from a file.
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    # Screens show the patient's right on the left; without the presets a slice node knows no "Axial".
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    _kept.extend([scene, application, _cache(slicer, scene, application)])
    slicer.mrmlScene = scene


def _cache(slicer: Any, scene: Any, application: Any) -> tuple[Any, ...]:
    """Give the scene a folder of its own in which ``.mrb`` files are packed and unpacked; removed at exit."""
    folder = tempfile.TemporaryDirectory(prefix="dsanet-slicer-", ignore_cleanup_errors=True)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application)
    remote.GetCacheManager().SetRemoteCacheDirectory(folder.name)
    manager = slicer.vtkDataIOManagerLogic()
    manager.SetMRMLApplicationLogic(application)
    manager.SetMRMLScene(scene)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return folder, remote, manager


def _log_vtk_messages() -> None:
    from vtkmodules.vtkCommonCore import vtkCommand, vtkLogger, vtkOutputWindow

    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    window = vtkOutputWindow()
    window.SetDisplayModeToNever()
    for event, level in (
        # What matters is raised as SceneError; VTK's own lines are for those who look for them.
        (vtkCommand.ErrorEvent, logging.INFO),
        (vtkCommand.WarningEvent, logging.DEBUG),
        (vtkCommand.MessageEvent, logging.DEBUG),
    ):
        window.AddObserver(event, _logging_observer(level))
    vtkOutputWindow.SetInstance(window)
    _kept.append(window)


def _logging_observer(level: int) -> Any:
    def log(_window: Any, _event: str, text: str) -> None:
        logger.log(level, "%s", " ".join(text.split()))

    log.CallDataType = "string0"  # type: ignore[attr-defined]
    return log
