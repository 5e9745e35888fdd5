"""State of the panel, kept in its parameter node: saved with the scene, bound to widgets by ``SlicerParameterName``.

What belongs to one run (its mask frame, its key frame, its patient) is no state of the panel: it is kept on the
run's own sequence, so that two runs in one scene do not disturb each other. See `DSANetLib.mrml.choices`.
"""

from __future__ import annotations

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic


@parameterNodeWrapper
class DSANetParameters:
    """Parameters of the panel; each may be bound to one widget of the same ``SlicerParameterName``."""

    # Run
    run: slicer.vtkMRMLSequenceNode
    frameRate: Annotated[float, WithinRange(0, 240)] = 0.0
    spacingMm: Annotated[float, WithinRange(0, 10)] = 0.0

    # Frames
    hideMasksWhilePlaying: bool = True

    # Segment
    model: str = "ffs-phantom"
    modelOfThreshold: str = ""
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    runtime: Annotated[str, Choice(["auto", "onnx", "torch"])] = "auto"
    threads: Annotated[int, WithinRange(0, 64)] = 0
    tumourThreshold: Annotated[float, WithinRange(0.01, 0.99)] = 0.5
    preview: bool = False
    liver: bool = True

    # Predict
    responseModel: str = ""
    clinical: slicer.vtkMRMLTableNode

    # Explore
    exploreMap: Annotated[str, Choice(["time to peak", "peak", "area under the curve", "wash-in slope"])] = (
        "time to peak"
    )
    exploreOpacity: Annotated[float, WithinRange(0, 1)] = 0.6

    # Batch and Export. Their folders stay in Slicer's settings: a path may name a person, and a scene is passed on.
    batchScene: bool = True
    batchPicture: bool = True
    exportMasks: bool = True
    exportTables: bool = True
    exportPicture: bool = True
    exportFrames: bool = False
    exportScene: bool = True
    exportAll: bool = False

    # Work list. Its folders, the reader's name and whether others are hidden stay in Slicer's settings too.
    saveWorkScene: bool = True
    fineTuneModel: str = ""
    fineTuneSamples: Annotated[int, WithinRange(0, 1000000)] = 0
    fineTuneMinutes: Annotated[float, WithinRange(0, 10000)] = 0.0
    fineTuneHeldOut: Annotated[int, WithinRange(10, 50)] = 25
    fineTuneSeed: Annotated[int, WithinRange(0, 1000000)] = 0


def sceneParameters() -> DSANetParameters:
    """Return the panel's parameters in the present scene; their node is made where there is none."""
    owner = ScriptedLoadableModuleLogic()
    owner.moduleName = "DSANetModule"
    return DSANetParameters(owner.getParameterNode())
