"""An unsubtracted run as it is looked at: a second sequence beside the stored frames, the mask taken off.

The run itself stays as stored; this is a view of it, made again when the mask changes, and removed with the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from ..preparation import PreparedRun, display_frame
from ..preparation.subtraction import mask_indices
from ..run import LazyFrames
from .attributes import CASE, FRAME, ROLE, as_text, fact, set_facts
from .headless import scene, start
from .owned import OWNED, own, owned, remove_owned
from .sequence import (
    RunNodes,
    frame_array,
    image_data,
    index_text,
    items,
    set_time_index,
    stored_frames,
    times_of,
)

SUBTRACTED = "subtracted"
_VOLUME = "subtracted volume"
_MADE_BY = "Subtraction"

# Stored as int16 in tenths of a grey: finer than the noise, and half of float32.
_STEP = 0.1


def write_subtracted(run: RunNodes, prepared: PreparedRun) -> Any:
    """Show a run subtracted, as preparation subtracts it; replaces what was made with another mask.

    Parameters
    ----------
    run
        Its nodes; the frames are taken from here.
    prepared
        Of the same run, its frames counted as in the source or as the scene stores them.

    Returns
    -------
    vtkMRMLSequenceNode
        Volumes of one slice, int16, tenths of `display_frame`'s grey, contrast dark; same index as the run.
        None where the run came subtracted, or where of a long run a mask frame is not stored: then its own
        volume is what to look at.
    """
    made = " ".join(map(str, astuple(prepared.subtraction)))
    for sequence in owned(run, SUBTRACTED):
        if fact(sequence, _MADE_BY) == as_text(made):
            return sequence
    _remove(run)
    stored = stored_frames(run.sequence)
    numbers = range(len(stored)) if prepared.run.count == len(stored) else stored
    if not prepared.subtraction.performed or not set(_masks(prepared, numbers)) <= set(numbers):
        return None
    name = scene().GenerateUniqueName(f"{run.sequence.GetName()} subtracted")
    sequence = scene().AddNewNodeByClass("vtkMRMLSequenceNode", name)
    set_time_index(sequence)
    greys = _store(run, sequence, _with_frames(run, prepared, numbers), numbers)
    own(sequence, run, SUBTRACTED)
    set_facts(sequence, {_MADE_BY: made})
    low, high = np.percentile(greys, (0.1, 99.9))
    display = join_subtracted(run, sequence).GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low), float(max(high, low + 1)))
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    return sequence


def join_subtracted(run: RunNodes, sequence: Any) -> Any:
    """Let the browser of a run show its subtracted sequence; return the volume that does."""
    run.browser.AddSynchronizedSequenceNode(sequence)
    shown = own(run.browser.GetProxyNode(sequence), run, _VOLUME)
    shown.CreateDefaultDisplayNodes()
    return shown


def _masks(prepared: PreparedRun, numbers: Sequence[int]) -> Sequence[int]:
    """Return the frames that serve as masks."""
    if prepared.subtraction.operation == "AVG_SUB":
        return prepared.subtraction.frames
    chosen = mask_indices(prepared.subtraction, prepared.run.count)
    return [int(chosen[number]) for number in numbers]


def _with_frames(run: RunNodes, prepared: PreparedRun, numbers: Sequence[int]) -> PreparedRun:
    """Return a prepared run whose frames are those of the scene."""
    held, places = items(run.sequence), {number: place for place, number in enumerate(numbers)}
    first = frame_array(held[0])
    frames = LazyFrames((prepared.run.count, *first.shape), first.dtype, lambda i: frame_array(held[places[i]]))
    return replace(prepared, run=prepared.run.with_changes(frames=frames))


def _store(run: RunNodes, sequence: Any, prepared: PreparedRun, numbers: Sequence[int]) -> np.ndarray:
    """Fill the sequence; return a sample of its greys, for window and level."""
    volume = start().vtkMRMLScalarVolumeNode()
    # Where the stored frames lie, whatever spacing a calibration has found since.
    volume.CopyOrientation(items(run.sequence)[0])
    case, limits = fact(run.sequence, CASE), np.iinfo(np.int16)
    greys = []
    for number, frame, time in zip(numbers, stored_frames(run.sequence), times_of(run.sequence), strict=True):
        grey = np.rint(display_frame(prepared, number) / _STEP)
        image = np.clip(grey, limits.min, limits.max).astype(np.int16)
        greys.append(image[::4, ::4][prepared.visible_source[::4, ::4]])
        volume.SetAndObserveImageData(image_data(image))
        volume.SetName(f"{sequence.GetName()} {frame + 1:04d}")
        # On every item: what is shown takes its attributes from there.
        set_facts(volume, {FRAME: frame, OWNED: True, ROLE: _VOLUME, CASE: case})
        sequence.SetDataNodeAtValue(volume, index_text(time))
    return np.concatenate(greys)


def _remove(run: RunNodes) -> None:
    for sequence in owned(run, SUBTRACTED):
        run.browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    remove_owned(run, SUBTRACTED)
    remove_owned(run, _VOLUME)


def viewed_volume(run: RunNodes) -> Any:
    """Return the volume to look at: the subtracted one where there is one, else the stored frames'."""
    return next(iter(owned(run, _VOLUME)), run.volume)
