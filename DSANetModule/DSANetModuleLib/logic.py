"""The module's logic: nodes in, nodes out; the same from the panel, from Slicer's console and on the bare core.

Each piece of work is a `Job`: a task for the worker process, and what is done to the scene with its answer. The
functions here wait for their job; `jobs.Jobs` starts the same job and lets the window live meanwhile.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DSANetLib.errors import ClinicalError, SceneError, WorkerError
from DSANetLib.mrml.scene import CaseNodes

if TYPE_CHECKING:
    import numpy as np

    from DSANetLib.clinical import ClinicalRecord
    from DSANetLib.run import DSARun
    from DSANetLib.worker import Progress

    from .maps import KeptMaps

Tell = Callable[["Progress"], None]

PANEL, BATCH = "panel", "batch"
"""The lanes: what the panel does, and a batch beside it."""


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Parameters
    ----------
    task
        For the worker process (`DSANetLib.worker.tasks`).
    apply
        Task's answer → what the user gets; on the main thread, and the only part that touches the scene.
    lane
        Jobs of one lane wait for nobody but each other: ``panel`` or ``batch``.
    partial
        What is done with an answer before the last one (an outcome of a batch).
    """

    task: Any
    apply: Callable[[Any], Any]
    lane: str = PANEL
    partial: Callable[[Any], None] | None = None


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
        self._python = python
        self._clients: dict[str, Any] = {}
        self._maps: dict[str, KeptMaps] = {}
        self._seconds: dict[str, float] = {}

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
        case = self.loadRun(path, frameRate=frameRate, spacing_mm=spacing_mm, model=model, progress=progress)
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

    def close(self) -> None:
        """End the worker processes; the next call starts another."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    # --- the same as jobs, for `jobs.Jobs` -----------------------------------------------------------------------

    def loadRunJob(
        self,
        path: Any,
        *,
        frameRate: float | None = None,
        spacing_mm: float | tuple[float, float] | None = None,
        model: str | Path | None = None,
    ) -> Job:
        """Return the job of `loadRun`."""
        from DSANetLib.mrml.opening import open_run
        from DSANetLib.worker.tasks import ReadTask, SomeFrames

        def apply(prepared: Any) -> CaseNodes:
            frames = prepared.run.frames
            return open_run(prepared, frames.kept if isinstance(frames, SomeFrames) else None)

        source = str(path) if isinstance(path, (str, Path)) else path
        return Job(ReadTask(source, self._choice(model), frameRate, spacing_mm), apply)

    def segmentJob(
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
    ) -> Job:
        """Return the job of `segment`."""
        from DSANetLib.mrml.applying import write_segmentation
        from DSANetLib.mrml.attributes import set_facts
        from DSANetLib.mrml.choices import MASK_FRAME, PIXEL_SHIFT, choose_key_frame
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.sequence import item_number
        from DSANetLib.worker.tasks import SegmentTask

        case = self.adoptRun(case)
        _checkThreshold(tumourThreshold)
        sequence = case.run.sequence
        places = None if frames is None else tuple(item_number(sequence, int(frame)) for frame in frames)
        choices = self._userChoices(case, keyFrame, maskFrame, pixelShift)
        package = self._choice(model, runtime, device, threads)
        task = SegmentTask(self._runOf(case), package, choices, places, tumourThreshold)

        def apply(found: Any) -> CaseNodes:
            run = case_of(case).run
            if keyFrame is not None:
                choose_key_frame(run, int(keyFrame))
            if maskFrame is not None or pixelShift is not None:
                facts = {MASK_FRAME: maskFrame, PIXEL_SHIFT: pixelShift and tuple(float(s) for s in pixelShift)}
                set_facts(run.sequence, {name: value for name, value in facts.items() if value is not None})
            written = write_segmentation(case, found, None if frames is None else tuple(int(f) for f in frames))
            self._keep(written, found, task.model.name)
            return written

        return Job(task, apply)

    def predictJob(
        self,
        cases: Any,
        clinical: Any = None,
        *,
        model: str | Path | None = None,
        runtime: str = "auto",
        device: str = "auto",
        threads: int | None = None,
    ) -> Job:
        """Return the job of `predict`."""
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.standing import write_response
        from DSANetLib.pipeline import DEFAULT_RESPONSE, DEFAULT_RESPONSE_FILM
        from DSANetLib.worker.tasks import PredictTask

        given = list(cases) if isinstance(cases, (list, tuple)) else [cases]
        chosen = [case_of(case) for case in given]
        record = _clinicalRecord(clinical, chosen)
        name = model or (DEFAULT_RESPONSE_FILM if record is None else DEFAULT_RESPONSE)
        masked = tuple(self._masked(case) for case in chosen)
        task = PredictTask(masked, self._choice(name, runtime, device, threads), record)
        return Job(task, lambda response: write_response([case_of(case) for case in chosen], response))

    def batchJob(
        self,
        inputs: Any,
        out: str | Path,
        *,
        clinical: str | Path | None = None,
        patients: str | Path | None = None,
        outcome: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> Job:
        """Return the job of `processBatch`; lane ``batch``: cases can be corrected meanwhile."""
        from DSANetLib.batch.many import BatchOptions
        from DSANetLib.worker.tasks import BatchTask

        given = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
        for name in ("model", "response_model"):
            if options.get(name) is not None:
                options[name] = self._choice(options[name]).name  # looked up here: the worker starts elsewhere
        chosen = BatchOptions(**{name: value for name, value in options.items() if value is not None})
        task = BatchTask(
            tuple(str(Path(path).absolute()) for path in given),
            str(Path(out).absolute()),
            chosen,
            None if clinical is None else str(clinical),
            None if patients is None else str(patients),
        )
        return Job(task, lambda summary: summary.table, BATCH, outcome)

    def prepareJob(self, case: Any, *, model: str | Path | None = None) -> Job:
        """Return a job that gives the `PreparedRun` of a case (stack, curve, geometry; without the source frames)."""
        from DSANetLib.worker.tasks import PrepareTask

        case = self.adoptRun(case)
        task = PrepareTask(self._runOf(case), self._choice(model), self._userChoices(case))
        return Job(task, lambda prepared: prepared)

    def run(self, job: Job, progress: Tell | None = None) -> Any:
        """Do a job and wait for it."""
        return job.apply(self.client(job.lane).wait(job.task, progress, job.partial))

    def client(self, lane: str = PANEL) -> Any:
        """Return the client of a lane's worker process; the process itself starts with its first task."""
        from DSANetLib.worker import WorkerClient

        if lane not in self._clients:
            self._clients[lane] = WorkerClient(self._python or slicerPython())
        return self._clients[lane]

    # --- what is known of a case ---------------------------------------------------------------------------------

    def keyFrame(self, case: Any) -> int | None:
        """Return the key frame, 0-based: the user's (``DSANet.UserKeyFrame``), else the library's, else None."""
        from DSANetLib.mrml.choices import key_frame
        from DSANetLib.mrml.opening import case_of

        return key_frame(case_of(case).run)

    def probabilityMap(self, case: CaseNodes, frame: int) -> tuple[np.ndarray, np.ndarray | None] | None:
        """Return (tumour, liver or None), float32 (rows, columns) 0-1, kept since `segment`; None where not kept."""
        kept = self._kept(case)
        return None if kept is None or frame not in kept.tumour else kept.onSource(frame)

    def thresholdMasks(self, case: CaseNodes, frame: int, tumourThreshold: float) -> tuple[np.ndarray, Any] | None:
        """Return (tumour, liver or None) masks of the kept maps at a threshold, cleaned as `segment` does."""
        kept = self._kept(case)
        if kept is None or frame not in kept.tumour:
            return None
        masks = kept.masks(frame, tumourThreshold)
        return masks.tumour, masks.liver

    def applyThreshold(self, case: CaseNodes, tumourThreshold: float) -> CaseNodes:
        """Write the masks of the kept maps at another threshold, as `segment` would: undoable, no network."""
        from DSANetLib.mrml.attributes import set_facts
        from DSANetLib.mrml.editing import write_from_network
        from DSANetLib.mrml.opening import case_of
        from DSANetLib.mrml.segmentation import states
        from DSANetLib.mrml.standing import update_tables

        case = case_of(case)
        _checkThreshold(tumourThreshold)
        kept = self._kept(case)
        if kept is None or case.masks is None:
            problem = "its probability maps are not kept any more"
            raise SceneError(problem, "Segment the run again, with the threshold that you want", case.case_id)
        present = states(case.masks)
        for frame in kept.tumour:
            if present.get(frame) not in ("edited", "accepted"):
                masks = kept.masks(frame, tumourThreshold)
                write_from_network(case.masks, frame, masks.liver, masks.tumour, by=kept.model)
        set_facts(case.masks.sequence, {"TumourThreshold": float(tumourThreshold)})
        update_tables(case)
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

    def secondsOf(self, model: str) -> float | None:
        """Return the seconds that `segment` with a model last took on this machine; None before the first."""
        return self._seconds.get(model)

    def _keep(self, case: CaseNodes, found: Any, package: str) -> None:
        """Keep the probability maps of a case while it is in the scene: a megabyte, for the threshold's preview."""
        from DSANetLib.models import read_card

        from .maps import KeptMaps

        self._forgetGone()
        self._maps[case.run.sequence.GetID()] = KeptMaps.of(case, found, read_card(Path(package)).postprocessing)
        self._seconds[found.model] = sum((found.timings_s or {}).values())

    def _kept(self, case: CaseNodes) -> KeptMaps | None:
        kept = self._maps.get(case.run.sequence.GetID())
        return kept if kept is not None and kept.sequence is case.run.sequence else None

    def _forgetGone(self) -> None:
        self._maps = {key: kept for key, kept in self._maps.items() if kept.sequence.GetScene() is not None}

    def _choice(
        self, model: str | Path | None, runtime: str = "auto", device: str = "auto", threads: int | None = None
    ) -> Any:
        """Return what computes; the package is looked up here, so that a wrong name is said at once."""
        from DSANetLib.models.keeper import ModelChoice
        from DSANetLib.models.store import find_package
        from DSANetLib.pipeline import DEFAULT_MODEL

        package = find_package(model or DEFAULT_MODEL).absolute()
        return ModelChoice(str(package), runtime, device, threads)  # type: ignore[arg-type]

    def _runOf(self, case: CaseNodes) -> DSARun:
        """Return the run of a case with its frames copied out of the scene, to be handed over."""
        from DSANetLib.mrml.sequence import read_run

        run = read_run(case.run.sequence)
        return run.with_changes(frames=run.frames[:])

    def _userChoices(
        self,
        case: CaseNodes,
        keyFrame: int | None = None,
        maskFrame: int | None = None,
        pixelShift: tuple[float, float] | None = None,
    ) -> Any:
        """Return what the user fixes of a run, now or before; frames counted as the scene stores them."""
        from DSANetLib.mrml.attributes import number, numbers
        from DSANetLib.mrml.choices import KEY_FRAME, MASK_FRAME, PIXEL_SHIFT
        from DSANetLib.mrml.sequence import item_number
        from DSANetLib.worker.tasks import UserChoices

        sequence = case.run.sequence
        frames = (
            number(sequence, name) if given is None else given
            for name, given in ((KEY_FRAME, keyFrame), (MASK_FRAME, maskFrame))
        )
        key, mask = (None if frame is None else item_number(sequence, int(frame)) for frame in frames)
        shift = tuple(pixelShift or numbers(sequence, PIXEL_SHIFT))
        return UserChoices(key, mask, (shift[0], shift[1]) if len(shift) == 2 else None)

    def _masked(self, case: CaseNodes) -> Any:
        """Return run, masks as they stand and choices of a case, for a prediction."""
        from dataclasses import replace

        from DSANetLib.mrml.attributes import fact
        from DSANetLib.mrml.choices import key_frame
        from DSANetLib.mrml.sequence import item_number
        from DSANetLib.mrml.standing import needed_masks
        from DSANetLib.worker.tasks import MaskedRun

        sequence = case.run.sequence
        masks = {item_number(sequence, frame): found for frame, found in needed_masks(case).items()}
        key = key_frame(case.run)
        assert key is not None  # or it would have no mask
        choices = replace(self._userChoices(case), key_frame=item_number(sequence, key))
        flags = () if case.masks is None else tuple((fact(case.masks.sequence, "Flags") or "").split())
        return MaskedRun(self._runOf(case), masks, choices, flags)


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


def _checkThreshold(threshold: float | None) -> None:
    if threshold is not None and not 0 < threshold < 1:
        raise SceneError(f"{threshold} is no threshold of a probability", "Give a number between 0 and 1")


def _clinicalRecord(clinical: Any, cases: list[CaseNodes]) -> ClinicalRecord | None:
    """Return the patient's values, whatever they were given as; from a table by the patient's or a case's name."""
    from DSANetLib.clinical import ClinicalRecord, read_clinical
    from DSANetLib.mrml.choices import patient
    from DSANetLib.mrml.clinical import read_clinical_node

    names = list(dict.fromkeys([*(patient(case.run) for case in cases), *(case.case_id for case in cases)]))
    if clinical is None or isinstance(clinical, ClinicalRecord):
        return clinical
    if isinstance(clinical, Mapping):
        return ClinicalRecord(names[0], clinical)
    if isinstance(clinical, (str, Path)):
        table, source = read_clinical(clinical), str(clinical)
    else:
        table, source = read_clinical_node(clinical), clinical.GetName()
    for name in names:
        if name in table:
            return table[name]
    raise ClinicalError(f"has no row for {' or '.join(names)}", "Add one, or predict without clinical values", source)
