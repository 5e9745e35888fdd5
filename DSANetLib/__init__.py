"""DSANet: tumour segmentation and response prediction on liver angiograms (DSA).

Research use only; not a medical device, and no output of it is a diagnosis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .run import DSARun

if TYPE_CHECKING:
    from .pipeline import process

__all__ = ["DSARun", "process"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The pipeline loads on first use, so that importing the library stays as cheap as importing numpy.
    if name == "process":
        from .pipeline import process

        return process
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
