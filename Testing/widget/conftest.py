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
def no_error_in_a_slot(monkeypatch):
    """Qt and VTK print an exception of a slot or observer and go on: here it fails the test."""
    found = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: found.append(error))
    yield
    if found:
        raise found[0]


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


@pytest.fixture(scope="session")
def film_file(tmp_path_factory):
    """A multi-frame DICOM file of 24 frames of 120 × 150, two a second, that says it is subtracted."""
    from films import film
    from run_files import write_dicom

    frames, _times = film(count=24)
    return write_dicom(tmp_path_factory.mktemp("films") / "film é 中.dcm", frames)


@pytest.fixture
def case(panel):
    """A run of 24 frames chosen in the panel: masks predicted on frame 9 (0-based), its curve, key frame 9."""
    return put_case(panel, "film")


def put_case(panel, name):
    """Put a run with masks and curve into the scene, as loading and segmenting do, and choose it."""
    import numpy as np
    from films import film_run

    from DSANetLib.mrml.attributes import set_facts
    from DSANetLib.mrml.plots import write_curve
    from DSANetLib.mrml.scene import find_cases
    from DSANetLib.mrml.segmentation import write_masks
    from DSANetLib.mrml.sequence import write_run

    run = film_run(case_id=name)
    nodes = write_run(run)
    set_facts(nodes.sequence, {"KeyFrame": 9, "Warnings": "The frame times are unknown"})
    tumour = np.zeros((120, 150), np.uint8)
    tumour[30:60, 40:80] = 1
    liver = np.zeros_like(tumour)
    liver[10:100, 20:130] = 1
    facts = {"Model": "ffs-phantom", "TumourThreshold": 0.35, "Runtime": "onnxruntime CPU", "KeyFrame": 9}
    write_masks(nodes, {9: (liver, tumour)}, facts=facts)
    write_curve(nodes, np.arange(run.count, dtype=float), key_frame=9, shown_frame=0)
    (made,) = [found for found in find_cases() if found.case_id == name]
    panel.context.setCase(made)
    return panel.context.case
