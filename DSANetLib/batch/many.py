"""Many runs: read, segment, predict by patient, write; one bad case never ends a batch."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ChoiceError, ClinicalError, DSANetError, ModelError, OutputError
from ..flags import cpu_flag
from ..models.keeper import ModelChoice, ModelKeeper
from ..pipeline import DEFAULT_MODEL, DEFAULT_RESPONSE, DEFAULT_RESPONSE_FILM, predict, segment
from ..readers import RunSource, read_run
from ..results import CaseResult, Response, Segmentation
from ..run import DSARun
from ..tables import RESULT_COLUMNS, patient_row, result_row
from ..whole import remove_leftovers
from .case import SCENE_LEFT_OUT, case_folder, check_free, write_case
from .done import done_before, made_with
from .patients import assign_patients, gather_runs, read_patients
from .store import Store

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..models import ModelCard

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
    ``complaint`` where there is one but something that was asked for could not be done. ``done_before``: the
    result of an earlier start, made with the same files, models and settings, was left as it is.
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
    done_before: bool = False


class Models:
    """The packages of a batch, each loaded once, when it is first needed."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._keeper = ModelKeeper()

    def segment(self, run: DSARun) -> Segmentation:
        """Segment a run as the user chose."""
        chosen = self._options
        segmentation, note = self._keeper.use(
            self._choice(chosen.model),
            lambda model: segment(run, model, key_frame=chosen.key_frame, mask_frame=chosen.mask_frame),
        )
        return replace(segmentation, flags=(*segmentation.flags, *cpu_flag(note)))

    def predict(self, segmentations: Sequence[Segmentation], record: ClinicalRecord | None) -> Response:
        """Predict with the user's model, or the package that fits what is known of the patient."""
        choice = self._choice(self._response_name(record is not None))
        response, note = self._keeper.use(choice, lambda model: predict(segmentations, model, record))
        return replace(response, flags=(*response.flags, *cpu_flag(note)))

    def cards(self, with_clinical: bool) -> list[ModelCard]:
        """Return the cards of both models; raise `ModelError` where one is missing or for another task."""
        chosen = self._options
        asked = (
            (chosen.model, "segmentation", "--model"),
            (self._response_name(with_clinical), "response", "--response-model"),
        )
        return [_checked_card(self._keeper.load(self._choice(name)), task, option) for name, task, option in asked]

    def _response_name(self, with_clinical: bool) -> str:
        return self._options.response_model or (DEFAULT_RESPONSE if with_clinical else DEFAULT_RESPONSE_FILM)

    def _choice(self, name: str) -> ModelChoice:
        chosen = self._options
        return ModelChoice(name, chosen.runtime, chosen.device, chosen.threads)


def _checked_card(model: Any, task: str, option: str) -> ModelCard:
    if model.card.task != task:
        raise ModelError(
            f"{model.card.name} is a {model.card.task} model", f"Give {option} a {task} package; see dsanet models"
        )
    return model.card


def run_inputs(
    inputs: Sequence[str | Path],
    out: str | Path,
    options: BatchOptions,
    *,
    clinical: str | Path | None = None,
    patients: str | Path | None = None,
) -> tuple[int, Iterator[CaseOutcome]]:
    """Find the runs of all inputs and take them through `run_many`.

    Parameters
    ----------
    inputs, out
        Files and folders; the folder of results.
    options
        The user's choices.
    clinical, patients
        CSV files, None where there are none; `patients` may be ``folders``.

    Returns
    -------
    total, outcomes
        How many runs there are, and how each ended, as it comes.

    Raises
    ------
    ChoiceError
        Where a frame is chosen for several runs.
    DSANetError
        Where nothing can be done at all.
    """
    sources, names = gather_runs(inputs)
    if len(sources) > 1 and (options.key_frame is not None or options.mask_frame is not None):
        raise ChoiceError(f"key frame and mask frame are for one run, {len(sources)} were found", "Leave them out")
    records = None
    if clinical is not None:
        from ..clinical import read_clinical

        records = read_clinical(clinical)
    by_folder = patients == "folders"
    if patients is not None and not by_folder:
        names = names | read_patients(patients)
    outcomes = run_many(
        sources, Path(out), options, clinical=records, clinical_from=clinical or "", patients=names, by_folder=by_folder
    )
    return len(sources), outcomes


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
    succeeded, then their folders are written; each folder and table appears whole or not at all. A patient
    whose results are there, made from the same files with the same models and settings, is not computed again.

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
    remove_leftovers(out)
    models, store, taken = Models(options), Store(out), set[str]()
    models.cards(with_clinical=clinical is not None)
    scene = options.scene
    for patient_id, group in assign_patients(sources, patients, by_folder).items():
        for runs in [group] if patient_id is not None else [[source] for source in group]:
            patient = _Patient(patient_id, runs, out, options, models, taken, store, scene)
            for outcome in patient.outcomes(clinical, clinical_from):
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
        store: Store,
        scene: bool,
    ) -> None:
        self._name = name
        self._sources = sources
        self._out = out
        self._options = options
        self._models = models
        self._taken = taken
        self._store = store
        self._scene = scene
        self._called = {source.case_id: str(source.path) for source in sources}
        self._timings: dict[str, float] = {}

    def outcomes(
        self, clinical: Mapping[str, ClinicalRecord] | None, clinical_from: str | Path
    ) -> Iterator[CaseOutcome]:
        """Read all runs, segment those that are not done, predict once, write; failures come as they happen."""
        runs: list[tuple[RunSource, DSARun]] = []
        for source in self._sources:
            try:
                runs.append((source, self._read(source)))
            except Exception as error:  # noqa: BLE001 - one bad case never ends a batch
                yield self._failure(source, error)
        if not runs:
            return
        record = self._record(clinical, runs)
        digest = made_with(self._sources, self._options, self._models.cards(record is not None), self._name, record)
        before = {source.case_id: self._done_before(run, digest) for source, run in runs}
        done: list[tuple[RunSource, Segmentation]] = []
        # Those that are not done first: where none of them succeeds, what is done still holds.
        for source, run in sorted(runs, key=lambda item: before[item[0].case_id] is not None):
            if before[source.case_id] is not None and not done:
                continue
            try:
                done.append((source, self._segmented(source, run, before[source.case_id] is not None)))
            except Exception as error:  # noqa: BLE001 - the same boundary
                yield self._failure(source, error)
        if done:
            yield from self._predicted(done, record, clinical, clinical_from, digest)
            return
        for source, _ in runs:
            facts = before[source.case_id]
            if facts is not None:
                yield self._kept(source, facts)

    def _predicted(
        self,
        done: Sequence[tuple[RunSource, Segmentation]],
        record: ClinicalRecord | None,
        clinical: Mapping[str, ClinicalRecord] | None,
        clinical_from: str | Path,
        digest: str,
    ) -> Iterator[CaseOutcome]:
        """Predict once and write every case."""
        done = sorted(done, key=lambda item: self._sources.index(item[0]))
        try:
            response = self._models.predict([segmentation for _, segmentation in done], record)
        except Exception as error:  # noqa: BLE001 - the same boundary
            yield from [self._failure(source, error) for source, _ in done]
            return
        patient_id, complaint = self._shown_name([segmentation.prepared.run for _, segmentation in done]), None
        if clinical is not None and record is None:
            problem = f"no clinical values for patient {patient_id}; the prediction uses film alone"
            complaint = str(ClinicalError(problem, "Add a row for the patient", clinical_from))
        for source, segmentation in done:
            case = CaseResult(segmentation, response, patient_id)
            try:
                outcome = self._write(source, case, complaint, digest)
                self._store.add(result_row(case), patient_row(patient_id, response), found_as=source.case_id)
            except Exception as error:  # noqa: BLE001 - the same boundary
                outcome = self._failure(source, error)
            yield outcome
            complaint = None

    def _read(self, source: RunSource) -> DSARun:
        options, start = self._options, time.perf_counter()
        run = self._named(read_run(source, frame_rate=options.frame_rate, spacing_mm=options.spacing_mm))
        self._called[source.case_id] = run.source or run.case_id
        self._timings[source.case_id] = time.perf_counter() - start
        return run

    def _done_before(self, run: DSARun, digest: str) -> Mapping[str, Any] | None:
        return None if self._options.overwrite else done_before(case_folder(self._out, run.case_id), digest)

    def _segmented(self, source: RunSource, run: DSARun, replaced: bool) -> Segmentation:
        # Before the work: nobody wants to wait for a result that has no place.
        check_free(case_folder(self._out, run.case_id), self._options.overwrite or replaced)
        segmentation = self._models.segment(run)
        timings = {"reading": self._timings[source.case_id], **(segmentation.timings_s or {})}
        return replace(segmentation, timings_s=timings)

    def _named(self, run: DSARun) -> DSARun:
        """Return the run with a name that no other of the batch has: pseudonyms can meet, and so can A and a."""
        name, number = run.case_id, 2
        while name.casefold() in self._taken:
            name, number = f"{run.case_id}-{number}", number + 1
        self._taken.add(name.casefold())
        return run if name == run.case_id else run.with_changes(case_id=name)

    def _write(self, source: RunSource, case: CaseResult, complaint: str | None, digest: str) -> CaseOutcome:
        start, folder = time.perf_counter(), case_folder(self._out, case.case_id)
        ours = self._options.overwrite or done_before(folder, digest) is not None
        notes = write_case(
            case, folder, scene=self._scene, picture=self._options.picture, overwrite=ours, made_with=digest
        )
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

    def _kept(self, source: RunSource, facts: Mapping[str, Any]) -> CaseOutcome:
        """Return the outcome of a case that was done before; its rows are there again, should a table be lost."""
        row = {column.name: facts.get(column.name) for column in RESULT_COLUMNS}
        case_id, patient_id = str(row["case"]), str(row["patient"])
        self._store.add(row, facts["patient_row"], found_as=source.case_id)
        folder = case_folder(self._out, case_id)
        return CaseOutcome(self._called[source.case_id], case_id, patient_id, folder, row, done_before=True)

    def _failure(self, source: RunSource, error: Exception) -> CaseOutcome:
        _raise_if_stopped(error)
        called = self._called[source.case_id]
        log.debug("%s failed", called, exc_info=error)
        try:
            self._store.add_failed(source.case_id, reason(error))
        except OutputError:  # no room for the row either; the reason is said all the same
            log.debug("no row for %s", source.case_id, exc_info=True)
        return CaseOutcome(called, source.case_id, error=one_line(error, called))

    def _record(
        self, clinical: Mapping[str, ClinicalRecord] | None, runs: Sequence[tuple[RunSource, DSARun]]
    ) -> ClinicalRecord | None:
        """Return the patient's values, found under the patient's name or one of the patient's cases."""
        names = [self._name] if self._name else []
        names += [name for source, run in runs for name in (source.case_id, run.case_id)]
        return next((clinical[name] for name in names if name in clinical), None) if clinical else None

    def _shown_name(self, runs: Sequence[DSARun]) -> str:
        """Return the patient's name for tables: the first run's where none is known, or a header shows it is real."""
        told = any(run.kind == "dicom" and run.source == run.case_id for run in runs)
        return self._name if self._name and not told else runs[0].case_id


def _raise_if_stopped(error: Exception) -> None:
    """Ctrl-C in the midst of C code comes out as a SystemError; it is still the user's wish to stop."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        cause = cause.__cause__ or cause.__context__


def reason(error: Exception) -> str:
    """Return why a case failed, for a table: without the path, which may name a person."""
    if isinstance(error, DSANetError):
        return " ".join(str(type(error)(error.problem, error.remedy)).split())
    return one_line(error, "")


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
