"""A cohort of phantom patients: simulated and prepared once, by several processes, kept on disk, read into memory."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from ..errors import OutputError, TrainingError
from ..evaluation.work import spawn_pool
from ..phantom import simulate_patient
from .cases import TrainingPatient, from_phantom, read_patient, write_patient
from .config import CohortConfig

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

REPORT_S = 20.0


def cohort_folder(config: CohortConfig) -> Path:
    """Return the folder of this configuration's patients, made where it is missing."""
    folder = Path(config.cache) / config.key
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the cache folder cannot be made ({error.strerror})", "Choose another", folder) from error
    return folder


def patient_file(folder: Path, seed: int) -> Path:
    """Return the file of a patient."""
    return folder / f"patient-{seed:07d}.npz"


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
    _note_sources(folder, config)
    missing = [seed for seed in seeds if not patient_file(folder, seed).exists()]
    run_jobs(_make_patient, [(seed, config) for seed in missing], config.workers, "patients", progress)
    return len(missing)


def load_cohort(seeds: Sequence[int], config: CohortConfig, progress: Progress | None = None) -> list[TrainingPatient]:
    """Make what is missing, and read all patients into memory (about 1.2 MB a run at 128 pixels).

    Raises
    ------
    DSANetError
        Where a file is damaged, or no run of any patient could be prepared.
    """
    make_cohort(seeds, config, progress)
    folder = cohort_folder(config)
    patients = [read_patient(patient_file(folder, seed)) for seed in seeds]
    refused = [sentence for patient in patients for sentence in patient.refused]
    if refused:
        log.warning("%d runs could not be prepared and are left out; the first: %s", len(refused), refused[0])
    if not any(patient.runs for patient in patients):
        raise TrainingError("no run of the cohort could be prepared", "Check the phantom's settings")
    return patients


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


def _note_sources(folder: Path, config: CohortConfig) -> None:
    """Keep settings and a digest of the sources beside the files, and warn where the sources have changed since."""
    note = folder / "cohort.json"
    digest = _source_digest()
    if note.exists():
        if json.loads(note.read_text())["sources"] != digest:
            log.warning("%s: made by other sources of phantom or preparation. Delete it to make it anew.", folder)
        return
    facts = {"phantom": config.phantom.to_dict(), "preparation": config.preparation.to_dict(), "sources": digest}
    temporary = note.with_name(f".{note.name}.{os.getpid()}")
    temporary.write_text(json.dumps(facts, indent=1))
    os.replace(temporary, note)


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
