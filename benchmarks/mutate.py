"""A mutation run over geometry, preparation and metrics, and its kill rate: ``make mutate``.

Which files and tests is said in pyproject.toml ([tool.mutmut]); mutmut keeps its work in mutants/ and goes on from
there when it is called again. All mutants take hours; ``--sample 600 --seed 1`` draws some by chance, and prints
the interval in which the rate of all lies.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
TARGET = 0.8
# A mutant that runs for ever, or that crashes the interpreter, is noticed as well; each is printed apart.
KILLED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")
SURVIVED = ("survived", "no tests")
ANY = "DSANetLib.lesions.x_find_lesions__mutmut_1"
"""A mutant that there is: running it makes all of them."""


def mutmut(*arguments: str) -> str:
    """Run mutmut, show what it prints, and return it."""
    # Its exit status says nothing of the mutants: their states are read below.
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE).stdout


def states() -> dict[str, str]:
    """Return the state of each mutant by its name, ``not checked`` among them."""
    lines = (line.strip().rsplit(": ", 1) for line in mutmut("results", "--all", "true").splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def main() -> int:
    """Run the mutants, print the kill rate, and return 0 where all were checked and it reaches the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="run N mutants drawn by chance instead of all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (default: 2)")
    arguments = parser.parse_args()
    mutmut("run", "--max-children", str(arguments.jobs), ANY)
    wanted = sorted(states())
    if arguments.sample:
        wanted = random.Random(arguments.seed).sample(wanted, min(arguments.sample, len(wanted)))
        mutmut("run", "--max-children", str(arguments.jobs), *wanted)
    else:
        mutmut("run", "--max-children", str(arguments.jobs))
    of = states()
    return report([of[name] for name in wanted], len(of))


def report(found: list[str], there_are: int) -> int:
    """Print counts and rate; return 0 where the target is reached and nothing was left unchecked."""
    counts = Counter(found)
    killed, survived = (sum(counts[name] for name in names) for names in (KILLED, SURVIVED))
    left = len(found) - killed - survived
    print(f"Mutants: {there_are} in all; " + ", ".join(f"{number} {name}" for name, number in counts.most_common()))
    if not killed + survived:
        print("None was checked.")
        return 1
    rate = killed / (killed + survived)
    interval = stats.binomtest(killed, killed + survived).proportion_ci(method="wilson")
    print(f"Killed: {killed} of {killed + survived}, {100 * rate:.1f} % (target {100 * TARGET:.0f} %)", end="")
    drawn = killed + survived < there_are
    print(f"; of all {100 * interval.low:.1f} to {100 * interval.high:.1f} % (Wilson, 95 %)" if drawn else "")
    if left:
        print(f"{left} were not checked: call it again, and it goes on.")
    return 0 if rate >= TARGET and not left else 1


if __name__ == "__main__":
    sys.exit(main())
