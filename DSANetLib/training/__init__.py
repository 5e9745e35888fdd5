"""Training: patients of the phantom or of a cohort → prepared arrays on disk → networks → model packages.

Importing this package loads no torch; :func:`train` does. ``docs/training.md`` says how to run it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .config import TrainingConfig
from .presets import default_config, paper_config, scheduled
from .sources import CohortConfig, CohortSource
from .variation import AugmentationConfig

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AugmentationConfig",
    "CohortConfig",
    "CohortSource",
    "TrainingConfig",
    "default_config",
    "paper_config",
    "scheduled",
    "train",
]


def train(
    config: TrainingConfig,
    out: str | Path,
    *,
    progress: Callable[[str], None] | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Path:
    """Train one model and write its package; under torchrun every process calls this alike.

    Parameters
    ----------
    config
        What to train, on what, and for how long; ``default_config(model)`` is what the shipped models use.
    out
        Folder for the package; the checkpoint and the log lie beside it in ``<out>.training``. Where a
        checkpoint of the same configuration lies there, training goes on from it.
    progress
        Called with one line of text now and then; logged at INFO level where not given.
    watch
        Called after each step with steps done and steps in all; what it raises ends the training, which can be
        gone on with from its last checkpoint.

    Returns
    -------
    pathlib.Path
        The folder of the package.

    Raises
    ------
    DSANetError
        Where torch is missing, or the package that `tensorboard` asks for, a setting is impossible, or a checkpoint
        belongs to another configuration.
    """
    need_training_packages()
    if config.tensorboard:
        from .reports import board_writer

        board_writer()  # before anything is prepared
    if config.is_segmenter:
        from .segmenter import train_segmenter

        return train_segmenter(config, Path(out), progress, watch=watch)
    from .response import train_response

    return train_response(config, Path(out), progress, watch=watch)


def need_training_packages() -> None:
    """Raise DependencyError where the extra for training is not installed."""
    from ..errors import DependencyError

    try:
        import lightning_fabric  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "training needs torch, MONAI and Lightning Fabric", "pip install 'dsanet[train]'"
        ) from error
