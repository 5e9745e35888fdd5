"""Probability maps of a case, kept since it was segmented, so that another threshold needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vtkmodules.vtkCommonCore import vtkWeakReference

from DSANetLib.errors import SceneError

if TYPE_CHECKING:
    import numpy as np

    from DSANetLib.mrml.scene import CaseNodes
    from DSANetLib.results import FrameMasks, Segmentation


@dataclass(frozen=True, eq=False)
class KeptMaps:
    """Maps on network pixels with what takes them to masks.

    Parameters
    ----------
    sequence
        Weak reference to the run's sequence: the maps keep no frames alive.
    model, settings
        Name of the package, and what its card says of post-processing.
    geometry
        From network to source pixels.
    tumour, liver
        Source frame (0-based) → float32 (S, S) probability.
    liverThreshold
        Probability from which a pixel is liver.
    """

    sequence: Any
    model: str
    settings: Any
    geometry: Any
    tumour: Mapping[int, np.ndarray]
    liver: Mapping[int, np.ndarray]
    liverThreshold: float

    @classmethod
    def of(cls, case: CaseNodes, found: Segmentation, settings: Any) -> KeptMaps:
        """Return the maps of a segmentation of the scene's run, by source frame."""
        from DSANetLib.mrml.applying import on_source_frames
        from DSANetLib.mrml.sequence import stored_frames

        sequence = vtkWeakReference()
        sequence.Set(case.run.sequence)
        found = on_source_frames(found, stored_frames(case.run.sequence))
        geometry = found.prepared.geometry
        return cls(
            sequence,
            found.model,
            settings,
            geometry,
            found.tumour_maps,
            found.liver_maps,
            found.liver_threshold,
        )

    @property
    def inScene(self) -> bool:
        """Whether the run is in the scene yet."""
        sequence = self.sequence.Get()
        return sequence is not None and sequence.GetScene() is not None

    def onSource(self, frame: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (tumour, liver or None) on source pixels, float32 (rows, columns)."""
        liver = self.liver.get(frame)
        return self.geometry.to_source(self.tumour[frame]), None if liver is None else self.geometry.to_source(liver)

    def masks(self, frame: int, tumourThreshold: float) -> FrameMasks:
        """Return the masks of a frame at a threshold, as the pipeline makes them."""
        from DSANetLib.pipeline import frame_masks

        return frame_masks(
            self.geometry,
            self.tumour[frame],
            self.liver.get(frame),
            tumourThreshold,
            self.liverThreshold,
            self.settings,
        )

    def write(self, case: CaseNodes, tumourThreshold: float) -> None:
        """Write the masks at a threshold into the case, but on no frame that a person edited or accepted."""
        from DSANetLib.mrml.attributes import set_facts
        from DSANetLib.mrml.editing import write_from_network
        from DSANetLib.mrml.segmentation import states
        from DSANetLib.mrml.standing import update_tables

        present = states(case.masks)
        for frame in self.tumour:
            if present.get(frame) not in ("edited", "accepted"):
                masks = self.masks(frame, tumourThreshold)
                write_from_network(case.masks, frame, masks.liver, masks.tumour, by=self.model)
        set_facts(case.masks.sequence, {"TumourThreshold": float(tumourThreshold)})
        update_tables(case)


class MapsByCase:
    """The maps of every case that is in the scene: a megabyte each, for the threshold's preview."""

    def __init__(self) -> None:
        self._maps: dict[str, KeptMaps] = {}

    def __len__(self) -> int:
        return len(self._maps)

    def keep(self, case: CaseNodes, found: Segmentation, package: str) -> None:
        """Keep the maps of a case that was segmented with a package."""
        from DSANetLib.models import read_card

        self._forgetGone()
        self._maps[case.run.sequence.GetID()] = KeptMaps.of(case, found, read_card(Path(package)).postprocessing)

    def of(self, case: CaseNodes) -> KeptMaps | None:
        """Return the maps of a case; None where there are none."""
        self._forgetGone()
        kept = self._maps.get(case.run.sequence.GetID())
        return kept if kept is not None and kept.sequence.Get() is case.run.sequence else None

    def _forgetGone(self) -> None:
        self._maps = {key: kept for key, kept in self._maps.items() if kept.inScene}


def checkThreshold(threshold: float | None) -> None:
    """Raise `SceneError` where a threshold is given that no probability can have."""
    if threshold is not None and not 0 < threshold < 1:
        raise SceneError(f"{threshold} is no threshold of a probability", "Give a number between 0 and 1")
