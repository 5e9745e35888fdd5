"""From probability to mask: a frame's maps brought to the source pixels, thresholded there and cleaned."""

from __future__ import annotations

import numpy as np

from .postprocessing import PostProcessing, clean_liver, clean_tumour
from .preparation import FrameGeometry
from .results import FrameMasks


def frame_masks(
    geometry: FrameGeometry,
    tumour_map: np.ndarray,
    liver_map: np.ndarray | None,
    tumour_threshold: float,
    liver_threshold: float,
    settings: PostProcessing,
) -> FrameMasks:
    """Return the masks of a frame from its maps: probability to the source pixels, threshold there, clean.

    Parameters
    ----------
    geometry
        Of the prepared run.
    tumour_map, liver_map
        float32 (S, S) probability on network pixels; no liver map for a model without liver.
    tumour_threshold, liver_threshold
        Probability from which a pixel counts, 0-1.
    settings
        Post-processing, of the model's card.
    """
    field_px = float(max(geometry.height, geometry.width))
    liver = None
    if liver_map is not None:
        liver = (geometry.to_source(liver_map) >= liver_threshold).astype(np.uint8)
        liver = clean_liver(liver, field_px, settings)
    tumour = (geometry.to_source(tumour_map) >= tumour_threshold).astype(np.uint8)
    return FrameMasks(clean_tumour(tumour, liver, field_px, settings), liver)
