"""AugmentationConfig: how a prepared run is varied before a network sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class AugmentationConfig:
    """How a prepared run is varied before the network sees it; chances are 0-1, distributions in brackets.

    Parameters
    ----------
    stretch
        The time axis is stretched by exp(u), u uniform in ± this.
    thin, drop
        Chance of keeping every other frame; else chance of dropping a fifth of the frames at random.
    cut
        Chance that the run ends somewhere after the key frame.
    arrival
        Chance that contrast arrival is taken a frame early or late.
    picked
        Chance that the key frame is one that a picker chooses (on the field, or in the true liver).
    neighbour
        Chance that a neighbour stands for the key frame.
    rotation_deg, scale, shift
        Standard deviation of the rotation; scaling by exp(u), u uniform in ± `scale`; shift uniform in
        ± this part of the side. Never a left-right flip: the liver has a side.
    border
        Chance that the field loses a rim, as a border found wrongly would cost it.
    gamma, contrast, brightness
        Exponent exp(u) with u uniform in ± `gamma`; gain and offset uniform in ± these, in network units.
    noise
        Largest standard deviation of added white noise, network units.
    transplant
        Chance that a lesion of another training run is laid into the liver (`transplant`).
    """

    stretch: float = 0.2
    thin: float = 0.2
    drop: float = 0.15
    cut: float = 0.15
    arrival: float = 0.3
    picked: float = 0.4
    neighbour: float = 0.5
    rotation_deg: float = 5.0
    scale: float = 0.12
    shift: float = 0.05
    border: float = 0.2
    gamma: float = 0.15
    contrast: float = 0.1
    brightness: float = 0.05
    noise: float = 0.03
    transplant: float = 0.0

    @classmethod
    def none(cls) -> AugmentationConfig:
        """Return the setting that changes nothing and always takes the true key frame."""
        return cls(**{f.name: 0.0 for f in fields(cls)})
