"""The packages of the extra ``study``, imported on first use and named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import DependencyError


def study_package(name: str) -> Any:
    """Import a module that only a study's statistics need.

    Parameters
    ----------
    name
        Dotted name, such as ``lifelines.statistics``.

    Raises
    ------
    DependencyError
        Where it is not installed; the remedy is the one command that brings all of them.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise DependencyError(f"these statistics need {package}", "pip install 'dsanet[study]'") from error
