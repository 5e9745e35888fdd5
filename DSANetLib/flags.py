"""Flags: what the reader of a result has to know, each with a stable short name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .results import Flag, FrameMasks, Segmentation

if TYPE_CHECKING:
    from .preparation import PreparedRun

SHORT_RUN_FRAMES = 10
SHORT_RUN_S = 4.0


def segmentation_flags(prepared: PreparedRun, key_masks: FrameMasks) -> tuple[Flag, ...]:
    """Return the flags of a segmented run, facts first, then the warnings of reading and preparation.

    Parameters
    ----------
    prepared
        The prepared run with its final key frame.
    key_masks
        Masks of the key frame.
    """
    run, key = prepared.run, prepared.key_frame
    length = float(prepared.frame_times[-1] - prepared.frame_times[0])
    facts = [
        (not key_masks.tumour.any(), "no_tumour", "No tumour was found on the key frame"),
        (key_masks.liver is not None and not key_masks.liver.any(), "no_liver", "No liver was found on the key frame"),
        (key.curve.max() <= 0, "no_contrast", "No contrast was seen; the key frame is arbitrary"),
        (key.at_end, "early_end", "Contrast still rises at the last frame: the run may end before full staining"),
        (
            run.count < SHORT_RUN_FRAMES or length < SHORT_RUN_S,
            "short_run",
            f"The run is short ({run.count} frames, {length:.1f} s)",
        ),
        (run.times_s is None, "times_assumed", f"Frame times are unknown; {prepared.config.frame_rate:g}/s is assumed"),
        (run.spacing is None or run.spacing.calibration != "calibrated", "sizes_in_px", _spacing_text(prepared)),
        (key.chosen_by == "user", "user_key_frame", "The key frame was chosen by the user"),
    ]
    flags = [Flag(code, text) for true, code, text in facts if true]
    return (*flags, *(Flag("note", text.rstrip(".")) for text in prepared.warnings))


def response_flags(segmentations: Sequence[Segmentation], needs: bool, clinical_given: bool) -> tuple[Flag, ...]:
    """Return the flags of a prediction; ``needs``: the model has a clinical branch."""
    facts = [
        (
            not needs and not clinical_given,
            "film_only",
            "No clinical values were given; the prediction uses film alone",
        ),
        (
            not needs and clinical_given,
            "clinical_unused",
            "The model has no clinical branch; clinical values are unused",
        ),
        (
            not any(m.tumour.any() for s in segmentations for m in s.masks.values()),
            "no_tumour_in_prediction",
            "The prediction was made without any tumour mask and means little",
        ),
    ]
    return tuple(Flag(code, text) for true, code, text in facts if true)


def _spacing_text(prepared: PreparedRun) -> str:
    spacing = prepared.run.spacing
    if spacing is None:
        return "Pixel spacing is unknown; sizes are in pixels"
    if spacing.calibration == "detector":
        return "Pixel spacing is at the detector, not in the patient; sizes are in pixels"
    return "Pixel spacing is not calibrated; sizes are in pixels"
