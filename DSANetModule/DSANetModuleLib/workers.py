"""The worker processes of the module, one a lane, and the Python that they run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from DSANetLib.errors import WorkerError


class Workers:
    """Clients of the worker processes; each process starts with its first task.

    Parameters
    ----------
    python
        Python that computes; by default Slicer's own (PythonSlicer), outside Slicer this one.
    """

    def __init__(self, python: str | None = None) -> None:
        self._python = python
        self._clients: dict[str, Any] = {}

    def client(self, lane: str) -> Any:
        """Return the client of a lane."""
        from DSANetLib.worker import WorkerClient

        if lane not in self._clients:
            self._clients[lane] = WorkerClient(self._python or slicerPython())
        return self._clients[lane]

    def close(self) -> None:
        """End the processes; the next task starts another."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def slicerPython() -> str | None:
    """Return Slicer's own Python; None outside Slicer, where it is the one that runs.

    Raises
    ------
    WorkerError
        Where Slicer has none.
    """
    from DSANetLib.mrml.headless import in_slicer

    # In Slicer ``sys.executable`` may name the application; PythonSlicer is in its PATH, as slicer.util expects.
    if not in_slicer() or "python" in Path(sys.executable).name.lower():
        return None
    found = shutil.which("PythonSlicer")
    if found is None:
        raise WorkerError("Slicer's Python (PythonSlicer) is not there", "Install Slicer again")
    return found
