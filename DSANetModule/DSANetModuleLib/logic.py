"""The module's logic: nodes in, nodes out; the same from the panel, from Slicer's console and on the bare core.

Each piece of work is a `Job`: a task for the worker process, and what is done to the scene with its answer. The
functions here wait for their job; `jobs.Jobs` starts the same job and lets the window live meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from DSANetLib.mrml.scene import CaseNodes


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Parameters
    ----------
    task
        For the worker process (`DSANetLib.worker`).
    apply
        Task's answer → what the user gets; on the main thread, and the only part that touches the scene.
    lane
        Jobs of one lane wait for nobody but each other: ``panel`` or ``batch``.
    partial
        What is done with an answer before the last one (an outcome of a batch).
    """

    task: Any
    apply: Callable[[Any], Any]
    lane: str = "panel"
    partial: Callable[[Any], None] | None = None


class DSANetModuleLogic:
    """What the module can do, without its panel: ``slicer.util.getModuleLogic("DSANetModule")``.

    All errors are `DSANetLib.errors.DSANetError`: one sentence that names what is wrong and what to do. A function
    that fails leaves the scene as it was. ``progress`` is called with `DSANetLib.worker.Progress`.

    Parameters
    ----------
    python
        Python that computes; by default Slicer's own (PythonSlicer), outside Slicer this one.
    """

    def __init__(self, python: str | None = None) -> None:
        raise NotImplementedError

    # --- the whole way -------------------------------------------------------------------------------------------

    def loadRun(
        self,
        path: str | Path,
        *,
        frameRate: float | None = None,
        spacing_mm: float | tuple[float, float] | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> CaseNodes:
        """Read a run from a file or folder into the scene, with empty masks for every frame and its curve.

        Key frame, polarity and subtraction as the library finds them are stored as facts of the case (`facts`).
        """
        raise NotImplementedError

    def adoptRun(self, node: Any) -> CaseNodes:
        """Return the case of a run that is in the scene already: sequence, browser, or the volume that shows it.

        One that another program loaded gets our attributes and masks; its images stay as they are. Sequences of
        3-D volumes, of colour frames and of anything else are refused with a `SceneError`.
        """
        raise NotImplementedError

    def segment(
        self,
        case: Any,
        *,
        model: str | Path | None = None,
        keyFrame: int | None = None,
        maskFrame: int | None = None,
        pixelShift: tuple[float, float] | None = None,
        frames: Sequence[int] | None = None,
        tumourThreshold: float | None = None,
        runtime: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> CaseNodes:
        """Segment a case; key frame, mask frame and shift are the user's stored choices where not given.

        Without ``frames`` the key frame and its neighbours are written, but none that a person edited or accepted;
        frames that are named are written whatever they hold. Each can be undone.
        """
        raise NotImplementedError

    def predict(
        self,
        cases: Any,
        clinical: Any = None,
        *,
        model: str | Path | None = None,
        runtime: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Predict the response of one patient from one case or several, from the masks as they stand.

        ``clinical``: None (film alone), a mapping of variables, a `ClinicalRecord`, a table node or a CSV file with
        a row for the patient. Returns the results table of the scene.
        """
        raise NotImplementedError

    def process(self, path: str | Path, clinical: Any = None, **options: Any) -> CaseNodes:
        """Load, segment and predict one run; options of the three functions."""
        raise NotImplementedError

    def processBatch(
        self,
        inputs: str | Path | Sequence[str | Path],
        out: str | Path,
        *,
        clinical: str | Path | None = None,
        patients: str | Path | None = None,
        progress: Callable[[Any], None] | None = None,
        outcome: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> Path:
        """Work through many runs as ``dsanet run`` does; the scene is not touched. Returns the table of results.

        Started again with the same model and settings it goes on where it was. ``outcome`` is called with each
        `DSANetLib.batch.many.CaseOutcome`; ``options`` are fields of `DSANetLib.batch.many.BatchOptions`.
        """
        raise NotImplementedError

    def exportCase(self, case: Any, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write a case as files: ``.seq.nrrd``, ``.seg.nrrd`` a labelled frame, tables. Returns what was written."""
        raise NotImplementedError

    def close(self) -> None:
        """End the worker process; the next call starts another."""
        raise NotImplementedError

    # --- the same as jobs, for `jobs.Jobs` -----------------------------------------------------------------------
    # loadRunJob, segmentJob, predictJob, batchJob: arguments as above, without progress; they return a `Job`.

    def loadRunJob(self, path: str | Path, **options: Any) -> Job:
        """Return the job of `loadRun`."""
        raise NotImplementedError

    def segmentJob(self, case: Any, **options: Any) -> Job:
        """Return the job of `segment`."""
        raise NotImplementedError

    def predictJob(self, cases: Any, clinical: Any = None, **options: Any) -> Job:
        """Return the job of `predict`."""
        raise NotImplementedError

    def batchJob(self, inputs: Any, out: str | Path, **options: Any) -> Job:
        """Return the job of `processBatch`; lane ``batch``: cases can be corrected meanwhile."""
        raise NotImplementedError

    def prepareJob(self, case: Any, *, model: str | Path | None = None) -> Job:
        """Return a job that gives the `PreparedRun` of a case (stack, curve, geometry; without the source frames)."""
        raise NotImplementedError

    # --- what is known of a case ---------------------------------------------------------------------------------

    def keyFrame(self, case: CaseNodes) -> int | None:
        """Return the key frame, 0-based: the user's (``DSANet.UserKeyFrame``), else the library's, else None."""
        raise NotImplementedError

    def probabilityMap(self, case: CaseNodes, frame: int) -> tuple[np.ndarray, np.ndarray | None] | None:
        """Return (tumour, liver or None), float32 (rows, columns) 0-1, kept since `segment`; None where not kept."""
        raise NotImplementedError

    def thresholdMasks(self, case: CaseNodes, frame: int, tumourThreshold: float) -> tuple[np.ndarray, Any] | None:
        """Return (tumour, liver or None) masks of the kept maps at a threshold, cleaned as `segment` does."""
        raise NotImplementedError

    def applyThreshold(self, case: CaseNodes, tumourThreshold: float) -> CaseNodes:
        """Write the masks of the kept maps at another threshold, as `segment` would: undoable, no network."""
        raise NotImplementedError

    def isStale(self, case: CaseNodes) -> bool:
        """Return whether a mask was changed since the prediction of the case; False where there is none."""
        raise NotImplementedError

    def updateTables(self, case: CaseNodes) -> None:
        """Bring the case's row of results (with the flag ``stale``) and its lesions to the masks as they stand."""
        raise NotImplementedError

    def secondsOf(self, model: str) -> float | None:
        """Return the seconds that `segment` with a model last took on this machine; None before the first."""
        raise NotImplementedError
