"""One measurement in a process of its own, so that its peak memory is its own: called by bench.py."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from DSANetLib.models import ResponseModel, SegmentationModel


def resident_mib() -> float:
    """Return the memory that this process holds now, MiB (Linux; elsewhere the peak so far)."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS"):
                return float(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1 << 20)


class Peak:
    """Highest resident memory while the block runs, looked at every 5 ms, above what was held before."""

    def __enter__(self) -> Peak:
        self.before = self.highest = resident_mib()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, resident_mib())


def whole_run(path: str, frame_rate: str) -> dict[str, float]:
    """Read a run and take it through the pipeline with the default models; libraries and models are loaded before."""
    from DSANetLib import process
    from DSANetLib.readers import read_run

    models = default_models()
    import_everything()
    start = time.perf_counter()
    with Peak() as peak:
        run = read_run(path, frame_rate=float(frame_rate))
        process(run, *models)
    size = run.count * run.rows * run.columns * run.frames.dtype.itemsize / (1 << 20)
    taken = time.perf_counter() - start
    return {"size_mib": size, "peak_mib": peak.highest - peak.before, "total_mib": peak.highest, "seconds": taken}


def default_models() -> tuple[SegmentationModel, ResponseModel]:
    """Return the shipped segmenter and film-only response model on two threads."""
    from DSANetLib.models import ResponseModel, SegmentationModel, load_model
    from DSANetLib.pipeline import DEFAULT_MODEL, DEFAULT_RESPONSE_FILM

    segmenter, responder = load_model(DEFAULT_MODEL, threads=2), load_model(DEFAULT_RESPONSE_FILM, threads=2)
    if not isinstance(segmenter, SegmentationModel) or not isinstance(responder, ResponseModel):
        raise TypeError("the shipped packages are not of their kinds")
    return segmenter, responder


def import_everything() -> None:
    """Load what the pipeline loads on first use, so that memory and time are those of the run."""
    import av  # noqa: F401
    import cv2  # noqa: F401
    import onnxruntime  # noqa: F401
    import scipy.ndimage  # noqa: F401


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])) + "\n")
