"""From probability to mask: threshold on the source pixels, then what anatomy allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from .errors import ModelError


@dataclass(frozen=True)
class PostProcessing:
    """What is done to a thresholded mask; stored in the model's card.

    Sizes are fractions of the longer side of the visible field, so that they mean the same on every
    detector. The defaults switch everything off, as in the paper.

    Parameters
    ----------
    min_diameter
        Components smaller than a disc of this diameter are dropped; 0.03 of a 30 cm field is 9 mm.
    liver_margin
        The tumour is kept only inside the liver dilated by this much; None switches it off. It also
        stays off on a frame where no liver was found, so that a failed liver cannot hide a tumour.
    liver_min_diameter
        Liver components smaller than a disc of this diameter are dropped.
    """

    min_diameter: float = 0.0
    liver_margin: float | None = None
    liver_min_diameter: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 <= value < 1:
                raise ModelError(f"post-processing {field.name} is {value}", "Give a fraction of the field, 0-1")

    @classmethod
    def paper(cls) -> PostProcessing:
        """Return the paper's setting: none."""
        return cls()

    @classmethod
    def recommended(cls) -> PostProcessing:
        """Return our default: small specks dropped, tumour kept near the liver."""
        return cls(min_diameter=0.015, liver_margin=0.02, liver_min_diameter=0.1)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PostProcessing:
        """Build from what a card holds; an unknown name is an error, not ignored."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ModelError(f"unknown post-processing {', '.join(sorted(unknown))}", "Update DSANet")
        return cls(**values)


def clean_liver(liver: np.ndarray, field_px: float, settings: PostProcessing) -> np.ndarray:
    """Drop small liver components; uint8 (rows, columns) in and out, ``field_px`` = longer side of the field."""
    return drop_small(liver, _disc_area(settings.liver_min_diameter * field_px))


def clean_tumour(tumour: np.ndarray, liver: np.ndarray | None, field_px: float, settings: PostProcessing) -> np.ndarray:
    """Keep the tumour near the liver, then drop small components.

    Parameters
    ----------
    tumour, liver
        uint8 (rows, columns), 0 or 1; ``liver`` None for a model without liver.
    field_px
        Longer side of the visible field in source pixels.
    settings
        From the model's card.
    """
    if settings.liver_margin is not None and liver is not None and liver.any():
        tumour = tumour & dilate(liver, settings.liver_margin * field_px)
    return drop_small(tumour, _disc_area(settings.min_diameter * field_px))


def drop_small(mask: np.ndarray, min_area_px: float) -> np.ndarray:
    """Return the mask without components (8 neighbours) of less than ``min_area_px`` pixels."""
    import cv2

    if min_area_px <= 1 or not mask.any():
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    keep[0] = False
    return keep.astype(np.uint8)[labels]


def dilate(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Return the mask grown by ``radius_px`` (Euclidean, 0 = unchanged)."""
    import cv2

    # Distance of every background pixel to the mask: exact for any radius, at one cost.
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (distance <= radius_px).astype(np.uint8)


def _disc_area(diameter_px: float) -> float:
    return float(np.pi / 4 * diameter_px**2)
