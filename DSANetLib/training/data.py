"""Training patients: made and prepared once, by several processes, kept on disk, read into memory."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import OutputError, TrainingError
from ..evaluation.work import spawn_pool
from ..phantom import simulate_patient
from ..whole import remove_leftovers, write_whole
from .case_files import read_facts, read_patient, write_patient
from .cases import TrainingPatient, from_phantom
from .config import TrainingConfig
from .sources import CohortConfig

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

REPORT_S = 20.0
Part = Literal["training", "validation", "held_out"]


def cohort_folder(config: CohortConfig, name: str | None = None) -> Path:
    """Return the folder of this configuration's patients, made where it is missing; `name` is for other sources."""
    folder = Path(config.cache) / (name or config.key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the cache folder cannot be made ({error.strerror})", "Choose another", folder) from error
    return folder


def patient_file(folder: Path, seed: int) -> Path:
    """Return the file of a patient."""
    return folder / f"patient-{seed:07d}.npz"


@dataclass(frozen=True)
class StoredPatient:
    """A patient whose prepared runs lie in the cache.

    Parameters
    ----------
    path
        The file.
    known
        What a cohort's tables say of the patient (patient_id, clinical, responder, probability): they are read
        anew each time, and stand above what the file holds. None for the phantom, whose file holds all.
    """

    path: Path
    known: Mapping[str, Any] | None = None

    def read(self) -> TrainingPatient:
        """Return the patient with all arrays."""
        return replace(read_patient(self.path), **(self.known or {}))

    def facts(self) -> dict[str, Any]:
        """Return what is known beside the arrays, quickly."""
        return read_facts(self.path) | dict(self.known or {})


def stored_patients(config: TrainingConfig, part: Part, progress: Progress | None = None) -> list[StoredPatient]:
    """Make what the cache lacks of a part of the patients, and return where each lies."""
    if config.source is not None:
        # Loaded where a cohort is: reading masks is of no use to the phantom.
        from .from_cohort import store_patients

        return store_patients(config.source.folder, getattr(config.source, part), config.cohort, progress)
    if part == "held_out":
        return []
    seeds = config.training_seeds if part == "training" else config.validation_seeds
    make_cohort(seeds, config.cohort, progress)
    folder = cohort_folder(config.cohort)
    return [StoredPatient(patient_file(folder, seed)) for seed in seeds]


def load_patients(stored: Sequence[StoredPatient]) -> list[TrainingPatient]:
    """Read patients into memory (about 1.2 MB a run at 128 pixels).

    Raises
    ------
    DSANetError
        Where a file is damaged, or no run of any patient could be prepared.
    """
    patients = [one.read() for one in stored]
    refused = [sentence for patient in patients for sentence in patient.refused]
    if refused:
        log.warning("%d runs could not be prepared and are left out; the first: %s", len(refused), refused[0])
    if not any(patient.runs for patient in patients):
        raise TrainingError("no run of the patients could be prepared", "Check the cohort, or the phantom's settings")
    return patients


def digest_of(*parts: Sequence[StoredPatient]) -> str:
    """Return a digest of a cohort's patients as they are now; empty for the phantom, whose seeds say all."""
    if all(one.known is None for part in parts for one in part):
        return ""
    facts = [[(one.path.name, dict(one.known or {})) for one in part] for part in parts]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def make_cohort(seeds: Iterable[int], config: CohortConfig, progress: Progress | None = None) -> int:
    """Simulate and prepare the patients that the cache lacks; return how many were made.

    Parameters
    ----------
    seeds
        Seeds of the patients.
    config
        Phantom, preparation, cache and workers. A killed call leaves whole files only; the next goes on.
    progress
        Called with a line every `REPORT_S` seconds.
    """
    folder = cohort_folder(config)
    remove_leftovers(folder)
    note_sources(folder, {"phantom": config.phantom.to_dict(), "preparation": config.preparation.to_dict()})
    missing = [seed for seed in seeds if not patient_file(folder, seed).exists()]
    run_jobs(_make_patient, [(seed, config) for seed in missing], config.workers, "patients", progress)
    return len(missing)


def load_cohort(seeds: Sequence[int], config: CohortConfig, progress: Progress | None = None) -> list[TrainingPatient]:
    """Make what is missing of patients of the phantom, and read all into memory; errors of :func:`load_patients`."""
    make_cohort(seeds, config, progress)
    folder = cohort_folder(config)
    return load_patients([StoredPatient(patient_file(folder, seed)) for seed in seeds])


def run_jobs(
    job: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    workers: int,
    what: str,
    progress: Progress | None = None,
) -> None:
    """Call ``job(*arguments[i])`` for all i, in this process or in `workers` fresh ones of one thread each.

    Order does not matter, results are written by the job.
    """
    if not arguments:
        return
    report = _Report(len(arguments), what, progress)
    if workers <= 1:
        for one in arguments:
            job(*one)
            report.done()
        return
    with spawn_pool(min(workers, len(arguments))) as pool:
        futures = [pool.submit(job, *one) for one in arguments]
        try:
            for future in as_completed(futures):
                future.result()
                report.done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_patient(seed: int, config: CohortConfig) -> None:
    patient = from_phantom(simulate_patient(seed, config.phantom), seed, config.preparation)
    write_patient(patient, patient_file(cohort_folder(config), seed))


def note_sources(folder: Path, facts: Mapping[str, Any]) -> None:
    """Keep settings and a digest of the sources beside the files, and warn where the sources have changed since."""
    note = folder / "cohort.json"
    digest = _source_digest()
    if note.exists():
        if json.loads(note.read_text())["sources"] != digest:
            log.warning("%s: made by other sources of phantom or preparation. Delete it to make it anew.", folder)
        return
    write_whole(note, json.dumps({**facts, "sources": digest}, indent=1))


def _source_digest() -> str:
    library = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted([*library.glob("phantom/*.py"), *library.glob("preparation/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class _Report:
    """Says now and then how far a long job is."""

    def __init__(self, total: int, what: str, progress: Progress | None) -> None:
        self.total, self.what, self.progress = total, what, progress or log.info
        self.count, self.start = 0, time.monotonic()
        self.last = self.start

    def done(self) -> None:
        self.count += 1
        now = time.monotonic()
        if now - self.last < REPORT_S and self.count < self.total:
            return
        self.last = now
        rate = self.count / max(now - self.start, 1e-9)
        left = (self.total - self.count) / rate
        self.progress(f"{self.count} of {self.total} {self.what}, {rate:.2f} a second, {left / 60:.1f} min left")
