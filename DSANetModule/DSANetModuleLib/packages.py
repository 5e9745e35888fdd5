"""Python packages that Slicer does not bring: asked for once, on first use, by name, size and reason.

pip may add packages and replaces none: a constraints file holds every installed package, Slicer's own among them, at
its version. The one exception is pydicom, which Slicer 5.10 brings too old; the user is told. Nothing here reaches
for the network before the user has pressed OK.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import slicer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from slicer.i18n import tr as _

from DSANetLib.errors import DependencyError

_RESOURCES = Path(__file__).resolve().parent.parent / "Resources"

# A package that several distributions bring: any of them will do.
_IMPORTED_AS = {"opencv-python-headless": "cv2"}

# Slicer 5.10 brings pydicom 2.4; what it uses of it is in 3 as well. Nothing else that is installed is ever replaced.
_UPDATED = frozenset(("pydicom",))


@dataclass(frozen=True)
class PackageSet:
    """Packages that are asked for together.

    Parameters
    ----------
    file
        Requirements file in ``Resources``.
    size
        What a download and the room on the disk come to, for people.
    reason
        What they are needed for, as the end of a sentence.
    remedy
        Where they are asked for again.
    """

    file: str
    size: str
    reason: str
    remedy: str = "Install them in Segment > Advanced > Packages"

    @property
    def requirements(self) -> list[Requirement]:
        """The packages of the set."""
        lines = (_RESOURCES / self.file).read_text(encoding="utf-8").splitlines()
        return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


LIGHT = PackageSet(
    "requirements.txt", _("at most 140 MB to download"), _("to read runs, to segment tumours and to predict")
)
TRAINING = PackageSet(
    "requirements-training.txt",
    _("0.3 GB to download, 3 GB with an NVIDIA card"),
    _("to fine-tune a model, or to use a model package without an exported twin"),
    "Press Work list > Fine-tune to be asked again; everything else goes on without them",
)

# Sets that the user did not want in this session: not asked for again, but by a button.
_refused: set[str] = set()


def missing(packages: PackageSet = LIGHT) -> list[Requirement]:
    """Return the packages of a set that are not there, or too old."""
    return [requirement for requirement in packages.requirements if not _satisfied(requirement)]


def ensure(packages: PackageSet = LIGHT, *, again: bool = False, archive: str | Path | None = None) -> None:
    """See to it that the packages of a set are there; where some are missing, ask once and install them.

    Parameters
    ----------
    packages
        `LIGHT` or `TRAINING`.
    again
        True asks again after a refusal: for a button that the user presses to install.
    archive
        A file of `wheels.makeArchive`: packages come from there, and the network is not used.

    Raises
    ------
    DependencyError
        Where the user refused, pip failed, or this Slicer is too old. The panel goes on without.
    """
    wanted = missing(packages)
    if not wanted:
        return
    names = ", ".join(requirement.name for requirement in wanted)
    _refuseToReplace(wanted)
    if slicer.app.testingEnabled():  # a self-test never changes the user's Python
        raise DependencyError(f"{names} are not installed", "Leave the testing mode, and install them from the panel")
    if packages.file in _refused and not (again or archive):
        raise _declined(packages, names)
    if not archive and not _agreed(packages, wanted):
        _refused.add(packages.file)
        raise _declined(packages, names)
    _refused.discard(packages.file)
    _install(wanted, archive)
    importlib.invalidate_caches()
    if in_use := [r.name for r in wanted if r.name in _UPDATED and r.name in sys.modules]:
        raise DependencyError(f"{', '.join(in_use)} was updated while Slicer was using it", "Restart Slicer")
    if still := missing(packages):
        raise DependencyError(
            f"{', '.join(r.name for r in still)} are still missing after the installation",
            "Restart Slicer; if that does not help, see the page Installation of the documentation",
        )


def constraintLines(wanted: list[Requirement]) -> Iterator[str]:
    """Yield constraints under which pip may install `wanted` and replaces no package that is installed."""
    yield from (_RESOURCES / "constraints.txt").read_text(encoding="utf-8").splitlines()
    renewed = {canonicalize_name(requirement.name) for requirement in wanted}
    for name, version in sorted(_installed().items()):
        if name not in renewed:
            yield f"{name}=={version}"


def _installed() -> dict[str, str]:
    named = ((found.metadata["Name"], found.version) for found in importlib.metadata.distributions())
    return {canonicalize_name(name): version for name, version in named if name and version}


def _satisfied(requirement: Requirement) -> bool:
    imported = _IMPORTED_AS.get(requirement.name)
    if imported and importlib.util.find_spec(imported) is not None:
        return True
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _refuseToReplace(wanted: list[Requirement]) -> None:
    """Raise where a package is there but too old: it is Slicer's or another extension's, and stays."""
    installed = _installed()
    for requirement in wanted:
        version = installed.get(canonicalize_name(requirement.name))
        if version is not None and requirement.name not in _UPDATED:
            raise DependencyError(
                f"{requirement.name} {version} is installed, DSANet needs {requirement.specifier}",
                "Use Slicer 5.10 or newer, or update the extension that brought this version",
            )


def _agreed(packages: PackageSet, wanted: list[Requirement]) -> bool:
    installed = _installed()
    names = [
        _("{name} (replaces {version})").format(name=r.name, version=installed[r.name])
        if r.name in installed
        else r.name
        for r in wanted
    ]
    text = _(
        "DSANet needs {count} Python packages {reason}: {names}.\n\n"
        "They are downloaded from the Python Package Index ({size}) and added to Slicer's Python; "
        "what is there already is not changed. This is asked once.\n\nInstall them now?"
    ).format(count=len(wanted), reason=packages.reason, names=", ".join(names), size=packages.size)
    return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("DSANet: Python packages")))


def _declined(packages: PackageSet, names: str) -> DependencyError:
    return DependencyError(f"{names} are not installed", packages.remedy)


def _install(wanted: list[Requirement], archive: str | Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="dsanet-packages-") as folder:
        source: list[str] = []
        if archive:
            from .wheels import unpackArchive

            source = ["--no-index", "--find-links", str(unpackArchive(archive, Path(folder) / "wheels"))]
        elif any(requirement.name == "torch" for requirement in wanted) and _installTorch(wanted):
            wanted = [requirement for requirement in wanted if requirement.name != "torch"]
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(constraintLines(wanted)) + "\n", encoding="utf-8")
        arguments = [*source, "--constraint", str(constraints), *map(str, wanted)]
        try:
            _pipInstall(arguments)
        except (subprocess.CalledProcessError, RuntimeError, OSError) as error:
            raise DependencyError(
                f"{', '.join(r.name for r in wanted)} could not be installed ({type(error).__name__})",
                "Check the network and Slicer's Python console, or install from an archive of wheels",
            ) from error


def _pipInstall(arguments: list[str]) -> None:
    """Run pip with a progress window where Slicer has one (5.12 and later)."""
    if importlib.util.find_spec("slicer.packaging") is not None:
        from slicer.packaging import pip_install

        pip_install(arguments, requester="DSANet")
    else:
        slicer.util.pip_install(arguments)


def _installTorch(wanted: list[Requirement]) -> bool:
    """Let the extension PyTorch choose the build of torch for this computer; False where it is not installed."""
    if importlib.util.find_spec("PyTorchUtils") is None:
        return False
    from PyTorchUtils import PyTorchUtilsLogic

    requirement = next(str(r.specifier) for r in wanted if r.name == "torch")
    if PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=requirement) is None:
        raise DependencyError("the extension PyTorch did not install torch", "Install it in its own module")
    return True
