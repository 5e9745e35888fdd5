"""A file or folder → DSARun: video, image frames, DICOM, Slicer's volume sequence."""

from .find import RunSource, find_runs
from .read import read_run

__all__ = ["RunSource", "find_runs", "read_run"]
