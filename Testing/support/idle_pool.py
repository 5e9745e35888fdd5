"""Start two workers of the training's pool, print their numbers, and wait to be killed."""

from __future__ import annotations

import os
import sys
import time

from DSANetLib.evaluation.work import spawn_pool


def number(_i: int) -> int:
    time.sleep(0.3)
    return os.getpid()


if __name__ == "__main__":
    pool = spawn_pool(2)
    sys.stdout.write(" ".join(map(str, sorted(set(pool.map(number, range(4)))))) + "\n")
    sys.stdout.flush()
    time.sleep(60)
