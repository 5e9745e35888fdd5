"""What a training writes as it goes: a checkpoint, whole or not at all, and a log with a row a report."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from ..errors import OutputError, TrainingError
from ..whole import write_whole
from .config import TrainingConfig

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
CHECKPOINT_FORMAT = 2


def identity(config: TrainingConfig, data: str = "") -> str:
    """Return what makes two trainings the same one, as text: the settings, and a digest of a cohort's patients."""
    values = config.to_dict() | {"data": data}
    for name in ("checkpoint_s", "threads"):
        values.pop(name)
    return json.dumps(values, sort_keys=True)


def write_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint over the last one, whole or not at all; of several processes the first one writes."""
    try:
        fabric.save(path, state | {"format": CHECKPOINT_FORMAT})
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as RuntimeError
        kept = "; the last one is kept" if path.exists() else ""
        raise OutputError(f"the checkpoint cannot be written{kept}", "Make room on the disk", path) from error


def read_checkpoint(fabric: Fabric, path: Path, wanted: str) -> dict[str, Any]:
    """Return a checkpoint of the training `wanted` (of :func:`identity`).

    Raises
    ------
    TrainingError
        Where it is damaged, or belongs to other settings or another version.
    """
    try:
        state = dict(fabric.load(path, weights_only=True))
        version, config = state["format"], state["config"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError("the checkpoint cannot be read", "Delete it to start anew", path) from error
    if version != CHECKPOINT_FORMAT:
        raise TrainingError(
            f"the checkpoint has format {version}, this DSANet writes {CHECKPOINT_FORMAT}",
            "Delete it to start anew, or go on with the version that wrote it", path,
        )  # fmt: skip
    if config != wanted:
        raise TrainingError(
            "the checkpoint belongs to other settings or other patients", "Delete it, or choose another folder", path
        )
    return state


def add_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV; the first one brings the header."""
    fresh = not path.exists()
    with open(path, "a", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def trim_log(path: Path, samples: int) -> None:
    """Drop rows of a log that were written after `samples`, its first column: that is where training goes on from."""
    if not path.exists():
        return
    with open(path, newline="") as stream:
        rows = list(csv.reader(stream))
    whole = [row for row in rows[1:] if len(row) == len(rows[0]) and int(row[0]) <= samples]
    text = io.StringIO()
    csv.writer(text).writerows(rows[:1] + whole)
    if not whole:
        path.unlink()
    elif len(whole) < len(rows) - 1:
        write_whole(path, text.getvalue())


def make_folder(folder: Path) -> None:
    """Make a folder; OutputError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder cannot be made ({error.strerror})", "Choose another", folder) from error
