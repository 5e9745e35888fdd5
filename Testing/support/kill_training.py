"""Train again and again, killed at random moments: ``python kill_training.py CONFIG OUT``.

Killed while patients are prepared, eight times between and within steps, and while the package is made; then left in
peace. Prints the number of kills and the exit code of the last training. Children are forked, as torch takes
seconds to import.
"""

from __future__ import annotations

import mmap
import os
import pickle
import random
import signal
import struct
import sys
import time
from pathlib import Path

STEPS = 24


def child(config, out: Path, shared: mmap.mmap) -> int:
    pid = os.fork()
    if pid:
        return pid
    from DSANetLib.training import train

    def watch(done: int, _total: int) -> None:
        shared[:4] = struct.pack("i", done)

    try:
        train(config, out, watch=watch)
    finally:
        os._exit(0 if out.exists() else 1)


if __name__ == "__main__":
    import lightning_fabric  # noqa: F401 - here, so that the children need not
    import monai.networks.nets  # noqa: F401
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import torch  # noqa: F401

    import DSANetLib.training.segmenter  # noqa: F401

    config, out = pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2])
    draw, shared, killed = random.Random(0), mmap.mmap(-1, 4), 0
    for step in [0, *sorted(draw.sample(range(1, STEPS - 3), 8)), STEPS]:
        pid = child(config, out, shared)
        while struct.unpack("i", shared[:4])[0] < step:
            if os.waitpid(pid, os.WNOHANG)[0]:
                sys.exit("the training ended by itself")
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.5 if step == 0 else 0.04))
        os.kill(pid, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    code = os.waitstatus_to_exitcode(os.waitpid(child(config, out, shared), 0)[1])
    sys.stdout.write(f"{killed} {code}\n")
