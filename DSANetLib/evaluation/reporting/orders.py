"""The orders that the paper found, and whether they held in a study: said from the numbers, whichever way they fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..crossed import FEW, holm
from ..statistics import Difference
from ..table import Column, Table, format_cell
from .made import Made
from .names import group_name, input_name, network_name
from .tables import rows_of

Verdict = Literal[
    "held", "held, not after correction", "held in the point estimate only", "did not hold", "cannot be said"
]
ALPHA = 0.05
QUARTER = 0.25
FULL, FILM, KEY_FRAME, CLINICAL = "film+mask+clinical [predicted]", "film+mask [predicted]", "film", "clinical"

# (first above second); what they are set against in the study's tables is the second, or the full input.
DICE_CLAIMS = (("ffs", "tdl"), ("ffs", "lrs"), ("tdl", "unet"), ("lrs", "unet"), ("tempo", "ffs"))
AUC_CLAIMS = ((FULL, FILM), (FULL, KEY_FRAME), (FILM, CLINICAL), (KEY_FRAME, CLINICAL))


@dataclass(frozen=True)
class Order:
    """One claim of an order in one cohort.

    Parameters
    ----------
    group
        Cohort; empty where the claim is of none.
    claim
        Which should lie above which, by what.
    figures
        What was found, in words.
    verdict
        Whether it held.
    """

    group: str
    claim: str
    figures: str
    verdict: Verdict


def judged(difference: Difference | None, corrected: float | None) -> Verdict:
    """Return whether the first of a pair lies above the second, by the difference, its interval and corrected p."""
    if difference is None:
        return "cannot be said"
    if difference.value <= 0:
        return "did not hold"
    if difference.low is None or difference.low <= 0 or difference.patients < FEW:
        return "held in the point estimate only"
    return "held" if corrected is not None and corrected < ALPHA else "held, not after correction"


def dice_orders(made: Made) -> list[Order]:
    """FFS above +TDL and +LRS above U-Net, and ours above FFS, in every cohort that has them."""
    if not made.study.segmentation:
        return []
    tables = [made.networks(first if first == "ffs" else second) for first, second in DICE_CLAIMS]
    return _orders(tables, DICE_CLAIMS, "Dice")


def auc_orders(made: Made) -> list[Order]:
    """Full input above the film above the clinical values, in every cohort that has them."""
    if not made.study.response:
        return []
    tables = [made.inputs((FULL if first == FULL else second).partition(" [")[0]) for first, second in AUC_CLAIMS]
    return _orders(tables, AUC_CLAIMS, "score AUC")


def _orders(tables: Sequence[Table], claims: Sequence[tuple[str, str]], of: str) -> list[Order]:
    """Judge each claim in each cohort; p is corrected after Holm over the claims of one cohort."""
    found = [
        (group, claim, difference)
        for table, claim in zip(tables, claims, strict=True)
        for group, difference in _differences(table, *claim)
    ]
    orders = []
    for group in dict.fromkeys(group for group, _, _ in found):
        own = [(claim, difference) for other, claim, difference in found if other == group]
        corrected = holm([None if difference is None else difference.p for _, difference in own])
        for ((first, second), difference), p in zip(own, corrected, strict=True):
            claim = f"{_name(first)} above {_name(second)} in {of}"
            text = f"{format_cell(difference, 'fraction')}, p (Holm) {format_cell(p, 'p')}"
            orders.append(Order(group, claim, text, judged(difference, p)))
    return orders


def _differences(table: Table, first: str, second: str) -> list[tuple[str, Difference | None]]:
    """Return first minus second in every cohort in which the table sets one against the other."""
    found: list[tuple[str, Difference | None]] = []
    for row in rows_of(table):
        names, difference = (row["first"], row["second"]), row["difference"]
        own = difference if isinstance(difference, Difference) else None
        if names == (first, second):
            found.append((str(row["group"]), own))
        elif names == (second, first):
            found.append((str(row["group"]), None if own is None else turned(own)))
    return found


def turned(difference: Difference) -> Difference:
    """Return a difference the other way round: second minus first."""
    low, high = (None if end is None else -end for end in (difference.high, difference.low))
    return Difference(
        difference.second, difference.first, -difference.value, low, high,
        difference.p, difference.patients, difference.count,
    )  # fmt: skip


def ours_orders(made: Made) -> list[Order]:
    """What else our network promises against FFS: fewer operations, and less lost where neither has trained."""
    orders = []
    gflop = {one.experiment: one.gflop for one in made.study.trainings if one.gflop}
    if {"tempo", "ffs"} <= set(gflop):
        share = (gflop["tempo"] or 0.0) / (gflop["ffs"] or 1.0)
        verdict: Verdict = "held" if share <= QUARTER else "did not hold"
        claim = "tempo (ours) takes at most a quarter of FFS's operations"
        orders.append(Order("", claim, f"{100 * share:.1f} %", verdict))
    return orders + _losses(made)


def _losses(made: Made) -> list[Order]:
    """Return whether our network loses less Dice than FFS from the internal cohort to each other one.

    p is corrected after Holm over these cohorts.
    """
    if not made.study.segmentation:
        return []
    found = [(group, one) for group, one in _differences(made.losses, "ffs", "tempo") if one is not None]
    corrected = holm([one.p for _, one in found])
    claim = "tempo (ours) loses less Dice than FFS against the internal cohort"
    return [
        Order(
            group, claim,
            f"tempo loses {one.second:.3f}, FFS {one.first:.3f}: {format_cell(one, 'fraction')} less, "
            f"p (Holm) {format_cell(p, 'p')}",
            judged(one, p),
        )
        for (group, one), p in zip(found, corrected, strict=True)
    ]  # fmt: skip


def _name(key: str) -> str:
    return input_name(network_name(key))


def orders_table(orders: Sequence[Order]) -> Table:
    """Return claims as a table."""
    columns = (Column("claim"), Column("cohort"), Column("difference"), Column("verdict"))
    rows = tuple((one.claim, group_name(one.group) or "–", one.figures, one.verdict) for one in orders)
    note = (
        "Held: the 95 % interval of the difference lies above 0, and p corrected after Holm over the claims of one "
        "cohort is below 0.05. Held, not after correction: the interval alone. Held in the point estimate only: the "
        f"difference is above 0, but may be chance; with fewer than {FEW} patients no more is said."
    )
    return Table("Orders of the paper, and the promises of the network of ours", columns, rows, note)
