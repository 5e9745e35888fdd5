"""Preparation: a run as it was read → what the networks see, and the way back to its pixels."""

from __future__ import annotations

from .arrival import find_arrival
from .config import PreparationConfig
from .geometry import FrameGeometry
from .keyframe import KeyFrame, pick_key_frame
from .prepare import display_frame, network_inputs, prepare
from .prepared import NetworkInputs, PreparedRun
from .sampling import difference_image, normalise, sample_frames
from .subtraction import Subtraction

__all__ = [
    "FrameGeometry",
    "KeyFrame",
    "NetworkInputs",
    "PreparationConfig",
    "PreparedRun",
    "Subtraction",
    "difference_image",
    "display_frame",
    "find_arrival",
    "network_inputs",
    "normalise",
    "pick_key_frame",
    "prepare",
    "sample_frames",
]
