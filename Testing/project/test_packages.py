"""Packages are asked for once and added; what Slicer brings is never replaced. Real pip and environments, tiny wheels.

`slicer` is a stand-in of four names here (dialog, application, translation, pip); it shows no window.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "DSANetModule" / "Resources"

# What a Slicer holds; in versions that no index has, so that a replacement would show.
SLICERS = {"numpy": "2.4.6", "scipy": "1.17.1", "SimpleITK": "2.5.5", "requests": "2.34.2", "pydicom": "3.0.2"}
WHEELS = [
    ("av", "18.1.0", []),
    ("matplotlib", "3.11.2", ["numpy>=1.25", "pillow>=9"]),
    ("pillow", "12.2.0", []),
    ("opencv-python-headless", "5.0.0", ["numpy>=2"]),
    ("python-gdcm", "3.2.6", []),
    ("tqdm", "4.70.1", []),
    ("tqdm", "4.1", []),
    ("pydicom", "2.4.4", []),
    # The newest wants a newer numpy than Slicer's: pip has to take the one before.
    ("onnxruntime", "1.30.0", ["numpy>=2.5"]),
    ("onnxruntime", "1.25.0", ["numpy>=1.21"]),
    ("pydicom", "3.0.5", []),
    *((name, "99.0", []) for name in (*SLICERS, "vtk")),
]

SLICER = """
import importlib.util, os, subprocess, sys
from types import ModuleType, SimpleNamespace

asked, installed = [], []
app = SimpleNamespace(testingEnabled=lambda: bool(os.environ.get("TESTING")))

def _ask(text, windowTitle=None):
    asked.append(text)
    return os.environ.get("ANSWER") != "no"

def _pip(arguments):
    installed.append(arguments)
    command = [os.environ["PIP_PYTHON"], "-m", "pip", "--python", sys.executable, "install", "--quiet", *arguments]
    subprocess.run(command, check=True, capture_output=True)

util = SimpleNamespace(confirmOkCancelDisplay=_ask, pip_install=_pip)
i18n = sys.modules["slicer.i18n"] = ModuleType("slicer.i18n")
i18n.tr = lambda text: text
"""

SCRIPT = """
import importlib.metadata, json, sys
import slicer
from DSANetModuleLib import packages
from DSANetLib.errors import DependencyError

said = []
for options in json.loads(sys.argv[1]):
    try:
        packages.ensure(packages.LIGHT, **options)
    except DependencyError as error:
        said.append(str(error))
print(json.dumps({
    "said": said, "asked": slicer.asked, "pip": len(slicer.installed),
    "missing": [r.name for r in packages.missing()],
    "after": {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()},
}))
"""


def make_wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    stem, module = f"{name.replace('-', '_')}-{version}", name.replace("-", "_").lower()
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    files = {
        f"{module}.py": "",
        f"{stem}.dist-info/METADATA": "\n".join(metadata) + "\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(f"{p},,\n" for p in [*files, f"{stem}.dist-info/RECORD"]))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in WHEELS:
        make_wheel(folder, *wheel)
    return folder


@pytest.fixture(scope="module")
def slicers_python(wheels, tmp_path_factory) -> Path:
    """An environment with what Slicer brings, and no pip of its own."""
    folder = tmp_path_factory.mktemp("python")
    brought = folder / "brought"
    brought.mkdir()
    for name, version in SLICERS.items():
        make_wheel(brought, name, version, [])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", *brought.iterdir()]
    subprocess.run(command, check=True)
    support = folder / "support"
    (support / "slicer").mkdir(parents=True)
    (support / "slicer" / "__init__.py").write_text(SLICER, encoding="utf-8")
    # The test's own packaging, without the metadata that would make it an installed package.
    import packaging

    shutil.copytree(Path(packaging.__file__).parent, support / "packaging")
    return folder


@pytest.fixture
def ensure(slicers_python, wheels, tmp_path):
    """Call `packages.ensure` with each of some options in a copy of Slicer's environment; return what happened."""
    env = tmp_path / "env"
    shutil.copytree(slicers_python / "env", env, symlinks=True)

    def call(
        *options: dict, path: Path | None = None, wheels: Path = wheels, first: str = "", **variables: str
    ) -> dict:
        if first:
            command = [sys.executable, "-m", "pip", "--python", env, "install", "--quiet", "--no-index", "--find-links"]
            subprocess.run([*command, wheels, first], check=True)
        folders = [slicers_python / "support", ROOT / "DSANetModule", ROOT, *([path] if path else [])]
        done = subprocess.run(
            [env / "bin" / "python", "-c", SCRIPT, json.dumps(options)],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("PIP_")},
                "PYTHONPATH": os.pathsep.join(map(str, folders)),
                "PIP_PYTHON": sys.executable,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(wheels),
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def _kept(after: dict) -> dict:
    return {name: after.get(name) for name in SLICERS}


def test_packages_are_added_and_none_of_slicers_is_replaced(ensure):
    seen = ensure({})
    assert seen["said"] == []
    assert seen["missing"] == []
    assert _kept(seen["after"]) == SLICERS
    assert seen["after"]["onnxruntime"] == "1.25.0"
    assert "vtk" not in seen["after"]


def test_user_is_asked_once_with_names_size_and_reason(ensure):
    (text,) = ensure({}, {})["asked"]
    for part in ("onnxruntime", "av", "python-gdcm", "MB", "to segment tumours"):
        assert part in text
    assert "numpy" not in text


def test_refusal_changes_nothing_is_not_asked_again_and_a_button_may(ensure):
    seen = ensure({}, {}, {"again": True}, ANSWER="no")
    assert len(seen["asked"]) == 2
    assert seen["pip"] == 0
    assert seen["after"] == SLICERS
    assert len(seen["said"]) == 3
    assert all("Segment > Advanced > Packages" in text for text in seen["said"])


def test_package_that_would_replace_one_of_slicers_is_refused_and_nothing_changes(ensure, wheels, tmp_path):
    others = tmp_path / "others"
    shutil.copytree(wheels, others)
    next(others.glob("matplotlib-*")).unlink()
    make_wheel(others, "matplotlib", "3.12", ["SimpleITK>=9"])
    seen = ensure({}, wheels=others)
    assert "could not be installed" in seen["said"][0]
    assert seen["after"] == SLICERS


def test_wheel_that_asks_for_vtk_is_refused(ensure, wheels, tmp_path):
    others = tmp_path / "others"
    shutil.copytree(wheels, others)
    for wheel in others.glob("tqdm-*"):
        wheel.unlink()
    make_wheel(others, "tqdm", "5.0", ["vtk"])
    assert ensure({}, wheels=others)["after"] == SLICERS


def test_too_old_pydicom_of_slicer_510_is_updated_and_said_so(ensure, wheels, tmp_path):
    seen = ensure({}, first="pydicom==2.4.4", wheels=wheels)
    assert "pydicom (replaces 2.4.4)" in seen["asked"][0]
    assert seen["said"] == []
    assert _kept(seen["after"]) == SLICERS | {"pydicom": "3.0.5"}


def test_package_of_another_extension_that_is_too_old_is_left_alone_and_named(ensure):
    seen = ensure({}, first="tqdm==4.1")
    assert "tqdm 4.1 is installed, DSANet needs >=4.66" in seen["said"][0]
    assert (seen["asked"], seen["pip"]) == ([], 0)
    assert seen["after"] == SLICERS | {"tqdm": "4.1"}


def test_opencv_is_installed_only_where_no_cv2_is_there(ensure, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cv2.py").write_text("", encoding="utf-8")
    seen = ensure({}, path=tmp_path / "own")
    assert seen["missing"] == []
    assert "opencv-python-headless" not in seen["after"]
    assert "opencv" not in seen["asked"][0]


def test_self_test_never_installs(ensure):
    seen = ensure({}, TESTING="1")
    assert (seen["pip"], seen["asked"]) == (0, [])
    assert "are not installed" in seen["said"][0]


def test_archive_needs_no_network_and_no_question(ensure, wheels, tmp_path):
    archive = _pack(wheels, tmp_path / "wheels é.zip")
    seen = ensure({"archive": str(archive)}, PIP_FIND_LINKS="")
    assert seen["said"] == []
    assert seen["asked"] == []
    assert seen["missing"] == []
    assert _kept(seen["after"]) == SLICERS


def test_damaged_archive_is_refused(ensure, wheels, tmp_path):
    archive = _pack(wheels, tmp_path / "wheels.zip")
    content = bytearray(archive.read_bytes())
    place = content.index(b"Name: tqdm")
    content[place + 6 : place + 10] = b"TQDM"
    archive.write_bytes(content)
    (tmp_path / "text.zip").write_text("no archive", encoding="utf-8")
    seen = ensure({"archive": str(archive)}, {"archive": str(tmp_path / "text.zip")}, {"archive": "nowhere.zip"})
    assert all("archive" in text and "wheels.py" in text for text in seen["said"])
    assert len(seen["said"]) == 3
    assert seen["after"] == SLICERS


def _pack(wheels: Path, archive: Path) -> Path:
    sys.path.insert(0, str(ROOT / "DSANetModule" / "DSANetModuleLib"))
    try:
        import wheels as maker
    finally:
        sys.path.pop(0)
    maker._pack(wheels, archive)
    return archive


def test_archive_is_never_overwritten(tmp_path):
    there = tmp_path / "there.zip"
    there.write_bytes(b"mine")
    script = ROOT / "DSANetModule" / "DSANetModuleLib" / "wheels.py"
    done = subprocess.run(
        [sys.executable, script, "--platform", "windows", there], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert there.read_bytes() == b"mine"


def _lines(name: str) -> dict[str, Requirement]:
    lines = (RESOURCES / name).read_text(encoding="utf-8").splitlines()
    return {r.name: r for r in (Requirement(line) for line in lines if line and not line.startswith("#"))}


def test_requirements_are_those_of_the_library():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    light = {r.name: r for r in map(Requirement, project["dependencies"]) if "==" not in str(r.marker)}
    assert {n: r.specifier for n, r in _lines("requirements.txt").items()} == {n: r.specifier for n, r in light.items()}
    train = {r.name: r.specifier for r in map(Requirement, project["optional-dependencies"]["train"])}
    ours = {name: r.specifier for name, r in _lines("requirements-training.txt").items()}
    assert set(ours) == set(train)
    assert ours["torch"].contains(next(iter(train["torch"])).version)
    assert {n: s for n, s in ours.items() if n != "torch"} == {n: s for n, s in train.items() if n != "torch"}
