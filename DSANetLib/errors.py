"""The library's own exceptions: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class DSANetError(Exception):
    """Base of every error this library raises on purpose.

    Parameters
    ----------
    problem
        What is wrong, in one sentence without a full stop.
    remedy
        What the user can do about it, in one sentence without a full stop.
    source
        File, folder or case concerned, shown in front of the message.
    """

    def __init__(self, problem: str, remedy: str = "", source: str | Path | None = None) -> None:
        self.problem = problem
        self.remedy = remedy
        self.source = None if source is None else str(source)
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return one line: ``source: problem. remedy.``"""
        text = f"{self.source}: {self.problem}" if self.source else self.problem
        text = text.rstrip(".") + "."
        return f"{text} {self.remedy.rstrip('.')}." if self.remedy else text


class RunError(DSANetError):
    """A file, folder or array that cannot be read as an angiographic run."""


class PreparationError(DSANetError):
    """A run that was read but cannot be prepared (no contrast, nothing but border, …)."""


class ClinicalError(DSANetError):
    """A clinical table or value that cannot be used."""


class ModelError(DSANetError):
    """A model package that is missing, damaged, or does not fit the request."""


class SceneError(DSANetError):
    """A Slicer scene or node that cannot be written or read as a DSA case."""


class OutputError(DSANetError):
    """A result that cannot be written where it was asked for."""


class TrainingError(DSANetError):
    """A cohort or setting that cannot be trained or evaluated on."""


class CohortError(DSANetError):
    """A cohort or study folder, or a row of it, that cannot be used."""


class DependencyError(DSANetError):
    """An optional package that the request needs and that is not installed."""


class WorkerError(DSANetError):
    """Work that the worker process could not do: it died, ran out of memory, or is busy."""


class ChoiceError(DSANetError):
    """Choices that do not go together, such as one key frame for several runs."""
