"""Train a response model on the training patients of a study, and predict the held-out ones with its package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingError
from ..models import ResponseModel, load_model
from ..training import train
from ..training.config import TrainingConfig
from ..training.from_cohort import store_patients
from ..training.predicted import ResponseCase, cases_of


def train_and_predict(
    config: TrainingConfig, package: Path, held_out: Iterable[str], say: Callable[[str], None]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Train where the package is not there yet, and predict.

    Parameters
    ----------
    config
        Of the training; its source names the cohort.
    package
        Folder of the package.
    held_out
        Patients to predict; those without outcome or without a run that could be prepared are left out.
    say
        Takes a line of progress.

    Returns
    -------
    dict
        Patient → calibrated probability of RESPONDER, 0-1: mean over key frame and neighbours, then over runs.
    dict
        What the card says of the training.
    """
    from .actions import training_facts

    if not package.exists():
        train(config, package, progress=say)
    model = load_model(package, threads=1)
    if not isinstance(model, ResponseModel) or config.source is None:
        raise TrainingError("is no response model of a cohort", "Delete the folder and start again", package)
    cases = cases_of(store_patients(config.source.folder, tuple(held_out), config.cohort, say), config, say)
    return {case.record.patient_id: _score(model, case) for case in cases}, training_facts(package)


def _score(model: ResponseModel, case: ResponseCase) -> float:
    encoder = model.card.clinical_encoder
    row = None if encoder is None else encoder.transform([case.record])
    if not model.card.needs_image:
        return float(np.mean(model.predict(None, row)))
    of_run = []
    for run in np.unique(case.runs):
        key, mask = (images[case.runs == run].astype(np.float32) for images in (case.keys, case.masks))
        images = np.stack([key, key * mask, mask], axis=1)
        rows = None if row is None else np.repeat(row, len(images), axis=0)
        of_run.append(float(np.mean(model.predict(images, rows), dtype=np.float64)))
    return float(np.mean(of_run))
