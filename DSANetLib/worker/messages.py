"""What goes between client and worker: tasks one way, events the other; large arrays through a file.

A message is eight bytes of length and a pickle (both ends are this library of the same user, on private pipes).
Arrays of more than 64 KiB do not go through the pipe: they are written to one file in the session's folder, which the
receiver reads and deletes. A file, and not shared memory, because Windows drops a shared block with its last handle,
and because a full disk is an error that can be said, where a full ``/dev/shm`` kills the process.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO

from ..errors import DSANetError, WorkerError

_HEAD = struct.Struct("<Q")
_IN_PIPE = 1 << 16


@dataclass(frozen=True)
class Progress:
    """How far a task is.

    Parameters
    ----------
    stage
        ``starting``, ``reading``, ``preparation``, ``model``, ``network``, ``response``, ``batch``, ``export``,
        ``training``.
    fraction
        0-1, None where nothing is known.
    left_s
        Seconds that are left, measured on earlier tasks; None before the first.
    device
        Where it is computed, ``cpu`` or ``cuda:0``, once a model is loaded.
    detail
        What of many it is, as ``7 of 300``.
    """

    stage: str
    fraction: float | None = None
    left_s: float | None = None
    device: str = ""
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Partial:
    """An answer before the last one."""

    value: Any


@dataclass(frozen=True, eq=False)
class Result:
    """The answer; the task is over."""

    value: Any


@dataclass(frozen=True)
class Failure:
    """One sentence of what went wrong; the task is over."""

    error: DSANetError


@dataclass(frozen=True)
class Cancelled:
    """The task was cancelled and is over; as a message to the worker: cancel what you do."""


Event = Progress | Partial | Result | Failure | Cancelled


def as_ours(error: Exception) -> DSANetError:
    """Return one sentence of the library for whatever ended a task."""
    if isinstance(error, DSANetError):
        return error
    # ONNX Runtime and torch raise errors of their own where memory is short.
    short = any(words in str(error).lower() for words in ("bad_alloc", "bad allocation", "out of memory", "allocate"))
    if isinstance(error, MemoryError) or short:
        return WorkerError("memory is short", "Close other programs or cases, or use fewer or smaller frames")
    return WorkerError(f"unexpected {type(error).__name__}: {error}", "Report this, with the log of the application")


def send(stream: BinaryIO, value: Any, folder: Path) -> None:
    """Write a message; its large arrays go to a file in `folder`.

    Raises
    ------
    WorkerError
        Where there is no room for the arrays; then nothing was sent.
    OSError
        Where nobody listens any more.
    """
    large: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes <= _IN_PIPE:
            return True
        large.append(view)
        return False

    data = pickle.dumps(value, protocol=5, buffer_callback=keep)
    name = _write_arrays(folder, large) if large else None
    message = pickle.dumps((data, name, [view.nbytes for view in large]))
    stream.write(_HEAD.pack(len(message)) + message)
    stream.flush()


def receive(stream: BinaryIO, folder: Path) -> Any:
    """Read a message; EOFError where the other end is gone."""
    data, name, sizes = pickle.loads(_exactly(stream, _HEAD.unpack(_exactly(stream, _HEAD.size))[0]))
    buffers = []
    if name is not None:
        path = folder / name
        with path.open("rb") as file:
            for size in sizes:
                buffer = bytearray(size)
                file.readinto(buffer)
                buffers.append(buffer)
        path.unlink()
    return pickle.loads(data, buffers=buffers)


def _write_arrays(folder: Path, arrays: list[memoryview]) -> str:
    path = None
    try:
        number, path = mkstemp(suffix=".arrays", dir=folder)
        with open(number, "wb") as file:
            for array in arrays:
                file.write(array)
    except OSError as error:
        if path is not None:
            Path(path).unlink(missing_ok=True)
        reason = error.strerror or error
        raise WorkerError(f"the frames cannot be handed over ({reason})", "Make room on this disk", folder) from error
    return Path(path).name


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
