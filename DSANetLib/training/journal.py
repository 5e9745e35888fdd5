"""What a training writes as it goes: a checkpoint, whole or not at all, and a log with a row a report."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import torch

from ..errors import OutputError, TrainingError
from .config import TrainingConfig

CHECKPOINT_FORMAT = 1


def identity(config: TrainingConfig) -> str:
    """Return the settings that make two trainings the same one, as text."""
    values = config.to_dict()
    for name in ("checkpoint_s", "threads"):
        values.pop(name)
    return json.dumps(values, sort_keys=True)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint over the last one, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(state | {"format": CHECKPOINT_FORMAT}, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as RuntimeError
        raise OutputError("the checkpoint cannot be written", "Make room on the disk", path) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: Path, wanted: str) -> dict[str, Any]:
    """Return a checkpoint of the settings `wanted` (of :func:`identity`).

    Raises
    ------
    TrainingError
        Where it is damaged, or belongs to other settings or another version.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        same = state["format"] == CHECKPOINT_FORMAT and state["config"] == wanted
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError("the checkpoint cannot be read", "Delete it to start anew", path) from error
    if not same:
        raise TrainingError(
            "the checkpoint belongs to other settings or another version", "Delete it, or choose another folder", path
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
    kept = rows[:1] + [row for row in rows[1:] if row and int(row[0]) <= samples]
    path.unlink()
    if len(kept) > 1:
        with open(path, "w", newline="") as stream:
            csv.writer(stream).writerows(kept)


def make_folder(folder: Path) -> None:
    """Make a folder; OutputError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder cannot be made ({error.strerror})", "Choose another", folder) from error
