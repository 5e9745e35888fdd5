"""Probability maps of a case, kept since it was segmented, so that another threshold needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
        Of the run; the maps go with it.
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

        found = on_source_frames(found, stored_frames(case.run.sequence))
        geometry = found.prepared.geometry
        return cls(
            case.run.sequence,
            found.model,
            settings,
            geometry,
            found.tumour_maps,
            found.liver_maps,
            found.liver_threshold,
        )

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
