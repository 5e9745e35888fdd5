"""nnU-Net's own commands, with the capped trainer known by name: ``python run.py train|predict|... OPTIONS``.

nnU-Net looks for a trainer of others only after it has imported every one of its own. One of them needs timm, which
needs a torchvision that fits torch; where that is not so, the search ends in an error about something never used.

Standard input has to be a pipe that nobody writes to: as it closes, this process ends, and all that it started.
"""

import importlib
import multiprocessing
import os
import signal
import sys
import threading

ENTRIES = {
    "plan_and_preprocess": (
        "nnunetv2.experiment_planning.plan_and_preprocess_entrypoints",
        "plan_and_preprocess_entry",
    ),
    "train": ("nnunetv2.run.run_training", "run_training_entry"),
    "predict": ("nnunetv2.inference.predict_from_raw_data", "predict_entry_point"),
}
SEARCH = "recursive_find_trainer_class_by_name"


def main() -> None:
    """Run the entry point of one of nnU-Net's commands with the rest of the arguments."""
    threading.Thread(target=_end_with_parent, name="dsanet-parent", daemon=True).start()
    command = sys.argv.pop(1)
    if os.environ.get("OMP_NUM_THREADS"):
        # On a CPU nnU-Net takes as many threads as there are cores, whatever it was told.
        threads = int(os.environ["OMP_NUM_THREADS"])
        multiprocessing.cpu_count = lambda: threads
    module, entry = ENTRIES[command]
    loaded = importlib.import_module(module)
    if command != "plan_and_preprocess":
        _know_the_trainer(loaded)
    getattr(loaded, entry)()


def _know_the_trainer(module: object) -> None:
    """Let a module of nnU-Net find our trainer; it holds the search under a name of its own, so that is set there."""
    from nnUNetTrainerCapped import nnUNetTrainerCapped

    search = getattr(module, SEARCH)  # fails loudly where another version of nnU-Net has it elsewhere
    setattr(module, SEARCH, lambda name: nnUNetTrainerCapped if name == nnUNetTrainerCapped.__name__ else search(name))


def _end_with_parent() -> None:
    os.read(0, 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
