"""The module's functions where scripts of other modules look for them: ``slicer.modules.dsanetmodule.logic()``."""

from __future__ import annotations

from functools import partial
from typing import Any

import slicer

FUNCTIONS = ("loadRun", "adoptRun", "segment", "predict", "process", "processBatch", "exportCase", "fineTune")


def lendFunctions() -> None:
    """Hang `FUNCTIONS` on the module's logic of C++, which for a scripted module has none of its own.

    In Python VTK's objects take attributes and keep them as long as they live. Each call goes to the panel's logic,
    so that there is one worker process and one memory of what was computed. Where there is no such logic, nothing is
    lent: `slicer.util.getModuleLogic` has the functions all the same.
    """
    core = slicer.modules.dsanetmodule.logic()
    if core is None:
        return
    for name in FUNCTIONS:
        setattr(core, name, partial(_call, name))


def _call(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(slicer.util.getModuleLogic("DSANetModule"), name)(*arguments, **options)
