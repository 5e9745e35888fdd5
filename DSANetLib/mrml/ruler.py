"""Pixel size from a line markup across a catheter: kept with the run, so that its tables give mm² and mm.

Only the run's facts change. The frames stay where they are, as masks, maps and markups lie on them: Slicer's own
rulers go on measuring in the pixel size that the run was loaded with.
"""

from __future__ import annotations

from typing import Any

from ..calibration import CatheterCalibration, Point, calibrate_between, row_to_column
from ..errors import RunError, SceneError
from .attributes import fact, set_facts
from .pixels import to_pixels
from .run_facts import spacing_facts, spacing_of
from .sequence import RunNodes, frame_array

FRENCH, WIDTH = "CatheterFrench", "CatheterWidthPx"
BEFORE = "SpacingBefore"


def line_ends(run: RunNodes, line: Any) -> tuple[Point, Point]:
    """Return both ends of a line markup as (row, column) in source pixels of a run, (0, 0) the first pixel's centre.

    Raises
    ------
    SceneError
        Where the node is no line with two ends, or an end lies outside the frame.
    """
    if line is None or not line.IsA("vtkMRMLMarkupsLineNode"):
        raise SceneError("this node is not a line", "Draw a line with Slicer's Markups and choose it")
    if line.GetNumberOfDefinedControlPoints() != 2:
        raise SceneError("has no two ends", "Set both ends, on the two edges of the catheter", line.GetName())
    rows, columns = frame_array(run.sequence.GetNthDataNode(0)).shape
    ends = to_pixels(run, [line.GetNthControlPointPositionWorld(i) for i in range(2)])
    first, second = ((float(row), float(column)) for row, column in ends)
    if not all(-0.5 <= row <= rows - 0.5 and -0.5 <= column <= columns - 0.5 for row, column in (first, second)):
        raise SceneError("an end lies outside the frame", "Draw the line on the run that is calibrated", line.GetName())
    return first, second


def calibrate_run(run: RunNodes, line: Any, french: float) -> CatheterCalibration:
    """Calibrate a run by a line drawn across a catheter of known French size.

    Parameters
    ----------
    run
        The run; its stored pixel size becomes that of the catheter, with calibration ``catheter``.
    line
        vtkMRMLMarkupsLineNode, from edge to edge of the catheter; may lie under a transform.
    french
        Size of the catheter.

    Returns
    -------
    CatheterCalibration
        What was stored, and how sure it is. `uncalibrate_run` undoes it.

    Raises
    ------
    SceneError, RunError
        Where line or size cannot be used; then nothing was changed.
    """
    before = spacing_of(run.sequence)
    ends = line_ends(run, line)
    try:
        found = calibrate_between(french, *ends, row_to_column(before))
    except RunError as error:
        raise RunError(error.problem, error.remedy, line.GetName()) from error
    if fact(run.sequence, BEFORE) is None:
        kept = f"{before.row_mm!r} {before.column_mm!r} {before.calibration}" if before else "none"
        set_facts(run.sequence, {BEFORE: kept})
    set_facts(run.sequence, {**spacing_facts(found.spacing), FRENCH: found.french, WIDTH: found.width_px})
    return found


def uncalibrate_run(run: RunNodes) -> bool:
    """Give a run back the pixel size it had before its first calibration; return whether there was one."""
    before = fact(run.sequence, BEFORE)
    if before is None:
        return False
    facts: dict[str, Any] = dict.fromkeys(("SpacingRowMm", "SpacingColumnMm", "SpacingCalibration"))
    if before != "none":
        row, column, calibration = before.split()
        facts = {"SpacingRowMm": row, "SpacingColumnMm": column, "SpacingCalibration": calibration}
    set_facts(run.sequence, {**facts, FRENCH: None, WIDTH: None, BEFORE: None})
    return True
