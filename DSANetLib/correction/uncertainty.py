"""How far a network's mask and its own probabilities disagree: for putting the worst first, not a measure of error."""

from __future__ import annotations

import numpy as np


def mask_uncertainty(probability: np.ndarray, threshold: float) -> float:
    """Return 0 (sure) to 1: one minus the Dice that the probabilities expect of the mask.

    Where nothing reaches the threshold it is 1: a network that finds no tumour is a case to look at.

    Parameters
    ----------
    probability
        Tumour probability, 0-1, any shape.
    threshold
        Probability from which a pixel belongs to the mask.
    """
    values = np.asarray(probability, np.float64)
    mask = values >= threshold
    if not mask.any():
        return 1.0
    return float(1 - 2 * values[mask].sum() / (values.sum() + np.count_nonzero(mask)))
