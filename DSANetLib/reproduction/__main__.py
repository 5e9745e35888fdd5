"""One step of a study, in a process of its own: ``python -m DSANetLib.reproduction STUDY STEP``."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from ..errors import DSANetError
from .steps import end_with_parent
from .study_folder import open_study

log = logging.getLogger("DSANetLib.reproduction")


def main(study: str, name: str) -> int:
    """Do one step; its folder is there already."""
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    from .actions import ACTIONS

    began = time.monotonic()
    try:
        context = open_study(Path(study), log.info)
        step = context.desk.steps[name]
        facts = ACTIONS[step.action](context, step, context.desk.folder(name))
    except DSANetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    context.desk.end(name, facts, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
