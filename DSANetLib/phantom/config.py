"""What may be set of the phantom; the defaults are the cohort that the shipped models are trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import DSANetError

EDITION = 6
"""Counts the changes of what a seed shows, so that nothing made with another is taken for the same; 1 had a spine of
one grey and ribs in chevrons, 2 arteries of straight pieces, 3 a stepped chest and lungs of plain white, 4 gas like
pebbles and bones that moved as one, 5 three tumours in four without a dead inside."""

# Seeds of disjoint cohorts: patient i of a cohort has the seed BASE + i.
SEGMENTATION_TRAINING = 1_000_000
RESPONSE_TRAINING = 2_000_000
VALIDATION = 5_000_000
TEST = 13_000_000
# Patients of the preset cohorts (see presets.py); none of the blocks above reaches there.
PRESETS = 20_000_000


@dataclass(frozen=True)
class Scanner:
    """How one hospital's C-arm and its users differ from the usual: factors of what the protocol draws.

    Parameters
    ----------
    name
        For the tables of a cohort.
    dose
        Quanta a pixel.
    noise
        Electronic noise.
    blur
        Light spread of focal spot and detector.
    scatter
        Scatter and glare.
    contrast, brightness
        Window of subtracted films: gain, and grey levels (of 256) added to the offset.
    gamma
        Exponent of the display curve of the others.
    field
        Width of the view; below 1 is magnified.
    motion
        Breathing, drift, heartbeat and sudden movement.
    protocol_shares
        Of ``protocol.PROTOCOLS``, adding up to 1; None for the usual ones.
    """

    name: str = "A"
    dose: float = 1.0
    noise: float = 1.0
    blur: float = 1.0
    scatter: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    gamma: float = 1.0
    field: float = 1.0
    motion: float = 1.0
    protocol_shares: tuple[float, ...] | None = None


OTHER_SCANNER = Scanner(
    name="B",
    dose=0.45,
    noise=1.8,
    blur=1.35,
    scatter=1.3,
    contrast=0.65,
    brightness=-25.0,
    gamma=1.25,
    field=0.86,
    motion=1.5,
    protocol_shares=(0.12, 0.22, 0.06, 0.08, 0.04, 0.16, 0.04, 0.02, 0.12, 0.14),
)
"""The external hospital of the preset cohorts: an older C-arm, closer views, other frame rates."""


@dataclass(frozen=True)
class PhantomConfig:
    """Settings of the phantom.

    Parameters
    ----------
    rows, columns
        Size of a frame in pixels; the paper's frames are 788 × 1021.
    frame_rates
        Constant frame rates (1/s) to draw from; None draws from protocols of 1-7.5 frames per
        second, some of which slow down within the run.
    subtracted_share
        Share of the runs that the scanner has subtracted already.
    tumour_free_share
        Share of the patients whose runs show no tumour.
    clean
        No artefact of any kind and no noise but quantum noise: for looking at the physics.
    scanner
        The hospital's C-arm; the usual one changes nothing.
    """

    rows: int = 512
    columns: int = 512
    frame_rates: tuple[float, ...] | None = None
    subtracted_share: float = 0.8
    tumour_free_share: float = 0.05
    clean: bool = False
    scanner: Scanner = Scanner()

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 96:
            raise DSANetError(f"phantom frames of {self.rows} × {self.columns} pixels", "Ask for at least 96 × 96")
        if self.frame_rates is not None and not all(0.2 <= r <= 30 for r in self.frame_rates):
            raise DSANetError(f"frame rates {self.frame_rates}", "Give 0.2-30 frames per second")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings and the phantom's edition as JSON-able values."""
        return {"edition": EDITION, **asdict(self)}
