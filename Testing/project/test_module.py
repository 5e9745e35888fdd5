"""The Slicer module imports from a checkout, where only its own folder is on Slicer's path, and introduces itself.

The stand-in below has only what a module's first lines need; it shows nothing of Slicer's behaviour.
"""

from __future__ import annotations

import json
import subprocess
import sys

STAND_IN = """
import json, sys, types

slicer, i18n, base = (types.ModuleType(name) for name in ("slicer", "slicer.i18n", "slicer.ScriptedLoadableModule"))
i18n.tr = lambda text: text
i18n.translate = lambda context, text: text

class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent

base.ScriptedLoadableModule = ScriptedLoadableModule
base.ScriptedLoadableModuleWidget = type("ScriptedLoadableModuleWidget", (), {})
sys.modules.update({"slicer": slicer, "slicer.i18n": i18n, "slicer.ScriptedLoadableModule": base})
sys.path[:] = [path for path in sys.path if path not in ("", sys.argv[2])] + [sys.argv[1]]

import DSANetModule

parent = types.SimpleNamespace()
DSANetModule.DSANetModule(parent)
import DSANetLib
print(json.dumps({**vars(parent), "library": DSANetLib.__file__, "heavy": sorted({"torch", "cv2"} & set(sys.modules))}))
"""


def test_module_imports_from_a_checkout_and_introduces_itself(repository, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STAND_IN, str(repository / "DSANetModule"), str(repository)],
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
