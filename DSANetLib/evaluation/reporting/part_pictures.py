"""Overlays and failures of a study's folder, as galleries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import OutputError
from ..study import Study
from .document import Block, Gallery, Picture, Text
from .names import ALL_NETWORKS, group_name, in_order, network_name

FOLDER = "pictures"
COLOURS = "Green: the true outline; orange: the predicted one. Pictures are of the first seed."
FAILURES = "Runs with tumour of the internal cohort, as segmented by FFS."
RANKS = ("best", "median", "worst")
CAUSES = ("failed", "missed", "elsewhere", "too much", "too little")
_OVERLAY = re.compile(r"(?P<network>.+?)-(?P<rank>best|median|worst)-(?P<case>.+)\.png")
_FAILURE = re.compile(r"failure-(?P<cause>failed|missed|elsewhere|too[ _-]much|too[ _-]little)-(?P<case>.+)\.png")
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Overlay:
    """One picture of the folder: ``kind`` is a rank or a cause, ``network`` is empty for a failure."""

    path: Path
    network: str
    kind: str
    case: str


def find_pictures(folder: Path) -> tuple[list[Overlay], list[Overlay]]:
    """Return the overlays and the failures among the PNG files of a study's ``pictures``, sorted by name."""
    overlays, failures = [], []
    for path in sorted((folder / FOLDER).glob("*.png")):
        failure, overlay = _FAILURE.fullmatch(path.name), _OVERLAY.fullmatch(path.name)
        if failure:
            failures.append(Overlay(path, "", re.sub("[_-]", " ", failure["cause"]), failure["case"]))
        elif overlay:
            overlays.append(Overlay(path, overlay["network"], overlay["rank"], overlay["case"]))
    return overlays, failures


def overlay_blocks(study: Study, overlays: Sequence[Overlay]) -> list[Block]:
    """Return the best, median and worst run of each network."""
    if not overlays:
        return [Text("The study's folder holds no pictures of overlays; they are left out.")]
    blocks: list[Block] = [Text(COLOURS)]
    networks = in_order((one.network for one in overlays), ("ffs", "tempo", *ALL_NETWORKS))
    for network in networks:
        own = sorted((one for one in overlays if one.network == network), key=lambda one: RANKS.index(one.kind))
        pictures = [_picture(one, f"{network_name(network)}, {one.kind}", _said(study, one)) for one in own]
        blocks += [Text(f"**{network_name(network)}**"), Gallery(tuple(pictures))]
        absent = [rank for rank in RANKS if rank not in {one.kind for one in own}]
        if absent:
            blocks.append(Text(f"There is no picture of its {' and '.join(absent)} run."))
    return blocks


def failure_blocks(failures: Sequence[Overlay]) -> list[Block]:
    """Return failures by cause."""
    if not failures:
        return [Text("The study's folder holds no pictures of failures; they are left out.")]
    blocks: list[Block] = [Text(f"{FAILURES} {COLOURS}")]
    for cause in in_order((one.kind for one in failures), CAUSES):
        own = [one for one in failures if one.kind == cause]
        pictures = tuple(_picture(one, f"Failure, {cause}", f"case {one.case}") for one in own)
        blocks += [Text(f"**{cause[0].upper()}{cause[1:]}**"), Gallery(pictures)]
    return blocks


def _picture(overlay: Overlay, what: str, said: str) -> Picture:
    try:
        data = overlay.path.read_bytes()
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", "Take it away to go without", overlay.path) from error
    if not data.startswith(_PNG):
        raise OutputError("is no PNG", "Take it away to go without, or draw it again", overlay.path)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", overlay.path.stem)
    alt = f"{what}: angiogram with true and predicted outline of the tumour, {said}"
    return Picture(name, data, "png", alt, f"{what}: {said}")


def _said(study: Study, overlay: Overlay) -> str:
    """Return the case with its cohort and Dice, where the study knows it: of the first seed, which was drawn."""
    own = [one for one in study.segmentation if one.network == overlay.network and one.record.run == overlay.case]
    if not own:
        return f"case {overlay.case}"
    first = min(own, key=lambda one: one.seed)
    return f"case {overlay.case}, {group_name(first.group)}, Dice {first.record.dice:.2f} (seed {first.seed})"
