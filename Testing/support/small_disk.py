"""Train where no file may grow beyond BYTES from step 2 on: ``python small_disk.py CONFIG OUT BYTES``."""

from __future__ import annotations

import pickle
import resource
import sys
from pathlib import Path

from DSANetLib.errors import OutputError
from DSANetLib.training import train

if __name__ == "__main__":

    def watch(done: int, _total: int) -> None:
        if done == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)

    try:
        train(pickle.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2], watch=watch)
    except OutputError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(7)
