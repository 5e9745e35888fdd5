"""Files and functions stay short enough to be read in one sitting, and nothing names a place of its author's."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

LONGEST_FILE = 300
LONGEST_FUNCTION = 70
ROOT = Path(__file__).resolve().parents[2]
# Places of a machine that this was written on: they mean nothing to anyone else.
PLACES = re.compile(r"(?<![\w.])/(?:root|work|opt)/\w")


def _files(*folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("name", _files("DSANetLib", "DSANetModule", "benchmarks"))
def test_file_and_its_functions_are_short(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= LONGEST_FUNCTION, f"{name}: {node.name} has {lines} lines"


def test_there_is_no_drawer_for_odds_and_ends():
    assert not [name for name in _files("DSANetLib") if Path(name).stem in {"utils", "util", "helpers", "misc"}]


def test_no_committed_text_names_a_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".cff", ".sh", ""} and path.is_file():
            found = PLACES.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert found is None, f"{name} names {found[0]}"
