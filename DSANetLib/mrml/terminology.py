"""What the segments mean: SNOMED CT codes and Slicer's recommended colours for liver and tumour.

The tumour is coded as *neoplasm* of the liver, not as hepatocellular carcinoma: a mask on an angiogram is no
histology. ``Resources/Terminologies`` offers the carcinoma as a choice for those who know. The codes stand in the
"DICOM master list", which every Slicer has, so that a scene is understood without this extension too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIVER = "liver"
TUMOUR = "tumour"

_CONTEXT = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"
_NONE = "^^"


@dataclass(frozen=True)
class Code:
    """A concept of SNOMED CT: value and meaning."""

    value: str
    meaning: str

    def __str__(self) -> str:
        return f"SCT^{self.value}^{self.meaning}"


@dataclass(frozen=True)
class SegmentMeaning:
    """Segment ID, name shown, category, type, anatomic region (or None), and colour (red, green, blue 0-255)."""

    identifier: str
    name: str
    category: Code
    kind: Code
    region: Code | None
    colour: tuple[int, int, int]

    def entry(self) -> str:
        """Return the text of Slicer's tag ``TerminologyEntry``."""
        region = str(self.region) if self.region else _NONE
        return "~".join((_CONTEXT, str(self.category), str(self.kind), _NONE, _REGIONS, region, _NONE))


_LIVER_CODE = Code("10200004", "Liver")

# Liver first: what comes later is drawn on top.
SEGMENTS = (
    SegmentMeaning(LIVER, "Liver", Code("123037004", "Anatomical Structure"), _LIVER_CODE, None, (221, 130, 101)),
    SegmentMeaning(
        TUMOUR,
        "Tumour",
        Code("49755003", "Morphologically Altered Structure"),
        Code("108369006", "Neoplasm"),
        _LIVER_CODE,
        (144, 238, 144),
    ),
)


def describe(segment: Any, meaning: SegmentMeaning) -> None:
    """Give a vtkSegment its name, colour and codes."""
    segment.SetName(meaning.name)
    segment.SetColor(*(part / 255 for part in meaning.colour))
    segment.SetTag(segment.GetTerminologyEntryTagName(), meaning.entry())
