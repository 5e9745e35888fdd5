"""A mutation run over geometry, preparation and metrics, and its kill rate: ``make mutate``.

Which files and tests is said in pyproject.toml ([tool.mutmut]); mutmut keeps its work in mutants/ and goes on from
there when it is called again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = 0.8
# A mutant that runs for ever, or that crashes the interpreter, is noticed as well.
KILLED = ("killed", "timeout", "segfault", "suspicious", "caught_by_type_check")


def main() -> int:
    """Run mutmut, print the kill rate by its own count, and return 0 where it reaches the target."""
    # A mutant that survives makes mutmut's own exit status non-zero only in some versions: the counts decide.
    subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", "2", *sys.argv[1:]], cwd=ROOT, check=False)
    subprocess.run([sys.executable, "-m", "mutmut", "export-cicd-stats"], cwd=ROOT, check=True)
    stats = json.loads((ROOT / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    killed = sum(stats.get(name, 0) for name in KILLED)
    tried = killed + stats.get("survived", 0) + stats.get("no_tests", 0)
    rate = killed / tried if tried else 0.0
    print(f"Mutants: {tried} tried, {killed} killed: {100 * rate:.1f} % (target {100 * TARGET:.0f} %)")
    return 0 if rate >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
