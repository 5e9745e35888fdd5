"""Where `map_seeds` and `spawn_pool` were before the phantom needed them too: they are in `DSANetLib.processes`."""

from __future__ import annotations

from ..processes import map_seeds, spawn_pool

__all__ = ["map_seeds", "spawn_pool"]
