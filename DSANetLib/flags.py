"""Flags: what the reader of a result has to know, each with a stable short name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .results import Flag, FrameMasks, Segmentation

if TYPE_CHECKING:
    from .preparation import KeyFrame, PreparedRun

SHORT_RUN_S = 4.0
"""A tumour begins to stain about 2 s after contrast arrives (`preparation.keyframe`): a run has to go on till then."""

LEAST_LIVER = 0.02
"""Part of the field below which a liver is none: the phantom shows 27 % and more, and `pipeline` trusts no less."""

SHORT_TEXT = (
    "No run is long enough for a tumour to stain, so the probability means little: is this a hepatic angiogram?"
)

# How the warnings of readers and preparation begin, and what they are called in a table; anything else is a "note".
WARNING_CODES = {
    "Contrast looks bright": "inverted",
    "It is unclear whether contrast": "polarity_unclear",
    "The pictures hold two values": "masks_for_frames",
    "The pictures hardly resemble": "unlike_frames",
    "Taken as subtracted": "taken_as_subtracted",
    "The run looks unsubtracted": "subtracted_here",
    "The run is already subtracted": "mask_unused",
    "The frame times are unknown": "times_assumed",
    "No contrast-free frame": "no_clear_mask",
    "The frames do not differ": "no_contrast",
    "The run does not reach over all frames": "edges_repeated",
    "Opacification still rises": "early_end",
    "A single unsubtracted frame": "no_mask_frame",
    "The run has one frame": "one_frame",
    "Among the numbered files": "frames_missing",
    "A damaged file beside the frames": "frames_missing",
    "Frame times were taken from the display rate": "times_from_display",
    "The frame times in the DICOM header": "times_left_out",
    "The frame time vector": "time_vector_left_out",
    "The sequence's index is no time": "times_left_out",
    "The sequence's index values": "times_left_out",
    "The video's frame times": "times_left_out",
    "The video plays": "rate_doubtful",
    "The video states pixels": "pixels_not_square",
    "Sizes in mm hold at the centre": "sizes_at_isocentre",
    "Pixel spacing was divided": "sizes_at_isocentre",
    "The pixel spacing in the header": "spacing_left_out",
    "The header gives": "mask_operations",
    "Mask frames outside": "mask_frames_ignored",
    "The header asks for a mask": "mask_not_named",
    "The shutter in the header": "shutter_ignored",
}


def segmentation_flags(prepared: PreparedRun, key_masks: FrameMasks) -> tuple[Flag, ...]:
    """Return the flags of a segmented run: what was found first, then the warnings of reading and preparation.

    Parameters
    ----------
    prepared
        The prepared run with its final key frame.
    key_masks
        Masks of the key frame.
    """
    run, key = prepared.run, prepared.key_frame
    length = _length(prepared)
    facts = [
        (not key_masks.tumour.any(), "no_tumour", "No tumour was found on the key frame"),
        (
            _hardly_any_liver(prepared, key_masks),
            "no_liver",
            "Hardly any liver was found: is this a hepatic angiogram?",
        ),
        (key.curve.max() <= 0, "no_contrast", "No contrast was seen; the key frame is arbitrary"),
        (key.at_end, "early_end", _end_text(key)),
        (length < SHORT_RUN_S, "short_run", f"The run is short: {run.count} frames in {length:.1f} s"),
        (key.chosen_by == "user", "user_key_frame", "The key frame was chosen by the user"),
        (run.spacing is None or not run.spacing.in_patient, "sizes_in_px", _spacing_text(prepared)),
    ]
    flags = {code: Flag(code, text) for true, code, text in facts if true}
    notes = []
    for text in prepared.warnings:
        code = next((code for start, code in WARNING_CODES.items() if text.startswith(start)), "note")
        if code == "early_end" and not key.at_end:
            continue  # said of the curve over the whole field, and the key frame was then picked within the liver
        if code == "note":
            notes.append(Flag(code, text.rstrip(".")))
        else:
            flags.setdefault(code, Flag(code, text.rstrip(".")))
    return (*flags.values(), *notes)


def response_flags(segmentations: Sequence[Segmentation], needs: bool, clinical_given: bool) -> tuple[Flag, ...]:
    """Return the flags of a prediction; ``needs``: the model has a clinical branch."""
    nothing = not any(masks.tumour.any() for s in segmentations for masks in s.masks.values())
    short = all(any(flag.code == "short_run" for flag in s.flags) for s in segmentations)
    facts = [
        (not (needs or clinical_given), "film_only", "No clinical values were given: the prediction uses film alone"),
        (clinical_given and not needs, "clinical_unused", "This model has no clinical branch: clinical values unused"),
        (short, "short_run_behind_prediction", SHORT_TEXT),
        (nothing, "no_mask_behind_prediction", "The prediction was made without any tumour mask and means little"),
    ]
    return tuple(Flag(code, text) for true, code, text in facts if true)


def cpu_flag(note: str | None) -> tuple[Flag, ...]:
    """Return the flag of a result that the CPU computed in place of another device; none without a note."""
    return () if note is None else (Flag("cpu_instead", note),)


def _length(prepared: PreparedRun) -> float:
    """Return the length of a run in s."""
    return float(prepared.frame_times[-1] - prepared.frame_times[0])


def _hardly_any_liver(prepared: PreparedRun, masks: FrameMasks) -> bool:
    if masks.liver is None:
        return False
    return int(np.count_nonzero(masks.liver)) < max(1.0, LEAST_LIVER * np.count_nonzero(prepared.visible_source))


def _end_text(key: KeyFrame) -> str:
    """Return why a run seems to end early, in words that hold for the curve as it is drawn and stored.

    The key frame is the peak of that curve weighted by when a tumour usually stains, so it may be the last frame
    although the curve itself has begun to fall.
    """
    if int(np.argmax(key.curve)) == len(key.curve) - 1:
        return "Contrast still rises at the last frame: the run may end before the blush"
    return "The run ends before a tumour usually stains, so its last frame would be the key frame"


def _spacing_text(prepared: PreparedRun) -> str:
    spacing = prepared.run.spacing
    if spacing is None:
        return "Pixel spacing is unknown: sizes are in pixels"
    if spacing.calibration == "detector":
        return "Pixel spacing is at the detector, not in the patient: sizes are in pixels"
    return "Pixel spacing is not calibrated: sizes are in pixels"
