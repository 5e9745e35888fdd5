"""What the response network sees of a segmented run: key frame, key frame times mask, mask."""

from __future__ import annotations

import numpy as np

from .preparation import PreparationConfig, PreparedRun, network_inputs, prepare
from .results import Segmentation


def response_image(key: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the response network's three channels [KF, KF x mask, mask].

    Parameters
    ----------
    key
        (S, S) float32 key frame in [0, 1].
    mask
        (S, S) tumour mask on network pixels, non-zero = tumour.

    Returns
    -------
    numpy.ndarray
        (3, S, S) float32 in [0, 1].
    """
    binary = (mask > 0).astype(np.float32)
    return np.stack([key, key * binary, binary]).astype(np.float32)


def response_images(segmentation: Segmentation, config: PreparationConfig | None = None) -> np.ndarray:
    """Return (N, 3, S, S) float32, one image for each frame with a mask, in the order of the frames.

    The masks are those on the source pixels, brought back to network pixels (half covered counts), so
    that a mask corrected by hand goes the same way as one from the network. Where `config` is another
    preparation than the segmentation's, the run is prepared anew by it.
    """
    prepared = segmentation.prepared
    if config is not None and config != prepared.config:
        prepared = _prepared_alike(segmentation, config)
    images = []
    for frame in segmentation.frames:
        mask = prepared.geometry.to_network(segmentation.masks[frame].tumour) >= 0.5
        images.append(response_image(network_inputs(prepared, frame).key, mask))
    return np.stack(images)


def _prepared_alike(segmentation: Segmentation, config: PreparationConfig) -> PreparedRun:
    """Prepare the run of a segmentation anew by `config`, with the same key frame and the user's own choices."""
    chosen = segmentation.prepared.subtraction
    return prepare(
        segmentation.prepared.run,
        config,
        key_frame=segmentation.key_frame.index,
        mask_frame=chosen.frames[0] if chosen.mask_from == "user" else None,
        pixel_shift=chosen.shift_px if chosen.performed else None,
    )
