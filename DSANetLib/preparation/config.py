"""PreparationConfig: every choice of the preparation, stored with the model that was trained on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from ..errors import PreparationError

Aspect = Literal["pad", "squash"]
Sampling = Literal["seconds", "uniform", "causal"]
Interpolation = Literal["linear", "nearest"]
Difference = Literal["key", "baseline", "three_frame", "successive"]
Normalisation = Literal["robust", "minmax"]
KeyStatistic = Literal["stained", "mean"]
Outside = Literal["neutral", "keep"]
Border = Literal["auto", "none"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "aspect": get_args(Aspect),
    "sampling": get_args(Sampling),
    "interpolation": get_args(Interpolation),
    "difference": get_args(Difference),
    "normalisation": get_args(Normalisation),
    "key_statistic": get_args(KeyStatistic),
    "outside": get_args(Outside),
    "border": get_args(Border),
}


@dataclass(frozen=True)
class PreparationConfig:
    """How a run becomes network inputs.

    Parameters
    ----------
    size
        Side of the square network image, pixels.
    aspect
        ``pad`` keeps the proportions, ``squash`` (paper) fills the square.
    flip_rows, flip_columns
        Turn the network image upside down, or left to right; for runs stored mirrored.
    border
        ``auto`` finds the collimator's border (paper: median filter and threshold); ``none`` keeps the frame.
    outside
        ``neutral`` fills what lies outside the field with the field's median, so that it carries no
        edge and no change; ``keep`` (paper) leaves it.
    sampling
        Which ten frames: ``seconds`` = at fixed times after contrast arrival; ``uniform`` (paper) = evenly
        from arrival to the end; ``causal`` = the last ones up to the key frame's right neighbour.
    frames
        How many frames the network sees.
    lead_s, window_s
        ``seconds``: the first sample lies `lead_s` before arrival, the last `window_s` after the first, s.
    interpolation
        ``seconds``: ``linear`` in time between the two neighbours, or the ``nearest`` frame.
    difference
        Frame-difference image: ``key`` = mean of abs(key - frame); ``baseline`` = abs(key - first sample);
        ``three_frame`` = mean of the smaller of the differences to both neighbours; ``successive`` = mean
        of the absolute successive differences.
    normalisation
        ``robust`` between two percentiles of the field, ``minmax`` (paper) between the extremes.
    low_percentile, high_percentile
        The two percentiles, 0-100.
    key_statistic
        What the key-frame curve is made of: ``stained`` = the stained tissue that stands above the field
        (docs/preparation.md), ``mean`` = the plain mean.
    key_blur
        Gaussian low-pass before the curve, standard deviation as a fraction of the width.
    key_smoothing_s
        ``stained``: Gaussian smoothing of the curve in time, standard deviation in s.
    stain_share
        ``stained``: share of the field's pixels, the most stained ones, that the curve follows.
    stain_after_s, stain_spread_s
        ``stained``: full staining is expected so long after contrast arrival, give or take; a weak wish that
        decides between peaks (s).
    frame_rate
        Frames per second assumed where a source does not say.

    Raises
    ------
    PreparationError
        Where a value is impossible; the message names it.
    """

    size: int = 256
    aspect: Aspect = "pad"
    flip_rows: bool = False
    flip_columns: bool = False
    border: Border = "auto"
    outside: Outside = "neutral"
    sampling: Sampling = "seconds"
    frames: int = 10
    lead_s: float = 0.5
    window_s: float = 8.0
    interpolation: Interpolation = "linear"
    difference: Difference = "key"
    normalisation: Normalisation = "robust"
    low_percentile: float = 0.5
    high_percentile: float = 99.5
    key_statistic: KeyStatistic = "stained"
    key_blur: float = 0.02
    key_smoothing_s: float = 0.5
    stain_share: float = 0.07
    stain_after_s: float = 4.2
    stain_spread_s: float = 4.0
    frame_rate: float = 2.0

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise PreparationError(f"{name} is {getattr(self, name)!r}", f"Choose one of {', '.join(allowed)}")
        limits: tuple[tuple[str, float, float], ...] = (
            ("size", 8, 4096),
            ("frames", 1, 256),
            ("lead_s", 0.0, 60.0),
            ("window_s", 0.1, 600.0),
            ("key_blur", 0.0, 0.2),
            ("key_smoothing_s", 0.0, 60.0),
            ("stain_share", 0.001, 1.0),
            ("stain_after_s", 0.0, 60.0),
            ("stain_spread_s", 0.1, 1000.0),
            ("frame_rate", 0.05, 240.0),
            ("low_percentile", 0.0, 100.0),
            ("high_percentile", 0.0, 100.0),
        )
        for name, low, high in limits:
            if not low <= getattr(self, name) <= high:
                raise PreparationError(f"{name} is {getattr(self, name)!r}", f"Give {low:g} to {high:g}")
        if self.low_percentile >= self.high_percentile:
            raise PreparationError("low_percentile is not below high_percentile", "Give the lower one first")

    @classmethod
    def paper(cls, **changes: Any) -> PreparationConfig:
        """Return the preset that follows the paper and its code as closely as they can be read."""
        paper = cls(
            aspect="squash",
            outside="keep",
            sampling="uniform",
            interpolation="nearest",
            normalisation="minmax",
            key_statistic="mean",
        )
        return replace(paper, **changes)

    def with_changes(self, **changes: Any) -> PreparationConfig:
        """Return a copy with some settings replaced, validated anew."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PreparationConfig:
        """Build from `to_dict`'s values; settings left out keep their defaults, unknown ones are an error."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise PreparationError(
                f"unknown preparation setting {', '.join(sorted(unknown))}",
                "Use a model package made for this version of DSANet, or correct the name",
            )
        return cls(**values)
