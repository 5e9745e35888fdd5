"""The panel in a process of its own: how long it takes to be there, and whether it answers while a network runs.

Called by bench.py. Slicer's application is stood in for as in the tests (Testing/widget); its core, the scene and the
worker process are real. Views are not there: what they would draw comes on top, of both sides of the comparison.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TICK_MS = 5
_LONGEST_S = 120.0
_REDRAWS = 20
_INFERENCES = 4


def setup() -> dict[str, Any]:
    """Return the seconds, on the clock and of the processor, from the module's import to a set-up panel.

    Qt, VTK and Slicer's core are there before, as in Slicer.
    """
    _application()
    start, busy = time.perf_counter(), time.process_time()
    widget = _panel()
    taken, busy = time.perf_counter() - start, time.process_time() - busy
    widget.cleanup()
    return {
        "seconds": taken,
        "processor": busy,
        "heavy": sorted({"torch", "monai", "cv2", "onnxruntime"} & set(sys.modules)),
    }


def answer(path: str) -> dict[str, Any]:
    """Return the event loop's longest silences at work and at rest, redraws measured alone, and a cancel; s.

    Of each inference the longest silence, from the click until the masks are in the scene; the first also loads the
    model. Stretches at rest, as long each, show what the machine's other work does to
    the same timer.
    """
    slicer = _application()
    widget = _panel()
    widget.enter()
    widget.parent.resize(520, 1600)
    widget.parent.show()
    case = _loaded(slicer, widget, path)
    widget.parent.grab()
    redraws = [_timed(widget.parent.grab) for _ in range(_REDRAWS)]
    jobs = widget.context.jobs
    silences, rests = [], []
    for _ in range(_INFERENCES):
        start = time.perf_counter()
        silences.append(_silence(slicer, lambda: jobs.busy, lambda: jobs.segment(case)))
        rests.append(_silence(slicer, _for(time.perf_counter() - start)))
    jobs.segment(case)
    end = time.perf_counter() + 0.1
    while time.perf_counter() < end:
        slicer.app.processEvents()
    start = time.perf_counter()
    jobs.cancel()
    while jobs.busy:
        slicer.app.processEvents()
    cancel = time.perf_counter() - start
    widget.exit()
    widget.cleanup()
    return {"silences": silences, "rests": rests, "redraws": redraws, "cancel": cancel}


def _application() -> Any:
    sys.path[:0] = [str(ROOT / part) for part in ("", "Testing/widget", "Testing/support", "DSANetModule")]
    import application
    import vtk  # noqa: F401 - Slicer has loaded it long before

    return application.install()


def _panel() -> Any:
    import DSANetModule

    widget = DSANetModule.DSANetModuleWidget()
    widget.setup()
    return widget


def _loaded(slicer: Any, widget: Any, path: str) -> Any:
    """Load a run as *Load files…* does, and return its case."""
    found: list[Any] = []
    widget.context.jobs.load(path, frameRate=3.0, done=found.append)
    while widget.context.jobs.busy:
        slicer.app.processEvents()
    widget.context.setCase(found[0])
    return widget.context.case


def _silence(slicer: Any, lasting: Callable[[], bool], begin: Callable[[], None] = lambda: None) -> float:
    """Return by how much the slowest tick of a timer came late while something lasted, s."""
    import qt

    late, last, over = 0.0, time.perf_counter(), False

    def tick() -> None:
        nonlocal late, last, over
        now = time.perf_counter()
        late, last, over = max(late, now - last - TICK_MS / 1000), now, not lasting()

    timer = qt.QTimer()
    timer.connect("timeout()", tick)
    timer.start(TICK_MS)
    begin()
    end = time.perf_counter() + _LONGEST_S
    while not over and time.perf_counter() < end:  # to the first tick after it: the answer goes into the scene last
        slicer.app.processEvents()
        time.sleep(0.001)  # as an event loop that has nothing to do
    timer.stop()
    return late


def _for(seconds: float) -> Callable[[], bool]:
    """Return a function that is true for so long."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    result = globals()[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
