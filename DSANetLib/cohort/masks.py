"""An annotated frame → its masks on the run's pixels, whichever program drew them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import CohortError, RunError
from ..readers.images import read_image
from ..readers.kind import file_kind
from .data import AnnotatedFrame
from .dicom_seg import dicom_seg_masks
from .labelme import labelme_masks, read_document
from .naming import named_frames
from .seg_nrrd import seg_nrrd_masks
from .segments import numbered_pieces

MaskKind = Literal["image", "nrrd", "dicom", "labelme"]


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """Masks of one frame on the pixels of its run.

    Parameters
    ----------
    tumour
        bool (rows, columns).
    liver
        The same; None where nobody drew the liver.
    labels
        uint8 (rows, columns): 0 no tumour, lesions from 1 on.
    """

    tumour: np.ndarray
    liver: np.ndarray | None
    labels: np.ndarray


def frame_masks(annotated: AnnotatedFrame, rows: int, columns: int) -> FrameMasks:
    """Read the masks of an annotated frame.

    Parameters
    ----------
    annotated
        Of ``CohortRun.frames``. Without a tumour file the frame holds no tumour.
    rows, columns
        Of the run: the masks must fit them.

    Returns
    -------
    FrameMasks
        Lesions are numbered as the file does; where it does not, connected pieces are lesions.

    Raises
    ------
    CohortError
        Where a file cannot be read, is no mask, or has another size.
    """
    shape = (rows, columns)
    labels, liver = np.zeros(shape, np.uint8), None
    if annotated.tumour is not None:
        labels, liver = read_mask(annotated.tumour, annotated.frame, shape, "tumour")
    if annotated.liver is not None and annotated.liver != annotated.tumour:
        liver = read_mask(annotated.liver, annotated.frame, shape, "liver")[1]
    return FrameMasks(labels > 0, liver, labels)


def read_mask(path: Path, frame: int, shape: tuple[int, int], meaning: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read one file of masks; its kind is told from its content.

    Parameters
    ----------
    path
        PNG (or another picture), LabelMe JSON, ``.seg.nrrd`` or DICOM SEG.
    frame
        0-based.
    shape
        (rows, columns) of the run.
    meaning
        ``tumour`` or ``liver``: what a mask is that has no name of its own.

    Returns
    -------
    labels
        uint8 (rows, columns), lesions from 1 on.
    liver
        bool (rows, columns), None where the file holds no liver.
    """
    kind = mask_kind(path)
    if kind == "labelme":
        return labelme_masks(path, shape, meaning)
    if kind == "nrrd":
        return seg_nrrd_masks(path, frame, shape, meaning)
    if kind == "dicom":
        return dicom_seg_masks(path, frame, shape, meaning)
    try:
        image = read_image(path)
    except RunError as error:
        raise CohortError(error.problem, error.remedy, path) from error
    check_size(image.shape, shape, path)
    if meaning == "liver":
        return np.zeros(shape, np.uint8), image > 0
    return lesion_labels(image, path), None


def mask_kind(path: Path) -> MaskKind:
    """Tell the kind of a file of masks from its first bytes.

    Raises
    ------
    CohortError
        Where the file cannot be opened or is of no kind that is read.
    """
    try:
        kind = file_kind(path)
        if kind in ("image", "nrrd", "dicom"):
            return kind
        with path.open("rb") as file:
            if file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
                return "labelme"
    except RunError as error:
        raise CohortError(error.problem, error.remedy, path) from error
    except OSError as error:
        raise CohortError("cannot be opened", "Check the path and its permissions", path) from error
    raise CohortError("is no mask that is read", "Give PNG, LabelMe JSON, .seg.nrrd or DICOM SEG", path)


def frames_named(mask: Path, run: Path) -> dict[str, int]:
    """Return where a file of masks names its frame → the 0-based frame, in the order of trust; mostly one or none."""
    kind = mask_kind(mask)
    return named_frames(mask, run, read_document(mask) if kind == "labelme" else None)


def check_size(found: tuple[int, ...], shape: tuple[int, int], path: Path) -> None:
    """Raise where a mask has another size than its run."""
    if tuple(found) != shape:
        sizes = " × ".join(map(str, found)), " × ".join(map(str, shape))
        raise CohortError(
            f"the mask has {sizes[0]} pixels (rows × columns), the run {sizes[1]}",
            "Draw on the frames of this run, at their own size",
            path,
        )


def lesion_labels(image: np.ndarray, path: Path) -> np.ndarray:
    """Return uint8 labels of a mask image: as it numbers the lesions, or its connected pieces (8 neighbours)."""
    values = [int(value) for value in np.unique(image) if value]
    if len(values) > 1:
        if values != list(range(1, len(values) + 1)) or len(values) > 254:
            raise CohortError(
                f"is no mask: {len(values) + 1} grey levels up to {values[-1]}",
                "Save 0 and 255, or lesions numbered from 1, without smoothing",
                path,
            )
        return image.astype(np.uint8)
    return numbered_pieces(image > 0)
