"""An unsubtracted run as it is looked at: a second sequence beside the stored frames, the mask taken off.

The run itself stays as stored; this is a view of it, made again when the mask changes, and removed with the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..preparation import PreparedRun, display_frame
from .attributes import CASE, FRAME, ROLE, fact, set_facts
from .headless import scene, start
from .owned import OWNED, own, owned, remove_owned
from .sequence import RunNodes, frame_matrix, image_data, index_text, set_time_index, stored_frames, times_of

SUBTRACTED = "subtracted"
_VOLUME = "subtracted volume"

# Stored as int16 in tenths of a grey: finer than the noise, and half of float32.
_STEP = 0.1


def write_subtracted(run: RunNodes, prepared: PreparedRun) -> Any:
    """Show a run subtracted, as preparation subtracts it; replaces what an earlier call made of the run.

    Parameters
    ----------
    run
        Its nodes.
    prepared
        Of the same run, its frames at hand.

    Returns
    -------
    vtkMRMLSequenceNode
        Volumes of one slice, int16, tenths of `display_frame`'s grey, contrast dark; same index as the run.
        None where the run came subtracted: then its own volume is what to look at.
    """
    _remove(run)
    if not prepared.subtraction.performed:
        return None
    name = scene().GenerateUniqueName(f"{run.sequence.GetName()} subtracted")
    sequence = scene().AddNewNodeByClass("vtkMRMLSequenceNode", name)
    set_time_index(sequence)
    volume = start().vtkMRMLScalarVolumeNode()
    volume.SetIJKToRASMatrix(frame_matrix(prepared.run.spacing))
    greys = []
    for frame, time in zip(stored_frames(run.sequence), times_of(run.sequence), strict=True):
        grey = np.rint(display_frame(prepared, frame) / _STEP)
        image = np.clip(grey, np.iinfo(np.int16).min, np.iinfo(np.int16).max).astype(np.int16)
        greys.append(image[::4, ::4][prepared.visible_source[::4, ::4]])
        volume.SetAndObserveImageData(image_data(image))
        volume.SetName(f"{name} {frame + 1:04d}")
        # On every item: what is shown takes its attributes from there.
        set_facts(volume, {FRAME: frame, OWNED: True, ROLE: _VOLUME, CASE: fact(run.sequence, CASE)})
        sequence.SetDataNodeAtValue(volume, index_text(time))
    own(sequence, run, SUBTRACTED)
    run.browser.AddSynchronizedSequenceNode(sequence)
    shown = own(run.browser.GetProxyNode(sequence), run, _VOLUME)
    shown.CreateDefaultDisplayNodes()
    low, high = np.percentile(np.concatenate(greys), (0.1, 99.9))
    display = shown.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low), float(max(high, low + 1)))
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    return sequence


def _remove(run: RunNodes) -> None:
    for sequence in owned(run, SUBTRACTED):
        run.browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    remove_owned(run, SUBTRACTED)
    remove_owned(run, _VOLUME)


def viewed_volume(run: RunNodes) -> Any:
    """Return the volume to look at: the subtracted one where there is one, else the stored frames'."""
    return next(iter(owned(run, _VOLUME)), run.volume)
