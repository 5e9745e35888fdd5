"""One pass over a cohort that finds everything that would spoil a study."""

from __future__ import annotations

from pathlib import Path

from .check_pixels import Progress, check_pixels
from .check_tables import check_tables
from .findings import Finding, Findings
from .reading import make_cohort, read_tables
from .split_files import SPLIT, parse_split


def check_cohort(folder: str | Path, *, pixels: bool = True, progress: Progress | None = None) -> list[Finding]:
    """Find everything in a cohort's folder that would spoil a study.

    Found are: the same pixels under two patients, or twice under one (compared frame by frame after decoding; a copy
    that was scaled or compressed with loss is not recognised); a patient in two sets of the split; masks that fit no
    frame, have another size or are empty; lesions of one pixel; units that cannot be; dates after the outcome;
    duplicated and missing rows; unknown responses; one class only; an empty cohort; folds without a responder.

    Parameters
    ----------
    folder
        Of the cohort.
    pixels
        Decode runs and masks too; without, only the tables are checked.
    progress
        Called with (done, all) after each run.

    Returns
    -------
    list of Finding
        The severe ones first; empty where nothing is wrong.
    """
    findings = Findings(Path(folder).absolute())
    tables = read_tables(findings)
    cohort = make_cohort(tables, findings)
    check_tables(cohort, tables, findings)
    if (findings.folder / SPLIT).is_file():
        parse_split(cohort, findings)
    if pixels:
        check_pixels(cohort, tables, findings, progress)
    return list(findings)
