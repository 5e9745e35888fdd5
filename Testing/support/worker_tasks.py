"""Tasks that a worker may be given in tests: they wait, hang, die and fail, as a real one might."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from DSANetLib.whole import whole_folder


@dataclass(frozen=True)
class Wait:
    """Waits where Python can be interrupted."""

    seconds: float = 30.0

    def run(self, desk):
        desk.plan("wait", ("preparation",))
        desk.stage("preparation")
        time.sleep(self.seconds)
        desk.stage()


class Hang:
    """Computes in C, where nothing interrupts it."""

    def run(self, desk):
        desk.plan("hang", ("network",))
        desk.stage("network")
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 300_000_000)


@dataclass(frozen=True)
class Write:
    """Is stopped while it writes."""

    folder: Path

    def run(self, desk):
        with whole_folder(self.folder) as temporary:
            (temporary / "half.txt").write_text("half")
            desk.plan("write", ("network",))
            desk.stage("network")
            time.sleep(30)


class Die:
    """Is killed, as by a system that is short of memory."""

    def run(self, _desk):
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


@dataclass(frozen=True)
class DieOnDevice:
    """Brings the process down with it, except on the CPU."""

    device: str = "cuda:0"

    def run(self, desk):
        desk.plan("die", ("network",))
        desk._device = self.device
        desk.stage("network")
        if self.device != "cpu":
            os._exit(3)
        return "done on the CPU"

    def on_cpu(self):
        return replace(self, device="cpu")


@dataclass(frozen=True)
class Raise:
    """Fails."""

    error: Exception

    def run(self, _desk):
        raise self.error


@dataclass(frozen=True, eq=False)
class Echo:
    """Gives back what it is given, after a word on standard output that must not disturb."""

    value: object

    def run(self, _desk):
        sys.stdout.write("from a library\n")
        sys.stdout.flush()
        os.write(1, b"from C\n")
        return self.value


class Litter:
    """Makes a temporary folder that only an ordinary end of Python would remove, as the scene's cache is."""

    kept: object = None

    def run(self, _desk):
        Litter.kept = tempfile.TemporaryDirectory(prefix="dsanet-slicer-")
        return Litter.kept.name


class ProcessId:
    """Says who works."""

    def run(self, _desk):
        return os.getpid()
