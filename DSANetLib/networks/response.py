"""Model 2: ResNet18 on the masked key frame, a small perceptron on the clinical variables, and their fusion."""

from __future__ import annotations

import torch
from monai.networks.nets import ResNet
from torch import nn

from .config import ResponseConfig


class ImageBranch(nn.Module):
    """ResNet18 topology on three channels [key frame, key frame × mask, mask] (MONAI's ``ResNet``, equal by test).

    Parameters
    ----------
    width
        Channels of the first stage; 64 is ResNet18.
    outputs
        Outputs of the network's own last linear layer, or None for the 8·width pooled features.
    dropout
        Probability of dropping a value of what leaves the ResNet, while training.
    """

    def __init__(self, width: int, outputs: int | None, dropout: float) -> None:
        super().__init__()
        self.resnet = ResNet(
            "basic",
            layers=[2, 2, 2, 2],
            block_inplanes=[width, 2 * width, 4 * width, 8 * width],
            spatial_dims=2,
            conv1_t_stride=2,
            num_classes=outputs or 1,
            feed_forward=outputs is not None,
            bias_downsample=False,
        )
        self.dropout = nn.Dropout(dropout)
        self.decision = nn.Linear(outputs, 1) if outputs is not None else None

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to the decision (B, 1), or to the features (B, 8·width)."""
        features = self.dropout(self.resnet(image))
        return features if self.decision is None else self.decision(features)


class TableBranch(nn.Module):
    """The clinical branch: Linear, ReLU, batch norm, and two outputs unless only the features are wanted.

    Parameters
    ----------
    variables
        Length of the encoded clinical vector.
    hidden
        Hidden units.
    decide
        Whether to end in two outputs [non-responder, responder] or in the hidden features.
    dropout
        Probability of dropping a hidden feature, while training.
    """

    def __init__(self, variables: int, hidden: int, decide: bool, dropout: float) -> None:
        super().__init__()
        self.up = nn.Linear(variables, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(dropout)
        self.decision = nn.Linear(hidden, 2) if decide else None

    def features(self, clinical: torch.Tensor) -> torch.Tensor:
        """Map (B, variables) to the hidden features (B, hidden)."""
        return self.norm(torch.relu(self.up(clinical)))

    def forward(self, clinical: torch.Tensor) -> torch.Tensor:
        """Map (B, variables) to two logits (B, 2), or to the hidden features (B, hidden)."""
        features = self.dropout(self.features(clinical))
        return features if self.decision is None else self.decision(features)


class ResponseNet(nn.Module):
    """Film, clinical variables or both to the logits of [non-responder, responder].

    Parameters
    ----------
    config
        Which branches there are, their widths, and how they are fused.
    """

    def __init__(self, config: ResponseConfig) -> None:
        super().__init__()
        self.config = config
        decision = config.fusion == "decision"
        self.image: ImageBranch | None = None
        self.table: TableBranch | None = None
        joined = 0
        if config.clinical:
            dropout = 0.0 if decision else config.dropout  # the published table branch has none
            self.table = TableBranch(config.n_clinical, config.hidden, decision, dropout)
            joined += 2 if decision else config.hidden
        if config.image:
            outputs = config.image_outputs if decision else None
            self.image = ImageBranch(config.width, outputs, config.dropout)
            joined += 1 if decision else 8 * config.width
        # A single branch that decides for itself has nothing to fuse.
        alone = decision and not (config.image and config.clinical)
        self.fusion = None if alone else nn.Linear(joined, 2)
        if decision:
            self._start_as_published()

    def _start_as_published(self) -> None:
        """Draw the linear layers' weights as the published code does."""
        if self.image is not None and self.image.decision is not None:
            nn.init.xavier_normal_(self.image.decision.weight)
        linear = [] if self.table is None else [self.table.up, self.table.decision]
        for layer in [*linear, self.fusion]:
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.constant_(layer.bias, 0.1)

    def forward(self, image: torch.Tensor | None = None, clinical: torch.Tensor | None = None) -> torch.Tensor:
        """Predict.

        Parameters
        ----------
        image
            (B, 3, H, W): key frame, key frame × mask, mask, each in [0, 1]; ignored without an image branch.
        clinical
            (B, n_clinical) encoded variables; ignored without a clinical branch.

        Returns
        -------
        torch.Tensor
            (B, 2) logits of [non-responder, responder].
        """
        parts = []
        if self.table is not None:
            parts.append(self.table(_needed(clinical, "clinical")))
        if self.image is not None:
            parts.append(self.image(_needed(image, "image")))
        joined = torch.cat(parts, dim=1)
        if self.fusion is not None:
            return self.fusion(joined)
        # One logit s of the image branch alone means softmax([0, s]) = sigmoid(s).
        return torch.cat([torch.zeros_like(joined), joined], dim=1) if joined.shape[1] == 1 else joined


def _needed(value: torch.Tensor | None, name: str) -> torch.Tensor:
    if value is None:
        raise ValueError(f"this response network needs its {name} input")
    return value
