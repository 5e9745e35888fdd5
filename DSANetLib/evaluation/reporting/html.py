"""A report as one HTML file that opens without a network: pictures inside, no script, nothing loaded."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape

from .document import MARKS, Block, Cell, Document, Gallery, Grid, Items, Picture, Section, Text

MIME = {"svg": "image/svg+xml", "png": "image/png"}

# Nothing may be loaded, not even by a text that slipped through the escaping.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif; color: #1a1a1a; background: #fff;
  margin: 0 auto; max-width: 76rem; padding: 0 1.25rem 3rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 1.2rem 0 .6rem; }
h2 { font-size: 1.35rem; border-top: 1px solid #bbb; padding-top: 1rem; margin: 2.2rem 0 .6rem; }
.banner { background: #fff3c4; border-left: .4rem solid #b36b00; color: #3d2600; font-weight: 600; margin: .6rem 0;
  padding: .35rem .7rem; }
.top { position: sticky; top: 0; z-index: 1; }
nav ul { columns: 3 16rem; margin: .4rem 0; padding-left: 1.2rem; }
/* A table wider than the page: a shadow at each end behind which it goes on, and a scrollbar that does not hide. */
.scroll { overflow-x: auto; margin: 1rem 0; background:
  linear-gradient(to right, #fff 40%, #fff0) 0 0 / 2.5rem 100%,
  linear-gradient(to left, #fff 40%, #fff0) 100% 0 / 2.5rem 100%,
  linear-gradient(to right, #0005, #0000) 0 0 / .8rem 100%,
  linear-gradient(to left, #0005, #0000) 100% 0 / .8rem 100%;
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }
.scroll::-webkit-scrollbar { height: .7rem; background: #ececec; }
.scroll::-webkit-scrollbar-thumb { background: #8a8a8a; border-radius: .35rem; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding: .3rem 0; }
th, td { padding: .3rem .55rem; vertical-align: top; text-align: left; border-bottom: 1px solid #d9d9d9; }
thead th { border-bottom: 2px solid #555; vertical-align: bottom; }
tbody th { font-weight: 600; }
.number { text-align: right; }
.figures { width: max-content; }
.figures td.number { white-space: nowrap; }
.paper { color: #6a6a6a; font-size: .8rem; }
.note { color: #333; font-size: .875rem; max-width: 60rem; }
figure { margin: 1rem 0; break-inside: avoid; }
figure img { max-width: 100%; height: auto; border: 1px solid #e2e2e2; }
figcaption { font-size: .875rem; max-width: 60rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem; }
.gallery figure { margin: 0; }
code { background: #f1f1f1; padding: 0 .2rem; overflow-wrap: anywhere; }
a { color: #00548c; }
@media print {
  @page { margin: 18mm 14mm 14mm; }
  body { font-size: 10pt; max-width: none; padding: 0; }
  .top { position: fixed; top: -12mm; left: 0; right: 0; }
  nav { display: none; }
  .scroll { overflow: visible; background: none; }
  .paper { font-size: inherit; }
  table { font-size: 7.5pt; }
  .figures { width: auto; }
  .figures td.number { white-space: normal; }
  tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  h2 { break-after: avoid; }
}
"""


def to_html(document: Document) -> str:
    """Write a document as HTML, the same text for the same document."""
    banner = _banner(document.banner, " top")
    links = "".join(f'<li><a href="#{s.anchor}">{_text(s.title)}</a></li>' for s in document.sections)
    sections = "\n".join(_section(section, document.banner) for section in document.sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<title>{escape(document.title)}</title>
<style>{STYLE}</style>
</head>
<body>
{banner}
<main>
<h1>{_text(document.title)}</h1>
<nav aria-label="Contents"><ul>{links}</ul></nav>
{sections}
</main>
</body>
</html>
"""


def _banner(text: str, kind: str = "") -> str:
    return f'<p class="banner{kind}" role="note">{_text(text)}</p>' if text else ""


def _section(section: Section, banner: str) -> str:
    inside = "\n".join(_block(block) for block in section.blocks)
    head = f'<h2 id="{section.anchor}-title">{_text(section.title)}</h2>'
    return (
        f'<section id="{section.anchor}" aria-labelledby="{section.anchor}-title">\n'
        f"{head}\n{_banner(banner)}\n{inside}\n</section>"
    )


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{_text(block.text)}</p>"
    if isinstance(block, Items):
        return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Gallery):
        return '<div class="gallery">' + "".join(_picture(picture) for picture in block.pictures) + "</div>"
    return _picture(block) if isinstance(block, Picture) else _grid(block)


def _picture(picture: Picture) -> str:
    data = b64encode(picture.data).decode("ascii")
    return (
        f'<figure><img src="data:{MIME[picture.kind]};base64,{data}" alt="{escape(picture.alt)}">'
        f"<figcaption>{_text(picture.caption)}</figcaption></figure>"
    )


def _grid(grid: Grid) -> str:
    kinds = [' class="number"' if n else "" for n in grid.numeric or (False,) * len(grid.columns)]
    head = "".join(f'<th scope="col"{k}>{_text(name)}</th>' for name, k in zip(grid.columns, kinds, strict=True))
    rows = "\n".join(f"<tr>{_row(row, kinds)}</tr>" for row in grid.rows)
    note = f'<p class="note">{_text(grid.note)}</p>' if grid.note else ""
    figures = ' class="figures"' if any(grid.numeric) else ""
    # A wide table scrolls by itself, also with the keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(_plain(grid.title))}"><table{figures}>'
        f"<caption>{_text(grid.title)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>"
        f"</table></div>{note}"
    )


def _row(row: tuple[Cell, ...], kinds: list[str]) -> str:
    cells = []
    for index, (cell, kind) in enumerate(zip(row, kinds, strict=True)):
        paper = f'<br><span class="paper">paper: {_text(cell.paper)}</span>' if cell.paper else ""
        tag, scope = ("th", ' scope="row"') if index == 0 else ("td", "")
        cells.append(f"<{tag}{scope}{kind}>{_text(cell.text)}{paper}</{tag}>")
    return "".join(cells)


def _text(text: str) -> str:
    def marked(match: re.Match[str]) -> str:
        return f"<code>{match['code']}</code>" if match["code"] else f"<strong>{match['strong']}</strong>"

    return MARKS.sub(marked, escape(text))


def _plain(text: str) -> str:
    return MARKS.sub(lambda match: match["code"] or match["strong"], text)
