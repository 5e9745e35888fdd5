"""Fine-tuning as a job: corrected cases in, a package among the user's own models out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DSANetLib.errors import TrainingError, WorkerError

from .case_data import modelChoice
from .work import TRAINING, Job

if TYPE_CHECKING:
    from DSANetLib.correction.work import WorkItem

SUFFIX = "-tuned"


def fineTuneJob(
    cases: str | Path | Sequence[WorkItem],
    *,
    model: str | Path | None = None,
    name: str | None = None,
    samples: int | None = None,
    minutes: float | None = None,
    heldOut: float = 0.25,
    seed: int = 0,
    reader: str | None = None,
    threads: int | None = None,
) -> Job:
    """Return the job of `fineTune`; lane ``training``: everything else goes on meanwhile.

    Parameters
    ----------
    cases
        Folder of an export for training (or any cohort folder), or the cases of a work list.
    model
        Segmenter to start from, name or folder.
    name
        Of the new package; by default that of the model with ``-tuned``.
    samples, minutes
        How long; by default forty passes over the runs. `samples` goes before.
    heldOut
        Share of the patients that judge, 0.1-0.5.
    seed
        Draws who judges, and the order.
    reader
        Of a work list: whose masks; the latest of each case where None.
    threads
        Of the processor; by default all but one, which is the window's.
    """
    from DSANetLib.models import read_card
    from DSANetLib.models.importing import check_free_name, free_name, import_package
    from DSANetLib.whole import check_writable
    from DSANetLib.worker.training import FineTuneTask

    package = modelChoice(model).name
    name = name or free_name(read_card(package).name.split(SUFFIX)[0] + SUFFIX)
    check_writable(check_free_name(name).parent)  # said before hours are spent
    folder, items = (str(cases), ()) if isinstance(cases, (str, Path)) else ("", tuple(cases))
    if not folder and not items:
        raise TrainingError("there is no case to fine-tune on", "List corrected cases, or name an exported folder")
    work = _workFolder()
    task = FineTuneTask(
        package,
        str(Path(folder).absolute() if folder else work / "corrected-cases"),
        str(work / name),
        str(work / "cache"),
        samples=samples,
        minutes=minutes,
        share=heldOut,
        seed=seed,
        threads=threads or max(1, (os.cpu_count() or 2) - 1),
        items=items,
        reader=reader,
    )

    def apply(tuned: Any) -> Any:
        return replace(tuned, package=import_package(tuned.package).folder)

    return Job(task, apply, TRAINING, over=lambda: shutil.rmtree(work, ignore_errors=True))


def _workFolder() -> Path:
    """Return a folder for export, prepared runs and checkpoints; the job takes it away however it ends."""
    try:
        return Path(tempfile.mkdtemp(prefix="dsanet-fine-tuning-"))
    except OSError as error:
        problem = f"no temporary folder can be made ({error.strerror})"
        raise WorkerError(problem, "Make room on the disk", tempfile.gettempdir()) from error
