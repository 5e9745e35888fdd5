"""The twin in ONNX Runtime: what the light installation computes with."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import DependencyError, ModelError

log = logging.getLogger(__name__)


class OnnxRuntime:
    """A twin, loaded; its weights come from the package's weights file, which it names as external data.

    Parameters
    ----------
    twin
        The verified ONNX file, beside the verified weights.
    threads
        Threads of one call; None takes every core. Results do not depend on it (tested).
    """

    def __init__(self, twin: Path, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise DependencyError("ONNX Runtime is not installed", "pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        # Threads beyond the cores wait for each other: a call of hundreds hardly ends.
        options.intra_op_num_threads = min(threads or 0, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(twin), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            log.debug("ONNX Runtime refused %s", twin, exc_info=True)
            reason = str(error).splitlines()[0]
            raise ModelError(f"ONNX Runtime cannot load the twin ({reason})", "Update onnxruntime", twin) from error
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.name = f"onnxruntime {onnxruntime.__version__} (cpu)"

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute; float32 arrays by name in and out."""
        return dict(zip(self._outputs, self._session.run(None, dict(inputs)), strict=True))
