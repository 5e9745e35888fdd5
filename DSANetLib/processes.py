"""Work on many seeds, in processes of their own, in an order that does not depend on who is faster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

T = TypeVar("T")

AHEAD = 4
"""Tasks in flight for each worker: enough to keep it busy, few enough to lose little when interrupted."""


def spawn_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes of one thread each, as workers share the cores already.

    Fresh ("spawn"), because forks of a process that runs torch threads may hang.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Read by the workers' numpy when it loads, which is before any initializer; they take it from here.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    import cv2

    cv2.setNumThreads(1)
    # A pool whose owner was killed would wait for work for ever.
    threading.Thread(target=_end_with_owner, name="dsanet-owner", daemon=True).start()


def _end_with_owner() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    owner = parent_process()
    if owner is not None:
        wait([owner.sentinel])
        os._exit(1)


def map_seeds(
    function: Callable[..., T], seeds: Sequence[int], *arguments: Any, workers: int = 2
) -> Generator[tuple[int, T], None, None]:
    """Yield (seed, ``function(seed, *arguments)``) in the order of the seeds; close it to end early.

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

    with spawn_pool(workers) as pool:
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
