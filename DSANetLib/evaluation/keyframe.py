"""Tables of the key frame: how often it is within 0.5 s or one frame of the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .records import RunRecord
from .segmentation import FRAME_RATES, Group, artefact_groups
from .statistics import Estimate, bootstrap_mean
from .table import Cell, Column, Table


def key_frame_share(records: Sequence[RunRecord], *, seed: int = 0) -> Estimate | None:
    """Share of the runs, in per cent, whose key frame is within 0.5 s or one frame; patients resampled.

    Runs are the unit, as the promise is about runs; a failed run is a miss. None without runs.
    """
    if not records:
        return None
    hits = [100.0 * record.key_frame_hit for record in records]
    return bootstrap_mean(hits, [record.patient for record in records], seed=seed, unit="run")


def key_frame_table(records: Sequence[RunRecord], *, seed: int = 0) -> Table:
    """All runs, then by tumour, frame rate and artefact."""
    columns = (
        Column("runs"),
        Column("patients", "count"),
        Column("number", "count"),
        Column("within 0.5 s or one frame %", "percent"),
        Column("mean error s", "number"),
        Column("median absolute error s", "number"),
        Column("90th percentile s", "number"),
    )
    groups: tuple[Group, ...] = (
        ("all", lambda r: True),  # noqa: ARG005
        ("with tumour", lambda r: not r.tumour_free),
        ("without tumour", lambda r: r.tumour_free),
        *FRAME_RATES,
        *((f"artefact: {name}", belongs) for name, belongs in artefact_groups(records)),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, belongs in groups:
        runs = [record for record in records if belongs(record)]
        errors = np.array([record.key_error_s for record in runs if record.key_error_s is not None])
        sizes = np.abs(errors)
        rows.append(
            (
                name,
                len({record.patient for record in runs}),
                len(runs),
                key_frame_share(runs, seed=seed),
                float(errors.mean()) if len(errors) else None,
                float(np.median(sizes)) if len(errors) else None,
                float(np.quantile(sizes, 0.9)) if len(errors) else None,
            )
        )
    note = "Errors of the runs that did not fail; above 0 the chosen frame is late. A failed run is a miss."
    return Table("Key frame", columns, tuple(rows), note)
