"""Small packages of every kind, written once a session by the real export."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from DSANetLib.clinical import ClinicalEncoder, ClinicalRecord
from DSANetLib.models import Calibration, Metric, ModelCard
from DSANetLib.networks.config import ResponseConfig, SegmenterConfig
from DSANetLib.phantom.patient import draw_clinical
from DSANetLib.postprocessing import PostProcessing
from DSANetLib.preparation.config import PreparationConfig

SIZE = 32
PREPARATION = PreparationConfig(size=SIZE)


def clinical_records(count: int = 30) -> list[ClinicalRecord]:
    return [ClinicalRecord(str(i), draw_clinical(np.random.default_rng(i))) for i in range(count)]


def make_cards() -> list[ModelCard]:
    encoder = ClinicalEncoder.fit(clinical_records())
    both = ResponseConfig(width=4, hidden=8, n_clinical=encoder.size, dropout=0.2)
    return [
        ModelCard(
            "ffs-small",
            SegmenterConfig(width=4),
            PREPARATION,
            summary="TDL, LRS and FFS, small",
            tumour_threshold=0.4,
            liver_threshold=0.3,
            postprocessing=PostProcessing.recommended(),
            seeds={"weights": 1},
            training={"epochs": 0},
            data={"patients": 0},
            metrics={"dice": Metric(0.5, 0.4, 0.6, 10, "nobody")},
        ),
        ModelCard("logits-small", SegmenterConfig(width=4, handover="logits"), PREPARATION),
        ModelCard("unet-small", SegmenterConfig(kind="unet", width=4), PREPARATION),
        ModelCard(
            "response-small", both, PREPARATION, clinical_encoder=encoder,
            calibration=Calibration(0.7, -0.2, 0.554, "20 phantom patients"),
        ),
        ModelCard("film-small", ResponseConfig(width=4, clinical=False), PREPARATION),
        ModelCard(
            "clinical-small", ResponseConfig(image=False, hidden=8, n_clinical=encoder.size), PREPARATION,
            clinical_encoder=encoder,
        ),
        ModelCard(
            "decision-small",
            ResponseConfig(width=4, hidden=8, fusion="decision", n_clinical=encoder.size, image_outputs=20),
            PREPARATION, clinical_encoder=encoder,
        ),
        *(
            ModelCard(f"{kind}-small", SegmenterConfig(kind=kind, width=4), PREPARATION)
            for kind in ("tdl", "lrs", "unetpp", "attention-unet", "u2net", "tempo")
        ),
    ]  # fmt: skip


def trained(card: ModelCard):
    """A network whose batch norms and biases are no longer those of a fresh one."""
    import torch

    from DSANetLib.networks.factory import build_response, build_segmenter

    build = build_segmenter if card.task == "segmentation" else build_response
    network = build(card.network, seed=1)
    generator = torch.Generator().manual_seed(2)
    for name, value in network.state_dict().items():
        if value.ndim == 1 and value.is_floating_point():
            noise = 0.2 * torch.randn(value.shape, generator=generator)
            value.copy_(1 + noise.abs() if name.endswith(("running_var", "N.weight")) else noise)
    return network


@pytest.fixture(scope="session")
def written_packages(tmp_path_factory) -> Path:
    """A folder of packages; not to be changed."""
    pytest.importorskip("torch", reason="exporting a model needs dsanet[train]")
    from DSANetLib.models.export import export_package

    folder = tmp_path_factory.mktemp("models")
    for card in make_cards():
        export_package(folder / card.name, card, trained(card))
    return folder


@pytest.fixture
def packages(written_packages, tmp_path) -> Path:
    """A copy of the packages that a test may spoil."""
    return Path(shutil.copytree(written_packages, tmp_path / "models"))
