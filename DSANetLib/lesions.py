"""Lesions: the separate pieces of a tumour mask, where they lie and how large they are."""

from __future__ import annotations

import numpy as np

from .results import Lesion
from .run import PixelSpacing

_CORNERS = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)])


def find_lesions(mask: np.ndarray, frame: int, spacing: PixelSpacing | None = None) -> tuple[Lesion, ...]:
    """Measure every connected component (8 neighbours) of a tumour mask.

    Parameters
    ----------
    mask
        (rows, columns), non-zero = tumour, on the source pixels.
    frame
        Frame the mask belongs to, 0-based; copied into the lesions.
    spacing
        Pixel spacing; mm and mm² are given only where it is calibrated in the patient.

    Returns
    -------
    tuple of Lesion
        Largest area first; equal areas from top to bottom, then left to right.
    """
    import cv2

    count, labels, stats, centroids = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    calibrated = spacing if spacing is not None and spacing.in_patient else None
    found = []
    for label in range(1, count):
        left, top, width, height, area = (int(v) for v in stats[label])
        piece = labels[top : top + height, left : left + width] == label
        points = np.argwhere(piece) + np.array([top, left])
        length, ends = longest_diameter(points)
        column, row = centroids[label]
        found.append((area, float(row), float(column), points, length, ends))
    found.sort(key=lambda f: (-f[0], f[1], f[2]))
    return tuple(
        Lesion(
            frame=frame,
            number=number,
            row=row,
            column=column,
            area_px=area,
            area_mm2=area * calibrated.row_mm * calibrated.column_mm if calibrated else None,
            longest_diameter_px=length,
            longest_diameter_mm=(
                longest_diameter(points, (calibrated.row_mm, calibrated.column_mm))[0] if calibrated else None
            ),
            ends=ends,
        )
        for number, (area, row, column, points, length, ends) in enumerate(found, 1)
    )


def longest_diameter(
    points: np.ndarray, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, tuple[tuple[float, float], tuple[float, float]]]:
    """Return the maximum Feret diameter of a set of pixels, their corners included.

    Parameters
    ----------
    points
        (N, 2) row and column of the pixels, N >= 1.
    pixel_size
        (row, column) size of a pixel in the unit the length is wanted in.

    Returns
    -------
    length, ends
        The length, and its two end points as (row, column) in pixels.
    """
    import cv2

    points = np.asarray(points, np.float64)
    # Only the first and last pixel of each row can touch the hull: keeps a 1000 x 1000 mask cheap.
    order = np.lexsort((points[:, 1], points[:, 0]))
    points = points[order]
    changes = np.flatnonzero(np.diff(points[:, 0])) + 1
    rim = points[np.unique(np.concatenate([[0], changes, changes - 1, [len(points) - 1]]))]
    corners = (rim[:, None, :] + _CORNERS).reshape(-1, 2).astype(np.float32)
    hull = cv2.convexHull(corners).reshape(-1, 2).astype(np.float64)
    scaled = hull * pixel_size
    distances = np.linalg.norm(scaled[:, None, :] - scaled[None, :, :], axis=2)
    a, b = np.unravel_index(int(distances.argmax()), distances.shape)
    first, second = sorted((tuple(map(float, hull[a])), tuple(map(float, hull[b]))))
    return float(distances[a, b]), ((first[0], first[1]), (second[0], second[1]))
