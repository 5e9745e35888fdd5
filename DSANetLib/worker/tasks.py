"""What the worker does for one patient: read, prepare, segment, predict. Values in, values out, no scene.

Frames of the source travel to the worker with the task and never back, except those that `ReadTask` was asked to read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import RunError
from ..flags import cpu_flag
from ..models.keeper import ModelChoice
from ..results import Flag, FrameMasks, Response, Segmentation
from ..run import DSARun
from .desk import Desk
from .frames import SomeFrames

if TYPE_CHECKING:
    from ..clinical import ClinicalRecord
    from ..preparation import PreparedRun
    from ..readers import RunSource


class Task(Protocol):
    """Something the worker can do; picklable."""

    def run(self, desk: Desk) -> Any:
        """Do it, in the worker process."""
        ...

    def on_cpu(self) -> Task:
        """Return the same for the CPU."""
        ...


@dataclass(frozen=True)
class UserChoices:
    """What a user may fix of a run's preparation; None leaves it to the library. Frames are 0-based."""

    key_frame: int | None = None
    mask_frame: int | None = None
    pixel_shift: tuple[float, float] | None = None


@dataclass(frozen=True)
class ReadTask:
    """Read a run and prepare it as a model's card says; gives a `PreparedRun` whose run holds its frames.

    Parameters
    ----------
    path
        File, folder, or one run of `readers.find_runs`.
    model
        Package whose card says how to prepare.
    frame_rate, spacing_mm
        As of `readers.read_run`.
    subtracted
        The user's word on whether the frames came subtracted, for the preparation; the run keeps its file's.
    limit_bytes
        Of a longer run only the key frame with its neighbours and every n-th other frame are read into memory.
    """

    path: str | RunSource
    model: ModelChoice
    frame_rate: float | None = None
    spacing_mm: float | tuple[float, float] | None = None
    subtracted: bool | None = None
    limit_bytes: int = 1 << 30

    def run(self, desk: Desk) -> PreparedRun:
        """Do it."""
        from ..mrml.sequence import frames_that_fit
        from ..readers import read_run

        desk.plan("read", ("reading", "preparation"))
        desk.stage("reading")
        run = read_run(self.path, frame_rate=self.frame_rate, spacing_mm=self.spacing_mm)
        if run.count < 2:
            raise RunError("one frame is no run", "Give all frames of the run", run.source or run.case_id)
        whole = run.count * run.rows * run.columns * np.dtype(run.frames.dtype).itemsize <= self.limit_bytes
        if whole:
            run = run.with_changes(frames=np.asarray(run.frames[:]))  # decoded once
        desk.stage("preparation")
        said = run if self.subtracted is None else run.with_changes(subtracted=self.subtracted)
        prepared = _prepared(said, self.model, UserChoices())
        if not whole:
            key = prepared.key_frame.index
            near = [i for i in (key - 1, key, key + 1) if 0 <= i < run.count]
            frames = SomeFrames(run.frames, frames_that_fit(run, near, self.limit_bytes))
            run = run.with_changes(frames=frames)
        desk.stage()
        return replace(_light(prepared), run=run)

    def on_cpu(self) -> ReadTask:
        """Return itself: nothing here runs on a device."""
        return self


@dataclass(frozen=True, eq=False)
class PrepareTask:
    """Prepare a run as a model's card says; gives a `PreparedRun` with its stack, without the source frames."""

    source: DSARun
    model: ModelChoice
    choices: UserChoices = UserChoices()

    def run(self, desk: Desk) -> PreparedRun:
        """Do it."""
        desk.plan("prepare", ("preparation",))
        desk.stage("preparation")
        prepared = _prepared(self.source, self.model, self.choices)
        desk.stage()
        return replace(prepared, run=self.source.with_changes(frames=SomeFrames(self.source.frames)))

    def on_cpu(self) -> PrepareTask:
        """Return itself: nothing here runs on a device."""
        return self


@dataclass(frozen=True, eq=False)
class SegmentTask:
    """Segment a run; gives a `Segmentation` with maps and masks, without stack and source frames."""

    source: DSARun
    model: ModelChoice
    choices: UserChoices = UserChoices()
    frames: tuple[int, ...] | None = None
    tumour_threshold: float | None = None

    def run(self, desk: Desk) -> Segmentation:
        """Do it."""
        from ..pipeline import segment_prepared

        if self.source.count < 2:
            raise RunError("one frame is no run", "Give all frames of the run", self.source.case_id)
        desk.plan("segment", ("preparation", "model", "network"))
        desk.stage("preparation")
        start = time.perf_counter()
        prepared = _prepared(self.source, self.model, self.choices)
        timings = {"preparation": time.perf_counter() - start}
        segmentation, note = desk.use(
            self.model,
            "network",
            lambda model: segment_prepared(
                prepared, model, timings, frames=self.frames, tumour_threshold=self.tumour_threshold
            ),
        )
        desk.stage()
        flags = (*segmentation.flags, *cpu_flag(note))
        return replace(segmentation, prepared=_light(segmentation.prepared), flags=flags)

    def on_cpu(self) -> SegmentTask:
        """Return the same for the CPU."""
        return replace(self, model=self.model.on_cpu())


@dataclass(frozen=True, eq=False)
class MaskedRun:
    """A run with masks as they stand: frame (0-based) → masks, the choices it was prepared with, its flags' codes."""

    run: DSARun
    masks: Mapping[int, FrameMasks]
    choices: UserChoices = UserChoices()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PredictTask:
    """Predict the response of one patient from all runs; gives a `Response`."""

    runs: tuple[MaskedRun, ...]
    model: ModelChoice
    clinical: ClinicalRecord | None = None

    def run(self, desk: Desk) -> Response:
        """Do it."""
        from ..pipeline import predict

        desk.plan("predict", ("preparation", "model", "response"))
        desk.stage("preparation")
        segmentations = [self._segmentation(masked) for masked in self.runs]
        response, note = desk.use(self.model, "response", lambda model: predict(segmentations, model, self.clinical))
        desk.stage()
        return replace(response, flags=(*response.flags, *cpu_flag(note)))

    def on_cpu(self) -> PredictTask:
        """Return the same for the CPU."""
        return replace(self, model=self.model.on_cpu())

    def _segmentation(self, masked: MaskedRun) -> Segmentation:
        """Return what `predict` takes. Prepared as the response model's card says: there the way would end anyway."""
        return Segmentation(
            prepared=_prepared(masked.run, self.model, masked.choices),
            model="",
            runtime="",
            tumour_threshold=0.0,
            liver_threshold=0.0,
            tumour_maps={},
            liver_maps={},
            difference=None,
            masks=masked.masks,
            lesions=(),
            flags=tuple(Flag(code, code) for code in masked.flags),
        )


def _prepared(run: DSARun, choice: ModelChoice, choices: UserChoices) -> PreparedRun:
    from ..models import read_card
    from ..models.store import find_package
    from ..preparation import prepare

    return prepare(
        run,
        read_card(find_package(choice.name)).preparation,
        key_frame=choices.key_frame,
        mask_frame=choices.mask_frame,
        pixel_shift=choices.pixel_shift,
    )


def _light(prepared: PreparedRun) -> PreparedRun:
    """Return a prepared run without frames and stack: curve, key frame and geometry stay."""
    run = prepared.run.with_changes(frames=SomeFrames(prepared.run.frames))
    return replace(prepared, run=run, stack=prepared.stack[:0])
