"""Fine-tuning a shipped segmenter on a reader's corrected cases: short, careful, and judged on patients held out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..cohort import read_cohort
from ..errors import TrainingError
from ..models import read_card
from ..models.store import find_package
from ..networks.config import SegmenterConfig
from .config import TrainingConfig
from .packages import check_free, training_folder
from .presets import default_config
from .sources import CohortConfig, CohortSource

log = logging.getLogger(__name__)

LEAST = 3
"""Patients: one trains, one chooses the threshold, one is held out."""
SHARE = 0.25
"""Of the patients, to validate, and as many again to hold out."""
PASSES, FEWEST = 40, 240
"""Passes over the annotated runs, and samples at least."""
SLOWER = 10.0
"""The rate is that of a training from nothing divided by this."""
PATIENCE = 6


@dataclass(frozen=True)
class FineTuned:
    """What came of a fine-tuning.

    Parameters
    ----------
    package
        Folder of the new package.
    dice_before, dice_after
        Mean Dice of the tumour over the held-out patients, each package with its own threshold, network pixels;
        None where none of them shows a tumour.
    training, validation, held_out
        Patients.
    """

    package: Path
    dice_before: float | None
    dice_after: float | None
    training: int
    validation: int
    held_out: int


def fine_tuning(package: str, cache: str, **changes: object) -> TrainingConfig:
    """Return the settings that fine-tune a segmenter's package: its network, its preparation, a lower rate.

    Parameters
    ----------
    package
        Name or folder.
    cache
        Folder of the prepared patients.
    changes
        Fields of :class:`TrainingConfig`.
    """
    card = read_card(find_package(package))
    if not isinstance(card.network, SegmenterConfig):
        raise TrainingError("is no segmenter", "Fine-tune a package that segments", package)
    cohort = CohortConfig(cache, preparation=card.preparation)
    config = default_config(card.network.kind, cache, cohort=cohort)
    config = replace(
        config, width=card.network.width, handover=card.network.handover, lr=config.lr / SLOWER, ema=50.0,
        from_package=package, patience=PATIENCE, norms="frozen",
    )  # fmt: skip
    return replace(config, **changes)  # type: ignore[arg-type]


def fine_tune(
    package: str | Path,
    cohort: str | Path,
    out: str | Path,
    *,
    cache: str | Path,
    samples: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> FineTuned:
    """Fine-tune a segmenter's package on a cohort folder, such as the export of corrected cases.

    A quarter of the patients chooses length and threshold, another is held out and measured once with the old
    package and the new. Stopped by an exception (of `watch`, or Ctrl-C) it leaves nothing behind but the cache.

    Parameters
    ----------
    package
        Name or folder of a segmenter.
    cohort
        Folder of a cohort; three patients or more with masks.
    out
        Folder of the new package, which must not be there.
    cache
        Where prepared runs are kept.
    samples
        Images to train on; by default forty passes over the runs, 240 at least.
    seed
        Draws who is held out, and the order.
    threads, workers
        Threads of torch; processes that prepare.
    progress
        Called with a line of text now and then.
    watch
        Called after each step with steps done and in all.

    Raises
    ------
    DSANetError
        Where there are too few patients, the cohort cannot be read, or the package is no segmenter.
    """
    from . import train

    out = Path(out)
    check_free(out)
    source, runs = _draw(cohort, seed)
    config = fine_tuning(str(package), str(cache), source=source, seed=seed, threads=threads)
    config = replace(config, cohort=replace(config.cohort, workers=workers))
    config = replace(config, samples=samples or max(FEWEST, PASSES * runs))
    before = _dice(find_package(package), config)
    shutil.rmtree(training_folder(out), ignore_errors=True)
    try:
        train(config, out, progress=progress, watch=watch)
    finally:
        shutil.rmtree(training_folder(out), ignore_errors=True)
    after = read_card(out).metrics.get("held_out_dice_tumour")
    counts = (len(source.training), len(source.validation), len(source.held_out))
    return FineTuned(out, before, after.value if after else None, *counts)


def _draw(cohort: str | Path, seed: int) -> tuple[CohortSource, int]:
    """Return who trains, validates and is held out, and the number of runs that train."""
    annotated = {
        patient.patient: sum(1 for run in patient.runs if run.frames or run.tumour_free)
        for patient in read_cohort(cohort).patients
        if not patient.external
    }
    names = sorted(name for name, runs in annotated.items() if runs)
    if len(names) < LEAST:
        raise TrainingError(
            f"{len(names)} patients have corrected runs", f"Correct runs of {LEAST} patients or more", cohort
        )
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    part = max(1, round(SHARE * len(order)))
    held_out, validation, training = order[:part], order[part : 2 * part], order[2 * part :]
    source = CohortSource(str(cohort), tuple(training), tuple(validation), tuple(held_out))
    return source, sum(annotated[name] for name in training)


def _dice(package: Path, config: TrainingConfig) -> float | None:
    """Return what a package reaches on the held-out patients, measured as the new one will be."""
    from ..networks.factory import build_segmenter
    from .data import load_patients, stored_patients
    from .processes import use_threads
    from .starting import load_weights
    from .validation import held_out_dice

    card = read_card(package)
    if not isinstance(card.network, SegmenterConfig):
        raise TrainingError("is no segmenter", "Fine-tune a package that segments", package)
    network = build_segmenter(card.network)
    load_weights(network, config)
    with use_threads(config):
        patients = load_patients(stored_patients(config, "held_out"))
        found = held_out_dice(network, patients, config, card.tumour_threshold)
    return found["held_out_dice_tumour"].value if found else None
