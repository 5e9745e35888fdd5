"""nnU-Net's own training or prediction, with the capped trainer known by name: ``python run.py train|predict ...``.

nnU-Net looks for a trainer of others only after it has imported every one of its own. One of them needs timm, which
needs a torchvision that fits torch; where that is not so, the search ends in an error about something never used.
"""

import sys

from nnUNetTrainerCapped import nnUNetTrainerCapped
from nnunetv2.utilities import find_objects

_search = find_objects.recursive_find_trainer_class_by_name


def _find(name: str) -> type:
    return nnUNetTrainerCapped if name == nnUNetTrainerCapped.__name__ else _search(name)


def main() -> None:
    """Run the entry point of nnU-Net's own command with the rest of the arguments."""
    find_objects.recursive_find_trainer_class_by_name = _find
    command = sys.argv.pop(1)
    if command == "train":
        from nnunetv2.run.run_training import run_training_entry as entry
    else:
        from nnunetv2.inference.predict_from_raw_data import predict_entry_point as entry
    entry()


if __name__ == "__main__":
    main()
