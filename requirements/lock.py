"""Write constraints.txt: one version of every package for each supported Python and platform.

Run by ``make lock``. Uses uv's universal resolution, which writes environment markers where versions differ.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "constraints.txt"
HEADER = """\
# One version of every package, for Python 3.10 to 3.13 on Linux, macOS and Windows.
# Written by `make lock` from pyproject.toml; checked by Testing/project/test_lock.py. Use with pip's -c.
"""


def main() -> None:
    """Resolve pyproject.toml with all its extras and write the pins."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--universal"),
        *("--python-version", "3.10", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-progress"),
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    pins = [line for line in done.stdout.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    LOCK.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
