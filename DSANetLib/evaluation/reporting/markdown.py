"""A report as one Markdown file, with its pictures in a folder beside it."""

from __future__ import annotations

from .document import Block, Cell, Document, Gallery, Grid, Items, Picture, Section, Text


def to_markdown(document: Document, folder: str) -> str:
    """Write a document as Markdown whose pictures lie in ``folder``, relative to it; the same text every time."""
    banner = f"> **{_text(document.banner)}**\n\n" if document.banner else ""
    sections = "".join(_section(section, banner, folder) for section in document.sections)
    return f"# {_text(document.title)}\n\n{banner}{sections}".rstrip("\n") + "\n"


def _section(section: Section, banner: str, folder: str) -> str:
    inside = "".join(_block(block, folder) + "\n\n" for block in section.blocks)
    return f"## {_text(section.title)}\n\n{banner}{inside}"


def _block(block: Block, folder: str) -> str:
    if isinstance(block, Text):
        return _text(block.text)
    if isinstance(block, Items):
        return "\n".join(f"- {_text(item)}" for item in block.items)
    if isinstance(block, Gallery):
        return "\n\n".join(_picture(picture, folder) for picture in block.pictures)
    return _picture(block, folder) if isinstance(block, Picture) else _grid(block)


def _picture(picture: Picture, folder: str) -> str:
    # A bracket would end the alternative text.
    alt = _text(picture.alt).replace("[", "(").replace("]", ")")
    return f"![{alt}]({folder}/{picture.file})\n\n*{_text(picture.caption)}*"


def _grid(grid: Grid) -> str:
    numeric = grid.numeric or (False,) * len(grid.columns)
    lines = [f"**{_text(grid.title)}**", "", _line(grid.columns)]
    lines.append(_line(tuple("---:" if number else "---" for number in numeric)))
    lines += [_line(tuple(_cell(cell) for cell in row)) for row in grid.rows]
    if grid.note:
        lines += ["", _text(grid.note)]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Cell) -> str:
    text = _text(cell.text).replace("|", "\\|").replace("\n", " ")
    return f"{text}<br><sub>paper: {_text(cell.paper)}</sub>" if cell.paper else text


def _text(text: str) -> str:
    """Leave no tag in a text: what comes from a study's facts stays words."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
