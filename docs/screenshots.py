"""Make the pictures of the panel's pages: each section at work on the sample run, and the frame in a slice view.

    python docs/screenshots.py [FOLDER]

Runs where the tests run: Slicer's core is real, Slicer's application is stood in for (Testing/widget), so that buttons
have this system's look and not Slicer's. Masks, probability and tables are what the shipped models make of the sample.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 460
SECTIONS = ("run", "frames", "segment", "correct", "worklist", "predict", "explore", "batch", "export")

log = logging.getLogger("screenshots")


def main(folder: Path) -> int:
    """Write panel.png, panel-<section>.png and panel-frame.png into a folder."""
    sys.path[:0] = [str(ROOT / part) for part in ("", "Testing/widget", "DSANetModule")]
    import application

    slicer = application.install()
    import DSANetModule

    folder.mkdir(parents=True, exist_ok=True)
    widget = DSANetModule.DSANetModuleWidget()
    widget.setup()
    widget.enter()
    with tempfile.TemporaryDirectory(prefix="dsanet-sample-") as cache:
        work(slicer, widget, Path(cache))
        photograph(slicer, widget, folder)
    widget.exit()
    widget.cleanup()
    return 0


def work(slicer: Any, widget: Any, cache: Path) -> None:
    """Load the sample with its clinical values, segment, predict, as a user would."""
    from DSANetModuleLib.sample_data import makeSample

    from DSANetLib.clinical import read_clinical
    from DSANetLib.mrml.attributes import set_facts
    from DSANetLib.mrml.clinical import write_clinical

    context, sample = widget.context, makeSample(cache)
    sections = {section.widget.name: section for section in context.sections}
    sections["runSection"].load([next((sample / "runs").glob("*.dcm"))])
    wait(slicer, context)
    records = read_clinical(sample / "clinical.csv")
    set_facts(context.case.run.sequence, {"Patient": next(iter(records))})
    context.parameters.clinical = write_clinical(records)
    context.changed("case")
    for button in (sections["segmentSection"].ui.applyButton, sections["predictSection"].ui.predictButton):
        button.click()
        wait(slicer, context)


def photograph(slicer: Any, widget: Any, folder: Path) -> None:
    """Take the panel with all sections as they open, then each section alone."""
    from DSANetLib.mrml.render import render_slice_view

    render_slice_view(widget.context.case.run, folder / "panel-frame.png", masks=widget.context.case.masks)
    panel = widget.parent
    panel.show()
    grab(slicer, panel, folder / "panel.png")
    for section in widget.context.sections:
        name = section.widget.name.removesuffix("Section").lower()
        if name not in SECTIONS:
            continue
        was, section.widget.collapsed = section.widget.collapsed, False
        if name == "predict":
            section.ui.predictTables.collapsed = False
            section.ui.resultsTable.resizeColumnsToContents()
        panel.adjustSize()
        grab(slicer, section.widget, folder / f"panel-{name}.png")
        section.widget.collapsed = was


def grab(slicer: Any, widget: Any, path: Path) -> None:
    """Save a widget at its natural height."""
    for _round in range(3):
        widget.resize(WIDTH, max(widget.sizeHint().height(), widget.layout().heightForWidth(WIDTH)))
        slicer.app.processEvents()
    widget.grab().save(str(path))
    log.warning("%s", path)


def wait(slicer: Any, context: Any) -> None:
    """Run the event loop until the background work is done."""
    while context.jobs.busy:
        slicer.app.processEvents()
        time.sleep(0.01)
    slicer.app.processEvents()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"))
