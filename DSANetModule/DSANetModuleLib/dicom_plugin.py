"""X-ray runs in Slicer's DICOM browser, offered as subtracted DSA run beside Slicer's own way of loading them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

from DSANetLib.errors import RunError

_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.12.1.1": "Enhanced XA",
    "1.2.840.10008.5.1.4.1.1.12.2": "XRF",
    "1.2.840.10008.5.1.4.1.1.12.2.1": "Enhanced XRF",
}

# Slicer's own plug-in for image sequences has 0.7: the higher one is ticked, the other stays in the list.
_CONFIDENCE = 0.9


class DSANetDicomPluginClass(DICOMPlugin):
    """Loads multi-frame X-ray runs with true frame times, mask frames and pixel shift, under neutral names."""

    def __init__(self) -> None:
        super().__init__()
        self.loadType = _("Subtracted DSA run")
        self.tags["numberOfFrames"] = "0028,0008"

    def examineFiles(self, files: list[str]) -> list[DICOMLoadable]:
        """Return a loadable for each file that holds an X-ray run of several frames."""
        found = (self._examine(path) for path in files)
        return [loadable for loadable in found if loadable is not None]

    def load(self, loadable: Any) -> Any:
        """Load a run; return its sequence node. What went wrong is raised, and noted by Slicer's DICOM browser."""
        from .loading import loadCase

        (path,) = loadable.files
        return loadCase(path).run.sequence

    def _examine(self, path: str) -> DICOMLoadable | None:
        """Return what can be loaded from a file; the database is asked first, as it reads no file."""
        kind = _CLASSES.get(slicer.dicomDatabase.fileValue(path, self.tags["sopClassUID"]))
        count = slicer.dicomDatabase.fileValue(path, self.tags["numberOfFrames"])
        if kind is None or not count.isdecimal() or int(count) < 2:
            return None
        try:
            facts, warnings = _describe(Path(path), int(count))
        except RunError:
            return None  # Slicer's own plug-in may know what to do with it
        number = slicer.dicomDatabase.fileValue(path, self.tags["seriesNumber"])
        loadable = DICOMLoadable()
        loadable.files = [path]
        # Neither the patient nor the series description, in which people write names.
        loadable.name = _("DSA run {number} ({kind}, {count} frames)").format(number=number, kind=kind, count=count)
        loadable.tooltip = facts
        loadable.warning = " ".join(warnings)
        loadable.selected = True
        loadable.confidence = _CONFIDENCE
        return loadable


def _describe(path: Path, count: int) -> tuple[str, list[str]]:
    """Return what the header says of a run, and what is to be known before it is loaded; no pixel is read."""
    from DSANetLib.readers import dicom_facts
    from DSANetLib.readers.dicom_pixels import read_dataset

    dataset, _offset = read_dataset(path)
    warnings: list[str] = []
    mask = dicom_facts.mask_subtraction(dataset, count, warnings)
    times = dicom_facts.frame_times(dataset, count, warnings)
    spacing = dicom_facts.spacing(dataset, path.name, warnings)
    lines = [
        _subtractionText(dicom_facts.is_subtracted(dataset, mask), mask),
        _("Frame times are not in the header.")
        if times is None
        else _("Lasts {seconds:.1f} s, with the times of each frame.").format(seconds=times[-1]),
    ]
    if spacing is None or spacing.pixel_mm2 is None:
        warnings.append(_("Sizes in mm are not calibrated."))
    return " ".join(lines), warnings


def _subtractionText(subtracted: bool | None, mask: Any) -> str:
    if subtracted:
        return _("Came subtracted.")
    if subtracted is None:
        return _("The header does not say whether it is subtracted; DSANet looks at the pixels.")
    return _("Is subtracted by DSANet; mask: {mask}.").format(mask=_maskText(mask))


def _maskText(mask: Any) -> str:
    if mask is None or mask.operation == "NONE":
        return _("chosen before the contrast arrives")
    if mask.operation == "AVG_SUB":
        frames = ", ".join(str(frame + 1) for frame in mask.frames)
        return _("frames {frames}, moved by {shift} pixels").format(frames=frames, shift=mask.shift_px)
    return _("{offset} frames before each").format(offset=mask.tid_offset)
