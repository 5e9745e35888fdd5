"""Real CMake configures, builds and installs the extension against the thinnest stand-in for Slicer's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path("lib") / "Slicer-5.10" / "qt-scripted-modules"
# What lies in the folders of the module and the library and is not part of an installation.
LEFT_OUT = {"CMakeLists.txt"}


def _tool(name: str) -> str:
    """Return a build tool that pip has put beside Python, not one of the system's."""
    found = Path(sys.executable).with_name(name + (".exe" if os.name == "nt" else ""))
    assert found.is_file(), f'{name} is not installed (pip install "dsanet[dev]")'
    return str(found)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """A build tree in a folder whose name would trip a script that does not quote."""
    folder = tmp_path_factory.mktemp("CMake é 中")
    _run(
        *(_tool("cmake"), "-S", ROOT, "-B", folder / "build", "-G", "Ninja"),
        *(f"-DCMAKE_MAKE_PROGRAM={_tool('ninja')}", f"-DSlicer_DIR={ROOT / 'Testing' / 'support' / 'slicer_package'}"),
        *(f"-DPYTHON_EXECUTABLE={sys.executable}", f"-DSlicer_LAUNCHER_EXECUTABLE={sys.executable}"),
        # Nothing is compiled: no compiler needs to be there.
        *(f"-DCMAKE_{lang}_COMPILER{end}" for lang in ("C", "CXX") for end in (f"={sys.executable}", "_FORCED=1")),
        *("-DBUILD_TESTING=ON", "-Wno-dev"),
    )
    _run(_tool("cmake"), "--build", folder / "build")
    return folder / "build"


@pytest.fixture(scope="module")
def installed(build) -> Path:
    """The folder of scripted modules of an installation."""
    prefix = build.parent / "installed"
    _run(_tool("cmake"), "--install", build, "--prefix", prefix)
    return prefix / MODULES


def _expected() -> list[str]:
    module = [p for p in (ROOT / "DSANetModule").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    files = [path.relative_to(ROOT / "DSANetModule") for path in module if path.name not in LEFT_OUT]
    files += [path.relative_to(ROOT) for path in (ROOT / "DSANetLib").rglob("*.py")]
    packages = (ROOT / "Resources").glob("Models/[!.]*/*")
    files += [path.relative_to(ROOT) for path in [*packages, *(ROOT / "Resources").glob("Terminologies/*")]]
    return sorted(path.as_posix() for path in files)


def _held(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".pyc",)
    )


def test_every_file_of_module_library_and_models_is_installed_and_no_other(installed):
    assert _held(installed) == _expected()


def test_build_tree_holds_the_same_for_the_tests_that_run_there(build):
    assert _held(build / MODULES) == _expected()


def test_installed_files_are_those_of_the_checkout_byte_by_byte(installed):
    assert (installed / "DSANetModule.py").read_bytes() == (ROOT / "DSANetModule" / "DSANetModule.py").read_bytes()
    for name in _expected():
        if name.startswith("Resources/Models/"):
            assert (installed / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_description_that_cmake_writes_is_that_of_the_catalogue(installed):
    written = (installed.parents[2] / "share" / "Slicer-5.10" / "DSANet.s4ext").read_text(encoding="utf-8")
    classic = (ROOT / "DSANet.s4ext").read_text(encoding="utf-8").splitlines()
    for line in written.splitlines():
        assert line in classic


def test_self_test_is_registered_with_ctest(build):
    assert "py_DSANetModule" in _run(_tool("ctest"), "--test-dir", build, "--show-only")


def test_installed_library_imports_and_finds_its_models(installed, tmp_path):
    code = "from DSANetLib import __file__ as f, models as m; print(f, *(p.name for p in m.list_packages()), sep='|')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    where, *models = done.stdout.strip().split("|")
    assert Path(where).is_relative_to(installed)
    assert set(models) == {path.parent.name for path in (ROOT / "Resources" / "Models").glob("*/card.json")}


SELF_TEST = """
import sys
sys.path[:0] = sys.argv[1:3]
from application import install
install()
import DSANetLib
import DSANetModule
DSANetModule.DSANetModuleTest().runTest()
print("passed", DSANetModule.__file__, DSANetLib.__file__, sep="|")
"""


def test_installed_module_passes_its_self_test(installed, tmp_path):
    """With the shipped models, on Slicer's core in the application's clothes (Testing/widget)."""
    pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')
    pytest.importorskip("PySide6", reason='PySide6 is not installed (pip install "dsanet[dev]")')
    done = subprocess.run(
        [sys.executable, "-c", SELF_TEST, str(installed), str(ROOT / "Testing" / "widget")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONUTF8": "1", "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    passed, module, library = done.stdout.strip().splitlines()[-1].split("|")
    assert passed == "passed"
    assert Path(module).is_relative_to(installed)
    assert Path(library).is_relative_to(installed)
