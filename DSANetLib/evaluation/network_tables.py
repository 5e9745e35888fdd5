"""Table 2: networks against metrics, internal and external, and each network against one, over seeds and patients."""

from __future__ import annotations

from dataclasses import replace

from .crossed import difference, estimate, few_note, holm, losses_compared
from .measured import (
    HOME,
    attribute,
    false_positive_ratio,
    found_lesions,
    groups_of,
    mean_figure,
    networks_of,
    on_common_runs,
    patients_of,
    runs_of,
    seeds_of,
    select,
    share_figure,
)
from .metrics import LESION_OVERLAP
from .statistics import Difference, Estimate
from .study import SegmentationResult, Study
from .table import Cell, Column, Table

NOTHING = "No network was measured on runs with tumour."
RESAMPLED = (
    "95 % intervals from 2,000 resamples of seeds and patients, crossed; of patients alone where a network was "
    "trained with one seed."
)
OVERLAP_RULE = (
    f"A lesion counts as found where at least {LESION_OVERLAP:.0%} of its pixels are predicted; a component is a "
    f"false positive where less than {LESION_OVERLAP:.0%} of its pixels lie on a lesion. "
).replace("%", " %")

_COLUMNS = (
    Column("group"),
    Column("network"),
    Column("seeds", "count"),
    Column("patients", "count"),
    Column("runs", "count"),
    Column("Dice", "fraction"),
    Column("accuracy %", "percent"),
    Column("sensitivity %", "percent"),
    Column("specificity %", "percent"),
    Column("PPV %", "percent"),
    Column("NPV %", "percent"),
    Column("lesion sensitivity %", "percent"),
    Column("FPR %", "percent"),
    Column("false positives a frame", "number"),
    Column("mean surface distance mm", "number"),
    Column("HD95 mm", "number"),
    Column("liver Dice", "fraction"),
    Column("failed %", "percent"),
)


def table2(study: Study) -> Table:
    """Return a row a cohort and network, over the runs with tumour.

    Pixel-level metrics are averaged over each patient's runs, then over patients, then over seeds.
    """
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        for network in networks_of(study):
            results = select(study, group, network)
            if results:
                rows.append((group, network, *_counts(results), *_metrics(results)))
    note = (
        "Runs with tumour, at the annotated key frame. Accuracy, sensitivity, specificity, PPV and NPV are "
        f"pixel-level. {OVERLAP_RULE}FPR: false-positive components over predicted components. Surface distances where "
        "the spacing is known and something was predicted. A run that failed has Dice 0 and no other figure. "
        f"{RESAMPLED}"
    )
    return Table("Table 2. Tumour segmentation by network", _COLUMNS, tuple(rows), note if rows else NOTHING)


def _counts(results: list[SegmentationResult]) -> tuple[int, int, int]:
    return seeds_of(results), patients_of(results), runs_of(results)


def _metrics(results: list[SegmentationResult]) -> list[Estimate | None]:
    names = ("dice", "accuracy", "sensitivity", "specificity", "ppv", "npv")
    done = [result for result in results if not result.record.error]
    figures = [
        *(mean_figure(results, attribute(name)) for name in names),
        found_lesions(results),
        false_positive_ratio(results),
        mean_figure(done, attribute("false_positives")),
        mean_figure(results, lambda r: r.surface_mm),
        mean_figure(results, lambda r: r.hausdorff95_mm),
        mean_figure(results, attribute("liver_dice")),
        share_figure(results, lambda r: bool(r.record.error), lambda r: 1),  # noqa: ARG005
    ]
    return [estimate(figure) for figure in figures]


def network_comparisons(study: Study, reference: str = "ffs") -> Table:
    """Return every network's Dice against the reference, paired over patients, Holm-corrected within a cohort.

    Parameters
    ----------
    study
        A study.
    reference
        Network that the others are set against; the row says other minus reference.

    Returns
    -------
    Table
        A row a cohort and network; the difference is None where both share no run or but one patient.
    """
    columns = (
        Column("group"),
        Column("first"),
        Column("second"),
        Column("seeds"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("difference", "fraction"),
        Column("p", "p"),
        Column("p (Holm)", "p"),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        others = [name for name in networks_of(study) if name != reference]
        compared = [(name, *compare_networks(study, group, name, reference)) for name in others]
        compared = [each for each in compared if each[2] is not None or each[1]]
        corrected = holm([found.p if found else None for _, _, found in compared])
        for (name, seeds, found), p in zip(compared, corrected, strict=True):
            counts = (found.patients, found.count) if found else (0, 0)
            rows.append((group, name, reference, seeds, *counts, found, found.p if found else None, p))
    note = (
        f"Dice, first minus second, on the runs with tumour that every training of both was measured on. {RESAMPLED} "
        "Patients are drawn alike for both networks, seeds for each of its own; of S seeds S − 1 are drawn (Rao and "
        "Wu 1988). p two-sided; Holm's correction over the comparisons of one cohort."
        f"{few_note(row[4] for row in rows if isinstance(row[4], int))}"
    )
    return Table(
        f"Networks against {reference}", columns, tuple(rows), note if rows else f"Nothing to set against {reference}."
    )


def losses(study: Study, reference: str = "ffs") -> Table:
    """Return what every network's Dice loses away from the internal cohort, against what the reference loses.

    Parameters
    ----------
    study
        A study.
    reference
        Network that the others are set against.

    Returns
    -------
    Table
        A row a cohort other than the internal one and network, on the runs with tumour that both were measured on.
    """
    columns = (
        Column("group"),
        Column("first"),
        Column("second"),
        Column("seeds"),
        Column("patients", "count"),
        Column("first loses", "fraction"),
        Column("second loses", "fraction"),
        Column("difference", "fraction"),
        Column("p", "p"),
        Column("p (Holm)", "p"),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        others = [name for name in networks_of(study) if name != reference and group != HOME]
        compared = [(name, *_loss_compared(study, group, name, reference)) for name in others]
        found = [(name, seeds, one) for name, seeds, one in compared if one is not None]
        corrected = holm([one.p for _, _, one in found])
        for (name, seeds, one), p in zip(found, corrected, strict=True):
            rows.append((group, name, reference, seeds, one.patients, one.first, one.second, one, one.p, p))
    note = (
        "Dice in the internal cohort minus Dice in the other, and the first's loss minus the second's: below 0 the "
        f"first loses less. {RESAMPLED} The patients of the two cohorts are drawn apart, the trainings are the same in "
        "both. p two-sided; Holm's correction over the comparisons of one cohort."
        f"{few_note(row[4] for row in rows if isinstance(row[4], int))}"
    )
    title = f"What networks lose elsewhere, against {reference}"
    return Table(title, columns, tuple(rows), note if rows else "Nothing was measured both at home and elsewhere.")


def _loss_compared(study: Study, group: str, first: str, second: str) -> tuple[str, Difference | None]:
    figures = []
    for place in (HOME, group):
        ours, theirs = on_common_runs(select(study, place, first), select(study, place, second))
        figures.append([mean_figure(results, attribute("dice")) for results in (ours, theirs)])
    (one, other), (one_away, other_away) = figures
    if one is None or other is None or one_away is None or other_away is None:
        return "", None
    return f"{one.seeds} / {other.seeds}", losses_compared((one, one_away), (other, other_away))


def compare_networks(study: Study, group: str, first: str, second: str) -> tuple[str, Difference | None]:
    """Return how many seeds either network has, and the difference of their Dice in one cohort.

    The former is empty where one was not measured there; the difference is None where they share no run.
    """
    results = select(study, group, first), select(study, group, second)
    if not all(results):
        return "", None
    seeds = f"{seeds_of(results[0])} / {seeds_of(results[1])}"
    ours, theirs = on_common_runs(*results)
    one, other = mean_figure(ours, attribute("dice")), mean_figure(theirs, attribute("dice"))
    if one is None or other is None:
        return seeds, None
    # Several folds measure a run several times: it is one run all the same.
    return seeds, replace(difference(one, other), count=runs_of(ours))
