"""``dsanet phantom``: what was asked for → a cohort's folder."""

from __future__ import annotations

from argparse import Namespace

from ..errors import ChoiceError
from .cohort import Progress, write_cohort, write_preset
from .config import OTHER_SCANNER, PhantomConfig, Scanner
from .presets import COHORTS
from .station import TURNED_SCANNER

SCANNERS = {scanner.name: scanner for scanner in (Scanner(), OTHER_SCANNER, TURNED_SCANNER)}


def make_phantom(chosen: Namespace, progress: Progress | None) -> str:
    """Write the cohort that the options name; return a sentence of what was made.

    Raises
    ------
    ChoiceError
        An unknown preset, or a preset together with what it settles itself.
    OutputError
        See `write_cohort`.
    """
    if chosen.cohort is None:
        patients = chosen.patients or 1
        config = PhantomConfig(
            frame_rates=None if chosen.frame_rate is None else (chosen.frame_rate,),
            scanner=SCANNERS[chosen.scanner or "A"],
        )
        write_cohort(chosen.out, patients, chosen.seed or 0, chosen.format or "avi", config, progress, chosen.workers)
        return f"{patients} synthetic patient{'s' if patients > 1 else ''} in {chosen.out}"
    if chosen.cohort not in COHORTS:
        raise ChoiceError(f"there is no cohort {chosen.cohort!r}", f"Choose one of {', '.join(COHORTS)}")
    given = ("patients", "seed", "scanner", "frame_rate")
    settled = [f"--{name.replace('_', '-')}" for name in given if getattr(chosen, name) is not None]
    if settled:
        raise ChoiceError(f"--cohort settles {' and '.join(settled)} itself", "Leave it out, or leave out --cohort")
    preset = COHORTS[chosen.cohort]
    write_preset(chosen.out, preset, chosen.format or "dicom", progress, chosen.workers)
    return f"{preset.summary}: synthetic, in {chosen.out}"
