#!/usr/bin/env python
"""Make an archive of all Python packages that DSANet needs, for a hospital whose Slicer has no network.

On any computer with a network and pip:
    python DSANetModule/DSANetModuleLib/wheels.py --platform windows dsanet-wheels-windows.zip
In Slicer without network: DSANet > Segment > Advanced > Packages > From archive. See docs/installation.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_RESOURCES = Path(__file__).resolve().parent.parent / "Resources"
_SUMS = "SHA256SUMS"

PLATFORMS = {
    "windows": ("win_amd64",),
    "linux": tuple(f"manylinux{name}_x86_64" for name in ("_2_28", "_2_27", "_2_24", "_2_17", "2014")),
    "macos-arm": ("macosx_14_0_arm64", "macosx_14_0_universal2"),
    "macos-intel": ("macosx_14_0_x86_64", "macosx_14_0_universal2"),
}

# pip asks the computer it runs on, not the one it downloads for, whether a package is for Windows alone.
_WINDOWS_ALONE = ("colorama",)

# Slicer's own packages are never replaced, so they need not be carried.
_SLICER_BRINGS = frozenset(("numpy", "scipy", "packaging", "pillow", "pyparsing", "six", "requests"))


def makeArchive(out: Path, platform: str, python: str = "3.12", training: bool = False) -> Path:
    """Download wheels and pack them, whole or not at all.

    Parameters
    ----------
    out
        New file, ``.zip``.
    platform
        A key of `PLATFORMS`: the computer on which Slicer runs.
    python
        Slicer's Python: 3.12 for Slicer 5.10 and later.
    training
        Whether the packages for fine-tuning are packed as well (several GB).

    Raises
    ------
    FileExistsError, subprocess.CalledProcessError
        Where the file is there already, or a package cannot be had for this platform.
    """
    if out.exists():
        raise FileExistsError(f"{out}: is there already. Name a new file")
    with tempfile.TemporaryDirectory(prefix="dsanet-wheels-") as folder:
        part = out.with_name(f".{out.name}.part-{os.getpid()}")
        try:
            _download(Path(folder), platform, python, training)
            _pack(Path(folder), part)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    return out


def unpackArchive(archive: str | Path, folder: Path) -> Path:
    """Unpack an archive into a new folder, every file checked against its SHA-256.

    Raises
    ------
    DependencyError
        Where the file is no archive of `makeArchive`, or is damaged.
    """
    from DSANetLib.errors import DependencyError

    again = "Copy it again, or make it anew with wheels.py"
    try:
        with zipfile.ZipFile(archive) as packed:
            sums = dict(line.split("  ")[::-1] for line in packed.read(_SUMS).decode().splitlines())
            folder.mkdir(parents=True)
            for name, checksum in sums.items():
                content = packed.read(name)
                if hashlib.sha256(content).hexdigest() != checksum or Path(name).name != name:
                    raise DependencyError(f"{name} in the archive is damaged (checksum)", again, archive)
                (folder / name).write_bytes(content)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DependencyError("is no archive of DSANet's packages, or is damaged", again, archive) from error
    return folder


def _download(folder: Path, platform: str, python: str, training: bool) -> None:
    files = ["requirements.txt", *(["requirements-training.txt"] if training else [])]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp"]
    command += [part for name in PLATFORMS[platform] for part in ("--platform", name)]
    command += [part for name in files for part in ("--requirement", str(_RESOURCES / name))]
    subprocess.run([*command, *(_WINDOWS_ALONE if platform == "windows" else ())], check=True)
    for wheel in folder.iterdir():
        if wheel.name.split("-")[0].lower().replace("_", "-") in _SLICER_BRINGS:
            wheel.unlink()


def _pack(folder: Path, out: Path) -> None:
    wheels = sorted(folder.glob("*.whl"))
    sums = "".join(f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n" for wheel in wheels)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(_SUMS, sums)
        for wheel in wheels:
            packed.write(wheel, wheel.name)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new .zip file")
    parser.add_argument("--platform", choices=PLATFORMS, required=True, help="where Slicer runs")
    parser.add_argument("--python", default="3.12", help="Slicer's Python (default 3.12, Slicer 5.10 and later)")
    parser.add_argument("--training", action="store_true", help="with torch and MONAI, for fine-tuning")
    asked = parser.parse_args()
    try:
        made = makeArchive(asked.out, asked.platform, asked.python, asked.training)
    except (FileExistsError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{made}: {made.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
