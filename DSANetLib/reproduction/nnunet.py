"""nnU-Net as a comparator, by its own commands: planning, training and prediction on the key frame."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DependencyError, TrainingError
from ..preparation import normalise
from ..training.cases import TrainingRun
from ..whole import write_whole
from .plan import preparation_of

if TYPE_CHECKING:
    from .actions import Context

DATASET, NUMBER = "Dataset501_DSA", "501"
TRAINER = "nnUNetTrainerCapped"
HALF = 128
WHOLE = 1000
"""Epochs of nnU-Net's own schedule; with as many nothing is capped."""
_RUN = Path(__file__).with_name("nnunet_trainer") / "run.py"


@dataclass(frozen=True)
class Schedule:
    """How long nnU-Net trains.

    Parameters
    ----------
    epochs, iterations, validations
        Epochs, and iterations of each for training and for validation.
    batch
        Images an iteration; 0 for as many as nnU-Net plans for a GPU.
    """

    epochs: int
    iterations: int = 25
    validations: int = 5
    batch: int = 8

    @classmethod
    def of(cls, epochs: int) -> Schedule:
        """Return the capped schedule of so many epochs, or nnU-Net's own."""
        return cls(epochs, 250, 50, 0) if epochs >= WHOLE else cls(epochs)

    @property
    def capped(self) -> bool:
        """Whether it is shorter than nnU-Net's own."""
        return self.epochs < WHOLE


def train_nnunet(context: Context, epochs: int, folder: Path) -> dict[str, Any]:
    """Write the dataset, plan, and train one split with at most `epochs` epochs; goes on from nnU-Net's checkpoint.

    Returns
    -------
    dict
        ``samples``, ``seconds`` (of the epochs), ``parameters``, ``figures``; ``nnunet``: what its trainer says.

    Raises
    ------
    DependencyError
        Where nnunetv2 is not installed.
    TrainingError
        Where one of its commands fails.
    """
    program = NNUNet(folder, Schedule.of(epochs), context.plan.scale.device, context.say)
    data = folder / "preprocessed" / DATASET
    if not (data / "splits_final.json").exists():
        splits = _write_dataset(context, folder / "raw" / DATASET)
        program.plan()
        write_whole(data / "splits_final.json", json.dumps([splits]))
    result = folder / "results" / DATASET / f"{TRAINER}__nnUNetPlans__2d" / "fold_0"
    program.train(result)
    plans = json.loads((data / "nnUNetPlans.json").read_text())["configurations"]["2d"]
    said = json.loads((result / "capped.json").read_text())
    figures = {"planned_batch": plans["batch_size"], "epochs": said["epochs"]}
    dice = json.loads((result / "validation" / "summary.json").read_text())["foreground_mean"]["Dice"]
    return {
        "samples": said["epochs"] * said["iterations"] * said["batch"],
        "seconds": round(said["seconds"], 1),
        "parameters": said["parameters"],
        "figures": figures | ({"dice": dice} if math.isfinite(dice) else {}),
        "nnunet": said,
    }


def cap_note(epochs: int, said: Mapping[str, Any]) -> str:
    """Return the report's sentence on how long nnU-Net trained; `said` is what its trainer said."""
    which = f"nnU-Net {said['nnunetv2']} (torch {said['torch']})"
    schedule = Schedule.of(epochs)
    if not schedule.capped:
        return f"{which} went its own whole schedule of {WHOLE} epochs."
    return (
        f"{which} was stopped at a cap of {epochs} epochs of {schedule.iterations} iterations of {schedule.batch} "
        "images; its own schedule is 1,000 epochs of 250 iterations of the batch that it plans. It seeds nothing: "
        "a second training differs."
    )


def predicted_masks(trained: Path, context: Context) -> Callable[[TrainingRun], tuple[np.ndarray, None]]:
    """Predict the key frames of all held-out patients in one go; return what gives (tumour, None) of a run.

    The masks are (rows, columns) bool on the source pixels.
    """
    import cv2

    epochs = context.desk.steps[f"train/{trained.name}"].inputs["epochs"]
    inputs, outputs = trained / "held-out", trained / "predicted"
    for folder in (inputs, outputs):  # a mask of a call before would be taken for one of this
        shutil.rmtree(folder, ignore_errors=True)
    inputs.mkdir()
    names: dict[str, str] = {}
    for patient in context.prepared(context.held_out, 10):
        for run in patient.runs:
            names[run.case_id] = f"case{len(names):05d}"
            _write_png(inputs / f"{names[run.case_id]}_0000.png", _key_image(run, run.key, context))
    NNUNet(trained, Schedule.of(epochs), context.plan.scale.device, context.say).predict(inputs, outputs)

    def masks(run: TrainingRun) -> tuple[np.ndarray, None]:
        image = cv2.imread(str(outputs / f"{names[run.case_id]}.png"), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise TrainingError("nnU-Net left no mask", "See the step's log", outputs / names[run.case_id])
        return run.geometry.mask_to_source(image > 0).astype(bool), None

    return masks


def _write_dataset(context: Context, folder: Path) -> dict[str, list[str]]:
    """Write every annotated frame of the training patients, and return nnU-Net's split of them."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    split: dict[str, list[str]] = {}
    written = 0
    for part, ids in zip(("train", "val"), context.split.fold(0), strict=True):
        split[part] = []
        for run in _runs(context, ids):
            for place, frame in enumerate(run.masked):
                name = f"case{written:05d}"
                _write_png(folder / "imagesTr" / f"{name}_0000.png", _key_image(run, frame, context))
                _write_png(folder / "labelsTr" / f"{name}.png", (run.tumour[place] >= HALF).astype(np.uint8))
                split[part].append(name)
                written += 1
    facts = {
        "channel_names": {"0": "key frame"}, "labels": {"background": 0, "tumour": 1}, "numTraining": written,
        "file_ending": ".png",
    }  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(facts))
    return split


def _runs(context: Context, ids: Sequence[str]) -> Iterator[TrainingRun]:
    for patient in context.prepared(ids, 10):
        yield from patient.runs


def _key_image(run: TrainingRun, frame: int, context: Context) -> np.ndarray:
    """Return a frame as the other networks see it, in 8 bits."""
    grey = normalise(run.grey(run.stack[frame]), preparation_of(context.plan, 10), visible=run.visible)
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _write_png(path: Path, image: np.ndarray) -> None:
    import cv2

    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


class NNUNet:
    """nnU-Net's commands on one folder, each in a process that ends with this one.

    Parameters
    ----------
    folder
        Holds ``raw``, ``preprocessed`` and ``results``, and what the commands say.
    schedule
        How long it trains.
    device
        ``cpu`` or ``cuda``.
    say
        Takes a line of progress.
    """

    def __init__(self, folder: Path, schedule: Schedule, device: str, say: Callable[[str], None]) -> None:
        self.folder, self.schedule, self.device, self.say = folder, schedule, device, say
        self.python = find_python()

    def plan(self) -> None:
        """Look at the dataset, plan, and preprocess."""
        self._call("plan_and_preprocess", "-d", NUMBER, "-c", "2d", "-np", "1", "-npfp", "1")

    def train(self, result: Path) -> None:
        """Train fold 0, or go on from where it was; `result` is the folder that nnU-Net makes for it."""
        if (result / "validation" / "summary.json").exists():
            return
        more = []
        if (result / "checkpoint_final.pth").exists():
            more = ["--val"]  # ended in the validation after it
        elif (result / "checkpoint_latest.pth").exists():
            more = ["--c"]
        self._call("train", NUMBER, "2d", "0", "-tr", TRAINER, "-device", self.device, *more)

    def predict(self, inputs: Path, outputs: Path) -> None:
        """Write a mask into `outputs` for each image in `inputs`."""
        which = ("-d", NUMBER, "-c", "2d", "-f", "0", "-tr", TRAINER)
        processes = ("-device", self.device, "-npp", "1", "-nps", "1")
        self._call("predict", "-i", str(inputs), "-o", str(outputs), *which, *processes)

    def _call(self, command: str, *options: str) -> None:
        log = self.folder / f"nnUNetv2_{command}.txt"
        self.say(f"nnUNetv2_{command} {' '.join(options)}; what it says is in {log}")
        with log.open("ab") as lines:
            # run.py reads the pipe: it closes as this process ends, however it ends, and nnU-Net with its workers too.
            process = subprocess.Popen(
                [self.python, str(_RUN), command, *options], env=self._environment(command), stdin=subprocess.PIPE,
                stdout=lines, stderr=lines, start_new_session=True,
            )  # fmt: skip
            code = process.wait()
        if not code:
            return
        if hasattr(os, "killpg"):
            with suppress(OSError):  # workers of an nnU-Net that was killed wait for ever
                os.killpg(process.pid, signal.SIGKILL)
        raise TrainingError(f"nnUNetv2_{command} {_reason(log, code)}", f"See {log}")

    def _environment(self, command: str) -> dict[str, str]:
        cap = self.schedule
        places = {f"nnUNet_{name}": str(self.folder / name) for name in ("raw", "preprocessed", "results")}
        caps = {"EPOCHS": cap.epochs, "ITERATIONS": cap.iterations, "VALIDATIONS": cap.validations, "BATCH": cap.batch}
        ours = places | {f"DSANET_NNUNET_{name}": str(value) for name, value in caps.items()}
        if cap.capped:
            # Augmentation in the training's own process; planning takes the figure for threads, and fails with 0.
            augmenting = "1" if command == "plan_and_preprocess" else "0"
            ours |= {"nnUNet_def_n_proc": "1", "nnUNet_compile": "f", "nnUNet_n_proc_DA": augmenting}
        return _environment_of(self.python) | ours


def find_python() -> str:
    """Return the Python that has nnU-Net: in the folder DSANET_NNUNET, else beside this one, or of the command's place.

    Raises
    ------
    DependencyError
        Where there is none.
    """
    named = os.environ.get("DSANET_NNUNET")
    places = named or f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    found = shutil.which("nnUNetv2_train", path=places)
    if found is None and named:
        raise DependencyError("no nnUNetv2_train there", "Name the bin folder of nnU-Net in DSANET_NNUNET", named)
    if found is None:
        raise DependencyError("nnU-Net is not installed", "pip install nnunetv2 torch==2.13.0, or leave nnunet out")
    for folder in (Path(found).parent, Path(found).resolve().parent):
        python = shutil.which("python", path=str(folder))
        if python and _has_nnunet(python):
            return python
    if _has_nnunet(sys.executable):
        return sys.executable
    raise DependencyError("the Python beside it has no nnunetv2", "Name another folder in DSANET_NNUNET", found)


def _has_nnunet(python: str) -> bool:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('nnunetv2') is None)"
    return subprocess.run([python, "-c", code], env=_environment_of(python), check=False).returncode == 0


def _environment_of(python: str) -> dict[str, str]:
    """Return our environment; another Python must not see our packages, which the study hands its steps."""
    foreign = Path(python).parent != Path(sys.executable).parent
    ours = ("PYTHONPATH", "PYTHONHOME") if foreign else ()
    return {name: value for name, value in os.environ.items() if name not in ours}


def _reason(log: Path, code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code}"
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"ended with code {code}: {lines[-1].strip()}" if lines else f"ended with code {code}"
