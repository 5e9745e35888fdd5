"""The one way through: a run goes in, masks and a prediction come out.

`segment` → `predict`, or `process` for both. The rules of this module, in one place:

- *Key frame.* The user's choice wins. Otherwise it is picked within the whole field first; once the model
  has found the liver, it is picked anew within the liver (once, never in a loop), and where that is
  another frame the model runs again on it.
- *Frames with masks.* The key frame and its two neighbours, as far as the run has them.
- *Masks.* Probabilities are brought to the source pixels and thresholded there, both by the model's card.
- *Response.* Mean over key frame and neighbours of a run, then over the runs of a patient.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ModelError, PreparationError
from .flags import response_flags, segmentation_flags
from .lesions import find_lesions
from .masks import frame_masks
from .preparation import PreparedRun, network_inputs, pick_key_frame, prepare
from .response_images import response_image, response_images
from .results import CaseResult, Flag, FrameMasks, Lesion, Response, Segmentation
from .run import DSARun

if TYPE_CHECKING:
    from .clinical import ClinicalRecord
    from .models import ResponseModel, SegmentationModel

__all__ = [
    "CaseResult", "Flag", "FrameMasks", "Lesion", "Response", "Segmentation",
    "frame_masks", "predict", "process", "response_image", "response_images", "segment", "segment_prepared",
]  # fmt: skip

DEFAULT_MODEL = "ffs-phantom"
DEFAULT_RESPONSE = "response-phantom"
DEFAULT_RESPONSE_FILM = "response-film-phantom"

# A liver of less than this part of the field is not trusted for choosing the key frame.
_MIN_LIVER_FIELD = 0.02


def segment(
    run: DSARun,
    model: SegmentationModel,
    *,
    key_frame: int | None = None,
    mask_frame: int | None = None,
    pixel_shift: tuple[float, float] | None = None,
    frames: Sequence[int] | None = None,
    tumour_threshold: float | None = None,
) -> Segmentation:
    """Segment liver and tumour on the key frame and its neighbours.

    Parameters
    ----------
    run
        The run as it was read.
    model
        Its card fixes preparation, thresholds and post-processing.
    key_frame, mask_frame
        0-based choices of the user; None lets the library choose.
    pixel_shift
        (rows, columns) by which the mask frame is moved before it is subtracted.
    frames
        Further frames to segment, 0-based.
    tumour_threshold
        Probability from which a pixel counts, 0-1, instead of the card's.

    Raises
    ------
    DSANetError
        Where the run has one frame or cannot be prepared; nothing is written by this function.
    """
    if run.count < 2:
        # One picture can be prepared and shown, but shows no contrast that comes and goes: all maps would be noise.
        raise PreparationError("one frame is no run", "Give all frames of the run", run.source or run.case_id)
    timings: dict[str, float] = {}
    with _stage(timings, "preparation"):
        config = model.card.preparation
        prepared = prepare(run, config, key_frame=key_frame, mask_frame=mask_frame, pixel_shift=pixel_shift)
    return segment_prepared(prepared, model, timings, frames=frames, tumour_threshold=tumour_threshold)


def segment_prepared(
    prepared: PreparedRun,
    model: SegmentationModel,
    timings_s: Mapping[str, float] | None = None,
    *,
    frames: Sequence[int] | None = None,
    tumour_threshold: float | None = None,
) -> Segmentation:
    """Segment a run that is prepared as the model's card says; `timings_s` is what was spent on it before."""
    card, timings = model.card, dict(timings_s or {})
    threshold = card.tumour_threshold if tumour_threshold is None else tumour_threshold
    further = _checked_frames(prepared, frames)
    with _stage(timings, "network"):
        maps = _run_model(prepared, model)
        better = _key_frame_in_liver(prepared, maps, card.liver_threshold)
        if further or better.key_frame.index != prepared.key_frame.index:
            maps = _run_model(better, model, further)
        prepared = better
    with _stage(timings, "masks"):
        masks = {
            frame: frame_masks(
                prepared.geometry, maps.tumour[frame], maps.liver.get(frame), threshold, card.liver_threshold,
                card.postprocessing,
            )
            for frame in maps.tumour
        }  # fmt: skip
        key = prepared.key_frame.index
        lesions = find_lesions(masks[key].tumour, key, prepared.run.spacing)
    return Segmentation(
        prepared=prepared,
        model=card.name,
        runtime=model.runtime,
        tumour_threshold=threshold,
        liver_threshold=card.liver_threshold,
        tumour_maps=maps.tumour,
        liver_maps=maps.liver,
        difference=maps.difference,
        masks=masks,
        lesions=lesions,
        flags=segmentation_flags(prepared, masks[key]),
        timings_s=timings,
        postprocessing=card.postprocessing,
    )


def predict(
    segmentations: Sequence[Segmentation], model: ResponseModel, clinical: ClinicalRecord | None = None
) -> Response:
    """Predict the response of one patient from the masks of all of the patient's runs.

    Parameters
    ----------
    segmentations
        All runs of one patient, as they stand: corrected masks are used as they were corrected.
    model
        With a clinical branch it needs `clinical`; without one it leaves `clinical` unused, and says so.
    clinical
        The patient's values.

    Raises
    ------
    ModelError
        Where the model needs clinical values that are not given, or was made for another preparation.
    """
    if not segmentations:
        raise ModelError("a prediction needs at least one segmented run", "Segment a run first")
    needs = model.card.needs_clinical
    row = None
    if needs:
        if clinical is None or model.card.clinical_encoder is None:
            remedy = f"Give a row under the patient's or the case's name, or use {DEFAULT_RESPONSE_FILM}"
            raise ModelError(f"{model.card.name} needs clinical values, and the patient has none", remedy)
        row = model.card.clinical_encoder.transform([clinical])[0]
    by_run: dict[str, float] = {}
    for segmentation in segmentations:
        images = response_images(segmentation, model.card.preparation) if model.card.needs_image else None
        rows = None if row is None else np.repeat(row[None], 1 if images is None else len(images), axis=0)
        by_run[segmentation.case_id] = float(np.mean(model.predict(images, rows), dtype=np.float64))
    return Response(
        probability=float(np.mean(list(by_run.values()))),
        threshold=model.card.threshold,
        model=model.card.name,
        runtime=model.runtime,
        clinical_used=needs,
        calibration=model.card.calibration_note,
        run_probabilities=by_run,
        frames_used=sum(len(s.masks) for s in segmentations),
        corrected_masks=any(m.origin == "edited" for s in segmentations for m in s.masks.values()),
        flags=response_flags(segmentations, needs, clinical is not None),
    )


def process(
    run: DSARun,
    model: SegmentationModel | str | Path = DEFAULT_MODEL,
    response_model: ResponseModel | str | Path | None = None,
    clinical: ClinicalRecord | None = None,
    *,
    key_frame: int | None = None,
    mask_frame: int | None = None,
    pixel_shift: tuple[float, float] | None = None,
) -> CaseResult:
    """Segment one run and predict from it: the whole way in one call.

    Parameters
    ----------
    run
        The run as it was read.
    model, response_model
        Models, or names or folders of packages. Without `response_model` the package with a clinical
        branch is used where `clinical` is given, and the film-only one where it is not.
    clinical
        The patient's values, if there are any.
    key_frame, mask_frame, pixel_shift
        As for `segment`.

    Examples
    --------
    >>> from DSANetLib import process                    # doctest: +SKIP
    >>> from DSANetLib.readers import read_run           # doctest: +SKIP
    >>> result = process(read_run("run.avi"))            # doctest: +SKIP
    >>> result.response.probability                      # doctest: +SKIP
    0.61
    """
    if response_model is None:
        response_model = DEFAULT_RESPONSE if clinical is not None else DEFAULT_RESPONSE_FILM
    segmenter = _loaded(model)
    responder = _loaded(response_model)
    segmentation = segment(run, segmenter, key_frame=key_frame, mask_frame=mask_frame, pixel_shift=pixel_shift)
    timings = dict(segmentation.timings_s or {})
    with _stage(timings, "response"):
        response = predict([segmentation], responder, clinical)
    return CaseResult(replace(segmentation, timings_s=timings), response)


def _loaded(model: Any) -> Any:
    if not isinstance(model, (str, Path)):
        return model
    from .models import load_model

    return load_model(model)


@dataclass(frozen=True, eq=False)
class _Maps:
    """What the model said, by frame."""

    tumour: Mapping[int, np.ndarray]
    liver: Mapping[int, np.ndarray]
    difference: np.ndarray | None


def _checked_frames(prepared: PreparedRun, frames: Sequence[int] | None) -> tuple[int, ...]:
    for frame in frames or ():
        if not 0 <= frame < prepared.run.count:
            run = prepared.run
            raise PreparationError(
                f"frame {frame + 1} of a run of {run.count} frames",
                f"Choose 1 to {run.count}",
                run.source or run.case_id,
            )
    return tuple(frames or ())


def _run_model(prepared: PreparedRun, model: SegmentationModel, further: Sequence[int] = ()) -> _Maps:
    key = prepared.key_frame.index
    frames = sorted({i for i in (key - 1, key, key + 1) if 0 <= i < prepared.run.count} | set(further))
    inputs = [network_inputs(prepared, i) for i in frames]
    out = model.segment(inputs[frames.index(key)].frames, np.stack([x.key for x in inputs]))
    liver = {} if out.liver is None else dict(zip(frames, out.liver, strict=True))
    return _Maps(dict(zip(frames, out.tumour, strict=True)), liver, out.difference)


def _key_frame_in_liver(prepared: PreparedRun, maps: _Maps, threshold: float) -> PreparedRun:
    """Return the run with its key frame picked within the liver; as it is where the user chose, or no liver is seen."""
    old = prepared.key_frame
    if old.index not in maps.liver:
        return prepared
    liver = (maps.liver[old.index] >= threshold) & prepared.visible
    if liver.sum() < _MIN_LIVER_FIELD * prepared.visible.sum():
        return prepared
    key = pick_key_frame(
        prepared.stack,
        prepared.frame_times,
        liver,
        baseline=prepared.baseline,
        arrival=prepared.arrival,
        config=prepared.config,
        chosen=old.index if old.chosen_by == "user" else None,
    )
    return replace(prepared, key_frame=key)


@contextmanager
def _stage(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = timings.get(name, 0.0) + time.perf_counter() - start
