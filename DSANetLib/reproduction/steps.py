"""Steps that are done once: each in a process of its own, kept with a digest of all that went into it.

A step that was killed is done again, and goes on from its checkpoint where it has one; a step that is done is not done
again unless its inputs, or those of a step it needs, have changed. A step that fails ends itself and those that
need it, not the study.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..whole import write_whole

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

DONE, FAILED = "done.json", "failed.json"
_POLL_S = 0.2


@dataclass(frozen=True)
class Step:
    """One step of a study.

    Parameters
    ----------
    name
        Path of its folder below the study's ``work``: ``train/ffs-s0``.
    action
        Which function does it; a key of ``actions.ACTIONS``.
    inputs
        JSON-able: all that the result depends on beside the steps it needs.
    needs
        Names of steps that have to be done before.
    """

    name: str
    action: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


class Desk:
    """The folder of a study's steps: what is done, and with which inputs.

    Parameters
    ----------
    work
        Folder of the steps.
    steps
        All of them, each after those it needs.
    """

    def __init__(self, work: Path, steps: Sequence[Step]) -> None:
        self.work, self.steps = work, {step.name: step for step in steps}
        self._digests: dict[str, str] = {}
        for step in steps:
            self._digests[step.name] = self._make_digest(step)

    def _make_digest(self, step: Step) -> str:
        unknown = [name for name in step.needs if name not in self._digests]
        if unknown:
            raise TrainingError(f"step {step.name} needs {', '.join(unknown)} before it", "List the steps in order")
        facts = {"action": step.action, "inputs": dict(step.inputs), "needs": [self._digests[n] for n in step.needs]}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def folder(self, name: str) -> Path:
        """Return a step's folder."""
        return self.work / name

    def is_done(self, name: str) -> bool:
        """Return whether a step was done with these inputs."""
        return _digest_in(self.folder(name) / DONE) == self._digests[name]

    def failure(self, name: str) -> str:
        """Return why a step failed with these inputs; empty where it did not."""
        path = self.folder(name) / FAILED
        return str(json.loads(path.read_text())["reason"]) if _digest_in(path) == self._digests[name] else ""

    def facts(self, name: str) -> dict[str, Any]:
        """Return what a step said of itself when it was done."""
        return dict(json.loads((self.folder(name) / DONE).read_text())["facts"])

    def begin(self, name: str) -> Path:
        """Return the folder of a step about to be done; what was done with other inputs is taken away."""
        folder = self.folder(name)
        begun = folder / "begun.json"
        if folder.exists() and _digest_in(begun) != self._digests[name]:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILED).unlink(missing_ok=True)
        write_whole(begun, json.dumps({"digest": self._digests[name]}))
        return folder

    def end(self, name: str, facts: Mapping[str, Any], seconds: float) -> None:
        """Write that a step is done."""
        said = {"digest": self._digests[name], "seconds": round(seconds, 1), "facts": dict(facts)}
        write_whole(self.folder(name) / DONE, json.dumps(said, indent=1))

    def fail(self, name: str, reason: str) -> None:
        """Write why a step failed."""
        self.folder(name).mkdir(parents=True, exist_ok=True)
        said = {"digest": self._digests[name], "reason": reason}
        write_whole(self.folder(name) / FAILED, json.dumps(said, indent=1, ensure_ascii=False))


def _digest_in(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text())["digest"])
    except (OSError, ValueError, KeyError):
        return None


def run_steps(desk: Desk, command: Sequence[str], jobs: int, progress: Progress = log.info) -> list[str]:
    """Do all steps that are not done, `jobs` at once; return the names of those that failed.

    Parameters
    ----------
    desk
        The steps.
    command
        Starts a process that does the step whose name is added to it; its last line on stderr says why it failed.
    jobs
        Processes at once, one thread each.
    progress
        Called with a line as a step begins, ends or fails.
    """
    waiting = [name for name in desk.steps if not desk.is_done(name)]
    total = len(desk.steps)
    failed: list[str] = []
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
    try:
        while waiting or running:
            for name in _lost(desk, waiting, failed):
                waiting.remove(name)
                failed.append(name)
                desk.fail(name, "a step that it needs failed")
            for name in _ready(desk, waiting)[: jobs - len(running)]:
                waiting.remove(name)
                running[name] = (_start(desk, name, command), time.monotonic())
                progress(f"{name} begins")
            for name in [name for name, (process, _) in running.items() if process.poll() is not None]:
                process, began = running.pop(name)
                if not desk.is_done(name):
                    failed.append(name)
                    desk.fail(name, _reason(desk.folder(name), process.returncode))
                    progress(f"{name} failed: {desk.failure(name)}")
                    continue
                done = total - len(waiting) - len(running) - len(failed)
                progress(f"{name} done in {time.monotonic() - began:.0f} s; {done} of {total}")
            time.sleep(_POLL_S)
    finally:
        for process, _ in running.values():
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
    return failed


def _ready(desk: Desk, waiting: Iterable[str]) -> list[str]:
    return [name for name in waiting if all(desk.is_done(need) for need in desk.steps[name].needs)]


def _lost(desk: Desk, waiting: Iterable[str], failed: Sequence[str]) -> list[str]:
    return [name for name in waiting if any(need in failed for need in desk.steps[name].needs)]


def _start(desk: Desk, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    folder = desk.begin(name)
    # One thread a process: several together would only wait for each other, and weights repeat for one number only.
    ours = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Inside Slicer the library lies on a path that only the running program knows.
    ours["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    with (folder / "log.txt").open("ab") as lines:
        # The pipe is the child's only news of us: it closes even if this process is killed, and the child ends.
        return subprocess.Popen(
            [*command, name], stdout=lines, stderr=lines, stdin=subprocess.PIPE, env=os.environ | ours,
            start_new_session=True,
        )  # fmt: skip


def end_with_parent() -> None:
    """End this step's process, and those that it started, as soon as the process that runs the study is gone."""

    def wait() -> None:
        os.read(0, 1)  # not sys.stdin: its lock would be held when the interpreter ends
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, name="dsanet-parent", daemon=True).start()


def _reason(folder: Path, code: int) -> str:
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    if code < 0:
        return f"the process was ended by signal {-code}; start the study again to go on"
    return lines[-1].strip() if lines else f"the process ended with code {code}"
