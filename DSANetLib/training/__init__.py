"""Training: phantom patients → prepared arrays on disk → networks → model packages.

Importing this package loads no torch; :func:`train` does. ``docs/training.md`` says how to run it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .config import AugmentationConfig, CohortConfig, TrainingConfig, default_config

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AugmentationConfig", "CohortConfig", "TrainingConfig", "default_config", "train"]


def train(config: TrainingConfig, out: str | Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """Train one model on phantom patients and write its package.

    Parameters
    ----------
    config
        What to train, on what, and for how long; ``default_config(model)`` is what the shipped models use.
    out
        Folder for the package; the checkpoint and the log lie beside it in ``<out>.training``. Where a
        checkpoint of the same configuration lies there, training goes on from it.
    progress
        Called with one line of text now and then; logged at INFO level where not given.

    Returns
    -------
    pathlib.Path
        The folder of the package.

    Raises
    ------
    DSANetError
        Where torch is missing, a setting is impossible, or a checkpoint belongs to another configuration.
    """
    from ..errors import DependencyError

    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise DependencyError("training needs torch and MONAI", "pip install 'dsanet[train]'") from error
    if config.is_segmenter:
        from .segmenter import train_segmenter

        return train_segmenter(config, Path(out), progress)
    from .response import train_response

    return train_response(config, Path(out), progress)
