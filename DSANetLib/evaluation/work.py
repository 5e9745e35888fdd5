"""Work on many seeds, in processes of their own, in an order that does not depend on who is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

AHEAD = 4
"""Tasks in flight for each worker: enough to keep it busy, few enough to lose little when interrupted."""


def one_thread() -> None:
    """Keep a worker's libraries to one thread; workers share the cores already."""
    import cv2

    cv2.setNumThreads(1)


def map_seeds(
    function: Callable[..., T], seeds: Sequence[int], *arguments: Any, workers: int = 2
) -> Iterator[tuple[int, T]]:
    """Yield (seed, ``function(seed, *arguments)``) in the order of the seeds.

    Parameters
    ----------
    function
        A function of a module (processes are spawned).
    workers
        Processes; 0 or 1 works in this one.
    """
    if workers <= 1:
        for seed in seeds:
            yield seed, function(seed, *arguments)
        return
    from collections import deque
    from concurrent.futures import Future, ProcessPoolExecutor
    from multiprocessing import get_context

    # Read by the workers' numpy when it loads; a spawned process takes it from here.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        waiting: deque[tuple[int, Future[T]]] = deque()
        try:
            for seed in seeds:
                waiting.append((seed, pool.submit(function, seed, *arguments)))
                if len(waiting) >= AHEAD * workers:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
