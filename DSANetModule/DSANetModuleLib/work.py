"""The module's work as jobs: a task for the worker process, and what is done to the scene with its answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from DSANetLib.errors import SceneError
from DSANetLib.mrml.scene import CaseNodes

from .case_data import clinicalRecord, maskedRun, modelChoice, runOf, userChoices

PANEL, BATCH, TRAINING = "panel", "batch", "training"
"""The lanes: what the panel does, and a batch and a fine-tuning beside it."""


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
        Jobs of one lane wait for nobody but each other: ``panel``, ``batch`` or ``training``.
    partial
        What is done with an answer before the last one (an outcome of a batch).
    over
        Called once at the end, however it ended.
    steps
        The same as `apply` in steps, after each of which a window may answer.
    """

    task: Any
    apply: Callable[[Any], Any]
    lane: str = PANEL
    partial: Callable[[Any], None] | None = None
    over: Callable[[], None] = lambda: None
    steps: Callable[[Any], Generator[None, None, Any]] | None = None


def loadRunJob(
    path: Any,
    *,
    frameRate: float | None = None,
    spacing_mm: float | tuple[float, float] | None = None,
    subtracted: bool | None = None,
    model: str | Path | None = None,
) -> Job:
    """Return the job of `loadRun`."""
    from DSANetLib.mrml.choices import choose_subtracted
    from DSANetLib.mrml.opening import open_run
    from DSANetLib.worker.frames import SomeFrames
    from DSANetLib.worker.tasks import ReadTask

    def apply(prepared: Any) -> CaseNodes:
        frames = prepared.run.frames
        case = open_run(prepared, frames.kept if isinstance(frames, SomeFrames) else None)
        choose_subtracted(case.run, subtracted)
        return case

    if subtracted not in (None, True, False):
        raise SceneError(f"{subtracted!r} does not say whether the run is subtracted", "Give True, False or None")
    source = str(path) if isinstance(path, (str, Path)) else path
    return Job(ReadTask(source, modelChoice(model), frameRate, spacing_mm, subtracted), apply)


def segmentJob(
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
    from DSANetLib.mrml.applying import at_once, segmentation_steps
    from DSANetLib.mrml.attributes import set_facts
    from DSANetLib.mrml.choices import MASK_FRAME, PIXEL_SHIFT, choose_key_frame
    from DSANetLib.mrml.opening import adopt_run, case_of
    from DSANetLib.mrml.sequence import item_number
    from DSANetLib.worker.tasks import SegmentTask

    case = adopt_run(case)
    checkThreshold(tumourThreshold)
    sequence = case.run.sequence
    places = None if frames is None else tuple(item_number(sequence, int(frame)) for frame in frames)
    choices = userChoices(case, keyFrame, maskFrame, pixelShift)
    package = modelChoice(model, runtime, device, threads)
    task = SegmentTask(runOf(case), package, choices, places, tumourThreshold)

    def steps(found: Any) -> Generator[None, None, CaseNodes]:
        run = case_of(case).run
        if keyFrame is not None:
            choose_key_frame(run, int(keyFrame))
        if maskFrame is not None or pixelShift is not None:
            facts = {MASK_FRAME: maskFrame, PIXEL_SHIFT: pixelShift and tuple(float(s) for s in pixelShift)}
            set_facts(run.sequence, {name: value for name, value in facts.items() if value is not None})
        chosen = None if frames is None else tuple(int(f) for f in frames)
        return (yield from segmentation_steps(case, found, chosen))

    return Job(task, lambda found: at_once(steps(found)), steps=steps)


def predictJob(
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
    record = clinicalRecord(clinical, chosen)
    name = model or (DEFAULT_RESPONSE_FILM if record is None else DEFAULT_RESPONSE)
    masked = tuple(maskedRun(case) for case in chosen)
    task = PredictTask(masked, modelChoice(name, runtime, device, threads), record)
    return Job(task, lambda response: write_response([case_of(case) for case in chosen], response))


def batchJob(
    inputs: Any,
    out: str | Path,
    *,
    clinical: str | Path | None = None,
    patients: str | Path | None = None,
    outcome: Callable[[Any], None] | None = None,
    **options: Any,
) -> Job:
    """Return the job of `processBatch`; lane ``batch``: cases can be corrected meanwhile."""
    from DSANetLib.batch.models import BatchOptions
    from DSANetLib.worker.batch import BatchTask

    given = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    for name in ("model", "response_model"):
        if options.get(name) is not None:
            options[name] = modelChoice(options[name]).name  # looked up here: the worker starts elsewhere
    chosen = BatchOptions(**{name: value for name, value in options.items() if value is not None})
    task = BatchTask(
        tuple(str(Path(path).absolute()) for path in given),
        str(Path(out).absolute()),
        chosen,
        None if clinical is None else str(clinical),
        None if patients is None else str(patients),
    )
    return Job(task, lambda summary: summary.table, BATCH, outcome)


def prepareJob(case: Any, *, model: str | Path | None = None) -> Job:
    """Return a job that gives the `PreparedRun` of a case (stack, curve, geometry; without the source frames)."""
    from DSANetLib.mrml.opening import adopt_run
    from DSANetLib.worker.tasks import PrepareTask

    case = adopt_run(case)
    task = PrepareTask(runOf(case), modelChoice(model), userChoices(case))
    return Job(task, lambda prepared: prepared)


def checkThreshold(threshold: float | None) -> None:
    """Raise `SceneError` where a threshold is given that no probability can have."""
    if threshold is not None and not 0 < threshold < 1:
        raise SceneError(f"{threshold} is no threshold of a probability", "Give a number between 0 and 1")
