"""The pins satisfy pyproject.toml on every supported Python and platform, and are what is installed."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


@pytest.fixture(scope="module")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins(repository: Path) -> list[Requirement]:
    text = (repository / "requirements" / "constraints.txt").read_text(encoding="utf-8")
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


def _environment(python: str, platform: str) -> dict[str, str]:
    return default_environment() | {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": platform,
        "platform_system": PLATFORMS[platform],
        "platform_machine": "x86_64",
        "extra": "",
    }


def _pinned(pins: list[Requirement], environment: dict[str, str]) -> dict[str, Version]:
    """Return the one version of each package in an environment; two for one package are an error."""
    versions: dict[str, Version] = {}
    for pin in pins:
        if pin.marker and not pin.marker.evaluate(environment):
            continue
        name = canonicalize_name(pin.name)
        assert name not in versions, f"{name} is pinned twice for {environment['python_version']}"
        versions[name] = Version(next(iter(pin.specifier)).version)
    return versions


def _asked(project: dict) -> list[Requirement]:
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in project["dependencies"] + extras]


def test_every_pin_is_one_exact_version(pins):
    assert len(pins) > 50
    for pin in pins:
        operators = [part.operator for part in pin.specifier]
        assert operators == ["=="], f"{pin} is not pinned"
        assert "*" not in str(pin.specifier)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_pins_satisfy_what_the_project_asks_for(project, pins, python, platform):
    environment = _environment(python, platform)
    pinned = _pinned(pins, environment)
    for wish in _asked(project):
        if wish.marker and not wish.marker.evaluate(environment):
            continue
        name = canonicalize_name(wish.name)
        assert name in pinned, f"{wish} has no pin on Python {python}: run make lock"
        assert wish.specifier.contains(pinned[name], prereleases=True), f"{wish}, but {pinned[name]} is pinned"


def test_what_is_installed_is_what_is_pinned(project, pins):
    """Walk through the installed packages from our own requirements: each is pinned, and in its pinned version."""
    environment = {**default_environment(), "extra": ""}
    pinned = _pinned(pins, environment)
    todo = [(canonicalize_name(wish.name), frozenset(wish.extras)) for wish in _asked(project)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, extras = step = todo.pop()
        if step in seen:
            continue
        seen.add(step)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # a CPU build of torch needs no CUDA packages; an extra may not be installed
        # The public part alone: a CPU build calls itself 2.13.0+cpu.
        assert name in pinned, f"{name} is installed but has no pin: run make lock"
        assert Version(Version(found.version).public) == pinned[name], f"{name} {found.version} is installed"
        for line in found.requires or []:
            need = Requirement(line)
            wanted = [environment | {"extra": extra} for extra in (*extras, "")]
            if need.marker is None or any(need.marker.evaluate(each) for each in wanted):
                todo.append((canonicalize_name(need.name), frozenset(need.extras)))
    assert len(seen) > 20


def test_light_set_asks_for_no_torch(project):
    light = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    assert not light & {"torch", "monai", "onnx", "onnxscript", "torchvision", "vtk", "slicer-core"}


def test_no_committed_requirement_names_a_host(repository):
    for path in [*(repository / "requirements").iterdir(), repository / "pyproject.toml", repository / "Makefile"]:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "://" not in text, f"{path.name} names a host"
            assert "--index-url" not in text
            assert "--find-links" not in text
