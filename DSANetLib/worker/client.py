"""The client of the worker process: submit a task, poll for events, cancel, close. It never waits unless asked to."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import WorkerError
from .messages import Cancelled, Event, Failure, Partial, Progress, Result, as_ours, receive, send

# Not the current folder: a numpy.py that lies there is none.
_START = (
    "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv[1]]; "
    "from DSANetLib.worker.process import main; main(sys.argv[2])"
)
_CANCEL_S = 0.6
_CLOSE_S = 1.0
_POLL_S = 0.01


class WorkerClient:
    """Asks one worker process at a time; starts it with the first task, and anew after it ended.

    Events come from `poll`, in the thread that calls it; what listens to the pipe has a thread of its own, which
    ends with the process. Without the client (closed, or its program gone) the worker ends too.

    Parameters
    ----------
    python
        The Python that computes; by default this one.
    """

    def __init__(self, python: str | None = None) -> None:
        self._python = python or sys.executable
        self._process: _Process | None = None
        self._task: Any = None
        self._cancel_until: float | None = None
        self._device = ""

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return self._task is not None

    @property
    def pid(self) -> int | None:
        """The worker's process id, None where none runs."""
        return self._process.pid if self._process and self._process.running else None

    def submit(self, task: Any) -> None:
        """Start a task of `worker.tasks`; its events follow.

        Raises
        ------
        WorkerError
            Where another task is under way, or the process cannot be started.
        """
        if self.busy:
            raise WorkerError("another piece of work is under way", "Wait for it, or cancel it")
        if self._process is None or not self._process.running:
            self._stop()
            self._process = _Process(self._python)
        self._task, self._device = task, ""
        self._process.send(task)

    def poll(self) -> list[Event]:
        """Return what happened since the last call; at once. After Result, Failure or Cancelled the task is over."""
        events: list[Event] = []
        while self._process is not None and (event := self._process.next_event()) is not None:
            if isinstance(event, _Ended):
                events += self._ended()
                break
            events += self._noted(event)
        if self._cancel_until is not None and time.monotonic() >= self._cancel_until:
            self._stop()
            events.append(self._over(Cancelled()))
        return events

    def wait(
        self,
        task: Any,
        progress: Callable[[Progress], None] | None = None,
        partial: Callable[[Any], None] | None = None,
    ) -> Any:
        """Do a task and return its answer; raise its error. Ctrl-C cancels it.

        Raises
        ------
        DSANetError
            Whatever the task said.
        """
        self.submit(task)
        try:
            while True:
                for event in self.poll():
                    if isinstance(event, Result):
                        return event.value
                    if isinstance(event, Failure):
                        raise event.error
                    if isinstance(event, Progress) and progress:
                        progress(event)
                    if isinstance(event, Partial) and partial:
                        partial(event.value)
                time.sleep(_POLL_S)
        finally:
            if self.busy:  # Ctrl-C, or an error of the caller's own functions
                self.cancel()
                while self.busy:
                    self.poll()
                    time.sleep(_POLL_S)

    def cancel(self) -> None:
        """End the task; `poll` says `Cancelled` within a second, the process is replaced if it does not answer."""
        if self.busy and self._cancel_until is None and self._process is not None:
            self._cancel_until = time.monotonic() + _CANCEL_S
            self._process.send(Cancelled())

    def close(self) -> None:
        """End the process; a task under way is given up. The client can be used again."""
        self._stop()
        self._task, self._cancel_until = None, None

    def _noted(self, event: Event) -> list[Event]:
        if not self.busy:
            return []
        if isinstance(event, Progress):
            self._device = event.device or self._device
        if isinstance(event, (Result, Failure, Cancelled)):
            # A result that came while it was being cancelled is not what the user wants any more.
            return [self._over(Cancelled() if self._cancel_until is not None else event)]
        return [] if self._cancel_until is not None else [event]

    def _ended(self) -> list[Event]:
        """The process died: again on the CPU where a device may be to blame, else a sentence that says why."""
        assert self._process is not None
        reason = self._process.reason()
        self._stop()
        if not self.busy:
            return []
        if self._cancel_until is not None:
            return [self._over(Cancelled())]
        if self._device not in ("", "cpu"):
            task = self._task.on_cpu()
            self._task = None
            self.submit(task)
            return [Progress("starting")]
        remedy = "Nothing was changed; try again, with other programs closed"
        return [self._over(Failure(WorkerError(f"the process that computes ended unexpectedly ({reason})", remedy)))]

    def _over(self, event: Event) -> Event:
        self._task, self._cancel_until = None, None
        return event

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop(at_once=self.busy)
            self._process = None


class _Ended:
    """Nothing more will come from this process."""


class _Process:
    """A running worker with its pipes, its folder and the thread that listens."""

    def __init__(self, python: str) -> None:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="dsanet-"))
        except OSError as error:
            problem = f"no temporary folder can be made ({error.strerror})"
            raise WorkerError(problem, "Make room on the disk", tempfile.gettempdir()) from error
        self._log = self._folder / "log.txt"
        try:
            with self._log.open("wb") as log:
                self._popen = subprocess.Popen(
                    [python, "-X", "utf8", "-c", _START, str(_library_folder()), str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    **_platform_options(),
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise WorkerError(f"cannot be started ({error.strerror})", "Install Slicer again", python) from error
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._to_send: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Functions, not methods: a thread that knew this object would keep it alive for ever.
        threads = [
            threading.Thread(target=_listen, args=(self._popen.stdout, self._folder, self._events), daemon=True),
            threading.Thread(
                target=_speak, args=(self._popen.stdin, self._folder, self._to_send, self._events), daemon=True
            ),
        ]
        for thread in threads:
            thread.name = "dsanet-worker"
            thread.start()
        # Whoever forgets to close, and the end of the program: the worker goes too.
        self._finalizer = weakref.finalize(self, _end, self._popen, self._folder, self._to_send, threads)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def send(self, message: Any) -> None:
        """Send without waiting: a run of 60 MB takes as long as a redraw."""
        self._to_send.put(message)

    def next_event(self) -> Any:
        try:
            return self._events.get_nowait()
        except queue.Empty:
            return None

    def reason(self) -> str:
        """Return why the process ended, in a few words."""
        code = self._popen.wait()
        if code in (-9, 137):
            return "the system killed it, mostly because memory is short"
        last = [line for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()][-1:]
        return f"code {code}: {last[0].strip()[:200]}" if last else f"code {code}"

    def stop(self, *, at_once: bool) -> None:
        """End process and threads, and remove the folder."""
        self._to_send.put(None)
        if not at_once:
            with suppress(OSError):
                self._popen.stdin.close()  # type: ignore[union-attr]
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_CLOSE_S)
        self._finalizer()


def _listen(stream: BinaryIO, folder: Path, events: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            events.put(receive(stream, folder))
    except (EOFError, OSError, ValueError):
        pass
    except MemoryError:
        events.put(Failure(WorkerError("memory is short", "Close other programs or cases")))
    events.put(_Ended())


def _speak(stream: BinaryIO, folder: Path, messages: queue.SimpleQueue[Any], events: queue.SimpleQueue[Any]) -> None:
    while (message := messages.get()) is not None:
        try:
            send(stream, message, folder)
        except OSError:  # it ended: the other thread says so
            return
        except Exception as error:  # noqa: BLE001 - no room for the arrays, or a task that cannot be pickled
            events.put(Failure(as_ours(error)))


def _end(
    popen: subprocess.Popen[bytes],
    folder: Path,
    messages: queue.SimpleQueue[Any],
    threads: list[threading.Thread],
) -> None:
    popen.kill()
    popen.wait()
    messages.put(None)
    for thread in threads:
        thread.join(_CLOSE_S)
    for pipe in (popen.stdin, popen.stdout):
        with suppress(OSError):
            pipe.close()  # type: ignore[union-attr]
    shutil.rmtree(folder, ignore_errors=True)


def _library_folder() -> Path:
    return Path(__file__).resolve().parents[2]


def _platform_options() -> dict[str, Any]:
    """A group of its own, so that Ctrl-C in a terminal is the client's to handle; no window, lower priority."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}
