"""DSANet in Slicer: module, panel, logic and self-test. Each section of the panel is a file in DSANetModuleLib."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# In a source checkout only this folder is on Slicer's path; installed, DSANetLib lies beside this file.
_HERE = Path(__file__).resolve().parent
for _folder in (_HERE, _HERE.parent):
    if any((_folder / name).is_dir() for name in ("DSANetLib", "DSANetModuleLib")) and str(_folder) not in sys.path:
        sys.path.append(str(_folder))

import slicer  # noqa: E402

# Slicer finds reader and logic by their names in this file.
from DSANetModuleLib.console import lendFunctions  # noqa: E402
from DSANetModuleLib.dicom_registration import registerDicomPlugin  # noqa: E402
from DSANetModuleLib.file_reader import DSANetModuleFileReader  # noqa: E402, F401
from DSANetModuleLib.logic import DSANetModuleLogic  # noqa: E402
from DSANetModuleLib.sample_data import registerSampleData  # noqa: E402
from slicer.i18n import tr as _  # noqa: E402
from slicer.i18n import translate  # noqa: E402
from slicer.ScriptedLoadableModule import (  # noqa: E402
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class DSANetModule(ScriptedLoadableModule):
    """Title, category, help and acknowledgement, as Slicer shows them."""

    def __init__(self, parent: object) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("DSANet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["The DSANet contributors"]
        self.parent.helpText = _(
            "Segments liver and tumours on digital subtraction angiograms and predicts the response to TACE. "
            "Load a run, press <i>Apply</i>, press <i>Predict</i>. "
            "Research use only; the models were trained on a synthetic phantom."
        )
        registerDicomPlugin()
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("startupCompleted()", lendFunctions)
        self.parent.acknowledgementText = _(
            "After DSA-Net: Liu L, <i>et al.</i> Cancer Imaging 2022;22, "
            '<a href="https://doi.org/10.1186/s40644-022-00457-3">doi 10.1186/s40644-022-00457-3</a>.'
        )


class DSANetModuleWidget(ScriptedLoadableModuleWidget, slicer.util.VTKObservationMixin):
    """The panel: sections in the order of work, one line that tells what happens, and the scene's events."""

    def __init__(self, parent: object = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        slicer.util.VTKObservationMixin.__init__(self)
        self.context: Any = None
        self._bound: Any = None

    def setup(self) -> None:
        """Build the panel."""
        from DSANetModuleLib.deletions import Deletions
        from DSANetModuleLib.foot import Foot
        from DSANetModuleLib.jobs import Jobs
        from DSANetModuleLib.layout import Layout
        from DSANetModuleLib.panel import PanelContext
        from DSANetModuleLib.sections import makeSections

        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/DSANetModule.ui"))
        root.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(root)
        self.ui = slicer.util.childWidgetVariables(root)
        self.logic = DSANetModuleLogic()
        self.context = PanelContext(self.logic, self.resourcePath)
        context = self.context
        context.jobs = Jobs(self.logic, lambda: context.changed("busy"), context.tell, context.together)
        self.deletions = Deletions(self.context)
        self.sliceLayout = Layout(self.context)
        self.foot = Foot(self.context, self.ui)
        self.context.others.extend((self.foot, self.sliceLayout))
        self.context.sections.extend(makeSections(self.context))
        for section in self.context.sections:
            self.ui.sectionsFrame.layout().addWidget(section.widget)
            section.setup()
        scene = slicer.mrmlScene
        for event, answer in (
            (scene.StartCloseEvent, self.onSceneStartClose),
            (scene.EndCloseEvent, self.onSceneEndClose),
            (scene.EndImportEvent, self.onSceneEndImport),
            (scene.NodeRemovedEvent, self.onNodeRemoved),
        ):
            self.addObserver(scene, event, answer)
        self._bind()

    def enter(self) -> None:
        """The module is opened."""
        self._bind()
        self.sliceLayout.enter()
        for section in self.context.sections:
            section.enter()

    def exit(self) -> None:
        """Another module is opened: give the layout and the keys back."""
        for section in self.context.sections:
            section.exit()
        self.sliceLayout.exit()

    def cleanup(self) -> None:
        """The panel goes away: no observer, timer or process stays."""
        self._unbind()
        self.removeObservers()
        if self.context is not None:
            for section in self.context.sections:
                section.cleanup()
            self.deletions.cleanup()
            self.context.jobs.cleanup()
            self.foot.cleanup()
            self.context.cleanup()
        self.logic.close()

    def onSceneStartClose(self, _caller: Any, _event: str) -> None:
        """Let go of nodes that are about to go."""
        self.context.jobs.drop()
        self._unbind()
        self.context.changed("case")

    def onSceneEndClose(self, _caller: Any, _event: str) -> None:
        """Start anew on the empty scene."""
        self._bind()

    def onSceneEndImport(self, _caller: Any, _event: str) -> None:
        """Take over what a scene file brought."""
        from DSANetLib.mrml.scene import show_items

        show_items()
        self._unbind()
        self._bind()

    def onNodeRemoved(self, _caller: Any, _event: str) -> None:
        """A node may have been a part of the chosen case."""
        if self.context.parameters is not None:
            self.context.changed("case")

    def _bind(self) -> None:
        """Bind the widgets to the parameter node."""
        from DSANetModuleLib.parameters import sceneParameters

        if self.context.parameters is None:
            self.context.parameters = sceneParameters()
            self._bound = self.context.parameters.connectGui(self.parent)
        self.context.changed("case")

    def _unbind(self) -> None:
        if self.context is not None and self.context.parameters is not None:
            self.context.parameters.disconnectGui(self._bound)
            self.context.parameters = None


class DSANetModuleTest(ScriptedLoadableModuleTest):
    """The self-test: load, segment, correct, predict, save, reload, with real inference."""

    def runTest(self, **_kwargs: Any) -> None:
        """Run all of it."""
        from DSANetModuleLib.self_test import runSelfTest

        runSelfTest(self)
