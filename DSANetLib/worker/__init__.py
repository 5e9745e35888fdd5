"""One process that computes and keeps its models loaded, and the client that asks it; neither knows Qt or Slicer."""

from __future__ import annotations

from .client import WorkerClient
from .messages import Cancelled, Event, Failure, Partial, Progress, Result

__all__ = ["Cancelled", "Event", "Failure", "Partial", "Progress", "Result", "WorkerClient"]
