"""The order of a training's samples, from its seed alone."""

from __future__ import annotations

import numpy as np


class Order:
    """Which of `count` items is the n-th sample: shuffled anew at every pass, from the seed alone."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._epoch, self._order = -1, np.empty(0, int)

    def __getitem__(self, sample: int) -> int:
        epoch, place = divmod(sample, self.count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, 1, epoch]).permutation(self.count)
        return int(self._order[place])
