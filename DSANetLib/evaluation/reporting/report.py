"""A study as a report: one HTML file that opens offline, one Markdown file with its pictures beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...errors import OutputError
from ...whole import whole_folder, write_whole
from ..study import Study, read_study
from .answers import checklist_sections
from .document import Block, Document, Items, Section, Text
from .html import to_html
from .made import Made
from .markdown import to_markdown
from .orders import Order, auc_orders, dice_orders, orders_table, ours_orders
from .paper import CITATION
from .part_facts import facts_section, method_section, seeds_of, trainings_section
from .part_patients import patients_section
from .part_pictures import Overlay, find_pictures
from .part_response import response_sections
from .part_segmentation import segmentation_sections
from .tables import grid

BANNER = "Synthetic phantom: no real patient; research use only; not for diagnosis"
HTML, MARKDOWN, PICTURES = "report.html", "report.md", "report-pictures"
OURS = "dsanet report"
"""Stands in every file written here, so that no other file of the same name is ever replaced."""


def write_report(study_folder: str | Path, out: str | Path) -> tuple[Path, Path]:
    """Render a study's folder.

    Parameters
    ----------
    study_folder
        What ``dsanet reproduce`` left behind; its ``pictures`` are shown where there are any.
    out
        Folder for ``report.html``, ``report.md`` and ``report-pictures``; a report that was there is replaced.

    Returns
    -------
    html, markdown
        The same bytes for the same study.

    Raises
    ------
    CohortError
        Where the folder is no study.
    OutputError
        Where ``out`` cannot be written, or holds such a file that is no report of this library.
    """
    study_folder, out = Path(study_folder), Path(out)
    html, markdown = out / HTML, out / MARKDOWN
    for path in (html, markdown):
        check_replaceable(path)
    overlays, failures = find_pictures(study_folder)
    document = make_document(read_study(study_folder), overlays, failures)
    with whole_folder(out / PICTURES) as folder:
        for picture in document.pictures():
            (folder / picture.file).write_bytes(picture.data)
    write_document(document, html)
    write_document(document, markdown)
    return html, markdown


def write_document(document: Document, path: Path) -> None:
    """Write a document as HTML or Markdown, by the file's ending, marked as ours."""
    if path.suffix.lower() in (".html", ".htm"):
        text = to_html(document).replace("<head>", f'<head>\n<meta name="generator" content="{OURS}">', 1)
    else:
        text = f"<!-- {OURS} -->\n\n{to_markdown(document, PICTURES)}"
    write_whole(path, text)


def check_replaceable(path: Path) -> None:
    """Refuse to replace a file that this library did not write."""
    try:
        if path.is_file() and OURS not in path.open(encoding="utf-8", errors="replace").read(400):
            raise OutputError("is there already and is no report of dsanet", "Name another place", path)
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", "Name another place", path) from error


def make_document(study: Study, overlays: Sequence[Overlay] = (), failures: Sequence[Overlay] = ()) -> Document:
    """Return a study's report, with a sentence in place of each part that the study does not have."""
    made = Made(study)
    sections = [
        _summary(made),
        patients_section(study),
        *segmentation_sections(made, overlays, failures),
        *response_sections(made),
        trainings_section(study),
        method_section(study),
        facts_section(study),
        *checklist_sections(study),
    ]
    title = str(study.facts.get("title") or "A study without a title")
    return Document(title, BANNER if study.synthetic else "", tuple(sections))


def _summary(made: Made) -> Section:
    blocks: list[Block] = [Items(tuple(_sentences(made.study)))]
    orders = [*dice_orders(made), *ours_orders(made), *auc_orders(made)]
    if orders:
        blocks += [Items(_verdicts(orders)), grid(orders_table(orders))]
    else:
        blocks.append(Text("The study compares nothing that the paper puts in an order."))
    return Section("Summary", tuple(blocks))


def _sentences(study: Study) -> list[str]:
    groups = {one.group for one in study.segmentation} | {one.group for one in study.response}
    seeds = seeds_of(study)
    sentences = [
        f"A study of {CITATION} repeated: {len(study.patients)} patients, "
        f"{len({one.network for one in study.segmentation})} networks, "
        f"{len({(one.input, one.masks) for one in study.response})} inputs of the response model, "
        f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}.",
        "Figures of the paper stand in grey beside ours. They are of other patients: not the same experiment.",
    ]
    if study.synthetic:
        sentences.append("At least a part is a phantom: a phantom's figures say nothing of real angiograms.")
    if study.facts.get("size") == "smoke":
        sentences.append("Size `smoke` shows that all parts run; its figures mean nothing.")
    if len(seeds) == 1:
        sentences.append("There is one seed: intervals say nothing of how much a second training would differ.")
    if "external" not in groups:
        sentences.append("There is no external cohort; its column of Table 1 holds the paper's figures alone.")
    return sentences


def _verdicts(orders: Sequence[Order]) -> tuple[str, ...]:
    """Return how each kind of claim fell, in words."""
    counts = Counter(one.verdict for one in orders)
    whole = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    failed = [f"{one.claim} ({one.group or 'all'}): {one.figures}" for one in orders if one.verdict == "did not hold"]
    first = f"Of {len(orders)} claims of order: {whole}."
    return (first, *(f"Did not hold: {text}." for text in failed))
