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

# A series of fewer files of a frame each is rather some exposures than a run.
_FEWEST = 4


class DSANetDicomPluginClass(DICOMPlugin):
    """Loads multi-frame X-ray runs with true frame times, mask frames and pixel shift, under neutral names."""

    def __init__(self) -> None:
        super().__init__()
        self.loadType = _("Subtracted DSA run")
        self.tags["numberOfFrames"] = "0028,0008"

    def examineFiles(self, files: list[str]) -> list[DICOMLoadable]:
        """Return a loadable for each file that holds an X-ray run of several frames, and for files of a frame each."""
        found = [self._examine(path) for path in files] + self._examineSingles(files)
        return [loadable for loadable in found if loadable is not None]

    def load(self, loadable: Any) -> Any:
        """Load a run; return its sequence node. What went wrong is raised, and noted by Slicer's DICOM browser."""
        from .loading import loadCase

        if len(loadable.files) == 1:
            return loadCase(loadable.files[0]).run.sequence
        from DSANetLib.readers.find import group_dicom

        (source,) = group_dicom(loadable.files)
        return loadCase(source).run.sequence

    def _examineSingles(self, files: list[str]) -> list[DICOMLoadable | None]:
        """Return what can be loaded from the files that hold a single frame: the runs that they form together."""
        database, counts = slicer.dicomDatabase, ("", "1")
        singles = [
            path
            for path in files
            if database.fileValue(path, self.tags["sopClassUID"]) in _CLASSES
            and database.fileValue(path, self.tags["numberOfFrames"]) in counts
        ]
        if len(singles) < _FEWEST:
            return []
        from DSANetLib.readers.find import group_dicom

        return [
            self._offer([str(path) for path in source.files])
            for source in group_dicom(singles)
            if len(source.files) >= _FEWEST
        ]

    def _examine(self, path: str) -> DICOMLoadable | None:
        """Return what can be loaded from a file; the database is asked first, as it reads no file."""
        kind = slicer.dicomDatabase.fileValue(path, self.tags["sopClassUID"])
        count = slicer.dicomDatabase.fileValue(path, self.tags["numberOfFrames"])
        if kind not in _CLASSES or not count.isdecimal() or int(count) < 2:
            return None
        return self._offer([path], int(count))

    def _offer(self, files: list[str], count: int | None = None) -> DICOMLoadable | None:
        """Return the loadable of a run: one file of `count` frames, or a file a frame."""
        try:
            facts, warnings = _describe([Path(path) for path in files], count)
        except RunError:
            return None  # Slicer's own plug-in may know what to do with it
        kind, number = (slicer.dicomDatabase.fileValue(files[0], self.tags[n]) for n in ("sopClassUID", "seriesNumber"))
        loadable = DICOMLoadable()
        loadable.files = files
        # Neither the patient nor the series description, in which people write names.
        loadable.name = _("DSA run {number} ({kind}, {count} frames)").format(
            number=number, kind=_CLASSES[kind], count=count or len(files)
        )
        loadable.tooltip = facts
        loadable.warning = " ".join(warnings)
        loadable.selected = True
        loadable.confidence = _CONFIDENCE
        return loadable


def _describe(files: list[Path], count: int | None) -> tuple[str, list[str]]:
    """Return what the headers say of a run, and what is to be known before it is loaded; no pixel is read."""
    from DSANetLib.readers import dicom_facts
    from DSANetLib.readers.dicom_pixels import read_dataset

    path = files[0]
    dataset, _offset = read_dataset(path)
    warnings: list[str] = []
    mask = dicom_facts.mask_subtraction(dataset, count or len(files), warnings)
    spacing = dicom_facts.spacing(dataset, path.name, warnings)
    lines = [
        _subtractionText(dicom_facts.is_subtracted(dataset, mask), mask),
        _("A file a frame, ordered by instance number.") if count is None else _timesText(dataset, count, warnings),
    ]
    if spacing is None or spacing.pixel_mm2 is None:
        warnings.append(_("Sizes in mm are not calibrated."))
    return " ".join(lines), warnings


def _timesText(dataset: Any, count: int, warnings: list[str]) -> str:
    from DSANetLib.readers import dicom_facts

    times = dicom_facts.frame_times(dataset, count, warnings)
    if times is None:
        return _("Frame times are not in the header.")
    return _("Lasts {seconds:.1f} s, with the times of each frame.").format(seconds=times[-1])


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
