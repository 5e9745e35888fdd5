"""What a report is made of, whatever it is written as: sections of sentences, tables and pictures.

Texts may hold `code` between back-ticks and **strong words** between double stars; all else is meant as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...errors import OutputError

MARKS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text
        Our figure or word.
    paper
        The paper's figure of the same thing, printed in grey beside ours; empty where it prints none.
    """

    text: str
    paper: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    title
        Its caption.
    columns
        Headings.
    rows
        One cell for each column; the first names the row.
    numeric
        Which columns hold figures, and are set to the right.
    note
        What a reader must know, below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: tuple[bool, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise OutputError(f"a row of {len(row)} cells in '{self.title}'", f"Give {len(self.columns)}")


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows.

    Parameters
    ----------
    name
        Of its file beside the Markdown, without ending; letters, digits, ``-``, ``_`` and ``.``.
    data, kind
        The file's bytes.
    alt
        What it shows, in words, for who cannot see it.
    caption
        Below it.
    """

    name: str
    data: bytes
    kind: Literal["svg", "png"]
    alt: str
    caption: str

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.{self.kind}"


@dataclass(frozen=True)
class Gallery:
    """Small pictures side by side."""

    pictures: tuple[Picture, ...]


Block = Text | Items | Grid | Picture | Gallery


@dataclass(frozen=True)
class Section:
    """A heading of the second level and what stands below it."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """Target of a link to the section."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Document:
    """A whole report.

    Parameters
    ----------
    title
        Heading.
    banner
        Shown on every page and below every heading; empty where there is nothing to warn of.
    sections
        In order.
    """

    title: str
    banner: str
    sections: tuple[Section, ...]

    def pictures(self) -> tuple[Picture, ...]:
        """Return all pictures in their order."""
        blocks = [block for section in self.sections for block in section.blocks]
        return tuple(
            picture
            for block in blocks
            for picture in (block.pictures if isinstance(block, Gallery) else (block,))
            if isinstance(picture, Picture)
        )
