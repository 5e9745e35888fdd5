"""Named segments → masks: what the files of Slicer and of DICOM have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import CohortError
from .naming import tissue


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment of a file: its names, the trusted one first, and its pixels, bool (rows, columns)."""

    names: tuple[str, ...]
    pixels: np.ndarray

    @property
    def tissue(self) -> str | None:
        """What its names mean; None where they name no tissue."""
        return next((found for name in self.names if (found := tissue(name))), None)


def merge_segments(
    segments: Iterable[Segment], shape: tuple[int, int], meaning: str, path: Path
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return lesions and liver of the segments of one frame.

    A single segment whose name says nothing means what the column of the manifest says. Several tumour segments are
    a lesion each; one alone is divided into its connected pieces.

    Raises
    ------
    CohortError
        Where no segment is a tumour or the liver.
    """
    given = list(segments)
    named = [(given[0].tissue or meaning, given[0])] if len(given) == 1 else [(one.tissue, one) for one in given]
    tumours = [segment.pixels for kind, segment in named if kind == "tumour"]
    livers = [segment.pixels for kind, segment in named if kind == "liver"]
    if not tumours and not livers:
        names = ", ".join(segment.names[0] for segment in given) or "none"
        raise CohortError(f"no segment is a tumour or the liver (found: {names})", "Name them tumour and liver", path)
    labels = np.zeros(shape, np.uint8)
    if len(tumours) == 1:
        labels = numbered_pieces(tumours[0])
    else:
        for number, pixels in enumerate(tumours, 1):
            labels[pixels] = min(number, 255)
    return labels, np.logical_or.reduce(livers) if livers else None


def numbered_pieces(mask: np.ndarray) -> np.ndarray:
    """Return uint8 labels of the connected pieces (8 neighbours) of a mask, from 1 on; beyond 255 all are 255."""
    import cv2

    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.minimum(labels, 255).astype(np.uint8)
