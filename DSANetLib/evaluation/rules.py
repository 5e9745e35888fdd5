"""Is the phantom trivially solved? Untrained rules on one map, their thresholds chosen on the cohort itself.

Every rule is given more than it could have in practice: its threshold and direction are those that are best
on the very cohort it is measured on, and half of the rules know the true liver. If even so none reaches a
mean Dice of 0.5, the tumours are not to be had without learning. The figures are in docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DSANetError
from ..phantom.config import VALIDATION, PhantomConfig
from .table import Cell, Column, Table
from .work import map_seeds

if TYPE_CHECKING:
    from ..preparation import PreparedRun

PERCENTILES = np.concatenate([np.arange(40.0, 90.0, 2.5), np.arange(90.0, 100.0, 1.0)])
GREYS = np.linspace(1.0, 127.0, 64)
SECONDS = np.arange(-2.0, 20.01, 0.25)
SHARES = np.linspace(0.01, 0.99, 50)
BLURS = (0.0, 2.0, 5.0)
OTSU_BINS = 256
BANDS = 30
SPREADS = np.arange(0.25, 3.01, 0.25)
OPENINGS = (0, 2, 3, 4)
LIMIT = 0.5

DiceByRule = dict[str, np.ndarray]


def rule_maps(prepared: PreparedRun, blur: float = 0.0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the maps that rules look at, each with the thresholds tried on it.

    Parameters
    ----------
    prepared
        A prepared run.
    blur
        Standard deviation in network pixels of a low-pass before anything else, so that stain can
        outweigh vessels.

    Returns
    -------
    dict
        ``key frame`` (opacification), ``maximum``, ``time to peak`` (s after arrival) and ``FD``
        (0-1), each ((S, S) float64, (T,) thresholds).
    """
    from scipy import ndimage

    from ..preparation import network_inputs

    opacification = np.maximum(prepared.baseline - prepared.stack.astype(np.float32), 0.0)
    difference = network_inputs(prepared).difference
    if blur:
        opacification = ndimage.gaussian_filter(opacification, (0.0, blur, blur))
        difference = ndimage.gaussian_filter(difference, blur)
    times = prepared.frame_times - prepared.frame_times[prepared.arrival]
    return {
        "key frame": (opacification[prepared.key_frame.index].astype(np.float64), GREYS),
        "maximum": (opacification.max(axis=0).astype(np.float64), GREYS),
        "time to peak": (np.asarray(times)[opacification.argmax(axis=0)].astype(np.float64), SECONDS),
        "FD": (difference.astype(np.float64), SHARES),
    }


def otsu_threshold(values: np.ndarray) -> float:
    """Threshold that separates (N,) values best in two (Otsu 1979); the only value where all are equal."""
    counts, edges = np.histogram(values, OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = len(values) - below
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = total[:-1] / below - (total[-1] - total[:-1]) / above
        between = np.where((below > 0) & (above > 0), below * above * gap**2, -1.0)
    return float(edges[1:-1][int(np.argmax(between))])


def dice_by_rule(
    maps: Mapping[str, tuple[np.ndarray, np.ndarray]], tumour: np.ndarray, regions: Mapping[str, np.ndarray]
) -> DiceByRule:
    """Dice of every rule on one run.

    Parameters
    ----------
    maps
        As :func:`rule_maps` gives them.
    tumour
        (S, S) bool truth; pixels outside a region count as missed by its rules.
    regions
        Name → (S, S) bool, where a rule may predict.

    Returns
    -------
    dict
        ``map | kind | direction | region`` → (T,) Dice, one a threshold; Otsu has one, ``outliers, cleaned`` one for
        each of ``SPREADS``, within that without and with its holes filled, within that of ``OPENINGS``.
    """
    result: DiceByRule = {}
    positives = int(np.count_nonzero(tumour))
    for region_name, region in regions.items():
        truth = tumour[region].astype(np.float64)
        for map_name, (image, thresholds) in maps.items():
            for direction, sign in (("above", 1.0), ("below", -1.0)):
                values = sign * image[region]
                order = np.argsort(-values, kind="stable")
                hits = np.concatenate([[0.0], np.cumsum(truth[order])])
                ascending = values[order][::-1]
                # Ties at a percentile are cut as they come, so that a rule may take any share of the region.
                taken = np.round((100.0 - PERCENTILES) / 100.0 * len(values)).astype(int)
                cuts = {
                    "percentile": taken,
                    "threshold": len(values) - np.searchsorted(ascending, sign * thresholds, "left"),
                }
                if len(values):
                    otsu = otsu_threshold(values)
                    cuts["Otsu"] = np.array([len(values) - int(np.searchsorted(ascending, otsu, "left"))])
                for kind, number in cuts.items():
                    key = f"{map_name} | {kind} | {direction} | {region_name}"
                    result[key] = _dice(hits[number], number, positives)
                if direction == "above":
                    key = f"{map_name} | band | between | {region_name}"
                    result[key] = _bands(hits, cuts["threshold"], positives)
                    key = f"{map_name} | outliers, cleaned | above | {region_name}"
                    result[key] = _cleaned_outliers(image, tumour, region)
    return result


def _dice(hits: np.ndarray, number: np.ndarray, positives: int) -> np.ndarray:
    return np.asarray(2.0 * hits / np.maximum(number + positives, 1))


def _bands(hits: np.ndarray, above: np.ndarray, positives: int) -> np.ndarray:
    """Dice of taking what lies between any two of some thresholds; ``above`` falls as they rise."""
    some = above[np.linspace(0, len(above) - 1, BANDS).astype(int)]
    low, high = np.triu_indices(BANDS, 1)
    return _dice(hits[some[low]] - hits[some[high]], some[low] - some[high], positives)


def _cleaned_outliers(image: np.ndarray, tumour: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Dice of what lies some interquartile ranges above the region's median, cleaned.

    Cleaned is: as it is, or its holes filled, as the dead inside of a tumour leaves one; then opened by a disc, so that
    thin vessels fall away. (SPREADS x 2 x OPENINGS,); the discs' radii are in network pixels.
    """
    import cv2
    from scipy import ndimage

    if not region.any():
        return np.zeros(len(SPREADS) * 2 * len(OPENINGS))
    low, median, high = np.percentile(image[region], (25, 50, 75))
    discs = [cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)) for r in OPENINGS]
    hits, number = [], []
    for spread in SPREADS:
        bright = (image > median + spread * (high - low)) & region
        for chosen in (bright, ndimage.binary_fill_holes(bright) & region):
            for disc in discs:
                kept = cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
                hits.append(np.count_nonzero(kept & tumour))
                number.append(np.count_nonzero(kept))
    return _dice(np.array(hits), np.array(number), int(np.count_nonzero(tumour)))


def rules_of_patient(seed: int, config: PhantomConfig) -> list[DiceByRule]:
    """Dice of every rule on each run with tumour of one phantom patient; runs that fail are left out."""
    from ..phantom import simulate_patient
    from ..preparation import prepare

    results = []
    for phantom in simulate_patient(seed, config).runs:
        try:
            prepared = prepare(phantom.run)
        except DSANetError:
            continue
        liver, lesions = phantom.truth.masks(prepared.key_frame.index)
        tumour = prepared.geometry.to_network((lesions > 0).astype(np.float32)) >= 0.5
        regions = {
            "field": prepared.visible,
            "true liver": (prepared.geometry.to_network(liver.astype(np.float32)) >= 0.5) & prepared.visible,
        }
        if not tumour.any() or not regions["true liver"].any():
            continue
        dice: DiceByRule = {}
        for blur in BLURS:
            maps = {f"{name}, blur {blur:g} px": each for name, each in rule_maps(prepared, blur).items()}
            dice.update(dice_by_rule(maps, tumour, regions))
        results.append(dice)
    return results


@dataclass(frozen=True)
class BestRule:
    """A rule with its best threshold on the cohort."""

    map: str
    kind: str
    direction: str
    region: str
    threshold: int
    dice: float
    runs: int


def best_rules(runs: Iterable[DiceByRule]) -> list[BestRule]:
    """Choose each rule's threshold on the cohort; best rule first.

    Raises
    ------
    DSANetError
        Without runs.
    """
    every = list(runs)
    if not every:
        raise DSANetError("no run shows a tumour", "Check the rules on more patients")
    best = []
    for key in every[0]:
        mean = np.mean([run[key] for run in every], axis=0)
        at = int(np.argmax(mean))
        name, kind, direction, region = key.split(" | ")
        best.append(BestRule(name, kind, direction, region, at, float(mean[at]), len(every)))
    return sorted(best, key=lambda rule: (-rule.dice, rule.map, rule.kind, rule.direction, rule.region))


def rules_table(rules: Sequence[BestRule]) -> Table:
    """Best direction of each map, kind and region, best first."""
    columns = (
        Column("map"),
        Column("rule"),
        Column("tumour is"),
        Column("where"),
        Column("runs", "count"),
        Column("mean Dice", "fraction"),
    )
    rows: dict[tuple[str, str, str], tuple[Cell, ...]] = {}
    for rule in rules:
        rows.setdefault(
            (rule.map, rule.kind, rule.region),
            (rule.map, rule.kind, rule.direction, rule.region, rule.runs, rule.dice),
        )
    note = (
        "Threshold and direction chosen on these very runs, which flatters every rule. The phantom is not "
        f"trivially solved as long as none reaches {LIMIT}. Outliers, cleaned: some interquartile ranges above the "
        "median of the region, holes filled where that is better, thin structures removed."
    )
    return Table("Untrained rules on one map", columns, tuple(rows.values()), note)


def check_rules(
    patients: int = 200, *, first_seed: int = VALIDATION, config: PhantomConfig | None = None, workers: int = 2
) -> list[BestRule]:
    """Measure all rules on phantom patients (validation seeds, so that the test set stays closed)."""
    seeds = range(first_seed, first_seed + patients)
    return best_rules(_flat(map_seeds(rules_of_patient, seeds, config or PhantomConfig(), workers=workers)))


def _flat(results: Iterable[tuple[int, list[DiceByRule]]]) -> Iterator[DiceByRule]:
    for _, runs in results:
        yield from runs
