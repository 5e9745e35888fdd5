"""A real other process that is at work on a study, as far as the lock knows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODE = """import sys
from pathlib import Path
from DSANetLib.reproduction.lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(study: Path) -> Iterator[subprocess.Popen]:
    """Yield a process that holds a study; it lets go when its input is closed."""
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", CODE, str(study)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": root}, **pipes) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()
