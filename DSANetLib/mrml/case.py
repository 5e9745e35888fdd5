"""What the pipeline found, as one case in the scene."""

from __future__ import annotations

from ..correction.uncertainty import mask_uncertainty
from ..results import CaseResult, FrameMasks, Segmentation
from .attributes import Fact, set_facts
from .choices import KEY_FRAME, MASK_FRAME, PATIENT, PIXEL_SHIFT
from .plots import write_curve
from .probability import write_probability
from .run_facts import found_facts
from .scene import CaseNodes
from .segmentation import FrameState, StoredMasks, write_masks
from .sequence import frames_that_fit, write_run
from .standing import update_tables, write_response
from .table import LESIONS, RESULTS, find_table

# A scene holds its run in memory, and once more while it is saved: 2,000 frames of 1024² would be 2 GiB twice.
RUN_BYTES = 256 * 2**20


def write_case(case: CaseResult, *, run_bytes: int = RUN_BYTES) -> CaseNodes:
    """Put a case into the scene: run, masks of every frame, a row of results, its lesions.

    Parameters
    ----------
    case
        From `pipeline.process`.
    run_bytes
        Most bytes of frames to store; of a longer run the frames with masks and every n-th other are kept.

    Returns
    -------
    CaseNodes
        The results table is shared by the cases of a scene: a row a case, replaced where the case is known.

    Raises
    ------
    SceneError
        Where something does not fit into a scene.
    """
    seg = case.segmentation
    run = seg.prepared.run
    key = seg.key_frame.index
    frames = frames_that_fit(run, seg.frames, run_bytes)
    nodes = write_run(
        run,
        seg.prepared.frame_times,
        frames=frames,
        key_frame=key,
        shown_polarity=seg.prepared.polarity,
        visible=seg.prepared.visible_source,
    )
    set_facts(nodes.sequence, {**found_facts(seg.prepared), **_choices(case)})
    masks = write_masks(
        nodes,
        {frame: (m.liver, m.tumour) for frame, m in seg.masks.items()},
        state={frame: _state(m) for frame, m in seg.masks.items()},
        facts=segmentation_facts(seg),
    )
    write_probability(nodes, seg)
    write_curve(nodes, seg.key_frame.curve, times_s=seg.prepared.frame_times, key_frame=key, shown_frame=key)
    written = CaseNodes(nodes, masks)
    if case.response is not None:
        write_response([written], case.response)
    else:
        update_tables(written)
    return CaseNodes(nodes, masks, find_table(RESULTS), find_table(LESIONS, case.case_id))


def _choices(case: CaseResult) -> dict[str, Fact]:
    """Return what was the user's choice, so that a later prediction prepares the run in the same way."""
    key, done = case.segmentation.key_frame, case.segmentation.prepared.subtraction
    by_user = done.performed and done.mask_from == "user"
    return {
        PATIENT: case.patient_id if case.patient_id != case.case_id else None,
        KEY_FRAME: int(key.index) if key.chosen_by == "user" else None,
        MASK_FRAME: int(done.frames[0]) if by_user and done.frames else None,
        PIXEL_SHIFT: tuple(float(s) for s in done.shift_px) if by_user and done.frames else None,
    }


def segmentation_facts(seg: Segmentation) -> dict[str, Fact]:
    """Return what is kept with the masks: model, runtime, thresholds, key frame (0-based), flags, version."""
    from .. import __version__

    return {
        "Model": seg.model,
        "Runtime": seg.runtime,
        "TumourThreshold": float(seg.tumour_threshold),
        "LiverThreshold": float(seg.liver_threshold),
        "KeyFrame": int(seg.key_frame.index),
        "KeyFrameBy": seg.key_frame.chosen_by,
        "Uncertainty": _uncertainty(seg),
        "Flags": " ".join(flag.code for flag in seg.flags),
        "Version": __version__,
    }


def frame_masks(stored: StoredMasks) -> FrameMasks:
    """Return masks of the scene as the pipeline takes them, to predict from a corrected mask."""
    liver = stored.liver if stored.liver.any() else None
    return FrameMasks(stored.tumour, liver, "edited" if stored.state == "edited" else "predicted")


def _state(masks: FrameMasks) -> FrameState:
    return "edited" if masks.origin == "edited" else "predicted"


def _uncertainty(seg: Segmentation) -> float | None:
    """Return how unsure the network was of the key frame's mask; None where its map was not kept."""
    found = seg.tumour_maps.get(seg.key_frame.index)
    return None if found is None else mask_uncertainty(found, seg.tumour_threshold)
