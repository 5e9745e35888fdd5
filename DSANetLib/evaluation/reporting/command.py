"""The commands ``dsanet report`` and ``dsanet compare``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPORT_EXAMPLES = """examples:
  dsanet report my-study --out my-report

Renders the folder that 'dsanet reproduce' wrote: report.html opens without a network, report.md has its
pictures in report-pictures. The same study gives the same files."""
COMPARE_EXAMPLES = """examples:
  dsanet compare study-a study-b
  dsanet compare evaluation-a evaluation-b --out a-against-b.html
  dsanet compare my-study --networks ffs tempo
  dsanet evaluate --cohort my-cohort --models my-ffs my-unet --out measured
  dsanet compare measured --networks my-ffs my-unet
  dsanet compare my-study --responses film clinical

Takes folders of 'dsanet reproduce' or of 'dsanet evaluate'. Both must be of one cohort; what differs is said."""


def report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet report``."""
    parser.add_argument("study", type=Path, metavar="STUDY", help="folder of 'dsanet reproduce'")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the report")


def compare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``dsanet compare``."""
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="FOLDER", help="two studies or evaluations, or one with --networks")
    add("--networks", nargs=2, default=(), metavar=("A", "B"), help="network of the first, and of the second")
    add("--responses", nargs=2, default=(), metavar=("A", "B"), help="input of the response model, first and second")
    add("--out", type=Path, metavar="FILE", help="write there, as .html or .md, instead of printing Markdown")


def report_command(chosen: argparse.Namespace) -> int:
    """``dsanet report``: a study rendered again."""
    from .report import write_report

    for path in write_report(chosen.study, chosen.out):
        sys.stdout.write(f"{path}\n")
    return 0


def compare_command(chosen: argparse.Namespace) -> int:
    """``dsanet compare``: two sides, with paired tests."""
    from html import unescape

    from ...errors import ChoiceError
    from .compare import compare
    from .markdown import to_markdown
    from .report import check_replaceable, write_document

    if len(chosen.inputs) > 2:
        raise ChoiceError(f"{len(chosen.inputs)} folders", "Name one or two")
    if chosen.out and chosen.out.suffix.lower() not in (".html", ".htm", ".md"):
        raise ChoiceError(f"--out {chosen.out} is neither .html nor .md", "Name a file of one of these")
    if chosen.out:
        check_replaceable(chosen.out)
    document = compare(chosen.inputs, chosen.networks, chosen.responses)
    if chosen.out:
        write_document(document, chosen.out)
        sys.stdout.write(f"{chosen.out}\n")
    else:
        # A terminal shows no entities: "p < 0.001" is to be read there as it is.
        sys.stdout.write(unescape(to_markdown(document, "")))
    return 0
