"""Every page of the documentation is in its index, and no link between pages is broken."""

from __future__ import annotations

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
