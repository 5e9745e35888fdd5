"""From a trained network to a package: fp16 weights, and a twin that computes from the same weights without torch.

The twin is an ONNX graph without weights of its own: each parameter is external data at its place in
``weights.safetensors``, fp16 as stored there, cast to float32 in the graph. So a package holds its weights once,
and both runtimes compute from the same numbers (docs/decisions/0004-inference-runtime.md).
"""

from __future__ import annotations

import copy
import io
import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..networks.config import ResponseConfig, SegmenterConfig
from .card import ModelCard
from .package import TWIN, WEIGHTS, write_package

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference between twin and torch in a probability."""


def export_package(folder: str | Path, card: ModelCard, network: Any, *, overwrite: bool = False) -> Path:
    """Write a trained network as a package, after checking its twin against torch.

    Parameters
    ----------
    folder
        The package's folder, made here.
    card
        All facts but the checksums.
    network
        The ``nn.Module`` that ``card.network`` describes, trained; not changed. Its weights are rounded to fp16.
    overwrite
        Whether a package that is there is replaced.

    Raises
    ------
    ModelError
        Where weights overflow fp16, or twin and torch differ by more than 1e-4 in a probability.
    OutputError
        Where the folder exists or cannot be written.
    """
    rounded = copy.deepcopy(network).cpu().eval()
    weights = _save_weights(rounded)
    twin = _make_twin(rounded, card, weights)
    _compare(rounded, card, weights, twin)
    return write_package(folder, card, weights, twin, overwrite=overwrite)


def twin_module(network: Any) -> Any:
    """Return the network as both runtimes call it: an ``nn.Module`` with names of ``inputs`` and ``outputs``."""
    import torch

    class _Segmenting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            config = network.config
            self.inputs = ("frames",) * config.sees_run + ("keys",)
            self.outputs = ("tumour",) + ("liver",) * config.finds_liver + ("difference",) * config.finds_difference

        def forward(self, *arrays: Any) -> tuple[Any, ...]:
            named = dict(zip(self.inputs, arrays, strict=True))
            tumour, liver, difference = self.network(named.get("frames"), named["keys"])
            out = [tumour.sigmoid()]
            out += [] if liver is None else [liver.sigmoid()]
            out += [] if difference is None else [difference[:1]]
            return tuple(out)

    class _Responding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            config = network.config
            self.inputs = ("images",) * config.image + ("clinical",) * config.clinical
            self.outputs = ("logits",)

        def forward(self, *arrays: Any) -> tuple[Any, ...]:
            named = dict(zip(self.inputs, arrays, strict=True))
            return (self.network(named.get("images"), named.get("clinical")),)

    return _Segmenting() if isinstance(network.config, SegmenterConfig) else _Responding()


def example_inputs(card: ModelCard, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return random inputs as the card's network takes them, ``count`` key frames or patients, by name."""
    random = np.random.default_rng(seed)
    size, network = card.preparation.size, card.network
    shapes: dict[str, tuple[int, ...]]
    if isinstance(network, ResponseConfig):
        shapes = {"images": (count, 3, size, size)} if network.image else {}
        shapes |= {"clinical": (count, network.n_clinical)} if network.clinical else {}
    else:
        shapes = {"frames": (1, network.frames, size, size)} if network.sees_run else {}
        shapes |= {"keys": (count, 1, size, size)}
    return {name: random.random(shape, dtype=np.float32) for name, shape in shapes.items()}


def _save_weights(network: Any) -> bytes:
    """Round the network's floating parameters to fp16 in place, and return them as a safetensors file."""
    import torch
    from safetensors.torch import save

    state = {}
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            half = value.to(torch.float16)
            if not torch.isfinite(half).all():
                raise ModelError(f"{name} holds values that fp16 cannot", "Train anew with a smaller learning rate")
            state[name] = half.contiguous()
            value.copy_(half)
    return bytes(save(state))


def _make_twin(network: Any, card: ModelCard, weights: bytes) -> bytes:
    """Return the ONNX graph of the network, its parameters external in the weights file."""
    import onnx
    import torch

    model = onnx.load_model_from_string(_traced(network, card))
    graph = model.graph
    places = _places(weights)
    casts = []
    for old in list(graph.initializer):
        if old.data_type != onnx.TensorProto.FLOAT:
            continue
        shape, start, length = places.pop(old.name.removeprefix("network."))
        if list(old.dims) != shape:
            raise ModelError(f"{old.name} has shape {list(old.dims)} in the twin, {shape} in the weights")
        new = onnx.TensorProto(
            name=f"{old.name}.fp16", dims=shape, data_type=onnx.TensorProto.FLOAT16,
            data_location=onnx.TensorProto.EXTERNAL,
        )  # fmt: skip
        for key, value in (("location", WEIGHTS), ("offset", start), ("length", length)):
            new.external_data.add(key=key, value=str(value))
        graph.initializer.remove(old)
        graph.initializer.append(new)
        casts.append(onnx.helper.make_node("Cast", [new.name], [old.name], to=onnx.TensorProto.FLOAT))
    if places:
        raise ModelError(f"the twin leaves out {', '.join(places)}", "Report this torch version")
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    for node in graph.node:
        node.doc_string = ""
    model.producer_name, model.producer_version = "DSANet", torch.__version__.split("+")[0]
    return bytes(model.SerializeToString())


def _traced(network: Any, card: ModelCard) -> bytes:
    """Return torch's own ONNX export, batch norm not yet folded into the weights."""
    import torch

    network = copy.deepcopy(network)
    # torch merges parameters with equal values, as fresh batch norms have; the values are not kept, so make all differ.
    generator = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    module = twin_module(network).eval()
    inputs = example_inputs(card, 3)
    batched = [name for name in (*module.inputs, *module.outputs) if name not in ("frames", "difference")]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces another exporter; that one folds batch norms into weights
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(inputs[name]) for name in module.inputs),
            buffer,
            input_names=list(module.inputs),
            output_names=list(module.outputs),
            dynamic_axes={name: {0: "n"} for name in batched},
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    return buffer.getvalue()


def _places(weights: bytes) -> dict[str, tuple[list[int], int, int]]:
    """Return name → (shape, first byte in the file, bytes) of each tensor of a safetensors file."""
    (length,) = struct.unpack("<Q", weights[:8])
    header = json.loads(weights[8 : 8 + length])
    return {
        name: (
            entry["shape"],
            8 + length + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def _compare(network: Any, card: ModelCard, weights: bytes, twin: bytes) -> None:
    """Raise ModelError where the twin's probabilities are not torch's."""
    import tempfile

    import torch

    from .onnx_runtime import OnnxRuntime

    module = twin_module(network).eval()
    # Windows cannot remove a file that a session still maps: the folder is then left to the system.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / WEIGHTS).write_bytes(weights)
        (Path(folder) / TWIN).write_bytes(twin)
        runtime = OnnxRuntime(Path(folder) / TWIN)
        for count in (1, 2):
            inputs = example_inputs(card, count, seed=count)
            with torch.inference_mode():
                truth = module(*(torch.from_numpy(inputs[name]) for name in module.inputs))
            found = runtime.run(inputs)
            for name, value in zip(module.outputs, truth, strict=True):
                gap = np.abs(_as_probability(name, found[name]) - _as_probability(name, value.numpy())).max()
                if not gap <= TOLERANCE:
                    raise ModelError(f"twin and torch differ by {gap:.1e} in {name}", "Report both versions")
        del runtime


def _as_probability(name: str, values: np.ndarray) -> np.ndarray:
    if name != "logits":
        return values
    return 1.0 / (1.0 + np.exp(values[:, 0].astype(np.float64) - values[:, 1]))
