"""Videos and folders of frames in Slicer's Add Data dialog; Slicer finds the class by its name in DSANetModule.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import vtk
from slicer.i18n import tr as _

from DSANetLib.errors import DSANetError, RunError

# Of a file that several readers would take, the dialog chooses the one with the highest; Slicer's own have 0.5 and a
# little. A video is ours: Slicer reads none. One image of a folder may be a picture as well: ours is offered second.
_VIDEO, _IMAGE = 0.9, 0.4


class DSANetModuleFileReader:
    """Loads a video, or all frames in the folder of an image, as a case.

    Parameters
    ----------
    parent
        The qSlicerScriptedFileReader, which passes on what was loaded.
    """

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        """Text in the dialog's list of readers."""
        return _("Angiographic run (DSANet)")

    def fileType(self) -> str:
        """Name for scripts: ``slicer.util.loadNodeFromFile(path, "AngiographicRun")``."""
        return "AngiographicRun"

    def extensions(self) -> list[str]:
        """File name filters."""
        return [
            _("Video of an angiographic run") + " (*.avi *.mp4 *.mov *.mkv *.wmv *.mpg *.mpeg *.m4v)",
            _("Folder of frames of an angiographic run") + " (*.png *.jpg *.jpeg *.tif *.tiff *.bmp)",
        ]

    def canLoadFile(self, filePath: str) -> bool:
        """Return whether the file is a video or an image that does not lie alone in its folder."""
        return self.canLoadFileConfidence(filePath) > 0

    def canLoadFileConfidence(self, filePath: str) -> float:
        """Return 0 where this reader does not take the file, told from its first bytes."""
        from DSANetLib.readers.kind import file_kind

        path = Path(filePath)
        if not self.parent.supportedNameFilters(filePath):
            return 0.0
        try:
            kind = file_kind(path)
        except RunError:
            return 0.0
        if kind == "video":
            return _VIDEO
        alike = (other for other in path.parent.iterdir() if other.suffix.lower() == path.suffix.lower())
        return _IMAGE if kind == "image" and sum(1 for _other in alike) > 1 else 0.0

    def load(self, properties: dict[str, Any]) -> bool:
        """Load the file, of an image its whole folder; what went wrong is shown by the dialog."""
        from DSANetLib.readers.kind import file_kind

        from .loading import loadCase

        path = Path(properties["fileName"])
        try:
            case = loadCase(path.parent if file_kind(path) == "image" else path)
        except DSANetError as error:
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        run = case.run
        self.parent.loadedNodes = [node.GetID() for node in (run.sequence, run.browser, run.volume)]
        return True
