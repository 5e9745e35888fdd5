"""Table 3 of the paper, re-computed from its counts: what holds, what is misprinted, what is too narrow.

The paper counts frames, three a patient: 9 of its 12 rows hold numbers that no count of patients gives. Its intervals
are as narrow as if frames were patients. Here the same counts stand with intervals over patients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from .labels import POSITIVE, LabelFigures, figures_of_counts
from .metrics import Counts
from .table import Cell, Column, Table

FRAMES = 3
"""Frames a patient: the key frame and its two neighbours."""


@dataclass(frozen=True)
class PaperRow:
    """One row of the paper's Table 3 by the counts that give its figures; the NON-RESPONDER is positive.

    Parameters
    ----------
    group, input, masks
        As in :class:`~DSANetLib.evaluation.study.ResponseResult`.
    counts
        Frames by truth and label.
    """

    group: str
    input: str
    masks: str
    counts: Counts

    @property
    def patients(self) -> int:
        """Patients behind the frames."""
        return self.counts.total // FRAMES

    @property
    def of_patients(self) -> bool:
        """Whether the counts could be of patients, each with three like frames."""
        return all(n % FRAMES == 0 for n in (self.counts.tp, self.counts.fn, self.counts.tn, self.counts.fp))

    @property
    def misprinted(self) -> bool:
        """Whether the row's denominators are not those of its cohort."""
        positives, negatives = self.counts.tp + self.counts.fn, self.counts.tn + self.counts.fp
        return (positives, negatives) != _DENOMINATORS[self.group]

    def figures(self, *, seed: int = 0) -> LabelFigures:
        """Return the row's figures with 95 % intervals over patients."""
        return figures_of_counts(self.counts, POSITIVE, patients=self.patients, seed=seed)


_DENOMINATORS = {"test": (165, 207), "external": (93, 273)}

PAPER_ROWS = (
    PaperRow("test", "film", "", Counts(78, 87, 184, 23)),
    PaperRow("test", "clinical", "", Counts(99, 66, 153, 54)),
    PaperRow("test", "film+mask", "predicted", Counts(115, 50, 159, 48)),
    PaperRow("test", "film+mask+clinical", "predicted", Counts(128, 37, 163, 44)),
    PaperRow("test", "film+mask", "true", Counts(91, 74, 187, 20)),
    PaperRow("test", "film+mask+clinical", "true", Counts(130, 35, 169, 38)),
    PaperRow("external", "film", "", Counts(46, 47, 208, 65)),
    PaperRow("external", "clinical", "", Counts(48, 45, 183, 90)),
    PaperRow("external", "film+mask", "predicted", Counts(77, 88, 198, 9)),
    PaperRow("external", "film+mask+clinical", "predicted", Counts(47, 46, 228, 45)),
    PaperRow("external", "film+mask", "true", Counts(18, 75, 261, 12)),
    PaperRow("external", "film+mask+clinical", "true", Counts(83, 10, 202, 71)),
)


def hanley_mcneil(area: float, positives: int, negatives: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a score's AUC of which only the value is known (Hanley and McNeil, Radiology 1982;143:29-36).

    Parameters
    ----------
    area
        0-1.
    positives, negatives
        Patients of either class, at least one of each.
    level
        Of the interval.

    Returns
    -------
    low, high
        Cut at 0 and 1.
    """
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(spread / (positives * negatives))
    return max(0.0, area - half), min(1.0, area + half)


def paper_table3() -> Table:
    """Return the paper's twelve rows from their counts, with intervals over patients, and what is wrong with each."""
    columns = (
        Column("group"),
        Column("input"),
        Column("masks"),
        Column("frames", "count"),
        Column("patients", "count"),
        Column("AUC (balanced accuracy)", "fraction"),
        Column("accuracy %", "percent"),
        Column("sensitivity %", "percent"),
        Column("specificity %", "percent"),
        Column("PPV %", "percent"),
        Column("NPV %", "percent"),
        Column("were it a score's AUC"),
        Column("remark"),
    )
    rows: list[tuple[Cell, ...]] = []
    for row in PAPER_ROWS:
        f = row.figures()
        hard = (f.balanced_accuracy, f.accuracy, f.sensitivity, f.specificity, f.ppv, f.npv)
        low, high = hanley_mcneil(
            row.counts.balanced_accuracy or 0.0,
            (row.counts.tp + row.counts.fn) // FRAMES,
            (row.counts.tn + row.counts.fp) // FRAMES,
        )
        head = (row.group, row.input, row.masks, row.counts.total, row.patients)
        rows.append((*head, *hard, f"{low:.2f} to {high:.2f}", _remark(row)))
    note = (
        "Counts behind the figures that the paper prints, positive: non-responder. What it prints as 'AUC' is the "
        "balanced accuracy of the hard label in all twelve rows. It counts three frames a patient and takes them for "
        "patients, so that all its intervals are too narrow; those here resample patients, as if the three frames of "
        "one told the same. The external counts are of 122 patients, the paper names 121. 'Were it a score's AUC': "
        "95 % interval after Hanley and McNeil for as many patients."
    )
    return Table("The paper's Table 3, re-computed from its counts", columns, tuple(rows), note)


def _remark(row: PaperRow) -> str:
    remarks = []
    if row.misprinted:
        remarks.append("fits the internal cohort's denominators only: probably a misprint")
    if not row.of_patients:
        remarks.append("counts frames")
    remarks.append("printed interval too narrow")
    return "; ".join(remarks)
