"""The module's self-test, as Slicer runs it, on the headless core: real sample run, real models, real files."""

from __future__ import annotations


def test_self_test_of_the_module_passes(scene, application):
    import DSANetModule

    DSANetModule.DSANetModuleTest().runTest()
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 0
