"""Every page of the documentation is in its index, no link between pages is broken, and what is quoted is said."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if path.is_file()
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    path = ROOT / page
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_index_names_every_page(folder):
    index = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / folder).glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, f"{folder}/README.md does not name {path.name}"


def said_by_the_product():
    """Every text in the sources, and in the panel's files of widgets."""
    for folder in ("DSANetLib", "DSANetModule"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
    for path in (ROOT / "DSANetModule" / "Resources" / "UI").glob("*.ui"):
        yield from re.findall(r"<string>([^<]*)</string>", path.read_text(encoding="utf-8"))


def test_troubleshooting_quotes_what_the_product_says():
    """Somebody searches the page for the sentence that the panel shows."""
    rows = [line for line in (ROOT / "docs" / "troubleshooting.md").read_text("utf-8").splitlines() if line[:2] == "| "]
    quoted = {text.strip("… ") for row in rows for text in re.findall(r"\*([^*]+)\*", row)}
    assert len(quoted) > 10
    said = "\n".join(said_by_the_product())
    assert sorted(text for text in quoted if text not in said) == []
