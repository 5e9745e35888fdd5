"""Files written whole or not at all, and checked: Slicer's writers report success on a disk that ran full."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import OutputError, SceneError

_CHUNK = 1 << 18
_MAX_HEADER = 1 << 22


@contextmanager
def whole_file(path: str | Path, suffixes: tuple[str, ...], overwrite: bool) -> Iterator[Path]:
    """Yield a path of the same name in a temporary folder beside the target; on success move what is there.

    Slicer names what is inside a bundle after the file, so it has to be written under its own name.

    Raises
    ------
    SceneError
        Where the file exists already, or ends in none of ``suffixes``.
    OutputError
        Where it cannot be written.
    """
    path = Path(path).absolute()
    if not path.name.endswith(suffixes):
        raise SceneError(f"does not end with {' or '.join(suffixes)}", "Change the name", path)
    if path.exists() and not overwrite:
        raise SceneError("exists already", "Choose another name, or allow overwriting", path)
    try:
        folder = Path(tempfile.mkdtemp(prefix=".dsanet-", dir=path.parent))
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", "Choose a folder you may write to", path) from error
    try:
        yield folder / path.name
        for written in sorted(folder.iterdir()):
            written.replace(path.parent / written.name)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", "Make room, or choose another folder", path
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def existing_file(path: str | Path) -> Path:
    """Return the absolute path of a file; raise `SceneError` where there is none."""
    path = Path(path).absolute()
    if not path.is_file():
        raise SceneError("is not there", "Check the path", path)
    return path


def complete(path: Path) -> bool:
    """Return whether a file was written to its end; bundles are opened, other formats only have to be there."""
    try:
        if path.suffix == ".mrb":
            return _complete_bundle(path)
        with path.open("rb") as file:
            return _complete_nrrd(file) if path.suffix == ".nrrd" else bool(file.read(1))
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def truncated(bundle: zipfile.ZipFile) -> bool:
    """Return whether Python took a bundle inside a cut file for the whole: that one does not begin at 0."""
    return min((member.header_offset for member in bundle.infolist()), default=1) > 0


def _complete_bundle(source: Path | IO[bytes]) -> bool:
    with zipfile.ZipFile(source) as bundle:
        return not truncated(bundle) and all(_complete_member(bundle, name) for name in bundle.namelist())


def _complete_member(bundle: zipfile.ZipFile, name: str) -> bool:
    with bundle.open(name) as file:
        if name.endswith(".mrb"):
            return _complete_bundle(io.BytesIO(file.read()))
        if name.endswith(".nrrd"):
            return _complete_nrrd(file)
        while file.read(_CHUNK):  # to the end, where the check sum is compared
            pass
        return True


def _complete_nrrd(file: IO[bytes]) -> bool:
    """Return whether the gzip stream behind an NRRD header reaches its end."""
    head = b""
    while b"\n\n" not in head and len(head) < _MAX_HEADER:
        more = file.read(_CHUNK)
        if not more:
            return False
        head += more
    header, _, data = head.partition(b"\n\n")
    if b"\nencoding: gzip" not in header:
        return False
    stream = zlib.decompressobj(wbits=31)
    while data:
        stream.decompress(data)
        data = file.read(_CHUNK)
    return stream.eof
