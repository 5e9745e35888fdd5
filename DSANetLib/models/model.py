"""What a loaded package does: numpy arrays in, probabilities out, whatever runtime computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import ModelError
from ..networks.config import ResponseConfig, SegmenterConfig
from .card import ModelCard
from .figures import Calibration


class Runtime(Protocol):
    """Computes a package's network: named float32 arrays in, named float32 arrays out."""

    @property
    def name(self) -> str:
        """Name, version and device."""
        ...

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute."""
        ...


@dataclass(frozen=True, eq=False)
class SegmentationMaps:
    """Maps on network pixels, float32.

    Parameters
    ----------
    tumour
        (N, S, S) probability, 0-1.
    liver
        (N, S, S) probability, 0-1; None for a model without liver.
    difference
        (S, S) the learned frame-difference image, about 0-1; None for a model without it.
    """

    tumour: np.ndarray
    liver: np.ndarray | None
    difference: np.ndarray | None


class _LoadedModel:
    """A card and what computes its network."""

    def __init__(self, card: ModelCard, runtime: Runtime) -> None:
        self.card = card
        self._runtime = runtime

    @property
    def runtime(self) -> str:
        """Name, version and device of what computes."""
        return self._runtime.name


class SegmentationModel(_LoadedModel):
    """A tumour segmenter with its card; get one from `load_model`."""

    def segment(self, frames: np.ndarray, keys: np.ndarray) -> SegmentationMaps:
        """Segment key frames of one run.

        Parameters
        ----------
        frames
            (F, S, S) in [0, 1]: the run's frames, with F and S as the card says.
        keys
            (N, S, S) in [0, 1], N of at least 1: the frames to be segmented.

        Raises
        ------
        ModelError
            Where the arrays have another shape.
        """
        network, size = self.card.network, self.card.preparation.size
        assert isinstance(network, SegmenterConfig)
        keys = _checked(keys, (None, size, size), "keys")
        inputs = {"keys": keys[:, None]}
        if network.sees_run:
            inputs["frames"] = _checked(frames, (network.frames, size, size), "frames")[None]
        out = self._runtime.run(inputs)
        return SegmentationMaps(
            tumour=out["tumour"][:, 0],
            liver=out["liver"][:, 0] if "liver" in out else None,
            difference=out["difference"][0, 0] if "difference" in out else None,
        )


class ResponseModel(_LoadedModel):
    """A response predictor with its card; get one from `load_model`."""

    def logits(self, images: np.ndarray | None, clinical: np.ndarray | None = None) -> np.ndarray:
        """Return (N, 2) float32 logits of [non-responder, responder]; arguments as for :meth:`predict`."""
        network, size = self.card.network, self.card.preparation.size
        assert isinstance(network, ResponseConfig)
        inputs = {}
        if network.image:
            inputs["images"] = _checked(_needed(images, "images"), (None, 3, size, size), "images")
        if network.clinical:
            inputs["clinical"] = _checked(_needed(clinical, "clinical"), (None, network.n_clinical), "clinical")
        if len({len(array) for array in inputs.values()}) > 1:
            raise ModelError("images and clinical values differ in number", "Give a clinical row for each image")
        return self._runtime.run(inputs)["logits"]

    def predict(self, images: np.ndarray | None, clinical: np.ndarray | None = None) -> np.ndarray:
        """Return the calibrated probability of a responder.

        Parameters
        ----------
        images
            (N, 3, S, S): key frame, key frame × mask, mask, in [0, 1]; not used by a clinical-only model.
        clinical
            (N, K) as the card's encoder makes it; not used by a film-only model.

        Returns
        -------
        numpy.ndarray
            (N,) float64, 0-1.

        Raises
        ------
        ModelError
            Where an input is missing or has another shape.
        """
        return (self.card.calibration or Calibration()).probability(self.logits(images, clinical))


def _needed(array: np.ndarray | None, name: str) -> np.ndarray:
    if array is None:
        raise ModelError(f"this model needs {name}", "Give them, or choose a model that does without")
    return array


def _checked(array: np.ndarray, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    """Return a contiguous float32 array of the wanted shape; None stands for any number of at least 1."""
    array = np.ascontiguousarray(array, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        found == wanted or (wanted is None and found > 0) for found, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("N" if n is None else str(n) for n in shape)
        raise ModelError(f"{name} have shape {array.shape}, the model takes ({wanted})", "Prepare the run by its card")
    if not np.isfinite(array).all():
        raise ModelError(f"{name} hold values that are no numbers", "Check the run and its preparation")
    return array
