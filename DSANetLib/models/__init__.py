"""Model packages: a folder with a card, weights and an exported twin → a model that segments or predicts.

No torch is needed to use a package; with the extra ``dsanet[train]`` the same weights also run in torch.
"""

from __future__ import annotations

from .card import ModelCard
from .figures import Calibration, Metric
from .folders import user_models_folder
from .importing import import_package
from .model import ResponseModel, SegmentationMaps, SegmentationModel
from .package import PackageSummary, read_card, update_metrics, write_package
from .store import list_packages, load_model

__all__ = [
    "Calibration", "Metric", "ModelCard", "PackageSummary", "ResponseModel", "SegmentationMaps",
    "SegmentationModel", "import_package", "list_packages", "load_model", "read_card", "update_metrics",
    "user_models_folder", "write_package",
]  # fmt: skip
