"""Metrics of one mask or one table of counts: pixels, lesions, and the paper's rules for empty masks.

Source: the authors' code (../reference, key ``metrics``). All but Dice are in per cent; a metric that
would divide zero by zero is None, except PPV, which is 0 where nothing was predicted, and Dice, which is
1 where both masks are empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError

LESION_OVERLAP = 0.2
"""Share of a lesion that must be predicted to count as found; of a component, to count as true."""

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Counts:
    """A two-by-two table, of pixels or of patients; the positive class is the caller's to name.

    Parameters
    ----------
    tp, fn, tn, fp
        True positives, false negatives, true negatives, false positives, each >= 0.
    """

    tp: int
    fn: int
    tn: int
    fp: int

    def __post_init__(self) -> None:
        for name in ("tp", "fn", "tn", "fp"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} is {getattr(self, name)}", "Give counts of 0 or more")

    @property
    def total(self) -> int:
        """Number of pixels or patients counted."""
        return self.tp + self.fn + self.tn + self.fp

    @property
    def accuracy(self) -> float | None:
        """Share that is right, in per cent; None where nothing was counted."""
        return _per_cent(self.tp + self.tn, self.total)

    @property
    def sensitivity(self) -> float | None:
        """Share of the positives that was found, in per cent; None without positives."""
        return _per_cent(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        """Share of the negatives left alone, in per cent; None without negatives."""
        return _per_cent(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float:
        """Share of the predicted positives that is right, in per cent; 0 where nothing was predicted."""
        return _per_cent(self.tp, self.tp + self.fp) or 0.0

    @property
    def npv(self) -> float | None:
        """Share of the predicted negatives that is right, in per cent; None where all was predicted."""
        return _per_cent(self.tn, self.tn + self.fn)

    @property
    def balanced_accuracy(self) -> float | None:
        """(Sensitivity + specificity) / 2 in 0-1: what the paper's Table 3 prints as "AUC"."""
        sensitivity, specificity = self.sensitivity, self.specificity
        return None if sensitivity is None or specificity is None else (sensitivity + specificity) / 200.0

    @property
    def dice(self) -> float:
        """2·TP / (2·TP + FP + FN) in 0-1; 1 where there is nothing to find and nothing was predicted."""
        size = 2 * self.tp + self.fp + self.fn
        return 2.0 * self.tp / size if size else 1.0


def _per_cent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def count(predicted: np.ndarray, true: np.ndarray) -> Counts:
    """Count pixels, or patients' labels, of a prediction against the truth.

    Parameters
    ----------
    predicted, true
        Arrays of one shape, non-zero where positive.

    Returns
    -------
    Counts
        The two-by-two table.

    Raises
    ------
    TrainingError
        Where the shapes differ.
    """
    if np.shape(predicted) != np.shape(true):
        raise TrainingError(
            f"the prediction is {np.shape(predicted)}, the truth {np.shape(true)}", "Compare masks of one frame"
        )
    p, t = np.asarray(predicted) != 0, np.asarray(true) != 0
    tp = int(np.count_nonzero(p & t))
    predicted_pixels, true_pixels = int(np.count_nonzero(p)), int(np.count_nonzero(t))
    fp, fn = predicted_pixels - tp, true_pixels - tp
    return Counts(tp=tp, fn=fn, tn=int(p.size) - tp - fp - fn, fp=fp)


def dice(predicted: np.ndarray, true: np.ndarray) -> float:
    """Dice coefficient of two masks, 0-1; 1 where both are empty (the authors' rule).

    Examples
    --------
    >>> import numpy as np
    >>> dice(np.array([[1, 1, 0]]), np.array([[1, 0, 0]]))
    0.6666666666666666
    """
    return count(predicted, true).dice


@dataclass(frozen=True)
class PixelMetrics:
    """Pixel-level metrics of one image, as the authors' code computes them.

    The paper calls ``sensitivity`` "patient-level"; it is the sensitivity over the pixels of an image.

    Parameters
    ----------
    dice
        0-1.
    accuracy, sensitivity, specificity, ppv, npv
        Per cent, or None where undefined.
    """

    dice: float
    accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None


PIXEL_METRICS = ("dice", "accuracy", "sensitivity", "specificity", "ppv", "npv")


def pixel_metrics(predicted: np.ndarray, true: np.ndarray) -> PixelMetrics:
    """Pixel-level metrics of one image against its true mask; shapes equal, non-zero is positive."""
    counts = count(predicted, true)
    return PixelMetrics(**{name: getattr(counts, name) for name in PIXEL_METRICS})


def mean_pixel_metrics(images: Iterable[PixelMetrics]) -> dict[str, float | None]:
    """Average each metric over images (the authors' way), leaving undefined ones out; None if all are."""
    rows = list(images)
    averages: dict[str, float | None] = {}
    for name in PIXEL_METRICS:
        values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        averages[name] = float(np.mean(values)) if values else None
    return averages


@dataclass(frozen=True)
class LesionMatch:
    """Lesions found and components predicted in one image.

    Parameters
    ----------
    found
        For each true lesion, in the order of its label, whether it was found.
    components
        Number of predicted components.
    false_positives
        Predicted components that lie (nearly) beside every lesion.
    """

    found: tuple[bool, ...]
    components: int
    false_positives: int

    @property
    def sensitivity(self) -> float | None:
        """Share of the lesions found, in per cent; None without lesions."""
        return _per_cent(sum(self.found), len(self.found))

    @property
    def false_positive_ratio(self) -> float | None:
        """False-positive components over predicted components, in per cent; None without any."""
        return _per_cent(self.false_positives, self.components)


def match_lesions(predicted: np.ndarray, lesions: np.ndarray, overlap: float = LESION_OVERLAP) -> LesionMatch:
    """Match predicted components with true lesions.

    A lesion counts as found where at least ``overlap`` of its pixels are predicted; a component
    (8-connected) is a false positive where less than ``overlap`` of its pixels lie on any lesion. The
    paper states no rule; this one lets a component that covers two lesions find both.

    Parameters
    ----------
    predicted
        (rows, columns), non-zero where a tumour is predicted.
    lesions
        (rows, columns) integer label map, 0 = none, 1..n = lesions; labels without pixels are skipped.
    overlap
        Share of pixels in (0, 1].

    Returns
    -------
    LesionMatch
        Per lesion and per image counts.

    Raises
    ------
    TrainingError
        Where shapes differ or ``overlap`` is out of range.
    """
    from scipy import ndimage

    if predicted.shape != lesions.shape:
        raise TrainingError(f"the prediction is {predicted.shape}, the lesions {lesions.shape}", "Compare one frame")
    if not 0.0 < overlap <= 1.0:
        raise TrainingError(f"the overlap is {overlap}", "Give a share above 0 and up to 1")
    positive = np.asarray(predicted) != 0
    labels = [label for label in np.unique(lesions) if label != 0]
    found = tuple(bool(positive[lesions == label].mean() >= overlap) for label in labels)
    components, number = ndimage.label(positive, structure=EIGHT_NEIGHBOURS)
    sizes = np.bincount(components.ravel(), minlength=number + 1)[1:]
    on_lesion = np.bincount(components[lesions != 0].ravel(), minlength=number + 1)[1:]
    false_positives = int(np.count_nonzero(on_lesion < overlap * sizes))
    return LesionMatch(found=found, components=int(number), false_positives=false_positives)
