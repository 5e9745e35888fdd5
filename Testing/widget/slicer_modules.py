"""Stand-ins for two of Slicer's scripted modules, which its core does not bring: DICOMLib and SampleData.

They cannot show Slicer's DICOM browser, its database or the buttons of Sample Data; only what a plug-in is asked,
with which arguments, and what is kept. Real ones are used at the desk, in the panel host.
"""

from __future__ import annotations

import sys
import types


class DICOMLoadable:
    """What a plug-in offers to load (Modules/Scripted/DICOMLib/DICOMPlugin.py)."""

    def __init__(self):
        self.files, self.name, self.tooltip, self.warning = [], "Unknown", "", ""
        self.selected, self.confidence = False, 0.5


class DICOMPlugin:
    """Base of DICOM plug-ins: asks `examineFiles` for each list of files. Keeps no cache."""

    def __init__(self):
        self.loadType = "Generic DICOM"
        self.tags = {"seriesNumber": "0020,0011", "sopClassUID": "0008,0016"}

    def examineForImport(self, fileLists):
        return [loadable for files in fileLists for loadable in self.examineFiles(files)]


class Database:
    """slicer.dicomDatabase: values of a file's header as texts, read from the file itself."""

    def fileValue(self, path, tag):
        import pydicom

        group, element = (int(part, 16) for part in tag.split(","))
        found = pydicom.dcmread(path, stop_before_pixels=True, force=True).get((group, element))
        return "" if found is None or found.value is None else str(found.value)


class SampleDataLogic:
    """Keeps sources by category, with the checks of SampleDataSource (Modules/Scripted/SampleData/SampleData.py)."""

    sources: dict = {}  # noqa: RUF012 - shared, as in Slicer

    @staticmethod
    def registerCustomSampleDataSource(
        category, sampleName, uris, fileNames, nodeNames, customDownloader, thumbnailFileName
    ):
        for texts in (uris, fileNames, nodeNames):
            assert isinstance(texts, str), "a source has as many file names and nodes as addresses"
        source = types.SimpleNamespace(
            sampleName=sampleName, customDownloader=customDownloader, thumbnailFileName=thumbnailFileName
        )
        SampleDataLogic.sources.setdefault(category, []).append(source)


class Messages:
    """qSlicerIO::userMessages(): what a reader says, shown by the dialog."""

    def __init__(self):
        self.texts = []

    def AddMessage(self, _event, text):
        self.texts.append(text)


class Reader:
    """The qSlicerScriptedFileReader behind a reader: filters by the reader's own patterns. Shows no dialog."""

    def __init__(self, cls):
        self.loadedNodes, self._messages = [], Messages()
        self.reader = cls(self)

    def supportedNameFilters(self, path):
        patterns = [p for text in self.reader.extensions() for p in text.rpartition("(")[2].rstrip(")").split()]
        return tuple(pattern for pattern in patterns if path.lower().endswith(pattern[1:]))

    def userMessages(self):
        return self._messages


def install(slicer):
    """Make both modules importable and give Slicer a DICOM database."""
    sys.modules["DICOMLib"] = types.ModuleType("DICOMLib")
    sys.modules["DICOMLib"].__dict__.update(DICOMPlugin=DICOMPlugin, DICOMLoadable=DICOMLoadable)
    sys.modules["SampleData"] = types.ModuleType("SampleData")
    sys.modules["SampleData"].SampleDataLogic = SampleDataLogic
    slicer.dicomDatabase = Database()
