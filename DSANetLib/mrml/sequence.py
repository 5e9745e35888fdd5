"""A run in the scene: a volume sequence over time with its browser.

The master is the run *as stored* (source frames, stored dtype): what was read can always be read again, and a
subtraction is a view of it. A frame is a volume of one slice, IJK to RAS (-1, -1, 1) times the spacing, so that it
looks as on the angiography screen in Slicer's axial view (the first row on top, the first column on the left).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SceneError
from ..run import DSARun, LazyFrames, PixelSpacing
from .attributes import CASE, FRAME, FRAMES, ROLE, fact, need_fact, number, numbers, set_facts
from .headless import logic, scene, start
from .run_facts import mask_of, run_facts, spacing_of, subtracted_of, visible_of, warnings_of

ASSUMED_FRAME_RATE = 2.0

# vtkMRMLSequenceNode takes numeric indexes closer than this for the same item.
_TOLERANCE_S = 0.001


@dataclass(frozen=True)
class RunNodes:
    """Nodes of a run: the sequence, its browser, and the volume that shows the chosen frame."""

    sequence: Any
    browser: Any
    volume: Any


def write_run(
    run: DSARun,
    times_s: np.ndarray | None = None,
    *,
    frames: Sequence[int] | None = None,
    key_frame: int | None = None,
    shown_polarity: str | None = None,
    visible: np.ndarray | None = None,
) -> RunNodes:
    """Put a run into the scene.

    Parameters
    ----------
    run
        Its ``case_id`` names the nodes.
    times_s
        (F,) seconds; the run's own times where not given, else 2 frames per second. Of a run without times
        they count as assumed, and `read_run` gives none back.
    frames
        Source frames to store, ascending, where a long run shall not be stored whole; all where not given.
    key_frame
        Frame to show first, 0-based.
    shown_polarity
        Polarity that was found where the run does not say; inverts the display of ``bright_contrast``.
    visible
        (rows, columns) bool, the field inside its border; window and level are taken from there.

    Returns
    -------
    RunNodes
        In Slicer's conventions: index ``time`` in s, numeric; an attribute ``DSANet.Frame`` on each item.

    Raises
    ------
    SceneError
        Where times or frames cannot be stored.
    """
    times = _times(run, times_s)
    chosen = _chosen(run, frames)
    logic("sequences")  # before the browser, or its class is unknown and its proxies stand still
    sequence = scene().AddNewNodeByClass("vtkMRMLSequenceNode", scene().GenerateUniqueName(run.case_id))
    set_time_index(sequence)
    set_facts(sequence, {**run_facts(run), FRAMES: tuple(chosen)})
    try:
        _store_frames(run, sequence, chosen, times)
    except Exception:
        scene().RemoveNode(sequence)  # a frame that cannot be decoded leaves no half a run behind
        raise
    nodes = browse(run.case_id, sequence, times)
    _fix_window(run, nodes, chosen, shown_polarity or run.polarity, run.visible if visible is None else visible)
    if key_frame is not None:
        show_frame(nodes, key_frame)
    return nodes


def frames_that_fit(run: DSARun, needed: Sequence[int], limit_bytes: int) -> list[int]:
    """Return the source frames of a long run to store: the needed ones, and as many others, evenly, as fit."""
    room = max(len(needed), limit_bytes // (run.rows * run.columns * np.dtype(run.frames.dtype).itemsize))
    step = max(1, -(-run.count // max(1, room - len(needed))))
    return sorted({*needed, *range(0, run.count, step)}) if run.count > room else list(range(run.count))


def index_text(time_s: float) -> str:
    """Return the index of a frame in a sequence: its time in s, in full precision, the same for image and masks."""
    return repr(float(time_s))


def frame_matrix(spacing: PixelSpacing | None) -> Any:
    """Return IJK to RAS of a frame as vtkMatrix4x4: 180 degrees about S, pixel size in mm (1 where unknown)."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    matrix.SetElement(0, 0, -(spacing.column_mm if spacing else 1.0))
    matrix.SetElement(1, 1, -(spacing.row_mm if spacing else 1.0))
    return matrix


def show_frame(nodes: RunNodes, frame: int) -> None:
    """Show a source frame (0-based) in image and masks."""
    nodes.browser.SetSelectedItemNumber(item_number(nodes.sequence, frame))


def shown_frame(nodes: RunNodes) -> int:
    """Return the source frame that is shown, 0-based."""
    place = nodes.browser.GetSelectedItemNumber()
    item = nodes.sequence.GetNthDataNode(place) if place >= 0 else None
    frame = fact(item, FRAME) if item is not None else None
    return stored_frames(nodes.sequence)[place] if frame is None else int(frame)


def stored_frames(sequence: Any) -> tuple[int, ...]:
    """Return the source frames that a sequence of ours holds, 0-based, in its order."""
    held = items(sequence)
    found = [fact(item, FRAME) for item in held]
    if None in found:
        # Slicer before 5.10 drops the attributes of single frames when it stores a run (Slicer#8762).
        listed = numbers(sequence, FRAMES)
        if len(listed) == len(held):
            return tuple(int(frame) for frame in listed)
        need_fact(held[found.index(None)], FRAME)
    return tuple(int(frame or 0) for frame in found)


def items(sequence: Any) -> list[Any]:
    """Return the data nodes of a sequence in its order."""
    return [sequence.GetNthDataNode(i) for i in range(sequence.GetNumberOfDataNodes())]


def item_number(sequence: Any, frame: int) -> int:
    """Return the place of a source frame in a sequence of ours; raise `SceneError` where it is not stored."""
    if 0 <= frame < sequence.GetNumberOfDataNodes() and fact(sequence.GetNthDataNode(frame), FRAME) == str(frame):
        return int(frame)  # of a run that is stored whole, without a look at all other frames
    stored = stored_frames(sequence)
    if frame not in stored:
        raise SceneError(
            f"frame {frame + 1} is not in the scene", f"It holds {len(stored)} frames of the run", sequence.GetName()
        )
    return stored.index(frame)


def times_of(sequence: Any) -> np.ndarray:
    """Return the times of a sequence's items in s, (n,) float64."""
    return np.array([float(sequence.GetNthIndexValue(i)) for i in range(sequence.GetNumberOfDataNodes())])


def frame_array(volume: Any) -> np.ndarray:
    """Return the pixels of a one-slice volume, (rows, columns) in its dtype, as a read-only view."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = volume.GetImageData()
    if image is None or image.GetDimensions()[2] != 1 or image.GetNumberOfScalarComponents() != 1:
        raise SceneError("is not a grey image of one slice", "Choose a run of two-dimensional frames", volume.GetName())
    columns, rows, _ = image.GetDimensions()
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns)
    array.setflags(write=False)
    return array


def read_run(sequence: Any) -> DSARun:
    """Return the run of a sequence, from `write_run` or any other of grey one-slice frames in time order.

    Frames are views of the scene's own memory; use the run while its nodes are there. ``source`` is empty.

    Raises
    ------
    SceneError, RunError
        Where the node holds no such sequence.
    """
    if sequence is None or not sequence.IsA("vtkMRMLSequenceNode") or not sequence.GetNumberOfDataNodes():
        raise SceneError("this node is not a sequence of frames", "Choose the sequence of a run")
    frames = items(sequence)
    if not all(item is not None and item.IsA("vtkMRMLScalarVolumeNode") for item in frames):
        raise SceneError("holds other nodes than grey volumes", "Choose the sequence of a run", sequence.GetName())
    first = frame_array(frames[0])
    times = times_of(sequence) if sequence.GetIndexUnit() == "s" and fact(sequence, "TimesFrom") != "assumed" else None
    return DSARun(
        frames=LazyFrames((len(frames), *first.shape), first.dtype, lambda i: frame_array(frames[i])),
        case_id=fact(sequence, CASE) or sequence.GetName(),
        times_s=times,
        spacing=spacing_of(sequence),
        polarity=fact(sequence, "Polarity") or "unknown",  # type: ignore[arg-type]
        subtracted=subtracted_of(sequence),
        bit_depth=int(number(sequence, "BitDepth") or 8 * first.dtype.itemsize),
        intensity=fact(sequence, "Intensity") or "unknown",  # type: ignore[arg-type]
        kind="sequence",
        mask=mask_of(sequence, _places(sequence)),
        visible=visible_of(sequence),
        warnings=warnings_of(sequence),
    )


def _places(sequence: Any) -> dict[int, int]:
    """Return source frame to place; of another program's sequence they are the same."""
    frames = stored_frames(sequence) if fact(sequence, ROLE) else range(sequence.GetNumberOfDataNodes())
    return {frame: place for place, frame in enumerate(frames)}


def _times(run: DSARun, times_s: np.ndarray | None) -> np.ndarray:
    times = run.times_s if times_s is None else np.asarray(times_s, np.float64)
    if times is None:
        times = np.arange(run.count) / ASSUMED_FRAME_RATE
    if times.shape != (run.count,) or not np.isfinite(times).all():
        raise SceneError(f"{times.size} frame times for {run.count} frames", "Give a time for each", run.case_id)
    if run.count > 1 and np.diff(times).min() <= 2 * _TOLERANCE_S:
        raise SceneError(
            "frame times lie closer than 2 ms, which a Slicer sequence cannot tell apart",
            "Correct the frame rate or the frame times",
            run.case_id,
        )
    return times


def _chosen(run: DSARun, frames: Sequence[int] | None) -> list[int]:
    chosen = list(range(run.count)) if frames is None else [int(i) for i in frames]
    if not chosen or chosen != sorted(set(chosen)) or not 0 <= chosen[0] <= chosen[-1] < run.count:
        raise SceneError(f"these frames cannot be chosen of {run.count}: {chosen[:5]}", "", run.case_id)
    return chosen


def set_time_index(sequence: Any) -> None:
    """Give a sequence our index: time in s, numeric."""
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    sequence.SetIndexType(sequence.NumericIndex)


def _store_frames(run: DSARun, sequence: Any, chosen: Sequence[int], times: np.ndarray) -> None:
    volume = start().vtkMRMLScalarVolumeNode()
    volume.SetIJKToRASMatrix(frame_matrix(run.spacing))
    for index in chosen:
        volume.SetAndObserveImageData(image_data(run.frames[index]))
        volume.SetName(f"{run.case_id} {index + 1:04d}")
        set_facts(volume, {FRAME: index})
        sequence.SetDataNodeAtValue(volume, index_text(times[index]))


def image_data(frame: np.ndarray) -> Any:
    """Return a frame (rows, columns) as vtkImageData of one slice, with its own copy of the pixels."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(frame.shape[1], frame.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(frame).ravel(), deep=True))
    return image


def browse(case_id: str, sequence: Any, times: np.ndarray) -> RunNodes:
    """Make the browser of a run, and the volume that shows its frames; `times` are its frames' in s."""
    name = scene().GenerateUniqueName(f"{case_id} browser")
    browser = scene().AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    set_facts(browser, {ROLE: "browser", CASE: case_id})
    browser.SetPlaybackRateFps(1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0)
    browser.AddSynchronizedSequenceNode(sequence)
    volume = browser.GetProxyNode(sequence)
    volume.CreateDefaultDisplayNodes()
    return RunNodes(sequence, browser, volume)


def _fix_window(run: DSARun, nodes: RunNodes, frames: Sequence[int], polarity: str, visible: np.ndarray | None) -> None:
    """Set window and level once for the run: Slicer's automatic ones would flicker from frame to frame."""
    some = np.stack([run.frames[frames[i]][::4, ::4] for i in np.linspace(0, len(frames) - 1, 8).astype(int)])
    if visible is not None:
        some = some[:, visible[::4, ::4]]
    low, high = np.percentile(some, (0.1, 99.9)) if some.size else (0.0, 255.0)
    display = nodes.volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low), float(max(high, low + 1)))
    # Contrast is dark on the screen, whatever is stored.
    grey = "InvertedGrey" if polarity == "bright_contrast" else "Grey"
    display.SetAndObserveColorNodeID(f"vtkMRMLColorTableNode{grey}")
