"""DSANet in Slicer: the module's entry. The panel follows; until then the help says how to use the library."""

from __future__ import annotations

import sys
from pathlib import Path

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget

# In a source checkout only this folder is on Slicer's path; installed, DSANetLib lies beside this file.
_CHECKOUT = Path(__file__).resolve().parent.parent
if (_CHECKOUT / "DSANetLib").is_dir() and str(_CHECKOUT) not in sys.path:
    sys.path.append(str(_CHECKOUT))


class DSANetModule(ScriptedLoadableModule):
    """Title, category, help and acknowledgement, as Slicer shows them."""

    def __init__(self, parent: object) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("DSANet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["The DSANet contributors"]
        self.parent.helpText = _(
            "Segments liver tumours on digital subtraction angiograms and predicts the response to TACE. "
            "Research use only; the models were trained on a synthetic phantom. "
            "This version has no panel yet: use <code>DSANetLib</code> in the Python console, or the command "
            "<code>dsanet run</code>, whose scenes open in Slicer."
        )
        self.parent.acknowledgementText = _(
            "After DSA-Net, Cancer Imaging 2022, "
            '<a href="https://doi.org/10.1186/s40644-022-00457-3">doi 10.1186/s40644-022-00457-3</a>.'
        )


class DSANetModuleWidget(ScriptedLoadableModuleWidget):
    """No controls of its own yet: the base class shows the help and acknowledgement."""
