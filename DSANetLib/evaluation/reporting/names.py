"""What a reader calls a cohort, a network and an input of model 2."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...clinical.variables import BY_NAME

GROUPS = {
    "train": "training",
    "test": "internal",
    "external": "external",
    "unseen-rate": "frame rate never seen",
}
NETWORKS = {
    "unet": "U-Net (baseline)",
    "tdl": "U-Net + TDL (10 frames)",
    "lrs": "U-Net + LRS",
    "ffs": "FFS",
    "tempo": "tempo (ours)",
    "unetpp": "U-Net++",
    "attention-unet": "Attention U-Net",
    "u2net": "U²-Net",
    "nnunet": "nnU-Net",
}
INPUTS = {
    "film": "key frame (KF)",
    "clinical": "clinical values",
    "film+mask [predicted]": "KF + KF·Pred + Pred",
    "film+mask+clinical [predicted]": "KF + KF·Pred + Pred + clinical",
    "film+mask [true]": "KF + KF·GT + GT",
    "film+mask+clinical [true]": "KF + KF·GT + GT + clinical",
    "logistic": "logistic regression on clinical values",
    "boosting": "gradient boosting on clinical values",
}
TABLE2_NETWORKS = ("unet", "tdl", "lrs", "ffs", "tempo")
VARIABLES = {
    "responder": "responders (CR, PR)",
    "response": "mRECIST",
    "largest_lesion": "largest lesion",
    "follow_up": "follow-up",
}
ALL_NETWORKS = (*TABLE2_NETWORKS, "unetpp", "nnunet", "attention-unet", "u2net", "tdl-5", "tdl-8", "tdl-12", "tdl-15")
S1_NETWORKS = ("unet", "unetpp", "nnunet", "attention-unet", "u2net")


def group_name(key: str) -> str:
    """Return a cohort's name: ``internal`` for ``test``."""
    return GROUPS.get(key, key)


def network_name(key: str) -> str:
    """Return a network's name: ``U-Net + TDL, 5 frames`` for ``tdl-5``."""
    frames = re.fullmatch(r"tdl-(\d+)", key)
    return f"U-Net + TDL, {frames[1]} frames" if frames else NETWORKS.get(key, key)


def input_name(key: str, masks: str = "") -> str:
    """Return the name of an input, whose masks may stand behind it as in ``film+mask [true]``."""
    whole = f"{key} [{masks}]" if masks else key
    return INPUTS.get(whole, whole)


def experiment_name(key: str) -> str:
    """Return the name of an experiment: a network, or an input such as ``film+mask-true``."""
    head, dash, masks = key.rpartition("-")
    return input_name(head, masks) if dash and f"{head} [{masks}]" in INPUTS else input_name(network_name(key))


def variable_name(key: str) -> str:
    """Return what a row of Table 1 is called."""
    return BY_NAME[key].label if key in BY_NAME else VARIABLES.get(key, key)


def is_frames_of_tdl(key: str) -> bool:
    """Return whether a network belongs in Table S2."""
    return re.fullmatch(r"tdl(-\d+)?", key) is not None


def in_order(keys: Iterable[str], order: Iterable[str]) -> list[str]:
    """Return the keys without repetition, those of ``order`` first and as they stand there."""
    first = {key: place for place, key in enumerate(dict.fromkeys(order))}
    return sorted(dict.fromkeys(keys), key=lambda key: (first.get(key, len(first)), key))
