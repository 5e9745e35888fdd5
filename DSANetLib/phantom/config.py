"""What may be set of the phantom; the defaults are the cohort that the shipped models are trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import DSANetError

# Seeds of disjoint cohorts: patient i of a cohort has the seed BASE + i.
SEGMENTATION_TRAINING = 1_000_000
RESPONSE_TRAINING = 2_000_000
VALIDATION = 5_000_000
TEST = 9_100_000


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
    """

    rows: int = 512
    columns: int = 512
    frame_rates: tuple[float, ...] | None = None
    subtracted_share: float = 0.8
    tumour_free_share: float = 0.05
    clean: bool = False

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 96:
            raise DSANetError(f"phantom frames of {self.rows} × {self.columns} pixels", "Ask for at least 96 × 96")
        if self.frame_rates is not None and not all(0.2 <= r <= 30 for r in self.frame_rates):
            raise DSANetError(f"frame rates {self.frame_rates}", "Give 0.2-30 frames per second")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able values."""
        return asdict(self)
