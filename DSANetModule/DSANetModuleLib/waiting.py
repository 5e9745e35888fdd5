"""How long the user waited for the masks: from the click on Apply until they were shown, by model.

Kept in Slicer's settings and not in a scene: it is a fact of this machine.
"""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

SETTING = "DSANet/SecondsOfApply"


def secondsOf(model: str) -> float | None:
    """Return the seconds that the last *Apply* with a model took; None before the first."""
    try:
        return float(qt.QSettings().value(f"{SETTING}/{model}"))
    except (TypeError, ValueError):
        return None


def keepSeconds(model: str, seconds: float) -> None:
    """Keep how long *Apply* with a model took."""
    qt.QSettings().setValue(f"{SETTING}/{model}", round(float(seconds), 2))


def timeText(model: str) -> str:
    """Return how long a model took on this machine."""
    seconds = secondsOf(model)
    if seconds is None:
        return _("Not timed on this machine yet.")
    return _("Took {seconds:.1f} s on this machine the last time, from the click to the masks.").format(seconds=seconds)
