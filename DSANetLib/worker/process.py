"""The worker process: takes one task after the other from its client, and ends when the client is gone.

It is started with a few lines of Python, not by forking and not with ``multiprocessing``: inside Slicer the running
program is no Python, and on Windows and macOS a start has to be from nothing anyway.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
from _thread import interrupt_main
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from .messages import Cancelled, Event, Failure, Result, as_ours, receive, send

log = logging.getLogger(__name__)

# After the client is gone a task has so long to take its half-written files away.
_LAST_SECONDS = 2.0
_NICENESS = 5


def main(folder: str) -> None:
    """Work until the client is gone; `folder` is the session's, for arrays, and is removed at the end."""
    requests, answers = _take_pipes()
    tempfile.tempdir = folder  # what a library leaves behind goes with the session, also when this process is killed
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # the window has to stay quick (on Windows the client starts us so)
    _Worker(requests, answers, Path(folder)).work()


class _Worker:
    def __init__(self, requests: BinaryIO, answers: BinaryIO, folder: Path) -> None:
        self._requests, self._answers, self._folder = requests, answers, folder
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._in_task = False

    def work(self) -> None:
        """Do tasks in this thread, listen in another."""
        from .desk import Desk

        # Runs in this thread: whether a task is there to be interrupted is known for sure.
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._listen, name="dsanet-listen", daemon=True).start()
        desk = Desk(self._say)
        while (task := self._tasks.get()) is not None:
            with suppress(KeyboardInterrupt):  # struck between the task's end and its answer
                self._say(self._done(task, desk))
                continue
            self._say(Cancelled())
        self._end()

    def _done(self, task: Any, desk: Any) -> Event:
        try:
            self._in_task = True
            return Result(task.run(desk))
        except KeyboardInterrupt:
            return Cancelled()
        except Exception as error:
            log.exception("task failed")
            return Failure(as_ours(error))
        finally:
            self._in_task = False

    def _interrupt(self, _signal: int, _frame: object) -> None:
        if self._in_task:
            self._in_task = False  # once: what a task does to tidy up is left in peace
            raise KeyboardInterrupt

    def _say(self, event: Event) -> None:
        try:
            send(self._answers, event, self._folder)
        except OSError:
            self._end()
        except Exception as error:
            log.exception("no answer")
            send(self._answers, Failure(as_ours(error)), self._folder)

    def _listen(self) -> None:
        while True:
            try:
                message = receive(self._requests, self._folder)
            except (EOFError, OSError):
                break
            except Exception as error:  # noqa: BLE001 - a task that cannot be unpickled, or memory is short
                message = _Broken(error)
            if isinstance(message, Cancelled):
                _interrupt_main()
            else:
                self._tasks.put(message)
        _interrupt_main()
        self._tasks.put(None)
        last = threading.Timer(_LAST_SECONDS, self._end)
        last.daemon = True
        last.start()

    def _end(self) -> None:
        """Go at once: nothing that is left here is of use without a client."""
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


class _Broken:
    """A task that did not arrive."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, _desk: Any) -> None:
        raise self._error


def _interrupt_main() -> None:
    """Interrupt the main thread, also where it waits in the system (which a mark alone would not end)."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        interrupt_main()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the client's pipes, and let whatever a library prints go to the log instead."""
    if sys.platform == "win32":
        import msvcrt

        for number in (0, 1):
            msvcrt.setmode(number, os.O_BINARY)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers
