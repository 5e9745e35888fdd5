"""Twelve values → the numbers that a network sees; everything fitted is stored, nothing is fitted at prediction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ..errors import ClinicalError
from .variables import BY_NAME, VARIABLES, ClinicalRecord

Preset = Literal["standard", "paper_bins"]

# Skewed over orders of magnitude.
_LOGARITHMIC = frozenset({"afp", "crp", "ast", "alt", "tbil"})
_CHILD_PUGH = (5.0, 6.0, 7.0, 8.0)
"""The categories of the score; the last one stands for it and all above."""

# The published code's order and cut points. Its seventh variable, drug-new, is known only after treatment and left out;
# ascites is in the paper's list and not in the code: it comes last.
_PAPER_CUTS: dict[str, tuple[float, ...]] = {
    "hbv": (),
    "tbil": (17, 34.2),
    "ast": (40, 61, 75),
    "child_pugh": (5, 6, 7),
    "sex": (),
    "age": (45, 55, 65),
    "alb": (30, 35),
    "pt": (13, 16),
    "alt": (40, 55, 73),
    "crp": (1, 8),
    "afp": (20, 200, 400),
    "ascites": (),
}
_WIDENED = 1e-6


@dataclass(frozen=True)
class ClinicalEncoder:
    """Encodes records for a response network; make one with :meth:`fit`.

    Parameters
    ----------
    preset
        ``standard``: continuous variables standardised (log1p first for AFP, CRP, AST, ALT, TBIL), Child–Pugh one-hot,
        missing values replaced by the median and flagged. ``paper_bins``: the published code's one-hot bins with an
        offset within the bin, (value - centre) / width, limits frozen from training; medians for missing values.
    median
        Variable → what a missing value becomes; yes/no and sex as 1 (yes, male) or 0.
    centre, scale
        ``standard``: mean and standard deviation of each continuous variable, after the logarithm.
    limits
        ``paper_bins``: lowest and highest value of each binned variable; values beyond count as these.

    Examples
    --------
    >>> records = [ClinicalRecord("a", {v.name: None for v in VARIABLES})]
    >>> ClinicalEncoder.fit(records)                    # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    DSANetLib.errors.ClinicalError: no patient has a value of age...
    """

    preset: Preset
    median: Mapping[str, float]
    centre: Mapping[str, float]
    scale: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]

    @classmethod
    def fit(cls, records: Sequence[ClinicalRecord], preset: Preset = "standard") -> ClinicalEncoder:
        """Fit on training patients, and on nobody else.

        Parameters
        ----------
        records
            Each variable must be known of at least one.
        preset
            See the class.

        Raises
        ------
        ClinicalError
            Where a variable is missing for all, or there is no such preset.
        """
        _check_preset(preset)
        known = {v.name: _known(records, v.name) for v in VARIABLES}
        median = {name: float(np.median(values)) for name, values in known.items()}
        for name in ("sex", "hbv", "ascites"):
            median[name] = float(median[name] >= 0.5)
        if preset == "paper_bins":
            limits = {
                name: (min(known[name].min(), cuts[0]) - _WIDENED, max(known[name].max(), cuts[-1]) + _WIDENED)
                for name, cuts in _PAPER_CUTS.items()
                if cuts
            }
            return cls(preset, median, {}, {}, {name: (float(a), float(b)) for name, (a, b) in limits.items()})
        scaled = {name: _scaled(name, known[name]) for name in _CONTINUOUS}
        centre = {name: float(values.mean()) for name, values in scaled.items()}
        scale = {name: float(values.std()) or 1.0 for name, values in scaled.items()}
        return cls(preset, median, centre, scale, {})

    @property
    def names(self) -> tuple[str, ...]:
        """What each encoded number is, such as ``afp`` or ``afp missing``."""
        names: list[str] = []
        for variable in _PAPER_CUTS if self.preset == "paper_bins" else BY_NAME:
            if self.preset == "paper_bins":
                cuts = _PAPER_CUTS[variable]
                names += (
                    [f"{variable} bin {i}" for i in range(len(cuts) + 1)] + [f"{variable} offset"]
                    if cuts
                    else [variable]
                )
            elif variable == "child_pugh":
                names += [*(f"child_pugh {score:g}" for score in _CHILD_PUGH), "child_pugh missing"]
            else:
                names += [variable, f"{variable} missing"]
        return tuple(names)

    @property
    def size(self) -> int:
        """Numbers a patient: 27 (``standard``) or 44 (``paper_bins``: the code's 50, less its leak, and ascites)."""
        return len(self.names)

    def transform(self, records: Sequence[ClinicalRecord]) -> np.ndarray:
        """Return (N, size) float32."""
        encode = self._paper_row if self.preset == "paper_bins" else self._standard_row
        rows = [encode(record) for record in records]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), self.size)

    def _standard_row(self, record: ClinicalRecord) -> list[float]:
        row: list[float] = []
        for name in BY_NAME:
            given = _number(record, name)
            value = self.median[name] if given is None else given
            if name == "child_pugh":
                category = bisect_right(_CHILD_PUGH, value) - 1
                row += [float(category == i) for i in range(len(_CHILD_PUGH))]
            elif name in self.centre:
                row.append((float(_scaled(name, np.float64(value))) - self.centre[name]) / self.scale[name])
            else:
                row.append(value)
            row.append(float(given is None))
        return row

    def _paper_row(self, record: ClinicalRecord) -> list[float]:
        row: list[float] = []
        for name, cuts in _PAPER_CUTS.items():
            given = _number(record, name)
            value = self.median[name] if given is None else given
            if not cuts:
                row.append(value)
                continue
            low, high = self.limits[name]
            value = min(max(value, low), high)
            edges = (low, *cuts, high)
            chosen = bisect_right(cuts, value)
            a, b = edges[chosen], edges[chosen + 1]
            row += [float(chosen == i) for i in range(len(cuts) + 1)]
            row.append((value - (a + b) / 2) / (b - a))
        return row

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted encoder as JSON-able values, for the model's card."""
        return {
            "preset": self.preset,
            "median": dict(self.median),
            "centre": dict(self.centre),
            "scale": dict(self.scale),
            "limits": {name: list(pair) for name, pair in self.limits.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClinicalEncoder:
        """Build from :meth:`to_dict`; ClinicalError where something is missing."""
        try:
            preset = values["preset"]
            _check_preset(preset)
            wanted: dict[str, set[str]] = {"median": set(BY_NAME), "centre": set(), "scale": set(), "limits": set()}
            if preset == "paper_bins":
                wanted["limits"] = {name for name, cuts in _PAPER_CUTS.items() if cuts}
            else:
                wanted["centre"] = wanted["scale"] = set(_CONTINUOUS)
            for part, names in wanted.items():
                if set(values[part]) != names:
                    raise ClinicalError(f"the clinical encoder's {part} does not fit its preset", _REFIT)
            median, centre, scale = (
                {name: float(value) for name, value in values[part].items()} for part in ("median", "centre", "scale")
            )
            limits = {name: (float(a), float(b)) for name, (a, b) in values["limits"].items()}
            return cls(preset, median, centre, scale, limits)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ClinicalError(f"the clinical encoder cannot be read ({error})", _REFIT) from error


_CONTINUOUS = tuple(v.name for v in VARIABLES if v.kind == "number")
_REFIT = "Fit the encoder anew, or install the package again"


def _check_preset(preset: str) -> None:
    if preset not in get_args(Preset):
        raise ClinicalError(f"there is no clinical encoding {preset!r}", f"Use {' or '.join(get_args(Preset))}")


def _number(record: ClinicalRecord, name: str) -> float | None:
    value = record.values[name]
    if isinstance(value, str):
        return float(value in ("yes", "male"))
    return value


def _scaled(name: str, values: Any) -> Any:
    return np.log1p(values) if name in _LOGARITHMIC else values


def _known(records: Sequence[ClinicalRecord], name: str) -> np.ndarray:
    values = [number for record in records if (number := _number(record, name)) is not None]
    if not values:
        raise ClinicalError(f"no patient has a value of {name}", "Fit on patients of whom it is known")
    return np.asarray(values, dtype=np.float64)
