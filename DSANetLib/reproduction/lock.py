"""One process at a time on a study, by a lock of the operating system, which dies with the process that holds it.

A number in a file says nothing: its process may have been killed and not reaped yet, or the number be another's by now.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import OutputError

log = logging.getLogger(__name__)

LOCK = ".running"
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_BEYOND = 1 << 30
"""Byte that Windows locks: far behind the text, which others may read then."""


@contextmanager
def only_one(study: Path) -> Iterator[None]:
    """Keep every other process out of a study's folder while the body runs.

    The file stays when it ends: were it removed, two could each hold a lock on a file of this name.

    Raises
    ------
    OutputError
        Where another process is at work there, which the message names, or the folder cannot be written.
    """
    path = study / LOCK
    try:
        study.mkdir(parents=True, exist_ok=True)
        # Not inherited: no step that we start holds the lock after we are gone.
        file = path.open("r+" if path.exists() else "w+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", "Choose another folder", path) from error
    with file:
        if not take(file):
            holder = file.read().strip()
            who = f"process {holder}" if holder else "another process"
            raise OutputError(f"{who} is at work on this study", "Wait for it, or end it", study)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def take(file: IO[str]) -> bool:
    """Lock an open file until it is closed; return False where another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_BEYOND)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        log.warning("the disk knows no locks (%s): do not start the same study twice at once", error.strerror)
    return True
