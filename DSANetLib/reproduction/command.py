"""The command ``dsanet reproduce``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EXAMPLES = """examples:
  dsanet phantom phantom-smoke --cohort smoke
  dsanet reproduce phantom-smoke --size smoke --out study
  dsanet reproduce my-cohort --size desk --out study --only unet ffs tempo

Sizes: smoke (at most 10 minutes on 2 cores: shows that all works, its figures mean nothing), desk (about two hours on
2 cores), paper (full width, a GPU). Started again with the same --out it goes on where it was; what is done is
not done again unless its inputs changed. Needs the extras: pip install 'dsanet[train,study]'."""


def reproduce_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet reproduce``."""
    add = parser.add_argument
    add("cohort", type=Path, metavar="COHORT", help="folder of the cohort (docs/cohort.md)")
    add("--size", choices=("smoke", "desk", "paper"), required=True, help="how much of the study")
    add("--out", type=Path, default=Path("dsanet-study"), metavar="DIR", help="folder of the study and its report")
    add("--seed", type=int, default=0, metavar="S", help="of split, statistics and the first training (default: 0)")
    add("--jobs", type=int, default=2, metavar="N", help="trainings at once, one thread each (default: 2)")
    add("--only", nargs="+", default=(), metavar="NAME", help="segmenters to train; by default those of the size")
    add("--unseen-rate", type=Path, metavar="COHORT", help="a further cohort, of a frame rate that no training run has")
    add("--more", type=Path, metavar="COHORT", help="a further split cohort, whose held-out patients are tested too")


def reproduce_command(chosen: argparse.Namespace) -> int:
    """``dsanet reproduce``: the whole study."""
    from .plan import Plan
    from .reproduce import reproduce

    def say(line: str) -> None:
        if not chosen.quiet:
            sys.stderr.write(f"{line}\n")

    further = {"unseen_rate": chosen.unseen_rate, "more": chosen.more}
    folders = {name: str(folder) for name, folder in further.items() if folder}
    plan = Plan(str(chosen.cohort), chosen.size, chosen.seed, tuple(chosen.only), **folders)
    _, failed = reproduce(plan, chosen.out, jobs=max(1, chosen.jobs), progress=say)
    sys.stdout.write(f"{chosen.out / 'report' / 'report.html'}\n")
    for name in failed:
        sys.stderr.write(f"Failed: {name}; see {chosen.out / 'work' / name}\n")
    return 1 if failed else 0


def held_out_command(chosen: argparse.Namespace) -> int:
    """``dsanet evaluate --cohort DIR``: packages on the held-out patients of a cohort of one's own."""
    from ..errors import ChoiceError
    from .held_out import evaluate_packages, to_markdown

    phantom = ("patients", "baseline_patients", "unseen_patients")
    given = [f"--{name.replace('_', '-')}" for name in phantom if getattr(chosen, name) is not None]
    if given:
        raise ChoiceError(f"{given[0]} counts phantom patients; those of a cohort are in its split.csv")

    def say(line: str) -> None:
        if not chosen.quiet:
            sys.stderr.write(f"{line}\n")

    study = evaluate_packages(chosen.cohort, chosen.models, chosen.out, workers=chosen.workers, progress=say)
    sys.stdout.write(to_markdown(study))
    return 0
