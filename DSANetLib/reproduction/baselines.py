"""Honest baselines on the twelve clinical values: what a film has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..clinical import ClinicalEncoder, ClinicalRecord
from ..errors import DependencyError, TrainingError

Baseline = Literal["logistic", "boosting"]

_INNER_FOLDS = 5


def predict_baseline(
    kind: Baseline,
    train: Sequence[ClinicalRecord],
    responders: Sequence[bool],
    held_out: Sequence[ClinicalRecord],
    seed: int = 0,
) -> np.ndarray:
    """Fit on training patients and return (N,) probabilities of RESPONDER, 0-1, of held-out ones.

    Imputation, scaling, penalty and calibration are fitted on the training patients alone, by inner folds.

    Parameters
    ----------
    kind
        ``logistic``: logistic regression, L2 penalty chosen by inner folds. ``boosting``: histogram gradient
        boosting, its scores made probabilities by Platt's method on inner folds.
    train, responders
        Values and outcomes of the training patients.
    held_out
        Values of those to predict.
    seed
        Of folds and boosting.

    Raises
    ------
    TrainingError
        Where one of the classes has fewer patients than inner folds.
    DependencyError
        Where scikit-learn is missing.
    """
    outcome = np.asarray(responders, bool)
    least = int(min(outcome.sum(), (~outcome).sum()))
    if least < _INNER_FOLDS:
        raise TrainingError(
            f"{least} training patients of the rarer outcome", f"Give at least {_INNER_FOLDS} of each outcome"
        )
    encoder = ClinicalEncoder.fit(train)
    model = _model(kind, seed).fit(encoder.transform(train).astype(np.float64), outcome)
    return np.asarray(model.predict_proba(encoder.transform(held_out).astype(np.float64))[:, 1])


def _model(kind: Baseline, seed: int) -> Any:
    try:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
    except ImportError as error:
        raise DependencyError("the baselines need scikit-learn", "pip install 'dsanet[study]'") from error
    folds = StratifiedKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
    if kind == "logistic":
        penalties = {"C": [0.01, 0.1, 1.0]}
        return GridSearchCV(LogisticRegression(max_iter=2000), penalties, scoring="neg_log_loss", cv=folds)
    boosting = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_depth=3, random_state=seed)
    return CalibratedClassifierCV(boosting, method="sigmoid", cv=folds)
