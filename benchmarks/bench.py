"""``make bench``: speed and memory as ratios, measured in turn within one call; the panel by the clock.

python benchmarks/bench.py [--quick] [--panel] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import ROOT, Ratio, in_a_process, interleaved, interleaved_imports

sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from DSANetLib import DSARun
    from DSANetLib.preparation import NetworkInputs

RATE = 3.0
Line = dict[str, Any]


def main() -> int:
    """Run every measurement, print it when it is there, and return 1 where one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions and no long run: a look, not a figure")
    parser.add_argument("--panel", action="store_true", help="the panel alone")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    print(
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"medians of ratios of pairs in turn; load average {_load()}"
    )
    lines: list[Line] = []
    start = time.perf_counter()
    for measure in (panel,) if options.panel else (imports, preparation, whole_run, memory, panel):
        lines += _reported(measure, options.quick)
    missed = [line["name"] for line in lines if line["target"] is not None and line["value"] > line["target"]]
    print(
        f"{time.perf_counter() - start:.0f} s. "
        + (f"Above target: {'; '.join(missed)}" if missed else "All in target.")
    )
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _reported(measure: Callable[[bool], list[Line]], quick: bool) -> list[Line]:
    lines = measure(quick)
    for line in lines:
        target = "" if line["target"] is None else f"(target <= {line['target']:g})"
        print(f"{line['name']:<66} {line['value']:6.2f}  {target:<16} {line['detail']}", flush=True)
    return lines


def _line(name: str, ratio: Ratio, target: float | None) -> Line:
    detail = f"{1000 * ratio.first_s:.1f} / {1000 * ratio.second_s:.1f} ms"
    return {"name": name, "value": ratio.value, "target": target, "detail": detail}


def imports(quick: bool) -> list[Line]:
    """Import time of the library against numpy's."""
    pairs = 11 if quick else 25
    statements = ("import DSANetLib", "from DSANetLib import DSARun, process")
    return [
        _line(f"{each} : import numpy", interleaved_imports(each, "import numpy", pairs), 2.0) for each in statements
    ]


def preparation(quick: bool) -> list[Line]:
    """Preparation against the same steps written out in plain OpenCV."""
    from plain import plain_preparation

    from DSANetLib import DSARun

    cases = (
        ("subtracted 8-bit 30 x 788 x 1021", (30, 788, 1021), np.uint8, True),
        ("unsubtracted 12-bit 30 x 1024 x 1024", (30, 1024, 1024), np.uint16, False),
    )
    lines = []
    for name, shape, dtype, subtracted in cases:
        frames = synthetic_run(shape, dtype, subtracted)
        times = np.arange(len(frames)) / RATE
        run = DSARun(
            frames=frames, case_id="bench", times_s=times, polarity="dark_contrast",
            subtracted=subtracted, bit_depth=8 if dtype == np.uint8 else 12, intensity="linear",
        )  # fmt: skip
        ratio = interleaved(
            partial(_prepared, run),
            partial(plain_preparation, frames, times, subtracted=subtracted),
            7 if quick else 15,
        )
        lines.append(_line(f"preparation : plain OpenCV, {name}", ratio, 1.2))
    return lines


def _prepared(run: DSARun) -> NetworkInputs:
    from DSANetLib.preparation import network_inputs, prepare

    return network_inputs(prepare(run))


def whole_run(quick: bool) -> list[Line]:
    """From file to mask and probability against decoding the frames alone."""
    from worker import default_models

    from DSANetLib import process
    from DSANetLib.readers import read_run

    segmenter, responder = default_models()
    with tempfile.TemporaryDirectory() as folder:
        path = write_video(Path(folder) / "run.avi", 30, 788, 1020)
        ratio = interleaved(
            lambda: process(read_run(path, frame_rate=RATE), segmenter, responder),
            lambda: decode(path),
            2 if quick else 8,
        )
    return [_line("whole run : bare decode, AVI 30 x 788 x 1020", ratio, None)]


def memory(quick: bool) -> list[Line]:
    """Peak memory of a run above what the loaded libraries and models hold, against the run's size."""
    lines = []
    for count, rows, columns in ((30, 788, 1020), (2000, 1024, 1024))[: 1 if quick else 2]:
        with tempfile.TemporaryDirectory() as folder:
            path = write_video(Path(folder) / "run.avi", count, rows, columns)
            found = in_a_process("whole_run", str(path), str(RATE))
        detail = (
            f"{found['peak_mib']:.0f} of {found['size_mib']:.0f} MiB; process {found['total_mib']:.0f} MiB, "
            f"{found['seconds']:.1f} s"
        )
        name = f"peak memory : run's size, AVI {count} x {rows} x {columns}"
        lines.append({"name": name, "value": found["peak_mib"] / found["size_mib"], "target": None, "detail": detail})
        if count == 2000:
            share = found["total_mib"] / 1536
            lines.append({"name": "  its whole process : 1.5 GiB", "value": share, "target": 1.0, "detail": ""})
    return lines


def panel(quick: bool) -> list[Line]:
    """The panel by the clock, every repeat counted: its start, its silence during inference, a cancel.

    Of the start the median counts; of the silences the longest, against a redraw alone (median) and 50 ms; of the
    cancels the longest. On a busy machine the clock measures the others too: see the load, and the silence at rest.
    """
    print(f"panel: load average {_load()}, by the clock, median and maximum of the repeats")
    first = in_a_process("setup", script="panel.py")["seconds"]  # may find modules not compiled yet
    starts = [in_a_process("setup", script="panel.py") for _ in range(3 if quick else 9)]
    if starts[0]["heavy"]:
        raise RuntimeError(f"the panel loads {', '.join(starts[0]['heavy'])}")
    with tempfile.TemporaryDirectory() as folder:
        path = str(write_video(Path(folder) / "run.avi", 30, 512, 512))
        answers = [in_a_process("answer", path, script="panel.py") for _ in range(1 if quick else 3)]
    seconds, busy = ([found[name] for found in starts] for name in ("seconds", "processor"))
    silences, rests, redraws = (
        [value for found in answers for value in found[name]] for name in ("silences", "rests", "redraws")
    )
    cancels = [found["cancel"] for found in answers]
    lines = (
        (
            "panel, import to set-up : 300 ms",
            median(seconds) / 0.3,
            f"{_spread(seconds)}; processor {_spread(busy)}; one before {1000 * first:.0f} ms",
        ),
        (
            "panel, longest silence during inference : a redraw + 50 ms",
            max(silences) / (median(redraws) + 0.05),
            f"{_spread(silences)} (first of a process {1000 * max(found['silences'][0] for found in answers):.0f} ms); "
            f"redraw {_spread(redraws)}; at rest {_spread(rests)}",
        ),
        ("panel, longest cancel : 1 s", max(cancels), _spread(cancels)),
    )
    return [
        {"name": name, "value": value, "target": 1.0, "detail": f"{'PASS' if value <= 1 else 'FAIL'}: {detail}"}
        for name, value, detail in lines
    ]


def _spread(seconds: list[float]) -> str:
    return f"{1000 * median(seconds):.0f} ms, max {1000 * max(seconds):.0f} ms of {len(seconds)}"


def _load() -> str:
    """Return the load averages over 1, 5 and 15 minutes and the number of cores; Windows has none."""
    loads = " ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "not known"
    return f"{loads} on {os.cpu_count()} cores"


def decode(path: Path) -> None:
    """Read every frame of a run and do nothing with it."""
    from DSANetLib.readers import read_run

    frames = read_run(path, frame_rate=RATE).frames
    for i in range(len(frames)):
        np.asarray(frames[i])


def synthetic_run(shape: tuple[int, int, int], dtype: type, subtracted: bool) -> np.ndarray:
    """Return frames with a black border, a stain that comes and goes, anatomy where unsubtracted, and noise."""
    count, rows, columns = shape
    rng = np.random.default_rng(3)
    white = 255 if dtype == np.uint8 else 4095
    y, x = np.mgrid[:rows, :columns].astype(np.float32) / rows
    ground = np.full((rows, columns), 0.6, np.float32)
    if not subtracted:
        ground -= 0.3 * np.exp(-(((x - 0.5) / 0.08) ** 2)) - 0.05 * np.sin(40 * y)
    stain = np.exp(-(((y - 0.45) ** 2 + (x - 0.5) ** 2) / 0.02))
    frames: np.ndarray = np.zeros(shape, dtype)
    for i in range(count):
        amount = 0.25 * np.exp(-(((i - 0.5 * count) / (0.2 * count)) ** 2)) if i > 4 else 0.0
        image = ground * (1 - amount * stain) + rng.normal(0, 0.01, (rows, columns))
        frames[i, 20:-20, 30:-30] = (image.clip(0.02, 1) * white).astype(dtype)[20:-20, 30:-30]
    return frames


def write_video(path: Path, count: int, rows: int, columns: int) -> Path:
    """Write a motion-JPEG AVI of an even width; the frames repeat after 60, the pictures are synthetic."""
    import cv2

    frames = synthetic_run((min(count, 60), rows, columns), np.uint8, subtracted=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (columns, rows), False)
    for i in range(count):
        writer.write(frames[i % len(frames)])
    writer.release()
    return path


if __name__ == "__main__":
    sys.exit(main())
