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
from ..evaluation.statistics import Difference, paired_bootstrap
from ..models import read_card
from ..models.store import find_package
from ..networks.config import SegmenterConfig
from .config import TrainingConfig
from .packages import check_free, training_folder
from .presets import default_config
from .sources import CohortConfig, CohortSource

log = logging.getLogger(__name__)

LEAST = 2
"""Patients: one trains, one is held out. Nobody validates: so few choose neither length nor threshold well."""
SHARE = 0.25
"""Of the patients, to hold out, where nothing else is asked for."""
LOWEST, HIGHEST = 0.1, 0.5
"""Of the patients, to hold out."""
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
    dice
        Mean Dice of the tumour over the held-out patients, network pixels: of the new package, ``first``, and the old
        one, ``second``, with their difference and its interval; None where none of them shows a tumour.
    training, held_out
        Patients.
    runs
        Corrected runs of the training patients.
    left_out
        Cases that could not be taken, with the reason.
    """

    package: Path
    dice: Difference | None
    training: int
    held_out: int
    runs: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the new package is better on the held-out patients, by however little."""
        return self.dice is not None and self.dice.value > 0


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
    minutes: float | None = None,
    share: float = SHARE,
    seed: int = 0,
    threads: int | None = None,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> FineTuned:
    """Fine-tune a segmenter's package on a cohort folder, such as the export of corrected cases.

    Length and threshold are fixed beforehand. A quarter of the patients is held out and measured once with the old
    package and the new. Stopped by an exception (of `watch`, or Ctrl-C) it leaves nothing behind but the cache.

    Parameters
    ----------
    package
        Name or folder of a segmenter.
    cohort
        Folder of a cohort; two patients or more with masks.
    out
        Folder of the new package, which must not be there.
    cache
        Where prepared runs are kept.
    samples
        Images to train on; by default forty passes over the runs, 240 at least.
    minutes
        Instead of `samples`: as many as fit.
    share
        Of the patients, held out: 0.1 to 0.5.
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
    source, runs = _draw(cohort, seed, share)
    config = fine_tuning(str(package), str(cache), source=source, seed=seed, threads=threads, patience=None)
    config = replace(config, cohort=replace(config.cohort, workers=workers))
    if samples is None and minutes is None:
        samples = max(FEWEST, PASSES * runs)
    config = replace(config, samples=samples, minutes=None if samples else minutes)
    before = _dice(find_package(package), config)
    shutil.rmtree(training_folder(out), ignore_errors=True)
    try:
        train(config, out, progress=progress, watch=watch)
    finally:
        shutil.rmtree(training_folder(out), ignore_errors=True)
    names = [str(i) for i in range(len(before))]
    dice = paired_bootstrap(_dice(out, config), before, names, seed=seed) if names else None
    return FineTuned(out, dice, len(source.training), len(source.held_out), runs)


def _draw(cohort: str | Path, seed: int, share: float = SHARE) -> tuple[CohortSource, int]:
    """Return who trains and who is held out, and the number of runs that train."""
    if not LOWEST <= share <= HIGHEST:
        raise TrainingError(f"a share of {share:g} cannot be held out", f"Hold out {LOWEST:g} to {HIGHEST:g}")
    annotated = {
        patient.patient: sum(1 for run in patient.runs if run.frames or run.tumour_free)
        for patient in read_cohort(cohort).patients
        if not patient.external
    }
    names = sorted(name for name, runs in annotated.items() if runs)
    if len(names) < LEAST:
        how_many = (
            "only 1 patient has corrected runs" if len(names) == 1 else f"{len(names)} patients have corrected runs"
        )
        raise TrainingError(how_many, f"Correct runs of {LEAST} patients or more", cohort)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    last = max(1, min(round(share * len(order)), len(order) - 1))
    held_out, training = order[:last], order[last:]
    source = CohortSource(str(cohort), tuple(training), (), tuple(held_out))
    return source, sum(annotated[name] for name in training)


def _dice(package: Path, config: TrainingConfig) -> np.ndarray:
    """Return the Dice (patients,) that a package reaches on the held-out patients with tumour."""
    from ..networks.factory import build_segmenter
    from .data import load_patients, stored_patients
    from .processes import use_threads
    from .starting import load_weights
    from .validation import patient_dice, shows_tumour

    card = read_card(package)
    if not isinstance(card.network, SegmenterConfig):
        raise TrainingError("is no segmenter", "Fine-tune a package that segments", package)
    network = build_segmenter(card.network)
    load_weights(network, replace(config, from_package=str(package)))
    with use_threads(config):
        patients = load_patients(stored_patients(config, "held_out"))
        if not any(shows_tumour(run) for patient in patients for run in patient.runs):
            return np.empty(0)
        return patient_dice(network, patients, config, np.array([card.tumour_threshold]))["tumour"][:, 0]
