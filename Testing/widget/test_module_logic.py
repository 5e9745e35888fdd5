"""``slicer.modules.dsanetmodule.logic()`` has the module's functions.

A real object of C++ stands for the module's logic, held by C++ alone as in Slicer; that Slicer makes one for each
scripted module is read from its sources and not shown here.
"""

from __future__ import annotations

import gc
import types

import pytest


def test_the_logic_of_cpp_answers_with_the_functions_of_the_panel(application, monkeypatch):
    import vtk
    from DSANetModuleLib.console import FUNCTIONS, lendFunctions
    from DSANetModuleLib.logic import DSANetModuleLogic

    held = vtk.vtkCollection()
    held.AddItem(vtk.vtkObject())
    module = types.SimpleNamespace(logic=lambda: held.GetItemAsObject(0))
    monkeypatch.setattr(application, "modules", types.SimpleNamespace(dsanetmodule=module), raising=False)
    logic = DSANetModuleLogic()
    monkeypatch.setattr(application.util, "getModuleLogic", lambda name: {"DSANetModule": logic}[name], raising=False)
    lendFunctions()
    gc.collect()
    core = module.logic()
    assert all(callable(getattr(core, name)) and callable(getattr(logic, name)) for name in FUNCTIONS)
    with pytest.raises(Exception, match=r"nothing\.avi") as error:
        core.loadRun("nothing.avi")
    assert type(error.value).__module__ == "DSANetLib.errors"
    logic.close()


def test_a_slicer_without_that_logic_starts_all_the_same(application, monkeypatch):
    from DSANetModuleLib.console import lendFunctions

    module = types.SimpleNamespace(logic=lambda: None)
    monkeypatch.setattr(application, "modules", types.SimpleNamespace(dsanetmodule=module), raising=False)
    lendFunctions()
    assert module.logic() is None
