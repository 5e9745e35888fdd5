"""What the user deletes by hand in other modules: a part of a run goes with all that hangs on it, or is made again."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from vtkmodules.util.misc import calldata_type
from vtkmodules.util.vtkConstants import VTK_OBJECT

from DSANetLib.mrml.deleting import Deletion, about_to_delete, after_deleting


class Deletions(slicer.util.VTKObservationMixin):
    """Watches nodes leave the scene.

    Parameters
    ----------
    context
        What the sections share.
    """

    def __init__(self, context: Any) -> None:
        super().__init__()
        self.context = context
        self._waiting: list[Deletion] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self.finish)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self.onAboutToBeRemoved)

    @calldata_type(VTK_OBJECT)
    def onAboutToBeRemoved(self, _scene: Any, _event: str, node: Any) -> None:
        """Remember what hangs on the node while Slicer still knows."""
        deletion = about_to_delete(node)
        if deletion is not None:
            self._waiting.append(deletion)
            self._timer.start()  # whoever deletes goes on with its own work first

    def finish(self) -> None:
        """Clear up after the deletions, and say what was done."""
        waiting, self._waiting = self._waiting, []
        done = [(deletion.case.case_id, after_deleting(deletion)) for deletion in waiting]
        self.context.changed("case")
        said = [_texts()[outcome].format(name=name) for name, outcome in done if outcome is not None]
        if said:
            self.context.tell(" ".join(said))

    def cleanup(self) -> None:
        """Watch no more."""
        self._timer.stop()
        self._waiting.clear()
        self.removeObservers()


def _texts() -> dict[str, str]:
    return {
        "run": _("{name} was deleted; masks, curves and tables that belonged to it went with it."),
        "masks": _("The masks of {name} were deleted. Press Apply for new ones."),
        "restored": _(
            "The browser or the volume of {name} was deleted. It was made again, as frames and masks cannot be reached "
            "without it; Remove run takes it away."
        ),
    }
