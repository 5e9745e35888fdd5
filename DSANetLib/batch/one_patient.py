"""One patient's way through a batch: read and segment every run, predict once, write; failures as they come."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClinicalError, OutputError
from ..readers import RunSource, read_run
from ..results import CaseResult, Segmentation
from ..run import DSARun
from ..tables import RESULT_COLUMNS, patient_row, result_row
from .case import case_folder, check_free, write_case
from .done import done_before, made_with
from .models import BatchOptions, Models
from .outcome import CaseOutcome, one_line, raise_if_stopped, reason
from .store import Store

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord

log = logging.getLogger(__name__)


class Patient:
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
            complaint = str(ClinicalError(problem, "Add a row for the patient, or fill it in", clinical_from))
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
        run = self._named(
            read_run(
                source,
                frame_rate=options.frame_rate,
                spacing_mm=options.spacing_mm,
                subtracted=options.subtracted,
            )
        )
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
        raise_if_stopped(error)
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
        record = next((clinical[name] for name in names if name in clinical), None) if clinical else None
        # A row without a value tells no more than no row.
        return record if record is not None and record.known else None

    def _shown_name(self, runs: Sequence[DSARun]) -> str:
        """Return the patient's name for tables: the first run's where none is known, or a header shows it is real."""
        told = any(run.kind == "dicom" and run.source == run.case_id for run in runs)
        return self._name if self._name and not told else runs[0].case_id
