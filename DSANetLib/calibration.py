"""Pixel size from a catheter of known French size: what a film without millimetres, such as an AVI, has for a ruler.

The outer diameter of a catheter of n French (Charrière) is n/3 mm. Its width in pixels gives mm per pixel *in the
plane of the catheter*, perpendicular to the beam, magnification included.

What it cannot give. A lesion nearer to the tube is magnified more than the catheter, one nearer to the detector less:
between a catheter calibration and one in the plane of the vessel 25 % was found (Koning et al., Catheter Cardiovasc
Interv 2001;52:334, doi 10.1002/ccd.1077). A catheter full of contrast measures 4 to 16 % too narrow, an empty one
-9 to +4 % (Herrman et al., Cathet Cardiovasc Diagn 1994;33:55, doi 10.1002/ccd.1810330111): measure on a frame before
contrast. And a catheter of 5 French is about six pixels wide, so half a pixel on each edge is another sixth; use the
widest part that shows, at the largest zoom. It says nothing of depth, foreshortening or volume.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import RunError
from .run import MAX_SPACING_MM, MIN_SPACING_MM, PixelSpacing

MM_PER_FRENCH = 1 / 3
"""Outer diameter in mm of 1 French."""

MIN_FRENCH, MAX_FRENCH = 1.5, 30.0
"""From a microcatheter to the largest sheath; a length in mm given by mistake mostly lies outside."""

MIN_WIDTH_PX = 2.0
"""Below this the edges of a catheter cannot be told apart."""

EDGE_ERROR_PX = 0.5
"""How well a person places one edge."""

Point = tuple[float, float]


@dataclass(frozen=True)
class CatheterCalibration:
    """Pixel size measured on a catheter.

    Parameters
    ----------
    spacing
        Size of a source pixel in mm, in the plane of the catheter; calibration ``catheter``.
    french
        Size of the catheter that it was measured on.
    width_px
        Measured width in source pixels; where pixels are not square, in columns.
    relative_error
        Part of the size that half a pixel on each edge makes (0.18: 18 %); nothing else is in it.
    """

    spacing: PixelSpacing
    french: float
    width_px: float
    relative_error: float


def calibrate(french: float, width_px: float, row_to_column: float = 1.0) -> CatheterCalibration:
    """Return the pixel size from the measured width of a catheter.

    Parameters
    ----------
    french
        Size of the catheter, 1.5 to 30 French.
    width_px
        Its width in source pixels (columns, where pixels are not square), 2 or more.
    row_to_column
        Height of a pixel by its width; 1 for square pixels.

    Raises
    ------
    RunError
        Where size or width is impossible, or the pixel size that comes of them.
    """
    if not (math.isfinite(french) and MIN_FRENCH <= french <= MAX_FRENCH):
        raise RunError(
            f"a catheter of {french:g} French is impossible",
            f"Give {MIN_FRENCH:g}-{MAX_FRENCH:g} French; 1 French is 1/3 mm of outer diameter",
        )
    if not (math.isfinite(width_px) and width_px >= MIN_WIDTH_PX):
        raise RunError(
            f"a catheter {width_px:.3g} pixels wide cannot be measured",
            f"Set both ends on the two edges of the catheter, {MIN_WIDTH_PX:g} pixels apart or more",
        )
    if not (math.isfinite(row_to_column) and row_to_column > 0):
        raise RunError(f"a pixel {row_to_column:g} times as high as wide is impossible", "Give its height by its width")
    column_mm = french * MM_PER_FRENCH / width_px
    row_mm = column_mm * row_to_column
    if not MIN_SPACING_MM <= min(row_mm, column_mm) <= max(row_mm, column_mm) <= MAX_SPACING_MM:
        raise RunError(
            f"{french:g} French over {width_px:.4g} pixels makes a pixel of {column_mm:.3g} mm, impossible for an "
            "angiogram",
            "Measure across the catheter, from edge to edge, not along it",
        )
    return CatheterCalibration(
        PixelSpacing(row_mm, column_mm, "catheter"), float(french), float(width_px), 2 * EDGE_ERROR_PX / width_px
    )


def calibrate_between(french: float, first: Point, second: Point, row_to_column: float = 1.0) -> CatheterCalibration:
    """Return the pixel size from the two edges of a catheter, each (row, column) in source pixels.

    The line between them has to run straight across the catheter; see `calibrate` for the rest.
    """
    rows, columns = first[0] - second[0], first[1] - second[1]
    return calibrate(french, math.hypot(rows * row_to_column, columns), row_to_column)


def magnification(detector_mm: float, patient_mm: float) -> float:
    """Return by how much the plane of the catheter is magnified: pixel size at the detector by that in the patient.

    Parameters
    ----------
    detector_mm
        DICOM Imager Pixel Spacing.
    patient_mm
        Pixel size found on the catheter.

    Raises
    ------
    RunError
        Where it is below 1: nothing is shown smaller than it is. A tenth is let pass as an error of measurement.
    """
    for name, value in (("at the detector", detector_mm), ("in the patient", patient_mm)):
        if not (math.isfinite(value) and value > 0):
            raise RunError(f"a pixel of {value:g} mm {name} is impossible", "Give both pixel sizes in mm")
    found = detector_mm / patient_mm
    if found < 0.9:
        raise RunError(
            f"the catheter would be shown {found:.2f} times its size, which X-rays cannot do",
            "Check the French size, and measure across the catheter on a frame before contrast",
        )
    return found


def row_to_column(spacing: PixelSpacing | None) -> float:
    """Return height by width of a run's pixels, from whatever is known of their size; 1 where nothing is."""
    return spacing.row_mm / spacing.column_mm if spacing is not None else 1.0
