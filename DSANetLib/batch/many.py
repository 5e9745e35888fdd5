"""Many runs: read, segment, predict by patient, write; one bad case never ends a batch."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ClinicalError, DSANetError, ModelError
from ..pipeline import DEFAULT_MODEL, DEFAULT_RESPONSE, DEFAULT_RESPONSE_FILM, predict, segment
from ..readers import RunSource, read_run
from ..results import CaseResult, Segmentation
from ..run import DSARun
from ..tables import patient_row, result_row
from .case import SCENE_LEFT_OUT, case_folder, check_free, write_case
from .patients import assign_patients
from .store import Store

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..models import ResponseModel, SegmentationModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchOptions:
    """What a user may choose for a batch; None lets the library choose. Frames are 0-based here."""

    model: str = DEFAULT_MODEL
    response_model: str | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    device: str = "auto"
    threads: int | None = None
    key_frame: int | None = None
    mask_frame: int | None = None
    frame_rate: float | None = None
    spacing_mm: float | None = None
    scene: bool = True
    picture: bool = True
    overwrite: bool = False


@dataclass(frozen=True)
class CaseOutcome:
    """How one run ended: with a folder, or with one line that says why not.

    ``source`` is what the input is called in messages: its path, or the case's name where a DICOM header
    shows that the path holds patient data. ``row`` is the case's row of the results table, ``timings_s``
    seconds by stage, ``notes`` sentences on what was left out; ``error`` is set where there is no result,
    ``complaint`` where there is one but something that was asked for could not be done.
    """

    source: str
    case_id: str
    patient_id: str | None = None
    folder: Path | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    timings_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str | None = None
    complaint: str | None = None


class Models:
    """The packages of a batch, each loaded once, when it is first needed."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._loaded: dict[str, Any] = {}

    def segmenter(self) -> SegmentationModel:
        """Return the segmentation model."""
        model = self._load(self._options.model)
        _check_task(model, "segmentation", "--model")
        return model

    def responder(self, with_clinical: bool) -> ResponseModel:
        """Return the response model: the user's, or the package that fits what is known of the patient."""
        fitting = DEFAULT_RESPONSE if with_clinical else DEFAULT_RESPONSE_FILM
        model = self._load(self._options.response_model or fitting)
        _check_task(model, "response", "--response-model")
        return model

    def _load(self, name: str) -> Any:
        from ..models import load_model

        if name not in self._loaded:
            chosen = self._options
            self._loaded[name] = load_model(name, runtime=chosen.runtime, device=chosen.device, threads=chosen.threads)
        return self._loaded[name]


def _check_task(model: Any, task: str, option: str) -> None:
    if model.card.task != task:
        raise ModelError(
            f"{model.card.name} is a {model.card.task} model", f"Give {option} a {task} package; see dsanet models"
        )


def run_many(
    sources: Sequence[RunSource],
    out: Path,
    options: BatchOptions,
    *,
    clinical: Mapping[str, ClinicalRecord] | None = None,
    clinical_from: str | Path = "the clinical table",
    patients: Mapping[str, str] | None = None,
    by_folder: bool = False,
) -> Iterator[CaseOutcome]:
    """Take every run through the pipeline, patient by patient, and yield how each ended.

    All runs of a patient are segmented, then the patient's response is predicted once from those that
    succeeded, then their folders are written; each folder and table appears whole or not at all.

    Parameters
    ----------
    sources
        From `readers.find_runs`.
    out
        Output folder.
    options
        The user's choices.
    clinical
        Patient or case → values; None where none were given.
    clinical_from
        Where they come from, for messages.
    patients, by_folder
        See `batch.patients.assign_patients`.

    Raises
    ------
    DSANetError
        Where nothing can be done at all: a model is missing, a table in `out` is not ours.
    """
    models, store, taken = Models(options), Store(out), set[str]()
    models.segmenter()
    models.responder(with_clinical=clinical is not None)
    scene = options.scene
    for patient_id, group in assign_patients(sources, patients, by_folder).items():
        for runs in [group] if patient_id is not None else [[source] for source in group]:
            patient = _Patient(patient_id, runs, out, replace(options, scene=scene), models, taken)
            for outcome in patient.outcomes(clinical, clinical_from, store):
                # Said once: what the machine lacks for one scene it lacks for all.
                scene = scene and not any(note.startswith(SCENE_LEFT_OUT) for note in outcome.notes)
                yield outcome


class _Patient:
    """The runs of one patient on their way through; without a name the patient takes the first run's."""

    def __init__(
        self,
        name: str | None,
        sources: Sequence[RunSource],
        out: Path,
        options: BatchOptions,
        models: Models,
        taken: set[str],
    ) -> None:
        self._name = name
        self._sources = sources
        self._out = out
        self._options = options
        self._models = models
        self._taken = taken
        self._called = {source.case_id: str(source.path) for source in sources}

    def outcomes(
        self, clinical: Mapping[str, ClinicalRecord] | None, clinical_from: str | Path, store: Store
    ) -> Iterator[CaseOutcome]:
        """Segment all runs, predict once, write each; failures come first, as they happen."""
        done: list[tuple[RunSource, Segmentation]] = []
        for source in self._sources:
            try:
                done.append((source, self._segmented(source)))
            except Exception as error:  # noqa: BLE001 - one bad case never ends a batch
                yield self._failure(source, error)
        if not done:
            return
        record = self._record(clinical, done)
        try:
            model = self._models.responder(record is not None)
            response = predict([segmentation for _, segmentation in done], model, record)
        except Exception as error:  # noqa: BLE001 - the same boundary
            yield from [self._failure(source, error) for source, _ in done]
            return
        patient_id, complaint = self._shown_name(done), None
        if clinical is not None and record is None:
            problem = f"no clinical values for patient {patient_id}; the prediction uses film alone"
            complaint = str(ClinicalError(problem, "Add a row for the patient", clinical_from))
        written: list[CaseResult] = []
        for source, segmentation in done:
            case = CaseResult(segmentation, response, patient_id)
            try:
                outcome = self._write(source, case, complaint)
                written.append(case)
                store.add([result_row(case)], patient_row(patient_id, written))
            except Exception as error:  # noqa: BLE001 - the same boundary
                outcome = self._failure(source, error)
            yield outcome
            complaint = None

    def _segmented(self, source: RunSource) -> Segmentation:
        options, start = self._options, time.perf_counter()
        run = self._named(read_run(source, frame_rate=options.frame_rate, spacing_mm=options.spacing_mm))
        self._called[source.case_id] = run.source or run.case_id
        # Before the work: nobody wants to wait for a result that has no place.
        check_free(case_folder(self._out, run.case_id), options.overwrite)
        timings = {"reading": time.perf_counter() - start}
        segmentation = segment(
            run, self._models.segmenter(), key_frame=options.key_frame, mask_frame=options.mask_frame
        )
        return replace(segmentation, timings_s={**timings, **(segmentation.timings_s or {})})

    def _named(self, run: DSARun) -> DSARun:
        """Return the run with a name that no other of the batch has: pseudonyms can meet, and so can A and a."""
        name, number = run.case_id, 2
        while name.casefold() in self._taken:
            name, number = f"{run.case_id}-{number}", number + 1
        self._taken.add(name.casefold())
        return run if name == run.case_id else run.with_changes(case_id=name)

    def _write(self, source: RunSource, case: CaseResult, complaint: str | None) -> CaseOutcome:
        options, start = self._options, time.perf_counter()
        folder = case_folder(self._out, case.case_id)
        notes = write_case(case, folder, scene=options.scene, picture=options.picture, overwrite=options.overwrite)
        timings = {**(case.segmentation.timings_s or {}), "writing": time.perf_counter() - start}
        return CaseOutcome(
            self._called[source.case_id],
            case.case_id,
            case.patient_id,
            folder,
            result_row(case),
            timings,
            tuple(notes),
            complaint=complaint,
        )

    def _failure(self, source: RunSource, error: Exception) -> CaseOutcome:
        _raise_if_stopped(error)
        called = self._called[source.case_id]
        log.debug("%s failed", called, exc_info=error)
        return CaseOutcome(called, source.case_id, error=one_line(error, called))

    def _record(
        self, clinical: Mapping[str, ClinicalRecord] | None, done: Sequence[tuple[RunSource, Segmentation]]
    ) -> ClinicalRecord | None:
        """Return the patient's values, found under the patient's name or one of the patient's cases."""
        names = [self._name] if self._name else []
        names += [name for source, segmentation in done for name in (source.case_id, segmentation.case_id)]
        return next((clinical[name] for name in names if name in clinical), None) if clinical else None

    def _shown_name(self, done: Sequence[tuple[RunSource, Segmentation]]) -> str:
        """Return the patient's name for tables: the first run's where none is known, or a header shows it is real."""
        runs = [segmentation.prepared.run for _, segmentation in done]
        told = any(run.kind == "dicom" and run.source == run.case_id for run in runs)
        return self._name if self._name and not told else runs[0].case_id


def _raise_if_stopped(error: Exception) -> None:
    """Ctrl-C in the midst of C code comes out as a SystemError; it is still the user's wish to stop."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        cause = cause.__cause__ or cause.__context__


def one_line(error: Exception, source: str) -> str:
    """Return one line that names file and remedy, whatever went wrong."""
    if isinstance(error, DSANetError):
        text = str(error) if error.source else str(DSANetError(error.problem, error.remedy, source))
    elif isinstance(error, MemoryError):
        text = str(DSANetError("memory is short", "Close other programs, or use fewer or smaller frames", source))
    else:
        problem = f"unexpected {type(error).__name__}: {error}"
        text = str(DSANetError(problem, "Run again with --verbose and report what it says", source))
    return " ".join(text.split())
