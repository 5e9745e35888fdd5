"""A study's segmentation results as figures over seeds and patients: the step between records and every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .crossed import Ratios, gather
from .records import RunRecord
from .study import SegmentationResult, Study

GROUPS = ("test", "external", "unseen-rate")
"""Cohorts in the order of the tables; ``validation`` is never reported."""

HOME = "test"
"""The internal cohort: patients like those that were trained on."""

MAIN_NETWORKS = ("unet", "tdl", "lrs", "ffs", "tempo")
"""The paper's ablation and the network of ours: shown where all networks would be too many."""


def groups_of(study: Study) -> list[str]:
    """Return the cohorts with segmentation results, in the order of `GROUPS`."""
    present = {result.group for result in study.segmentation}
    return [group for group in GROUPS if group in present]


def networks_of(study: Study) -> list[str]:
    """Return all networks: the main ones first, then the others by name."""
    present = {result.network for result in study.segmentation if result.group in GROUPS}
    return [*(name for name in MAIN_NETWORKS if name in present), *sorted(present - set(MAIN_NETWORKS))]


def main_networks(study: Study) -> list[str]:
    """Return the main networks that were measured; all of them where none of those was."""
    every = networks_of(study)
    return [name for name in every if name in MAIN_NETWORKS] or every


def select(study: Study, group: str, network: str, *, tumour_free: bool = False) -> list[SegmentationResult]:
    """Return the results of one network in one cohort, on runs with tumour or on those without."""
    return [
        result
        for result in study.segmentation
        if result.group == group and result.network == network and result.record.tumour_free == tumour_free
    ]


def seeds_of(results: Iterable[SegmentationResult]) -> int:
    """Return the number of trainings by seed."""
    return len({result.seed for result in results})


def runs_of(results: Iterable[SegmentationResult]) -> int:
    """Return the number of different runs."""
    return len({result.record.run for result in results})


def patients_of(results: Iterable[SegmentationResult]) -> int:
    """Return the number of different patients."""
    return len({result.record.patient for result in results})


def mean_figure(
    results: Iterable[SegmentationResult], value: Callable[[SegmentationResult], float | None]
) -> Ratios | None:
    """Return a figure averaged over each patient's runs, then over patients; undefined values are left out."""
    found = ((result, value(result)) for result in results)
    return gather((r.seed, r.record.patient, float(v), 1.0) for r, v in found if v is not None)


def share_figure(
    results: Iterable[SegmentationResult],
    part: Callable[[SegmentationResult], float],
    whole: Callable[[SegmentationResult], float],
) -> Ratios | None:
    """Return a share of all runs', lesions' or components', in per cent; None where there is none of the whole."""
    rows = [(r.seed, r.record.patient, 100.0 * part(r), float(whole(r))) for r in results]
    # A training without any of the whole (no failure, say) still counts as a training.
    concerned = {row[1] for row in rows if row[3]}
    figure = gather((row for row in rows if row[1] in concerned), average=False)
    if figure is None:
        return None
    count = round(sum(row[3] for row in rows) / figure.seeds)
    return Ratios(figure.numerators, figure.denominators, figure.patients, count)


def attribute(name: str) -> Callable[[SegmentationResult], float | None]:
    """Return a function that reads one field of the record."""
    return lambda result: getattr(result.record, name)


def found_lesions(results: Sequence[SegmentationResult], low_cm: float = 0.0, high_cm: float = 1e9) -> Ratios | None:
    """Return the share of lesions of ``low_cm <= diameter < high_cm`` that were found, in per cent."""

    def chosen(record: RunRecord) -> list[bool]:
        pairs = zip(record.lesions_found, record.lesions_cm, strict=True)
        return [hit for hit, size in pairs if low_cm <= size < high_cm]

    return share_figure(results, lambda r: sum(chosen(r.record)), lambda r: len(chosen(r.record)))


def false_positive_ratio(results: Sequence[SegmentationResult]) -> Ratios | None:
    """Return the false-positive components over the predicted components, in per cent (our FPR)."""
    return share_figure(results, lambda r: r.record.false_positives, lambda r: r.record.components)


def on_common_runs(
    first: Sequence[SegmentationResult], second: Sequence[SegmentationResult]
) -> tuple[list[SegmentationResult], list[SegmentationResult]]:
    """Return both networks' results on the runs that every training of both was measured on."""
    common: set[str] | None = None
    for results in (first, second):
        for seed in {result.seed for result in results}:
            runs = {result.record.run for result in results if result.seed == seed}
            common = runs if common is None else common & runs
    return tuple([r for r in results if r.record.run in (common or ())] for results in (first, second))  # type: ignore[return-value]
