"""The DICOM plug-in made known to Slicer's DICOM browser."""

from __future__ import annotations

import slicer


def registerDicomPlugin() -> None:
    """Offer runs to Slicer's DICOM browser; to be called when the module is made. A Slicer without DICOM has none."""
    try:
        from .dicom_plugin import DSANetDicomPluginClass
    except ImportError:
        return
    if not hasattr(slicer.modules, "dicomPlugins"):
        slicer.modules.dicomPlugins = {}
    slicer.modules.dicomPlugins["DSANetDicomPlugin"] = DSANetDicomPluginClass
