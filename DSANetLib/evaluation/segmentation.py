"""Tables of Model 1: overall, by what makes a run hard, tumour-free runs apart, and two models compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .records import RunRecord
from .statistics import Difference, Estimate, bootstrap_mean, bootstrap_statistic, paired_bootstrap
from .table import Cell, Column, Table

Group = tuple[str, Callable[[RunRecord], bool]]

SIZES: tuple[Group, ...] = (
    ("< 3 cm", lambda r: 0 < r.largest_cm < 3),
    ("3–5 cm", lambda r: 3 <= r.largest_cm < 5),
    ("≥ 5 cm", lambda r: r.largest_cm >= 5),
)
SIZE_UNKNOWN: Group = ("not known", lambda r: not r.largest_cm)
"""Neither the cohort gives diameters nor a spacing is known: such runs are in no group of `SIZES`."""
NUMBERS: tuple[Group, ...] = (
    ("one lesion", lambda r: len(r.lesions_cm) == 1),
    ("several lesions", lambda r: len(r.lesions_cm) > 1),
)
FRAME_RATES: tuple[Group, ...] = (
    ("below 2 /s", lambda r: r.frame_rate is not None and r.frame_rate < 2),
    ("2 to 4 /s", lambda r: r.frame_rate is not None and 2 <= r.frame_rate < 4),
    ("4 /s and more", lambda r: r.frame_rate is not None and r.frame_rate >= 4),
)
FIELDS: tuple[Group, ...] = (
    ("magnified, field below 220 mm", lambda r: r.field_mm is not None and r.field_mm < 220),
    ("field of 220 mm and more", lambda r: r.field_mm is not None and r.field_mm >= 220),
)

NO_ARTEFACT = "none"
"""What a cohort's table says of a run on which somebody looked and found none."""
ARTEFACTS_UNKNOWN: Group = ("not known", lambda r: not r.artefacts)
SMALLEST_CM = 1e-6
"""Least diameter of a lesion whose size is known; 0 stands for one that nobody knows."""


def artefact_groups(records: Sequence[RunRecord], *, all_known: bool = True) -> tuple[Group, ...]:
    """Return one group for each artefact that occurs, by name, and one of runs without any.

    Parameters
    ----------
    records
        Runs.
    all_known
        Whether a run of which nothing is said has none, as on the phantom; of a cohort of one's own nobody may have
        looked, and such runs are a group of their own.
    """
    names = sorted({name for record in records for name in record.artefacts} - {NO_ARTEFACT})
    groups: list[Group] = [(NO_ARTEFACT, lambda r: NO_ARTEFACT in r.artefacts or (all_known and not r.artefacts))]
    groups += [(name, lambda r, name=name: name in r.artefacts) for name in names]  # type: ignore[misc]
    if not all_known and not all(record.artefacts for record in records):
        groups.append(ARTEFACTS_UNKNOWN)
    return tuple(groups)


def with_tumour(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs that show a tumour on their key frame."""
    return [record for record in records if not record.tumour_free]


def mean_of(records: Sequence[RunRecord], name: str, *, seed: int = 0, scale: float = 1.0) -> Estimate | None:
    """Average of one attribute over patients, with its interval; None where no run has a value."""
    pairs = [(record.patient, getattr(record, name)) for record in records if getattr(record, name) is not None]
    if not pairs:
        return None
    return bootstrap_mean([scale * float(value) for _, value in pairs], [p for p, _ in pairs], seed=seed)


def lesion_sensitivity(
    records: Sequence[RunRecord], *, low_cm: float = 0.0, high_cm: float = float("inf"), seed: int = 0
) -> Estimate | None:
    """Share of the true lesions of ``low_cm <= diameter < high_cm`` that were found, in per cent."""
    found = [
        (record.patient, 100.0 * hit)
        for record in records
        for hit, size in zip(record.lesions_found, record.lesions_cm, strict=True)
        if low_cm <= size < high_cm
    ]
    if not found:
        return None
    return bootstrap_mean([hit for _, hit in found], [patient for patient, _ in found], seed=seed, unit="run")


def false_positive_ratio(records: Sequence[RunRecord], *, seed: int = 0) -> Estimate | None:
    """False-positive components over predicted components of all runs, in per cent."""
    flags = [
        (record.patient, 100.0 * (i < record.false_positives)) for record in records for i in range(record.components)
    ]
    if not flags:
        return None
    return bootstrap_mean([flag for _, flag in flags], [patient for patient, _ in flags], seed=seed, unit="run")


def size_gap(records: Sequence[RunRecord], *, least_cm: float = 5.0, seed: int = 0) -> Estimate | None:
    """Mean Dice of runs whose largest lesion has ``least_cm`` and more, less that of the others.

    Patients are resampled; None where either group is empty.
    """
    runs = [record for record in with_tumour(records) if record.largest_cm]
    patients = sorted({record.patient for record in runs})
    place = {patient: i for i, patient in enumerate(patients)}
    sums, counts = np.zeros((len(patients), 2)), np.zeros((len(patients), 2))
    for record in runs:
        group = int(record.largest_cm >= least_cm)
        sums[place[record.patient], group] += record.dice
        counts[place[record.patient], group] += 1
    if not counts.sum(axis=0).all():
        return None

    def gap(chosen: np.ndarray) -> float:
        total, number = sums[chosen].sum(axis=0), counts[chosen].sum(axis=0)
        return float(total[1] / number[1] - total[0] / number[0]) if number.all() else float("nan")

    return bootstrap_statistic(gap, len(patients), seed=seed)


OVERALL_COLUMNS = (
    Column("model"),
    Column("patients", "count"),
    Column("runs", "count"),
    Column("Dice", "fraction"),
    Column("accuracy %", "percent"),
    Column("pixel sensitivity %", "percent"),
    Column("specificity %", "percent"),
    Column("PPV %", "percent"),
    Column("NPV %", "percent"),
    Column("lesion sensitivity %", "percent"),
    Column("false-positive ratio %", "percent"),
    Column("false positives a frame", "number"),
    Column("liver Dice", "fraction"),
    Column("failed %", "percent"),
)


def overall_table(models: Mapping[str, Sequence[RunRecord]], *, seed: int = 0) -> Table:
    """One row a model, over the runs with tumour."""
    rows: list[tuple[Cell, ...]] = []
    for name, records in models.items():
        runs = with_tumour(records)
        metrics = [
            mean_of(runs, each, seed=seed) for each in ("dice", "accuracy", "sensitivity", "specificity", "ppv", "npv")
        ]
        failed = sum(bool(record.error) for record in runs)
        rows.append(
            (
                name,
                len({record.patient for record in runs}),
                len(runs),
                *metrics,
                lesion_sensitivity(runs, seed=seed),
                false_positive_ratio(runs, seed=seed),
                mean_of(runs, "false_positives", seed=seed),
                mean_of(runs, "liver_dice", seed=seed),
                100.0 * failed / len(runs) if runs else None,
            )
        )
    note = (
        "Runs with tumour. Pixel-level metrics of the chosen key frame, averaged over patients; 95 % intervals "
        "from 2,000 resamples of patients. A lesion counts as found where at least 20 % of its pixels are "
        "predicted; a component is a false positive where less than 20 % of its pixels lie on a lesion. "
        "A failed run has Dice 0."
    )
    return Table("Tumour segmentation", OVERALL_COLUMNS, tuple(rows), note)


def group_table(title: str, records: Sequence[RunRecord], groups: Sequence[Group], *, seed: int = 0) -> Table:
    """Dice and lesion figures of one model by groups of runs with tumour; empty groups are kept."""
    columns = (
        Column("group"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("Dice", "fraction"),
        Column("pixel sensitivity %", "percent"),
        Column("PPV %", "percent"),
        Column("lesion sensitivity %", "percent"),
        Column("key frame hit %", "percent"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, belongs in groups:
        runs = [record for record in with_tumour(records) if belongs(record)]
        rows.append(
            (
                name,
                len({record.patient for record in runs}),
                len(runs),
                mean_of(runs, "dice", seed=seed),
                mean_of(runs, "sensitivity", seed=seed),
                mean_of(runs, "ppv", seed=seed),
                lesion_sensitivity(runs, seed=seed),
                mean_of(runs, "key_frame_hit", seed=seed, scale=100.0),
            )
        )
    return Table(title, columns, tuple(rows))


def tumour_free_table(models: Mapping[str, Sequence[RunRecord]], *, seed: int = 0) -> Table:
    """Runs without tumour: how often something is predicted all the same, and how much of the field."""
    columns = (
        Column("model"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("runs with a false positive %", "percent"),
        Column("false positives a frame", "number"),
        Column("predicted area, % of the field", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, records in models.items():
        runs = [record for record in records if record.tumour_free and not record.error]
        hits = [100.0 * (record.components > 0) for record in runs]
        share = bootstrap_mean(hits, [record.patient for record in runs], seed=seed) if runs else None
        rows.append(
            (
                name,
                len({record.patient for record in runs}),
                len(runs),
                share,
                mean_of(runs, "components", seed=seed),
                mean_of(runs, "predicted_share", seed=seed),
            )
        )
    return Table("Runs without tumour", columns, tuple(rows), "Failed runs are left out.")


def compare_dice(first: Sequence[RunRecord], second: Sequence[RunRecord], *, seed: int = 0) -> Difference | None:
    """Paired bootstrap by patient of the Dice of two models, over runs of both with tumour; None without such a run.

    A model that was evaluated on fewer patients is compared on those.
    """
    ours, theirs = ({record.run: record for record in with_tumour(records)} for records in (first, second))
    runs = sorted(ours.keys() & theirs.keys())
    if not runs:
        return None
    return paired_bootstrap(
        [ours[run].dice for run in runs],
        [theirs[run].dice for run in runs],
        [ours[run].patient for run in runs],
        seed=seed,
    )


def comparison_table(models: Mapping[str, Sequence[RunRecord]], *, seed: int = 0) -> Table:
    """Dice of the first model against each other one; no rows where there is but one."""
    columns = (
        Column("models"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("Dice", "fraction"),
        Column("Dice of the other", "fraction"),
        Column("difference", "fraction"),
        Column("p", "p"),
    )
    names = list(models)
    rows: list[tuple[Cell, ...]] = []
    for other in names[1:]:
        d = compare_dice(models[names[0]], models[other], seed=seed)
        if d:
            rows.append((f"{names[0]} − {other}", d.patients, d.count, d.first, d.second, d, d.p))
    return Table("Models compared", columns, tuple(rows), "Paired bootstrap, patients resampled.")


def segmentation_tables(models: Mapping[str, Sequence[RunRecord]], *, seed: int = 0) -> list[Table]:
    """All tables of Model 1; groups are those of the first model."""
    name, records = next(iter(models.items()))
    groups: tuple[tuple[str, Sequence[Group]], ...] = (
        ("lesion size (largest of the run)", SIZES),
        ("number of lesions", NUMBERS),
        ("artefact", artefact_groups(records)),
        ("frame rate", FRAME_RATES),
        ("field of view", FIELDS),
    )
    tables = [overall_table(models, seed=seed)]
    if len(models) > 1:
        tables.append(comparison_table(models, seed=seed))
    tables += [group_table(f"{name} by {by}", records, each, seed=seed) for by, each in groups]
    return [*tables, lesion_table(records, name, seed=seed), tumour_free_table(models, seed=seed)]


def lesion_table(records: Sequence[RunRecord], name: str, *, seed: int = 0) -> Table:
    """Lesions found, by the size of the lesion itself."""
    columns = (Column("lesion"), Column("lesions", "count"), Column("found %", "percent"))
    bands = (("< 3 cm", SMALLEST_CM, 3.0), ("3–5 cm", 3.0, 5.0), ("≥ 5 cm", 5.0, float("inf")))
    rows: list[tuple[Cell, ...]] = []
    for label, low, high in bands:
        estimate = lesion_sensitivity(with_tumour(records), low_cm=low, high_cm=high, seed=seed)
        rows.append((label, estimate.count if estimate else 0, estimate))
    return Table(f"{name}: lesions found, by their size", columns, tuple(rows))
