"""The module's logic: nodes in, nodes out; the same from the panel, from Slicer's console and on the bare core.

Each piece of work is a `work.Job`: a task for the worker process, and what is done to the scene with its answer. The
functions here wait for their job; `jobs.Jobs` starts the same job and lets the window live meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DSANetLib.errors import SceneError
from DSANetLib.mrml.scene import CaseNodes

from . import work
from .work import PANEL, Job, checkThreshold
from .workers import Workers

if TYPE_CHECKING:
    import numpy as np

    from DSANetLib.mrml.probability import ProbabilityMaps
    from DSANetLib.worker import Progress

Tell = Callable[["Progress"], None]


class DSANetModuleLogic:
    """What the module can do, without its panel; docs/console.md shows how.

    All errors are `DSANetLib.errors.DSANetError`: one sentence that names what is wrong and what to do. A function
    that fails leaves the scene as it was. ``progress`` is called with `DSANetLib.worker.Progress`.

    Parameters
    ----------
    python
        Python that computes; by default Slicer's own (PythonSlicer), outside Slicer this one.
    """

    def __init__(self, python: str | None = None) -> None:
        self._workers = Workers(python)

    # --- the whole way -------------------------------------------------------------------------------------------

    def loadRun(self, path: Any, *, progress: Tell | None = None, **options: Any) -> CaseNodes:
        """Read a run into the scene, with empty masks for every frame and its curve.

        Key frame, polarity and subtraction as the library finds them stand on the run's sequence.

        Parameters
        ----------
        path
            File or folder, or a `DSANetLib.readers.RunSource`.
        progress
            Called as it goes.
        frameRate
            Frames/s, instead of what the file says.
        spacing_mm
            Size of a pixel in the patient, mm, one number or (row, column).
        subtracted
            Whether the frames came subtracted, instead of what the file says or the library guesses; kept with the run.
        model
            Package whose card says how the run is prepared.
        """
        return self.run(self.loadRunJob(path, **options), progress)

    def adoptRun(self, node: Any) -> CaseNodes:
        """Return the case of a run that is in the scene already: sequence, browser, or the volume that shows it.

        One that another program loaded gets our attributes and masks; its images stay as they are. Sequences of
        3-D volumes, of colour frames and of anything else are refused with a `SceneError`.
        """
        from DSANetLib.mrml.opening import adopt_run

        return adopt_run(node)

    def segment(self, case: Any, *, progress: Tell | None = None, **options: Any) -> CaseNodes:
        """Segment a case.

        Without ``frames`` the key frame and its neighbours are written, but none that a person edited or accepted;
        frames that are named are written whatever they hold. Each can be undone.

        Parameters
        ----------
        case
            A case, or a node of a run.
        progress
            Called as it goes.
        model
            Name of a package, or its folder.
        keyFrame, maskFrame, pixelShift
            Frames 0-based, shift (rows, columns) in px; what is given is kept as the user's choice of this run,
            what is not given is that choice, or the library's.
        frames
            Frames to write, 0-based.
        tumourThreshold
            Probability from which a pixel is tumour, 0-1; the package's own where not given.
        runtime, device, threads
            As of `DSANetLib.models.load_model`; ``auto`` chooses.
        """
        return self.run(self.segmentJob(case, **options), progress)

    def predict(self, cases: Any, clinical: Any = None, *, progress: Tell | None = None, **options: Any) -> Any:
        """Predict the response of one patient from the masks as they stand; return the scene's table of results.

        Parameters
        ----------
        cases
            A case of the patient, or several: one result over all of them.
        clinical
            None (film alone), variable → value, a `ClinicalRecord`, or a table node or CSV file with a row for the
            patient.
        progress
            Called as it goes.
        model
            Package; without it the one that fits whether there are clinical values.
        runtime, device, threads
            As of `DSANetLib.models.load_model`.
        """
        return self.run(self.predictJob(cases, clinical, **options), progress)

    def process(
        self,
        path: Any,
        clinical: Any = None,
        *,
        frameRate: float | None = None,
        spacing_mm: float | tuple[float, float] | None = None,
        subtracted: bool | None = None,
        model: str | Path | None = None,
        responseModel: str | Path | None = None,
        keyFrame: int | None = None,
        maskFrame: int | None = None,
        runtime: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        progress: Tell | None = None,
    ) -> CaseNodes:
        """Load, segment and predict one run; arguments of the three functions. What fails is not left in the scene."""
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.scene import remove_case

        computes = {"runtime": runtime, "device": device, "threads": threads}
        says = {"frameRate": frameRate, "spacing_mm": spacing_mm, "subtracted": subtracted}
        case = self.loadRun(path, model=model, progress=progress, **says)
        try:
            choices = {"keyFrame": keyFrame, "maskFrame": maskFrame}
            case = self.segment(case, model=model, progress=progress, **choices, **computes)
            self.predict(case, clinical, model=responseModel, progress=progress, **computes)
            return case_of(case)
        except BaseException:
            remove_case(case_of(case))
            raise

    def processBatch(self, inputs: Any, out: str | Path, *, progress: Tell | None = None, **options: Any) -> Path:
        """Work through many runs as ``dsanet run`` does, without the scene; return the table, a row a case.

        Started again with the same files, model and settings it goes on where it was.

        Parameters
        ----------
        inputs
            Files and folders, or one of them.
        out
            Folder of results.
        progress
            Called as it goes.
        outcome
            Called with each `DSANetLib.batch.many.CaseOutcome`.
        clinical, patients
            CSV files; `patients` may be ``folders``. None where there are none.
        **options
            Fields of `DSANetLib.batch.many.BatchOptions`, e.g. ``model``, ``scene``, ``overwrite``.
        """
        return self.run(self.batchJob(inputs, out, **options), progress)

    def exportCase(
        self, case: Any, folder: str | Path, *, parts: Sequence[str] | None = None, overwrite: bool = False
    ) -> Any:
        """Write a case as files, below ``folder`` and named for the case; see `DSANetLib.batch.export.export_case`."""
        from DSANetLib.batch.export import PARTS, export_case
        from DSANetLib.mrml.opening import case_of

        return export_case(case_of(case), Path(folder), parts=tuple(parts or PARTS), overwrite=overwrite)

    def fineTune(self, cases: Any, *, progress: Tell | None = None, **options: Any) -> Any:
        """Fine-tune a segmenter into the user's own models; give a `FineTuned`. Options: `tune_job.fineTuneJob`."""
        return self.run(self.fineTuneJob(cases, **options), progress)

    def close(self) -> None:
        """End the worker processes; the next call starts another."""
        self._workers.close()

    # --- the same as jobs, for `jobs.Jobs` -----------------------------------------------------------------------

    def loadRunJob(self, path: Any, **options: Any) -> Job:
        """Return the job of `loadRun`."""
        return work.loadRunJob(path, **options)

    def segmentJob(self, case: Any, **options: Any) -> Job:
        """Return the job of `segment`."""
        return work.segmentJob(case, **options)

    def predictJob(self, cases: Any, clinical: Any = None, **options: Any) -> Job:
        """Return the job of `predict`."""
        return work.predictJob(cases, clinical, **options)

    def batchJob(self, inputs: Any, out: str | Path, **options: Any) -> Job:
        """Return the job of `processBatch`; lane ``batch``: cases can be corrected meanwhile."""
        return work.batchJob(inputs, out, **options)

    def fineTuneJob(self, cases: Any, **options: Any) -> Job:
        """Return the job of `fineTune`; lane ``training``."""
        from .tune_job import fineTuneJob

        return fineTuneJob(cases, **options)

    def prepareJob(self, case: Any, *, model: str | Path | None = None) -> Job:
        """Return a job that gives the `PreparedRun` of a case (stack, curve, geometry; without the source frames)."""
        return work.prepareJob(case, model=model)

    def run(self, job: Job, progress: Tell | None = None) -> Any:
        """Do a job and wait for it."""
        try:
            return job.apply(self.client(job.lane).wait(job.task, progress, job.partial))
        finally:
            job.over()

    def client(self, lane: str = PANEL) -> Any:
        """Return the client of a lane's worker process; the process itself starts with its first task."""
        return self._workers.client(lane)

    # --- what is known of a case ---------------------------------------------------------------------------------

    def keyFrame(self, case: Any) -> int | None:
        """Return the key frame, 0-based: the user's (``DSANet.UserKeyFrame``), else the library's, else None."""
        from DSANetLib.mrml.choices import key_frame
        from DSANetLib.mrml.opening import case_of

        return key_frame(case_of(case).run)

    def keptFrames(self, case: CaseNodes) -> tuple[int, ...]:
        """Return the frames (0-based) whose probability maps are kept in the scene since `segment`."""
        from DSANetLib.mrml.probability import kept_frames

        return kept_frames(case.run)

    def probabilityMap(self, case: CaseNodes, frame: int) -> tuple[np.ndarray, np.ndarray | None] | None:
        """Return (tumour, liver or None), float32 (rows, columns) 0-1, kept since `segment`; None where not kept."""
        kept = self._kept(case)
        return None if kept is None or frame not in kept.tumour else kept.on_source(frame)

    def thresholdMasks(self, case: CaseNodes, frame: int, tumourThreshold: float) -> tuple[np.ndarray, Any] | None:
        """Return (tumour, liver or None) masks of the kept maps at a threshold, cleaned as `segment` does."""
        kept = self._kept(case)
        if kept is None or frame not in kept.tumour:
            return None
        masks = kept.masks(frame, tumourThreshold)
        return masks.tumour, masks.liver

    def applyThreshold(self, case: CaseNodes, tumourThreshold: float) -> CaseNodes:
        """Write the masks of the kept maps at another threshold, as `segment` would: undoable, no network."""
        from DSANetLib.mrml.applying import write_threshold
        from DSANetLib.mrml.opening import case_of

        case = case_of(case)
        checkThreshold(tumourThreshold)
        kept = self._kept(case)
        if kept is None or case.masks is None:
            problem = "it has no probability maps"
            raise SceneError(problem, "Segment the run again, with the threshold that you want", case.case_id)
        write_threshold(case, kept, tumourThreshold)
        return case_of(case)

    def isStale(self, case: Any) -> bool:
        """Return whether a mask was changed since the prediction of the case; False where there is none."""
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.standing import is_stale

        return is_stale(case_of(case))

    def updateTables(self, case: Any) -> None:
        """Bring the case's row of results (with the flag ``stale``) and its lesions to the masks as they stand."""
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.standing import update_tables

        update_tables(case_of(case))

    @staticmethod
    def _kept(case: CaseNodes) -> ProbabilityMaps | None:
        from DSANetLib.mrml.probability import read_probability

        return read_probability(case.run)
