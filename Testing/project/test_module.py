"""The Slicer module imports from a checkout, where only its own folder is on Slicer's path, and introduces itself.

Slicer's base classes are those of Testing/widget/application.py, which show nothing of how Slicer finds modules.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys, types

module, checkout, standins = sys.argv[1:]
sys.path[:] = [path for path in sys.path if path not in ("", checkout)]
sys.path.append(checkout)
sys.path.append(standins)
import application
application.install()
sys.path.remove(checkout)
sys.path.append(module)

import DSANetModule

parent = types.SimpleNamespace()
DSANetModule.DSANetModule(parent)
import DSANetLib
print(json.dumps({
    **vars(parent),
    "library": DSANetLib.__file__,
    "heavy": sorted({"torch", "cv2", "onnxruntime", "pydicom", "matplotlib", "scipy"} & set(sys.modules)),
    "reader": hasattr(DSANetModule, "DSANetModuleFileReader"),
}))
"""


def test_module_imports_from_a_checkout_and_introduces_itself(repository, tmp_path):
    pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')
    pytest.importorskip("PySide6", reason='PySide6 is not installed (pip install "dsanet[dev]")')
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *(str(repository / part) for part in ("DSANetModule", "", "Testing/widget"))],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    shown = json.loads(done.stdout)
    assert shown["title"] == "DSANet"
    assert shown["categories"] == ["Segmentation"]
    assert "Research use only" in shown["helpText"]
    assert "synthetic phantom" in shown["helpText"]
    assert "10.1186/s40644-022-00457-3" in shown["acknowledgementText"]
    assert shown["library"].startswith(str(repository))
    assert shown["heavy"] == []
    assert shown["reader"]
