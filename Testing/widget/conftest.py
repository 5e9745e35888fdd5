"""A panel over the real scene, in stand-ins for what only the Slicer application has (standins.py, application.py)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("slicer", reason='Slicer\'s core is not installed (pip install "dsanet[scene]")')
pytest.importorskip("PySide6", reason='PySide6 is not installed (pip install "dsanet[dev]")')

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "DSANetModule")]


@pytest.fixture(scope="session")
def application():
    """The package ``slicer`` in the application's clothes."""
    from application import install

    return install()


@pytest.fixture(autouse=True)
def scene(application):
    """The scene, emptied; a test that leaves more than Slicer's own nodes behind after clearing fails."""
    import standins

    standins.dialogs.clear()
    standins.Settings.values.clear()
    application.app.status.clear()
    application.mrmlScene.Clear(False)
    before = node_ids(application.mrmlScene)
    yield application.mrmlScene
    application.mrmlScene.Clear(False)
    assert node_ids(application.mrmlScene) <= before | {"vtkMRMLScriptedModuleNodeDSANetModule"}


def node_ids(scene):
    """IDs of all nodes of a scene."""
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


class Panel:
    """The opened panel and how a test works it."""

    def __init__(self, widget):
        self.widget, self.context = widget, widget.context

    def find(self, name):
        """The widget of a name."""
        import qt

        (found,) = self.widget.parent.findChildren(qt.QObject, name)
        return found

    def press(self, name):
        """Click a button that a user could click."""
        button = self.find(name)
        assert button.enabled, f"{name} is disabled"
        button.click()

    def wait(self, seconds=60.0):
        """Run the event loop until the background work is done."""
        import slicer

        end = time.monotonic() + seconds
        while self.context.jobs.busy:
            slicer.app.processEvents()
            assert time.monotonic() < end, f"still busy: {self.context.jobs.stage}"
            time.sleep(0.005)
        slicer.app.processEvents()

    @property
    def status(self):
        """The line at the foot."""
        return self.find("statusLabel").text


@pytest.fixture
def panel(scene, application):
    """The panel, opened, on an empty scene; closed and without observers in the end."""
    import DSANetModule

    widget = DSANetModule.DSANetModuleWidget()
    widget.setup()
    widget.enter()
    yield Panel(widget)
    widget.exit()
    widget.cleanup()
    widget.parent.deleteLater()
