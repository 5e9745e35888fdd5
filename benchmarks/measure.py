"""Ratios that hold on a busy machine: pairs measured in turn, the median of their ratios counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ratio:
    """Two times measured in turn, s, each the median, and the median of their ratios."""

    first_s: float
    second_s: float
    value: float


def interleaved(first: Callable[[], Any], second: Callable[[], Any], pairs: int) -> Ratio:
    """Time two callables in turn, after one unmeasured call of each."""
    first()
    second()
    times: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        order = ((0, first), (1, second)) if pair % 2 == 0 else ((1, second), (0, first))
        for side, call in order:
            start = time.perf_counter()
            call()
            times[side].append(time.perf_counter() - start)
    return compared(*times)


def compared(first: Sequence[float], second: Sequence[float]) -> Ratio:
    """Compare what was measured in turn, s: the median of the pairs' ratios.

    The two calls of a pair lie side by side and share what else the machine does; a pair that was disturbed in one of
    them alone does not move the median, as it would move the best or the mean of a side.
    """
    ratio = median(a / b for a, b in zip(first, second, strict=True))
    return Ratio(median(first), median(second), ratio)


def interleaved_imports(first: str, second: str, pairs: int) -> Ratio:
    """Time two import statements, each in an interpreter of its own, in turn."""
    return interleaved_values(lambda: _import_time(first), lambda: _import_time(second), pairs)


def interleaved_values(first: Callable[[], float], second: Callable[[], float], pairs: int) -> Ratio:
    """Compare what two callables return, called in turn; one unmeasured call of each comes first."""
    first()
    second()
    values = [(first(), second()) for _ in range(pairs)]
    return compared([a for a, _ in values], [b for _, b in values])


def _import_time(statement: str) -> float:
    code = f"import time\nt = time.perf_counter()\n{statement}\nprint(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def in_a_process(call: str, *arguments: str, script: str = "worker.py") -> dict[str, Any]:
    """Call a function of `benchmarks/worker.py`, or another script there, in a process of its own; return its JSON."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), call, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second start finds everything compiled
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
