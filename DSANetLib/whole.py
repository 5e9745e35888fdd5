"""Folders and files that are written whole or not at all, so that a stop at any moment leaves no half result."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<kind>part|old)-(?P<pid>\d+)")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder` that takes its name on success, and vanishes on any failure."""
    temporary = folder.with_name(f".{folder.name}.part-{os.getpid()}")
    replaced = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        if folder.exists():
            folder.replace(replaced)
        temporary.replace(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    except OutputError as error:
        # The file is named where the user expects it: the temporary folder is gone by the time this is read.
        source = Path(error.source or "").absolute()
        if temporary.absolute() not in source.parents:
            raise
        raise OutputError(error.problem, error.remedy, folder / source.relative_to(temporary.absolute())) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if replaced.exists():
            # Where the new folder did not arrive, the old one goes back to its place.
            if not folder.exists():
                with suppress(OSError):
                    replaced.replace(folder)
            else:
                shutil.rmtree(replaced, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise `OutputError` where nothing can be written to a folder, or where it cannot be made; leaves nothing."""
    present = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".dsanet-", dir=present)).rmdir()  # asked of the disk: root passes any mode
    except OSError as error:
        raise _unwritable(folder, error) from error


def remove_leftovers(folder: Path) -> None:
    """Take away what a program that was killed left half-written in a folder, and give back what it had put aside."""
    for path in folder.glob(".*-*") if folder.is_dir() else ():
        found = _LEFTOVER.fullmatch(path.name)
        if found is None or runs(int(found["pid"])):
            continue
        name, kind = found["name"], found["kind"]
        if kind == "old" and not (folder / name).exists():
            path.replace(folder / name)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def runs(pid: int) -> bool:
    """Return whether a process of this number runs; in doubt it does."""
    if pid == os.getpid():
        return False  # this one has nothing under way when it asks
    if sys.platform == "win32":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE; os.kill would end it
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _unwritable(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or error
    return OutputError(f"cannot be written ({reason})", "Make room, or choose a folder you may write to", path)
