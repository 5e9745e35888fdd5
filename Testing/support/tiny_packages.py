"""Model packages small enough for tests, through the library's own exporter, and frames to run them on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

SIZE, WIDTH = 64, 4


def make_packages(folder: Path) -> Path:
    """Write ffs-phantom, unet-phantom, response-film-phantom and response-phantom with random weights."""
    import torch

    from DSANetLib.clinical import ClinicalEncoder, ClinicalRecord
    from DSANetLib.models import Calibration, ModelCard, write_package
    from DSANetLib.models.export import export_package
    from DSANetLib.networks.config import ResponseConfig, SegmenterConfig
    from DSANetLib.networks.factory import build_response, build_segmenter
    from DSANetLib.postprocessing import PostProcessing
    from DSANetLib.preparation import PreparationConfig

    preparation = PreparationConfig(size=SIZE)
    encoder = ClinicalEncoder.fit([ClinicalRecord(f"p{i}", values) for i, values in enumerate(_clinical_values())])
    networks = {
        "ffs-phantom": SegmenterConfig(width=WIDTH),
        "unet-phantom": SegmenterConfig(kind="unet", width=WIDTH),
        "response-film-phantom": ResponseConfig(width=WIDTH, clinical=False),
        "response-phantom": ResponseConfig(width=WIDTH, n_clinical=encoder.size),
    }
    for seed, (name, config) in enumerate(networks.items()):
        torch.manual_seed(seed)
        with_clinical = isinstance(config, ResponseConfig) and config.clinical
        card = ModelCard(
            name, config, preparation, postprocessing=PostProcessing.paper(), threshold=0.45,
            calibration=Calibration(1.5, 0.1, 0.49, "random weights"),
            clinical_encoder=encoder if with_clinical else None,
        )  # fmt: skip
        if isinstance(config, SegmenterConfig):
            network = build_segmenter(config)
            package = export_package(folder / name, card, network)
            weights, twin = ((package / part).read_bytes() for part in ("weights.safetensors", "twin.onnx"))
            write_package(package, _with_thresholds(package, card), weights, twin, overwrite=True)
        else:
            export_package(folder / name, card, build_response(config))
    return folder


def stained_frames() -> np.ndarray:
    """Return (16, 96, 128) uint8: bright field, noise, an early vessel, a stain that peaks at the ninth frame."""
    times = np.arange(16) * 0.5
    frames = np.full((16, 96, 128), 200, np.uint8)
    frames += np.random.default_rng(3).integers(0, 8, frames.shape, dtype=np.uint8)
    frames[:, 50:53, 20:110] -= _bolus(times, 2.0, 100)
    frames[:, 20:42, 30:60] -= _bolus(times, 4.0, 90)
    return frames


def _bolus(times: np.ndarray, peak_s: float, depth: float) -> np.ndarray:
    """Return (F, 1, 1) uint8: contrast that arrives, peaks and fades slowly, as a gamma variate does."""
    since = np.clip(times - (peak_s - 1.5), 0, None) / 1.5
    return (depth * since**3 * np.exp(3 * (1 - since))).astype(np.uint8)[:, None, None]


def _with_thresholds(package: Path, card):
    """Return the card with thresholds at which random maps have something inside and something outside."""
    from DSANetLib.models import load_model
    from DSANetLib.pipeline import segment
    from DSANetLib.run import DSARun

    run = DSARun(
        frames=stained_frames(), case_id="made", times_s=np.arange(16) * 0.5, polarity="dark_contrast", subtracted=True
    )
    result = segment(run, load_model(package))
    tumour = np.percentile(result.tumour_maps[result.key_frame.index], 90)
    liver = [np.percentile(maps, 50) for maps in result.liver_maps.values()]
    return replace(card, tumour_threshold=float(tumour), liver_threshold=float(np.median(liver)) if liver else 0.5)


def _clinical_values() -> list[dict[str, float | str | None]]:
    from DSANetLib.phantom.patient import draw_clinical

    return [draw_clinical(np.random.default_rng(seed)) for seed in range(12)]
