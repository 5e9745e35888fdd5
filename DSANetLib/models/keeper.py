"""Models kept loaded from one piece of work to the next, and the CPU in place of a device that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from .package import CARD
from .store import RuntimeChoice, find_package, load_model

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class ModelChoice:
    """A package and what shall compute it; the fields are those of `load_model`."""

    name: str
    runtime: RuntimeChoice = "auto"
    device: str = "auto"
    threads: int | None = None

    def on_cpu(self) -> ModelChoice:
        """Return the same on the CPU."""
        return replace(self, device="cpu")


class ModelKeeper:
    """Loads a package when it is first needed, and again only where its files changed."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[ModelChoice, Path, int], Any] = {}

    def load(self, choice: ModelChoice) -> Any:
        """Return the model; errors as of `load_model`."""
        package = find_package(choice.name)
        key = (choice, package, (package / CARD).stat().st_mtime_ns)
        if key not in self._loaded:
            self._loaded[key] = load_model(
                package, runtime=choice.runtime, device=choice.device, threads=choice.threads
            )
        return self._loaded[key]

    def use(self, choice: ModelChoice, work: Callable[[Any], T]) -> tuple[T, str | None]:
        """Do work with a model; where its device fails, forget the model there and do the work on the CPU.

        Returns
        -------
        value
            What `work` returned; its model names the runtime and device that really ran.
        note
            A sentence without a full stop on why the CPU computed, None where nothing failed.
        """
        model = None
        try:
            model = self.load(choice)
            return work(model), None
        except Exception as error:
            if choice.device == "cpu" or (model is not None and model.runtime.endswith("(cpu)")):
                raise
            log.debug("%s failed on %s", choice.name, choice.device, exc_info=True)
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            # Out of the handler before the second try: the error's frames hold what fills the device.
        self._loaded = {key: kept for key, kept in self._loaded.items() if key[0] != choice}
        del model
        return work(self.load(choice.on_cpu())), f"Computed on the CPU, as the device failed: {reason}"
