"""Train as a process of its own: ``python train_here.py CONFIG OUT [LOSSES]``; CONFIG is a pickled TrainingConfig."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path


def losses_of(config, folder: Path) -> tuple[list[dict[str, float]], float]:
    """Train a segmenter's loop; return the losses of each step, and the sum of the weights' magnitudes."""
    from DSANetLib.training.data import load_patients, stored_patients
    from DSANetLib.training.processes import start, use_threads
    from DSANetLib.training.segmenter import make_loop

    fabric = start(config)
    patients, held_out = (load_patients(stored_patients(config, part)) for part in ("training", "validation"))
    for patient in patients[::2]:  # some without a liver: the processes get different numbers of them
        for run in patient.runs:
            run.facts["no_liver"] = list(run.masked)
    found = []
    with use_threads(config):
        loop = make_loop(config, folder, patients, held_out, lambda _: None, fabric=fabric)
        loop.reporter.count = found.append
        loop.reporter.report = lambda *_: 0.0
        network = loop.run()
    return found, float(sum(value.abs().sum() for value in network.parameters()))


if __name__ == "__main__":
    settings = pickle.loads(Path(sys.argv[1]).read_bytes())
    if len(sys.argv) > 3:
        import os

        out = losses_of(settings, Path(sys.argv[2]))
        if os.environ["RANK"] == "0":
            Path(sys.argv[3]).write_text(json.dumps(out))
    else:
        from DSANetLib.training import train

        train(settings, sys.argv[2])
