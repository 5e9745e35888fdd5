"""A run that Slicer was asked to load, by its Add Data dialog, its DICOM browser or its sample data, as a case."""

from __future__ import annotations

from typing import Any

import slicer

from DSANetLib.mrml.scene import CaseNodes

MODULE = "DSANetModule"


def loadCase(source: Any) -> CaseNodes:
    """Load a run by the module's own logic, so that it is the same from everywhere, and choose it in the panel.

    Parameters
    ----------
    source
        File or folder, or a `DSANetLib.readers.RunSource`.

    Raises
    ------
    DSANetError
        Where it cannot be read, or packages that reading needs are not installed.
    """
    from .packages import LIGHT, ensure

    ensure(LIGHT)
    panel = slicer.util.getModuleWidget(MODULE)
    case = panel.logic.loadRun(source)
    panel.context.setCase(case)
    return case
