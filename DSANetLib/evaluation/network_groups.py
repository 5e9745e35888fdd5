"""Networks by what makes a run hard (size, number, field, artefacts, frame rate), and the runs without tumour."""

from __future__ import annotations

from collections.abc import Sequence

from .crossed import estimate
from .measured import (
    attribute,
    found_lesions,
    groups_of,
    main_networks,
    mean_figure,
    networks_of,
    patients_of,
    runs_of,
    select,
    share_figure,
)
from .network_tables import OVERLAP_RULE, RESAMPLED
from .segmentation import FIELDS, FRAME_RATES, NUMBERS, SIZE_UNKNOWN, SIZES, Group, artefact_groups
from .study import Study
from .table import Cell, Column, Table


def group_tables(study: Study, networks: Sequence[str] | None = None) -> list[Table]:
    """Return a table a subject; a row a cohort, group and network.

    Parameters
    ----------
    study
        A study.
    networks
        Which; the paper's ablation and ours by default. Empty groups are kept, with their 0.

    Returns
    -------
    list of Table
        By size, number of lesions, artefact, frame rate, field of view; empty where nothing was measured.
    """
    chosen = list(main_networks(study) if networks is None else networks)
    records = [result.record for result in study.segmentation if not result.record.tumour_free]
    if not records or not chosen:
        return []
    sizes = SIZES if all(record.largest_cm for record in records) else (*SIZES, SIZE_UNKNOWN)
    subjects: tuple[tuple[str, Sequence[Group]], ...] = (
        ("size of the largest lesion", sizes),
        ("number of lesions", NUMBERS),
        ("artefact", artefact_groups(records, all_known=study.synthetic)),
        ("frame rate", FRAME_RATES),
        ("field of view", FIELDS),
    )
    return [_group_table(study, subject, groups, chosen) for subject, groups in subjects]


def _group_table(study: Study, subject: str, subgroups: Sequence[Group], networks: Sequence[str]) -> Table:
    columns = (
        Column("group"),
        Column(subject),
        Column("network"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("Dice", "fraction"),
        Column("pixel sensitivity %", "percent"),
        Column("PPV %", "percent"),
        Column("lesion sensitivity %", "percent"),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        every = {network: select(study, group, network) for network in networks}
        for name, belongs in subgroups:
            for network, results in every.items():
                if not results:
                    continue
                own = [result for result in results if belongs(result.record)]
                figures = [
                    *(mean_figure(own, attribute(each)) for each in ("dice", "sensitivity", "ppv")),
                    found_lesions(own),
                ]
                counts = patients_of(own), runs_of(own)
                rows.append((group, name, network, *counts, *(estimate(figure) for figure in figures)))
    note = f"Runs with tumour. {OVERLAP_RULE}{RESAMPLED} A dash where a group is empty or has nothing to divide by."
    return Table(f"Segmentation by {subject}", columns, tuple(rows), note)


def tumour_free_networks(study: Study) -> Table:
    """Return what each network predicts on runs without tumour."""
    columns = (
        Column("group"),
        Column("network"),
        Column("patients", "count"),
        Column("runs", "count"),
        Column("runs with a false positive %", "percent"),
        Column("false positives a frame", "number"),
        Column("predicted area, % of the field", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups_of(study):
        for network in networks_of(study):
            results = [r for r in select(study, group, network, tumour_free=True) if not r.record.error]
            if not results:
                continue
            figures = (
                share_figure(results, lambda r: r.record.components > 0, lambda r: 1),  # noqa: ARG005
                mean_figure(results, attribute("components")),
                mean_figure(results, attribute("predicted_share")),
            )
            counts = patients_of(results), runs_of(results)
            rows.append((group, network, *counts, *(estimate(figure) for figure in figures)))
    note = f"Failed runs are left out. {RESAMPLED}" if rows else "The cohort has no run without tumour."
    return Table("Runs without tumour", columns, tuple(rows), note)
