"""nnU-Net as a comparator, by its own commands: planning, training and prediction on the key frame."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DependencyError, TrainingError
from ..preparation import PreparationConfig, normalise
from ..training.cases import TrainingRun

if TYPE_CHECKING:
    from .actions import Context

DATASET, NUMBER = "Dataset501_DSA", "501"
TRAINER = "nnUNetTrainerCapped"
ITERATIONS, BATCH = 25, 8
"""Of a capped epoch; nnU-Net's own are 250 iterations of the batch that it plans for a GPU."""
HALF = 128


def train_nnunet(context: Context, epochs: int, folder: Path) -> dict[str, Any]:
    """Write the dataset, plan, and train one split with at most `epochs` epochs; goes on from nnU-Net's checkpoint.

    Returns
    -------
    dict
        ``samples``, ``seconds`` and ``parameters``.

    Raises
    ------
    DependencyError
        Where nnunetv2 is not installed.
    TrainingError
        Where one of its commands fails.
    """
    environment = _environment(folder, epochs)
    data = folder / "preprocessed" / DATASET
    if not (data / "splits_final.json").exists():
        splits = _write_dataset(context, folder / "raw" / DATASET)
        _call("plan_and_preprocess", ["-d", NUMBER, "-c", "2d", "-np", "1", "-npfp", "1"], environment, context.say)
        (data / "splits_final.json").write_text(json.dumps([splits]))
    began = time.monotonic()
    result = folder / "results" / DATASET / f"{TRAINER}__nnUNetPlans__2d"
    more = ["--c"] if (result / "fold_0" / "checkpoint_latest.pth").exists() else []
    if not (result / "fold_0" / "checkpoint_final.pth").exists():
        device = context.plan.scale.device
        _call("train", [NUMBER, "2d", "0", "-tr", TRAINER, "-device", device, *more], environment, context.say)
    plans = json.loads((data / "nnUNetPlans.json").read_text())["configurations"]["2d"]
    return {
        "samples": epochs * ITERATIONS * BATCH,
        "seconds": round(time.monotonic() - began),
        "figures": {"planned_batch": plans["batch_size"], "epochs": epochs},
    }


def predicted_masks(trained: Path, context: Context) -> Callable[[TrainingRun], tuple[np.ndarray, None]]:
    """Predict the key frames of all held-out patients in one go; return what gives (tumour, None) of a run.

    The masks are (rows, columns) bool on the source pixels.
    """
    import cv2

    epochs = context.desk.steps[f"train/{trained.name}"].inputs["epochs"]
    inputs, outputs = trained / "held-out", trained / "predicted"
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir()
    names: dict[str, str] = {}
    for patient in context.prepared(context.held_out, 10):
        for run in patient.runs:
            names[run.case_id] = f"case{len(names):05d}"
            _write_png(inputs / f"{names[run.case_id]}_0000.png", _key_image(run, run.key, context))
    options = ["-i", str(inputs), "-o", str(outputs), "-d", NUMBER, "-c", "2d", "-f", "0", "-tr", TRAINER]
    options += ["-device", context.plan.scale.device, "-npp", "1", "-nps", "1"]
    _call("predict", options, _environment(trained, epochs), context.say)

    def masks(run: TrainingRun) -> tuple[np.ndarray, None]:
        image = cv2.imread(str(outputs / f"{names[run.case_id]}.png"), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise TrainingError("nnU-Net left no mask", "See the step's log", outputs / names[run.case_id])
        return run.geometry.mask_to_source(image > 0), None

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
    config = PreparationConfig(size=context.plan.scale.pixels)
    grey = normalise(run.grey(run.stack[frame]), config, visible=run.visible)
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _write_png(path: Path, image: np.ndarray) -> None:
    import cv2

    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def _environment(folder: Path, epochs: int) -> dict[str, str]:
    places = {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}
    caps = {"EPOCHS": str(epochs), "ITERATIONS": str(ITERATIONS), "BATCH": str(BATCH)}
    more = {"nnUNet_n_proc_DA": "0", "nnUNet_compile": "f"}
    return os.environ | places | more | {f"DSANET_NNUNET_{name}": value for name, value in caps.items()}


def _call(command: str, options: Sequence[str], environment: dict[str, str], say: Callable[[str], None]) -> None:
    say(f"nnUNetv2_{command} {' '.join(options)}")
    done = subprocess.run([*_program(command), *options], env=environment, check=False)
    if done.returncode:
        raise TrainingError(f"nnUNetv2_{command} ended with code {done.returncode}", "See the lines above")


def _program(command: str) -> list[str]:
    """Return nnU-Net's command: of the folder in DSANET_NNUNET, beside this Python, or on the path.

    Training and prediction need the capped trainer, which ``nnunet_trainer/run.py`` hands to the same entry point.
    """
    beside = Path(os.environ.get("DSANET_NNUNET", Path(sys.executable).parent))
    found = shutil.which(f"nnUNetv2_{command}", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise DependencyError("nnU-Net is not installed", "pip install nnunetv2 torch==2.13.0, or leave nnunet out")
    if command not in ("train", "predict"):
        return [found]
    python = shutil.which("python", path=str(Path(found).parent)) or sys.executable
    return [python, str(Path(__file__).with_name("nnunet_trainer") / "run.py"), command]
