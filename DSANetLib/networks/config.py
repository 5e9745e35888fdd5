"""What fixes a network: small frozen values that go into a model's card and come back from it unchanged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

SegmenterKind = Literal["ffs", "unet", "tdl", "lrs", "unetpp", "attention-unet", "u2net", "tempo"]
Handover = Literal["probability", "logits"]
Fusion = Literal["features", "decision"]

_Config = TypeVar("_Config")


@dataclass(frozen=True)
class SegmenterConfig:
    """One tumour segmenter (model 1).

    Parameters
    ----------
    kind
        ``ffs``: TDL, LRS and FFS, three U-Nets (the paper's). ``tdl``, ``lrs``: without the other of the two.
        ``unet``, ``unetpp``, ``attention-unet``, ``u2net``: one network on the key frame. ``tempo``: ours, one
        network on the frames, their curve maps and the key frame.
    width
        Channels of the first level; the U-Nets' levels have 1, 2, 4, 8 and 8 times as many. Paper: 64.
    frames
        Frames of the run that a network of the run sees. Paper: 10.
    handover
        What FFS gets from LRS: the liver's ``probability`` (bounded; default) or ``logits`` (the published code).
    """

    kind: SegmenterKind = "ffs"
    width: int = 16
    frames: int = 10
    handover: Handover = "probability"

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        _one_of("kind", self.kind, get_args(SegmenterKind))
        _one_of("handover", self.handover, get_args(Handover))
        _at_least("width", self.width, 1)
        _at_least("frames", self.frames, 1)

    @property
    def sees_run(self) -> bool:
        """Whether the network looks at the run's frames, not at the key frame alone."""
        return self.kind in ("ffs", "tdl", "tempo")

    @property
    def finds_liver(self) -> bool:
        """Whether the network says where the liver is."""
        return self.kind in ("ffs", "lrs", "tempo")

    @property
    def finds_difference(self) -> bool:
        """Whether the network estimates the frame-difference image."""
        return self.kind in ("ffs", "tdl", "tempo")

    @classmethod
    def paper(cls) -> SegmenterConfig:
        """Return the published segmenter: width 64, ten frames, LRS logits handed over."""
        return cls(kind="ffs", width=64, frames=10, handover="logits")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SegmenterConfig:
        """Build from :meth:`to_dict`; ValueError on unknown names or impossible values."""
        return _from_dict(cls, values)


@dataclass(frozen=True)
class ResponseConfig:
    """One response network (model 2).

    Parameters
    ----------
    width
        Channels of the first ResNet18 stage; the stages have 1, 2, 4 and 8 times as many. Paper: 64.
    fusion
        ``features``: features of both branches joined, one linear layer (the paper's text; default).
        ``decision``: the branches' decisions joined, Linear(3, 2) (the published code).
    image
        Whether the network sees the image.
    clinical
        Whether the network sees the clinical variables.
    n_clinical
        Length of the encoded clinical vector (``ClinicalEncoder.size``); not used without ``clinical``.
    hidden
        Hidden units of the clinical branch. Paper: 128.
    image_outputs
        Outputs of the ResNet's own last layer with ``decision`` fusion, 1000 in the published code.
    dropout
        Probability of dropping a feature of either branch before fusion while training, in [0, 1); with ``decision``
        fusion one of the ResNet's outputs alone. Published code: 0.2.
    """

    width: int = 16
    fusion: Fusion = "features"
    image: bool = True
    clinical: bool = True
    n_clinical: int = 0
    hidden: int = 128
    image_outputs: int = 1000
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        _one_of("fusion", self.fusion, get_args(Fusion))
        for name in ("width", "hidden", "image_outputs"):
            _at_least(name, getattr(self, name), 1)
        if not self.image and not self.clinical:
            raise ValueError("image and clinical are both off: the network would see nothing")
        if self.clinical:
            _at_least("n_clinical", self.n_clinical, 1)
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}, expected 0 or more and below 1")

    @classmethod
    def paper(cls, n_clinical: int = 50) -> ResponseConfig:
        """Return the published network: ResNet18 with 1000 outputs, decisions joined.

        Parameters
        ----------
        n_clinical
            50 in the published code, of which 7 stem from a variable that is known only after treatment.
        """
        return cls(width=64, fusion="decision", n_clinical=n_clinical, dropout=0.2)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ResponseConfig:
        """Build from :meth:`to_dict`; ValueError on unknown names or impossible values."""
        return _from_dict(cls, values)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the joint loss: ``tdl``·L_TDL + ``lrs``·L_LRS + L_seg, each mask loss a·BCE + (1-a)·Dice.

    Parameters
    ----------
    bce_share
        The paper's a, in [0, 1].
    tdl, lrs
        The paper's lambda 0 and lambda 1.
    dice_smooth
        Added to numerator and denominator of the Dice loss, so that empty masks have a gradient.
    """

    bce_share: float = 0.5
    tdl: float = 0.1
    lrs: float = 1.0
    dice_smooth: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that would reward errors."""
        if not 0.0 <= self.bce_share <= 1.0:
            raise ValueError(f"bce_share is {self.bce_share}, expected 0 to 1")
        if min(self.tdl, self.lrs) < 0.0 or self.dice_smooth <= 0.0:
            raise ValueError("loss weights must not be negative and dice_smooth must be above 0")

    @classmethod
    def paper(cls) -> LossConfig:
        """Return the published weights, which are the defaults."""
        return cls()

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LossConfig:
        """Build from :meth:`to_dict`; ValueError on unknown names or impossible values."""
        return _from_dict(cls, values)


def _from_dict(cls: type[_Config], values: dict[str, Any]) -> _Config:
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{cls.__name__} knows no {', '.join(unknown)}")
    return cls(**values)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, expected {', '.join(allowed[:-1])} or {allowed[-1]}")


def _at_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}, expected a whole number of at least {least}")
