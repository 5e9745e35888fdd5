"""Probability maps of a run in the scene, so that another threshold needs no network, also after the scene was loaded.

One hidden volume a run, a slice a map, float32 as the network gave it: some 0.2 MB of a scene's file, a tenth of what
its frames take. Whole steps of 1/65535 took 0.05 MB and of 1/255 0.01 MB, but changed pixels of masks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DSANetError, SceneError
from ..postprocessing import PostProcessing
from ..preparation.geometry import FrameGeometry
from ..results import FrameMasks, Segmentation
from .attributes import FRAMES, Fact, need_fact, number, numbers, set_facts
from .headless import scene
from .owned import own, owned, remove_owned
from .sequence import RunNodes

PROBABILITY = "probability"
_MODEL, _LIVER_FRAMES, _LIVER_THRESHOLD = "Model", "LiverFrames", "LiverThreshold"
_GEOMETRY, _POSTPROCESSING = "Geometry", "PostProcessing"


@dataclass(frozen=True, eq=False)
class ProbabilityMaps:
    """Maps on network pixels with what takes them to masks.

    Parameters
    ----------
    model
        Name of the package.
    geometry, postprocessing
        From network to source pixels; what the package's card says of post-processing.
    tumour, liver
        Source frame (0-based) → float32 (S, S) probability, 0-1.
    liver_threshold
        Probability from which a pixel is liver.
    """

    model: str
    geometry: FrameGeometry
    postprocessing: PostProcessing
    tumour: Mapping[int, np.ndarray]
    liver: Mapping[int, np.ndarray]
    liver_threshold: float

    def on_source(self, frame: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (tumour, liver or None) on source pixels, float32 (rows, columns)."""
        liver = self.liver.get(frame)
        return self.geometry.to_source(self.tumour[frame]), None if liver is None else self.geometry.to_source(liver)

    def masks(self, frame: int, tumour_threshold: float) -> FrameMasks:
        """Return the masks of a frame at a threshold, as the pipeline makes them."""
        from ..pipeline import frame_masks

        liver = self.liver.get(frame)
        settings = self.liver_threshold, self.postprocessing
        return frame_masks(self.geometry, self.tumour[frame], liver, tumour_threshold, *settings)


def write_probability(run: RunNodes, found: Segmentation) -> Any:
    """Keep the maps of a segmentation with its run; those of an earlier one go.

    Parameters
    ----------
    run
        Whose frames were segmented.
    found
        Frames are counted as in the source.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        float32, hidden; None where there are no maps.
    """
    if not found.tumour_maps:
        remove_owned(run, PROBABILITY)
        return None
    node = _find(run)
    if node is None:
        name = scene().GenerateUniqueName(f"{run.sequence.GetName()} probability maps")
        node = own(scene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", name), run, PROBABILITY, hidden=True)
    node.SetAndObserveImageData(_image([*found.tumour_maps.values(), *found.liver_maps.values()]))
    facts: dict[str, Fact] = {
        _MODEL: found.model,
        FRAMES: tuple(int(frame) for frame in found.tumour_maps),
        _LIVER_FRAMES: tuple(int(frame) for frame in found.liver_maps),
        _LIVER_THRESHOLD: float(found.liver_threshold),
        _GEOMETRY: json.dumps(found.prepared.geometry.to_dict()),
        _POSTPROCESSING: json.dumps((found.postprocessing or PostProcessing()).to_dict()),
    }
    set_facts(node, facts)
    return node


def kept_frames(run: RunNodes) -> tuple[int, ...]:
    """Return the source frames (0-based) whose maps are kept; cheap."""
    node = _find(run)
    return () if node is None else tuple(int(frame) for frame in numbers(node, FRAMES))


def read_probability(run: RunNodes) -> ProbabilityMaps | None:
    """Return the maps that are kept with a run; None where there are none.

    Raises
    ------
    SceneError
        Where the node was changed so that it cannot be read.
    """
    node = _find(run)
    if node is None:
        return None
    try:
        frames, livers = (tuple(int(frame) for frame in numbers(node, name)) for name in (FRAMES, _LIVER_FRAMES))
        values = _array(node)
        tumour, liver = values[: len(frames)], values[len(frames) :]
        return ProbabilityMaps(
            need_fact(node, _MODEL),
            FrameGeometry.from_dict(json.loads(need_fact(node, _GEOMETRY))),
            PostProcessing.from_dict(json.loads(need_fact(node, _POSTPROCESSING))),
            dict(zip(frames, tumour, strict=True)),
            dict(zip(livers, liver, strict=True)),
            number(node, _LIVER_THRESHOLD) or 0.5,
        )
    except (DSANetError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SceneError("cannot be read as probability maps", "Segment the run again", node.GetName()) from error


def _find(run: RunNodes) -> Any:
    return next(iter(owned(run, PROBABILITY)), None)


def _image(maps: list[np.ndarray]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    values = np.stack(maps).astype(np.float32)
    image = vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    return image


def _array(node: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    return np.array(values, np.float32)  # a copy: the node may go while the maps are still looked at
