"""Folders that cannot be written to, read-only or on a full disk; a test skips where neither can be made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest


@contextmanager
def read_only(folder):
    """Make a folder with all in it read-only. Root ignores modes: for root it is mounted read-only on itself."""
    if sys.platform == "win32":
        pytest.skip("Windows has no folders without the right to write that a test could make")
    if os.geteuid() == 0:
        with _mounted(folder):
            yield
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@contextmanager
def _mounted(folder):
    mount, place = shutil.which("mount"), str(folder)
    if mount is None or subprocess.run([mount, "--bind", place, place], capture_output=True, check=False).returncode:
        pytest.skip("root writes to read-only folders, and may not mount one here")
    try:
        subprocess.run([mount, "-o", "remount,bind,ro", place], capture_output=True, check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def full_disk(room=300):
    """Let no file grow beyond `room` bytes, here and in processes started meanwhile: as a full disk does."""
    resource = pytest.importorskip("resource", reason="file size limits are POSIX's")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
