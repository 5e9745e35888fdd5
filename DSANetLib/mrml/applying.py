"""What a network found, written into a case: masks frame by frame, each to be undone, facts and tables."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from ..errors import SceneError
from ..results import Segmentation
from .attributes import set_facts
from .case import segmentation_facts
from .choices import key_frame, key_frame_by_user
from .editing import write_from_network
from .opening import case_of
from .plots import find_plot, mark_frames, write_curve
from .probability import ProbabilityMaps, write_probability
from .run_facts import found_facts
from .scene import CaseNodes
from .segmentation import MaskNodes, states, write_masks
from .sequence import shown_frame, stored_frames
from .standing import update_tables
from .subtracted import write_subtracted


def at_once(steps: Generator[None, None, CaseNodes]) -> CaseNodes:
    """Do all steps at once and return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            written: CaseNodes = end.value
            return written


def segmentation_steps(
    case: CaseNodes, found: Segmentation, frames: Sequence[int] | None = None
) -> Generator[None, None, CaseNodes]:
    """Write a segmentation of the scene's run into its case, in steps after each of which a window may answer.

    Parameters
    ----------
    case
        Whose run was segmented.
    found
        Frames are counted as the scene stores them.
    frames
        Source frames (0-based) to write, whatever they hold; without it those that have masks in `found`, but for
        the ones that a person edited or accepted.

    Raises
    ------
    SceneError
        Where the case or its masks were removed meanwhile.
    """
    case, nodes = _with_masks(case)
    found = on_source_frames(found, stored_frames(case.run.sequence))
    for frame in found.frames if frames is None else frames:
        if frames is None and states(nodes).get(frame) in ("edited", "accepted"):
            continue  # asked anew for each: the user may have worked on it between two steps
        masks = found.masks[frame]
        write_from_network(nodes, frame, masks.liver, masks.tumour, by=found.model)
        yield
        case, nodes = _still(case, nodes)
    set_facts(nodes.sequence, segmentation_facts(found))
    write_probability(case.run, found)
    _write_found(case, found)
    yield
    update_tables(_still(case, nodes)[0])
    yield
    return _still(case, nodes)[0]


def _with_masks(case: CaseNodes) -> tuple[CaseNodes, MaskNodes]:
    """Return the case as it stands in the scene now, and its masks, which are made where it has none."""
    case = case_of(case)
    masks = case.masks or write_masks(case.run)
    return case_of(case), masks


def _still(case: CaseNodes, masks: MaskNodes) -> tuple[CaseNodes, MaskNodes]:
    """Return the case and its masks as they stand now; the user may have removed either between two steps."""
    case = case_of(case)
    if case.masks is None or case.masks.sequence is not masks.sequence:
        raise SceneError("its masks were deleted", "Press Apply for new ones", case.case_id)
    return case, case.masks


def write_threshold(case: CaseNodes, maps: ProbabilityMaps, tumour_threshold: float) -> None:
    """Write the masks of kept maps at a threshold, but on no frame that a person edited or accepted.

    Parameters
    ----------
    case
        With masks.
    maps
        From `probability.read_probability`.
    tumour_threshold
        Probability from which a pixel is tumour, 0-1.
    """
    assert case.masks is not None
    present = states(case.masks)
    for frame in maps.tumour:
        if present.get(frame) not in ("edited", "accepted"):
            masks = maps.masks(frame, tumour_threshold)
            write_from_network(case.masks, frame, masks.liver, masks.tumour, by=maps.model)
    set_facts(case.masks.sequence, {"TumourThreshold": float(tumour_threshold)})
    update_tables(case)


def on_source_frames(found: Segmentation, source: Sequence[int]) -> Segmentation:
    """Return a segmentation of stored frames by the source's numbers: of a long run only every n-th is stored."""
    if list(source) == list(range(len(source))):
        return found
    key = replace(found.key_frame, index=source[found.key_frame.index])

    def by_source(values: Any) -> dict[int, Any]:
        return {source[place]: value for place, value in values.items()}

    return replace(
        found,
        prepared=replace(found.prepared, key_frame=key),
        masks=by_source(found.masks),
        tumour_maps=by_source(found.tumour_maps),
        liver_maps=by_source(found.liver_maps),
        lesions=tuple(replace(lesion, frame=source[lesion.frame]) for lesion in found.lesions),
    )


def _write_found(case: CaseNodes, found: Segmentation) -> None:
    """Keep what was found out of the run; the user's own key frame stays what it is."""
    write_subtracted(case.run, found.prepared)
    facts = found_facts(found.prepared)
    if key_frame_by_user(case.run):
        facts.pop("KeyFrame")
        facts.pop("KeyTime")
    set_facts(case.run.sequence, facts)
    times, curve = found.prepared.frame_times, found.key_frame.curve
    key = key_frame(case.run)
    plot = find_plot(case.run)
    shown = shown_frame(case.run)
    if plot is None or len(curve) == len(stored_frames(case.run.sequence)):
        write_curve(case.run, curve, times_s=times, key_frame=key, shown_frame=shown)
    else:
        mark_frames(case.run, plot, key_frame=key, shown_frame=shown)
