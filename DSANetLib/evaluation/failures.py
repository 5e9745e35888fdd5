"""Where networks fail: the cause of one run's failure, and causes and missed lesions as shares."""

from __future__ import annotations

from collections.abc import Callable

from .crossed import estimate
from .measured import (
    found_lesions,
    groups_of,
    main_networks,
    networks_of,
    select,
    share_figure,
)
from .metrics import LESION_OVERLAP
from .network_tables import OVERLAP_RULE, RESAMPLED
from .records import RunRecord
from .segmentation import SMALLEST_CM, artefact_groups
from .study import SegmentationResult, Study
from .table import Cell, Column, Table

FAILED_BELOW = 0.5
"""Dice below which a run with tumour counts as a failure (the paper's limit)."""

CAUSES = ("failed", "missed", "elsewhere", "too much", "too little")
CAUSE_RULE = (
    "Causes, the first that fits: failed, the run gave no mask; missed, nothing was predicted; elsewhere, less than "
    f"{100 * LESION_OVERLAP:.0f} % of the tumour was predicted and less than {100 * LESION_OVERLAP:.0f} % of the "
    "prediction lies on tumour; too much, more pixels predicted in excess than left out; too little, the rest."
)


def failure_cause(record: RunRecord) -> str:
    """Return why one run is wrong.

    Parameters
    ----------
    record
        A run; its pixel sensitivity and PPV say where the prediction lies.

    Returns
    -------
    str
        Empty where Dice reaches `FAILED_BELOW`; else the first of `CAUSES` that fits: ``failed`` (no mask),
        ``missed`` (nothing predicted), ``elsewhere`` (sensitivity and PPV both below `LESION_OVERLAP`),
        ``too much`` (more false-positive than false-negative pixels, that is PPV < sensitivity; also any prediction
        on a run without tumour), ``too little``.
    """
    if record.dice >= FAILED_BELOW:
        return ""
    if record.error:
        return "failed"
    if record.tumour_free:
        return "too much"
    sensitivity, ppv = record.sensitivity or 0.0, record.ppv or 0.0
    if not record.components and not sensitivity:
        return "missed"
    if max(sensitivity, ppv) < 100.0 * LESION_OVERLAP:
        return "elsewhere"
    return "too much" if ppv < sensitivity else "too little"


def _failed(result: SegmentationResult) -> bool:
    return bool(_cause(result))


def _cause(result: SegmentationResult) -> str:
    return result.failure or failure_cause(result.record)


def _is(cause: str) -> Callable[[SegmentationResult], float]:
    return lambda result: _cause(result) == cause


def failure_table(study: Study) -> Table:
    """Return failures of each network by cause, as shares of its failures."""
    columns = (
        Column("group"),
        Column("network"),
        Column("runs", "count"),
        Column("failures", "count"),
        Column("failures %", "percent"),
        *(Column(f"{cause} %", "percent") for cause in CAUSES),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        for network in networks_of(study):
            results = select(study, group, network)
            if not results:
                continue
            share = share_figure(results, _failed, lambda r: 1)  # noqa: ARG005
            causes = [estimate(share_figure(results, _is(cause), _failed)) for cause in CAUSES]
            rows.append((group, network, len(results), sum(map(_failed, results)), estimate(share), *causes))
    note = (
        f"Runs with tumour of all seeds; a failure has a Dice below {FAILED_BELOW}. Each cause as a share of the "
        f"failures. {CAUSE_RULE} {RESAMPLED}"
    )
    return Table("Failures by cause", columns, tuple(rows), note if rows else "No network was measured.")


def failure_circumstances(study: Study) -> Table:
    """Return how many of each network's failures are small or disturbed, beside the share among all its runs.

    The paper gives the shares among failures alone; without those among all runs they say little.
    """
    columns = (
        Column("group"),
        Column("network"),
        Column("circumstance"),
        Column("failures", "count"),
        Column("share of failures %", "percent"),
        Column("share of all runs %", "percent"),
    )
    records = [result.record for result in study.segmentation if not result.record.tumour_free]
    circumstances: list[tuple[str, Callable[[RunRecord], bool]]] = [
        ("largest lesion < 2 cm", lambda r: 0 < r.largest_cm < 2),
        ("several lesions", lambda r: len(r.lesions_cm) > 1),
        *((f"artefact: {name}", belongs) for name, belongs in artefact_groups(records, all_known=study.synthetic)),
    ]
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        for network in main_networks(study):
            results = select(study, group, network)
            if not any(map(_failed, results)):
                continue
            for name, holds in circumstances:
                within = _within(holds)
                failures = sum(_failed(result) and holds(result.record) for result in results)
                among = share_figure(results, lambda r, w=within: _failed(r) * w(r), _failed)  # type: ignore[misc]
                overall = share_figure(results, within, lambda r: 1)  # noqa: ARG005
                rows.append((group, network, name, failures, estimate(among), estimate(overall)))
    note = f"A run may stand in several rows. {RESAMPLED}" if rows else "No run failed."
    return Table("What disturbs the runs that failed", columns, tuple(rows), note)


def _within(holds: Callable[[RunRecord], bool]) -> Callable[[SegmentationResult], float]:
    return lambda result: float(holds(result.record))


def missed_lesion_table(study: Study) -> Table:
    """Return each network's missed lesions by size."""
    columns = (
        Column("group"),
        Column("network"),
        Column("lesions", "count"),
        Column("missed", "count"),
        Column("patients with a missed lesion", "count"),
        Column("of the missed, < 3 cm %", "percent"),
        Column("of the missed, < 5 cm %", "percent"),
        Column("found, < 3 cm %", "percent"),
        Column("found, 3–5 cm %", "percent"),
        Column("found, ≥ 5 cm %", "percent"),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        for network in networks_of(study):
            results = select(study, group, network)
            lesions = sum(len(result.record.lesions_found) for result in results)
            if not lesions:
                continue
            patients = {r.record.patient for r in results if not all(r.record.lesions_found)}
            below = (
                share_figure(results, lambda r, limit=limit: _missed(r, SMALLEST_CM, limit), _missed_and_measured)  # type: ignore[misc]
                for limit in (3.0, 5.0)
            )
            found = (found_lesions(results, *band) for band in ((SMALLEST_CM, 3.0), (3.0, 5.0), (5.0, 1e9)))
            missed = sum(map(_missed, results))
            figures = (estimate(figure) for figure in (*below, *found))
            rows.append((group, network, lesions, missed, len(patients), *figures))
    note = f"Lesions with pixels at the key frame, of all seeds. {OVERLAP_RULE}{RESAMPLED}"
    return Table("Missed lesions", columns, tuple(rows), note if rows else "No lesion was measured.")


def _missed(result: SegmentationResult, low_cm: float = 0.0, high_cm: float = 1e9) -> int:
    record = result.record
    pairs = zip(record.lesions_found, record.lesions_cm, strict=True)
    return sum(not hit and low_cm <= size < high_cm for hit, size in pairs)


def _missed_and_measured(result: SegmentationResult) -> int:
    return _missed(result, SMALLEST_CM)
