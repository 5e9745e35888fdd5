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


def answer() -> dict[str, Any]:
    """Return the longest silence of the event loop during inference, a redraw alone, and how long a cancel takes; s."""
    slicer = _application()
    widget = _panel()
    widget.enter()
    widget.parent.resize(520, 1600)
    widget.parent.show()
    case = _case(widget)
    redraw = max(_timed(widget.parent.grab) for _ in range(10))
    jobs = widget.context.jobs
    jobs.segment(case)  # the worker process starts and loads the model
    _silence(slicer, jobs)
    jobs.segment(case)
    silence = _silence(slicer, jobs)
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
    return {"silence": silence, "redraw": redraw, "cancel": cancel}


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


def _case(widget: Any) -> Any:
    """A run of 30 frames of 512 x 512 in the scene, chosen in the panel."""
    from films import film_run

    from DSANetLib.mrml.scene import find_cases
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    write_masks(write_run(film_run(count=30, rows=512, columns=512)))
    widget.context.setCase(find_cases()[0])
    return widget.context.case


def _silence(slicer: Any, jobs: Any) -> float:
    """Return by how much the slowest tick of a timer came late while a job ran, s."""
    import qt

    late, last = 0.0, time.perf_counter()

    def tick() -> None:
        nonlocal late, last
        now = time.perf_counter()
        late, last = max(late, now - last - TICK_MS / 1000), now

    timer = qt.QTimer()
    timer.connect("timeout()", tick)
    timer.start(TICK_MS)
    end = time.perf_counter() + _LONGEST_S
    while jobs.busy and time.perf_counter() < end:
        slicer.app.processEvents()
        time.sleep(0.001)  # as an event loop that has nothing to do
    timer.stop()
    return late


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    result = globals()[sys.argv[1]]()
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
