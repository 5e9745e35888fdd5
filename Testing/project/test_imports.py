"""Importing the library is cheap: it loads numpy and nothing heavier."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "monai", "cv2", "vtk", "vtkmodules", "slicer", "onnxruntime", "scipy", "pydicom", "av", "matplotlib"}
# Those two folders, and nothing else, stand on torch.
TORCH_FOLDERS = {"networks", "training"}
TORCH_FREE_FILES = {"networks/__init__.py", "networks/config.py", "training/__init__.py"}


def _loaded_by(statement: str, repository: Path) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, check=True, capture_output=True, text=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import DSANetLib", "from DSANetLib import DSARun, process"])
def test_import_loads_nothing_heavy(statement, repository):
    loaded = _loaded_by(statement, repository)
    assert "DSANetLib" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("package", ["cli", "readers", "preparation", "models", "pipeline", "clinical", "phantom"])
def test_light_parts_load_no_torch(package, repository):
    assert not _loaded_by(f"import DSANetLib.{package}", repository) & HEAVY


def _library_files() -> list[str]:
    root = Path(__file__).resolve().parents[2] / "DSANetLib"
    # What lies in nnunet_trainer is loaded by nnU-Net, never by the library.
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py") if "nnunet" not in path.parent.name)


@pytest.mark.parametrize("name", _library_files())
def test_only_numpy_is_imported_at_module_level(name, repository):
    allowed = {"numpy"} | set(sys.stdlib_module_names)
    if name.partition("/")[0] in TORCH_FOLDERS and name not in TORCH_FREE_FILES:
        allowed |= {"torch", "monai", "lightning_fabric"}
    tree = ast.parse((repository / "DSANetLib" / name).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            found = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = {(node.module or "").partition(".")[0]}
        else:
            continue
        assert found <= allowed, f"{name}, line {node.lineno}: {', '.join(sorted(found - allowed))}"
